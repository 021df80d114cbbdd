/**
 * Amounts of resources as the scheduler counts them: CPU in milli-cores, the rest in whole units (bytes,
 * pods, devices), as `k8s.io/kubernetes/pkg/scheduler/framework.Resource`.
 */

import type { ContainerStatus, Pod } from '../../pkg/api/types.js';
import { parseQuantity } from '../../pkg/apimachinery/quantity.js';

/** What a container without requests is taken to use where nodes are compared (never where they are filtered). */
export const DEFAULT_MILLI_CPU_REQUEST = 100;
export const DEFAULT_MEMORY_REQUEST = 200 * 1024 * 1024;

type Quantities = Readonly<Record<string, string | number>> | undefined;
type Container = NonNullable<Pod['spec']>['containers'][number];

export class Resource {
  milliCpu = 0;
  memory = 0;
  ephemeralStorage = 0;
  pods = 0;
  /** Extended resources, huge pages and the like; absent means 0. */
  readonly scalar = new Map<string, number>();

  static of(quantities: Quantities): Resource {
    const resource = new Resource();
    for (const [name, quantity] of Object.entries(quantities ?? {})) {
      resource.set(name, amountOf(name, quantity));
    }
    return resource;
  }

  get(name: string): number {
    switch (name) {
      case 'cpu':
        return this.milliCpu;
      case 'memory':
        return this.memory;
      case 'ephemeral-storage':
        return this.ephemeralStorage;
      case 'pods':
        return this.pods;
      default:
        return this.scalar.get(name) ?? 0;
    }
  }

  set(name: string, amount: number): void {
    switch (name) {
      case 'cpu':
        this.milliCpu = amount;
        break;
      case 'memory':
        this.memory = amount;
        break;
      case 'ephemeral-storage':
        this.ephemeralStorage = amount;
        break;
      case 'pods':
        this.pods = amount;
        break;
      default:
        this.scalar.set(name, amount);
    }
  }

  /** `times` is -1 to take away. */
  add(other: Resource, times = 1): void {
    this.milliCpu += times * other.milliCpu;
    this.memory += times * other.memory;
    this.ephemeralStorage += times * other.ephemeralStorage;
    this.pods += times * other.pods;
    for (const [name, amount] of other.scalar) {
      this.scalar.set(name, (this.scalar.get(name) ?? 0) + times * amount);
    }
  }

  /** Takes the larger of each. */
  raiseTo(other: Resource): void {
    this.milliCpu = Math.max(this.milliCpu, other.milliCpu);
    this.memory = Math.max(this.memory, other.memory);
    this.ephemeralStorage = Math.max(this.ephemeralStorage, other.ephemeralStorage);
    for (const [name, amount] of other.scalar) {
      this.scalar.set(name, Math.max(this.scalar.get(name) ?? 0, amount));
    }
  }

  clone(): Resource {
    const copy = new Resource();
    copy.add(this);
    return copy;
  }
}

/** CPU is rounded up to a milli-core, everything else to a whole unit. */
function amountOf(name: string, quantity: string | number): number {
  const parsed = parseQuantity(quantity);
  return name === 'cpu' ? parsed.milliValue() : parsed.value();
}

/**
 * What a pod asks of its node (`resourcehelper.PodRequests`): the sum of its containers and sidecars, or
 * what its init containers need at their most if that is more, plus overhead. While it is resized in place
 * a container counts with the most of what it asks for, has, and was promised. With `nonZero`, containers
 * that ask for nothing count as the defaults above.
 */
export function podRequests(pod: Pod, nonZero = false): Resource {
  const uses = isResizing(pod) ? usesOf(pod) : undefined;
  const ask = (container: Container, runs = true) => {
    const quantities = (runs && uses?.(container)) || [container.resources?.requests];
    const resource = Resource.of(quantities[0]);
    for (const more of quantities.slice(1)) resource.raiseTo(Resource.of(more));
    if (nonZero) {
      if (!quantities.some((requests) => requests?.['cpu'] !== undefined))
        resource.milliCpu = DEFAULT_MILLI_CPU_REQUEST;
      if (!quantities.some((requests) => requests?.['memory'] !== undefined))
        resource.memory = DEFAULT_MEMORY_REQUEST;
    }
    return resource;
  };
  const total = new Resource();
  for (const container of pod.spec?.containers ?? []) total.add(ask(container));
  const sidecars = new Resource();
  const peak = new Resource();
  for (const container of pod.spec?.initContainers ?? []) {
    const wanted = ask(container, container.restartPolicy === 'Always');
    if (container.restartPolicy === 'Always') {
      total.add(wanted);
      sidecars.add(wanted);
      peak.raiseTo(sidecars);
    } else {
      wanted.add(sidecars);
      peak.raiseTo(wanted);
    }
  }
  total.raiseTo(peak);
  // Requests of the pod as a whole take the place of the sum, resource by resource.
  for (const [name, quantity] of Object.entries(pod.spec?.resources?.requests ?? {})) {
    total.set(name, amountOf(name, quantity));
  }
  total.add(Resource.of(pod.spec?.overhead));
  return total;
}

/** Whether a container has, or was promised, something other than what it asks for. */
export function isResizing({ spec, status }: Pod): boolean {
  const differs = (containers: readonly Container[], statuses: readonly ContainerStatus[] = []) =>
    statuses.some(({ name, resources, allocatedResources }) => {
      if (!resources) return false;
      const asked = containers.find((container) => container.name === name)?.resources?.requests;
      return (
        !sameAmounts(asked, resources.requests) ||
        (allocatedResources !== undefined && !sameAmounts(asked, allocatedResources))
      );
    });
  return (
    differs(spec?.containers ?? [], status?.containerStatuses) ||
    differs(spec?.initContainers ?? [], status?.initContainerStatuses)
  );
}

/** As written: the same amount in other words counts as a difference, which costs a second look and no more. */
function sameAmounts(asked: Quantities, has: Quantities): boolean {
  for (const name in asked) if (has?.[name] !== asked[name]) return false;
  for (const name in has) if (asked?.[name] === undefined) return false;
  return true;
}

/** What a container holds or may come to hold; a resize that its node refused for good is not to come. */
function usesOf({ status }: Pod): (container: Container) => Quantities[] | undefined {
  const refused = status?.conditions?.some(
    ({ type, reason }) => type === 'PodResizePending' && reason === 'Infeasible',
  );
  const statuses = [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])];
  return ({ name, resources }) => {
    const now = statuses.find((one) => one.name === name);
    if (!now?.resources) return undefined;
    const held = [now.resources.requests, now.allocatedResources];
    return refused ? held : [resources?.requests, ...held];
  };
}
