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
import type { KubeletEvents } from '../events.js';
import type { ContainerRuntime } from '../runtime/interface.js';
import { limitsOf } from './container-config.js';
import { isSidecar, uidOf } from './pod.js';

type Resources = NonNullable<Container['resources']>;

/** Why a resize cannot be had now. */
export interface ResizeRefusal {
  readonly reason: 'Infeasible' | 'Deferred';
  readonly message: string;
}

interface Change {
  readonly container: Container;
  readonly restart: boolean;
}

export interface PodResizerOptions {
  readonly pod: Pod;
  readonly runtime: ContainerRuntime;
  readonly events: KubeletEvents;
  /** Why the pod cannot have what it asks for now. Absent: it can have anything. */
  refusesResize?(pod: Pod): ResizeRefusal | undefined;
}

export class PodResizer {
  private readonly given = new Map<string, Resources>();
  private refusal: ResizeRefusal | undefined;
  /** The ids of containers that have to be replaced before the resize is done. */
  private replacing: ReadonlySet<string> | undefined;

  constructor(private readonly options: PodResizerOptions) {
    const { pod } = options;
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

  /** The resize may be had once others have left. */
  get isDeferred(): boolean {
    return this.refusal?.reason === 'Deferred';
  }

  conditions(): PodCondition[] {
    return [
      ...(this.refusal ? [{ type: 'PodResizePending', status: 'True', ...this.refusal }] : []),
      ...(this.replacing ? [{ type: 'PodResizeInProgress', status: 'True' }] : []),
    ];
  }

  /**
   * Gives the pod what it asks for, or says why not. Containers that must be replaced for it are `condemned`, with
   * the text that their end is told with.
   */
  async resize(pod: Pod, condemned: Map<string, string>): Promise<void> {
    const { events, runtime } = this.options;
    if (!this.differs(pod)) {
      this.refusal = undefined;
      return;
    }
    const refusal = this.options.refusesResize?.(pod);
    if (refusal) {
      const isNews = !deepEqual(this.refusal, refusal);
      this.refusal = refusal;
      const { reason, message } = refusal;
      const text = resizeMessage(reason, pod, message);
      if (isNews) events.pod(pod, 'Warning', `Resize${reason}`, text);
      return;
    }
    const changes = this.grant(pod);
    events.pod(pod, 'Normal', 'ResizeStarted', resizeMessage('started', pod));
    const { containers } = await runtime.podStatus(uidOf(pod));
    const replacing = new Set<string>();
    for (const { container, restart } of changes) {
      const { name } = container;
      const info = containers.find((c) => c.name === name);
      if (info?.state !== 'running') continue;
      if (restart) {
        replacing.add(info.id);
        condemned.set(info.id, `Container ${name} resize requires restart`);
      } else await runtime.updateContainer(info.id, limitsOf(container));
    }
    this.replacing = replacing;
  }

  /** Says so when a resize is done. */
  async complete(pod: Pod): Promise<void> {
    const { replacing } = this;
    if (!replacing) return;
    const { events, runtime } = this.options;
    const { containers } = await runtime.podStatus(uidOf(pod));
    if (containers.some((c) => replacing.has(c.id) && c.state === 'running')) return;
    this.replacing = undefined;
    events.pod(pod, 'Normal', 'ResizeCompleted', resizeMessage('completed', pod));
  }

  private differs(pod: Pod): boolean {
    return resizable(pod).some(
      ({ name, resources = {} }) => !deepEqual(this.given.get(name) ?? resources, resources),
    );
  }

  /** The containers for which that changes something. */
  private grant(pod: Pod): Change[] {
    this.refusal = undefined;
    return resizable(pod).flatMap((container): Change[] => {
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
}

/** `Pod resize started: {"containers":[…],"generation":2}` */
function resizeMessage(what: string, pod: Pod, error?: string): string {
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
