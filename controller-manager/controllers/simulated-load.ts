/**
 * Load that follows replicas, for clusters whose containers are simulated: an amount that a Service, or the
 * pods of one owner together, have to bear is shared out evenly over those of the pods that are ready.
 *
 *   drydock.dev/load.cpu: "2", drydock.dev/load.memory: 1Gi
 *     on a Service          shared by the pods that it selects
 *     on a pod template     shared by the pods of one ReplicaSet, StatefulSet, …
 *
 * What falls to a pod is written on it as `drydock.dev/CONTAINER.load.cpu`, for its first container, and its
 * kubelet adds it to what the container uses otherwise. Namespaces without such annotations cost nothing.
 */
import type { Pod, Service } from '../../pkg/api/types.js';
import { selectorFromSet } from '../../pkg/apimachinery/labels.js';
import { controllerOf, type KubeObject } from '../../pkg/apimachinery/meta.js';
import { Quantity } from '../../pkg/apimachinery/quantity.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { Lister } from '../../pkg/client/lister.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { PODS, SERVICES } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { isPodActive, isPodReady } from '../pods.js';

const PREFIX = 'drydock.dev/';
const RESOURCES = ['cpu', 'memory'] as const;
const MAX_NAME = 63;
/** Pods become ready one after the other: their shares are written together. */
const GATHER_MS = 100;

export const simulatedLoad: ControllerDescriptor = {
  name: 'simulated-load-controller',
  aliases: ['simulated-load'],
  serviceAccount: 'simulated-load-controller',
  create: (context) => new SimulatedLoadController(context),
};

class SimulatedLoadController implements Controller {
  /** Keys are namespaces. */
  private readonly queue: RateLimitingQueue;
  private readonly pods: Informer<Pod>;
  private readonly services: Informer<Service>;
  private readonly podLister: Lister<Pod>;
  private readonly serviceLister: Lister<Service>;
  private readonly client: ResourceClient<Pod>;
  /** Namespaces in which there is load, or was a moment ago. */
  private readonly loaded = new Set<string>();

  constructor(private readonly context: ControllerContext) {
    const { client, clock, informers } = context;
    this.queue = new RateLimitingQueue(clock);
    this.client = client.resource<Pod>(PODS);
    this.pods = informers.informer<Pod>(PODS);
    this.services = informers.informer<Service>(SERVICES);
    this.podLister = new Lister(this.pods);
    this.serviceLister = new Lister(this.services);
    const enqueue = (...versions: KubeObject[]) => {
      const namespace = versions[0]?.metadata?.namespace ?? '';
      if (versions.some(speaksOfLoad)) this.loaded.add(namespace);
      if (this.loaded.has(namespace)) this.queue.addAfter(namespace, GATHER_MS);
    };
    const handler = {
      add: (obj: KubeObject) => enqueue(obj),
      update: (old: KubeObject, obj: KubeObject) => enqueue(old, obj),
      delete: (obj: KubeObject) => enqueue(obj),
    };
    this.pods.addHandler(handler);
    this.services.addHandler(handler);
  }

  run(signal: AbortSignal): Promise<void> {
    return runSyncLoop(
      {
        context: this.context,
        queue: this.queue,
        concurrency: 1,
        informers: [this.pods, this.services],
        sync: (namespace, stop) => this.sync(namespace, stop),
      },
      signal,
    );
  }

  private async sync(namespace: string, signal: AbortSignal): Promise<void> {
    const pods = this.podLister.list(namespace);
    const services = this.serviceLister.list(namespace);
    const shares = sharesOf(pods, services);
    for (const pod of pods) {
      if (!isPodActive(pod)) continue;
      const change = changeOf(pod, shares.get(pod) ?? {});
      if (!change) continue;
      const { name = '' } = pod.metadata ?? {};
      try {
        await this.client.patch(
          namespace,
          name,
          'merge',
          { metadata: { annotations: change } },
          { signal },
        );
      } catch (err) {
        if (!isNotFound(err)) throw err;
      }
    }
    if (![...pods, ...services].some(speaksOfLoad)) this.loaded.delete(namespace);
  }
}

