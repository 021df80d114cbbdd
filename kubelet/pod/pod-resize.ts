/**
 * Resizing in place (`pkg/kubelet/allocation`): what a pod's containers have been given of cpu and memory, beside what
 * its spec asks for by now.
 *
 *   spec ≠ allocated ──fits──▶ allocated = spec, PodResizeInProgress ──all containers have it──▶ done
 *          ▲  │ does not fit
 *          │  └──▶ PodResizePending: Infeasible (never on this node) or Deferred (tried again)
 *          └── the spec changes again
 *
 * One instance a pod, used by its worker alone. After a restart of the kubelet the pod's status says what it has.
 */
import type { Container, Pod, PodCondition } from '../../pkg/api/types.js';
import { deepEqual } from '../../pkg/apimachinery/equality.js';
import type { ContainerInfo } from '../runtime/interface.js';
import { isSidecar } from './pod.js';

export type Resources = NonNullable<Container['resources']>;

/** Why a resize cannot be had now. */
export interface ResizeRefusal {
  readonly reason: 'Infeasible' | 'Deferred';
  readonly message: string;
}

/** A container that runs with other resources than it has been given. */
export interface ResizeAction {
  readonly container: Container;
  readonly restart: boolean;
}

export class PodAllocation {
  private readonly given = new Map<string, Resources>();
  private refusal: ResizeRefusal | undefined;
  /** The ids of containers that have to be replaced before the resize is done. */
  private replacing: ReadonlySet<string> | undefined;

  constructor(pod: Pod) {
    const { containerStatuses = [], initContainerStatuses = [] } = pod.status ?? {};
    const statuses = [...containerStatuses, ...initContainerStatuses];
    for (const container of resizable(pod)) {
      const shown = statuses.find((s) => s.name === container.name && s.state?.running);
      this.given.set(container.name, shown?.resources ?? container.resources ?? {});
    }
  }

  /** The pod with what it has been given; itself where that is what it asks for. */
  podOf(pod: Pod): Pod {
    if (!pod.spec || !this.differs(pod)) return pod;
    const give = (container: Container): Container => {
      const resources = this.given.get(container.name);
      return resources ? { ...container, resources } : container;
    };
    const { containers = [], initContainers } = pod.spec;
    return {
      ...pod,
      spec: {
        ...pod.spec,
        containers: containers.map(give),
        ...(initContainers ? { initContainers: initContainers.map(give) } : {}),
      },
    };
  }

  differs(pod: Pod): boolean {
    return resizable(pod).some(
      ({ name, resources = {} }) => !deepEqual(this.given.get(name) ?? resources, resources),
    );
  }

  get isDeferred(): boolean {
    return this.refusal?.reason === 'Deferred';
  }

  get isUnderWay(): boolean {
    return this.replacing !== undefined;
  }

  /** Says that the resize cannot be had; whether that is news. */
  refuse(refusal: ResizeRefusal): boolean {
    const known = deepEqual(this.refusal, refusal);
    this.refusal = refusal;
    return !known;
  }

  /** The spec asks for nothing else any more. */
  settle(): void {
    this.refusal = undefined;
  }

  /** Gives the pod what it asks for; answers what has to become of its containers. */
  grant(pod: Pod): ResizeAction[] {
    this.refusal = undefined;
    this.replacing = new Set();
    return resizable(pod).flatMap((container): ResizeAction[] => {
      const before = this.given.get(container.name) ?? {};
      const after = container.resources ?? {};
      this.given.set(container.name, after);
      if (deepEqual(before, after)) return [];
      const changed = ['cpu', 'memory'].filter(
        (name) =>
          before.requests?.[name] !== after.requests?.[name] ||
          before.limits?.[name] !== after.limits?.[name],
      );
      const restart = container.resizePolicy?.some(
        (p) => p.restartPolicy === 'RestartContainer' && changed.includes(p.resourceName),
      );
      return [{ container, restart: restart === true }];
    });
  }

  /** The resize waits for these containers to be replaced. */
  replaces(ids: readonly string[]): void {
    this.replacing = new Set(ids);
  }

  /** Whether the resize is done now that these are the containers. It is then no longer under way. */
  completes(infos: readonly ContainerInfo[]): boolean {
    const { replacing } = this;
    if (!replacing || infos.some((i) => replacing.has(i.id) && i.state === 'running')) return false;
    this.replacing = undefined;
    return true;
  }

  conditions(): PodCondition[] {
    return [
      ...(this.refusal ? [{ type: 'PodResizePending', status: 'True', ...this.refusal }] : []),
      ...(this.replacing ? [{ type: 'PodResizeInProgress', status: 'True' }] : []),
    ];
  }
}

/** `Pod resize started: {"containers":[…],"generation":2}` */
export function resizeMessage(what: string, pod: Pod, error?: string): string {
  const shown = (containers: readonly Container[] | undefined) =>
    containers && containers.length > 0
      ? containers.map(({ name, resources = {} }) => ({ name, resources: sorted(resources) }))
      : undefined;
  const summary = JSON.stringify({
    initContainers: shown(pod.spec?.initContainers),
    containers: shown(pod.spec?.containers),
    generation: pod.metadata?.generation ?? 0,
    error,
  });
  return `Pod resize ${what}: ${summary}`;
}

/** Of the containers those whose resources may change while they run. */
function resizable(pod: Pod): Container[] {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  return [...initContainers.filter(isSidecar), ...containers];
}

function sorted({ limits, requests, claims }: Resources): object {
  const byName = (list: Readonly<Record<string, string>> | undefined) =>
    list && Object.fromEntries(Object.entries(list).sort(([a], [b]) => (a < b ? -1 : 1)));
  return { limits: byName(limits), requests: byName(requests), claims };
}