type Shares = Readonly<Record<string, string>>;

/** By pod: annotation → amount. */
export function sharesOf(
  pods: readonly Pod[],
  services: readonly Service[],
): ReadonlyMap<Pod, Shares> {
  const amounts = new Map<Pod, Map<string, Quantity>>();
  for (const { annotations, pods: group } of groupsOf(pods, services)) {
    const ready = group.filter((pod) => isPodActive(pod) && isPodReady(pod));
    for (const resource of RESOURCES) {
      const total = Quantity.tryParse(annotations[`${PREFIX}load.${resource}`] ?? '0');
      if (!total || total.sign <= 0 || ready.length === 0) continue;
      const share = shareOf(total, resource, ready.length);
      for (const pod of ready) {
        const name = `${pod.spec?.containers[0]?.name ?? ''}.load.${resource}`;
        // A longer one is no annotation's: such a container bears nothing.
        if (name.length > MAX_NAME) continue;
        const key = PREFIX + name;
        const own = amounts.get(pod) ?? new Map<string, Quantity>();
        own.set(key, (own.get(key) ?? Quantity.zero).add(share));
        amounts.set(pod, own);
      }
    }
  }
  return new Map(
    [...amounts].map(([pod, own]) => [
      pod,
      Object.fromEntries([...own].map(([key, amount]) => [key, amount.toString()])),
    ]),
  );
}

function groupsOf(pods: readonly Pod[], services: readonly Service[]) {
  const groups: { annotations: Readonly<Record<string, string>>; pods: readonly Pod[] }[] = [];
  for (const { metadata, spec } of services) {
    const annotations = metadata?.annotations ?? {};
    if (!hasTotal(annotations) || Object.keys(spec?.selector ?? {}).length === 0) continue;
    const selector = selectorFromSet(spec?.selector);
    const selected = pods.filter((pod) => selector.matches(pod.metadata?.labels ?? {}));
    groups.push({ annotations, pods: selected });
  }
  const owned = new Map<string, Pod[]>();
  for (const pod of pods) {
    if (!hasTotal(pod.metadata?.annotations ?? {})) continue;
    const owner = controllerOf(pod)?.uid ?? pod.metadata?.uid ?? '';
    owned.set(owner, [...(owned.get(owner) ?? []), pod]);
  }
  for (const group of owned.values()) {
    groups.push({ annotations: group[0]?.metadata?.annotations ?? {}, pods: group });
  }
  return groups;
}

function shareOf(total: Quantity, resource: (typeof RESOURCES)[number], among: number): Quantity {
  if (resource === 'cpu') return Quantity.ofMilli(Math.ceil(total.milliValue() / among));
  return Quantity.of(Math.ceil(total.value() / among), 0, 'BinarySI');
}

/** What a patch of the annotations has to say; null takes one away. Undefined: nothing. */
function changeOf(pod: Pod, wanted: Shares): Record<string, string | null> | undefined {
  const change: Record<string, string | null> = {};
  const present = pod.metadata?.annotations ?? {};
  for (const key of Object.keys(present)) {
    if (isShare(key) && wanted[key] === undefined) change[key] = null;
  }
  for (const [key, amount] of Object.entries(wanted)) {
    if (present[key] !== amount) change[key] = amount;
  }
  return Object.keys(change).length > 0 ? change : undefined;
}

function hasTotal(annotations: Readonly<Record<string, string>>): boolean {
  return RESOURCES.some((resource) => annotations[`${PREFIX}load.${resource}`] !== undefined);
}

function isShare(key: string): boolean {
  return key.startsWith(PREFIX) && /\.load\.(cpu|memory)$/.test(key);
}

function speaksOfLoad({ metadata }: KubeObject): boolean {
  const { annotations } = metadata ?? {};
  return (
    annotations !== undefined && (hasTotal(annotations) || Object.keys(annotations).some(isShare))
  );
}
