/**
 * EndpointSlices of Services with a selector (`k8s.io/endpointslice`, `pkg/controller/endpointslice`): at
 * most 100 endpoints a slice, one set of ports and one address family each. Endpoints stay in the slice
 * where they are as long as they can; a slice is changed only when something in it changes. A Service
 * without endpoints has one empty slice.
 */

import type { Endpoint, EndpointSlice, Node, Pod, Service } from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { isNamespaceTerminating, isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { ENDPOINT_SLICES, NODES, SERVICES } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { ServiceLoop } from '../endpoints/service-loop.js';
import {
  addressOf,
  belongsInEndpoints,
  HEADLESS,
  hostnameOf,
  isHeadless,
  isSelecting,
  LAST_CHANGE_TRIGGER_TIME,
  MANAGED_BY,
  type ResolvedPort,
  resolvePorts,
  SERVICE_NAME,
  targetRefOf,
} from '../endpoints/service-pods.js';
import { planSlices, type SlicePlan, samePorts } from '../endpoints/slice-plan.js';
import { SliceTracker } from '../endpoints/slice-tracker.js';
import { controllerRefTo } from '../pod-control.js';
import { isPodReady } from '../pods.js';

const MANAGER = 'endpointslice-controller.k8s.io';
const ZONE = 'topology.kubernetes.io/zone';
const BY_SERVICE = 'service';
/** When a sync looks again whose cache does not show its own last writes. */
const STALE_MS = 50;
type Family = 'IPv4' | 'IPv6';

export const endpointSlice: ControllerDescriptor = {
  name: 'endpointslice-controller',
  aliases: ['endpointslice'],
  serviceAccount: 'endpointslice-controller',
  create: (context) => new EndpointSliceController(context),
};

/** Endpoints that share a family and a set of ports. */
export interface EndpointGroup {
  readonly family: Family;
  readonly ports: readonly ResolvedPort[];
  readonly endpoints: readonly Endpoint[];
}

class EndpointSliceController implements Controller {
  private readonly loop: ServiceLoop;
  private readonly tracker: SliceTracker;
  private readonly slices: Informer<EndpointSlice>;
  private readonly nodes: Informer<Node>;
  private readonly client: ResourceClient<EndpointSlice>;

  constructor(private readonly context: ControllerContext) {
    this.loop = new ServiceLoop(context);
    this.tracker = new SliceTracker(context.clock);
    this.client = context.client.resource<EndpointSlice>(ENDPOINT_SLICES);
    this.nodes = context.informers.informer<Node>(NODES);
    this.slices = context.informers.informer<EndpointSlice>(ENDPOINT_SLICES, {
      indexers: { [BY_SERVICE]: serviceIndex },
    });
    const enqueue = (slice: EndpointSlice) => {
      const [key] = serviceIndex(slice);
      if (key !== undefined && !this.tracker.isOwn(key, slice)) this.loop.queue.add(key);
    };
    this.slices.addHandler({
      add: enqueue,
      update: (old, slice) => {
        if (serviceIndex(old)[0] !== serviceIndex(slice)[0]) enqueue(old);
        enqueue(slice);
      },
      delete: (slice) => {
        for (const key of serviceIndex(slice)) {
          this.tracker.gone(key, slice);
          this.loop.queue.add(key);
        }
      },
    });
  }

  run(signal: AbortSignal): Promise<void> {
    const { context, loop } = this;
    return runSyncLoop(
      {
        context,
        queue: loop.queue,
        concurrency: context.options.concurrency['service-endpoint'] ?? 5,
        informers: [loop.services, loop.pods, this.slices, this.nodes],
        sync: (key, stop) => this.sync(key, stop),
        maxRetries: 15,
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const service = this.loop.services.store.get(key);
    // Slices of a Service that is gone are garbage, by their owner reference.
    if (!service) this.tracker.forget(key);
    if (!service || !isSelecting(service) || service.metadata?.deletionTimestamp !== undefined)
      return;
    const cached = this.slices.store.byIndex(BY_SERVICE, key);
    if (this.tracker.isStale(key, cached)) {
      this.loop.queue.addAfter(key, STALE_MS);
      return;
    }
    const existing = cached.filter((slice) => slice.metadata?.deletionTimestamp === undefined);
    const { groups, missingNodes } = this.groupsOf(service);
    const families = familiesOf(service);
    const unused = new Set(existing);
    let kept = 0;
    try {
      for (const group of groups) {
        const mine = existing.filter(
          (s) => s.addressType === group.family && samePorts(s, group.ports),
        );
        for (const slice of mine) unused.delete(slice);
        const plan = planSlices(mine, group.endpoints, this.context.options.maxEndpointsPerSlice);
        kept += await this.apply(service, group, plan, unused, signal);
      }
      kept += await this.placeholders(service, families, groups, unused, signal);
      for (const slice of unused) await this.remove(slice, signal);
    } catch (err) {
      if (isNamespaceTerminating(err)) return;
      throw err;
    }
    this.context.logger.debug({ key, slices: kept }, 'Endpoint slices are as they should be');
    if (missingNodes.size > 0) {
      throw new Error(
        `skipping pods of ${key}, their nodes are not known: ${[...missingNodes].join(', ')}`,
      );
    }
  }

  private groupsOf(service: Service): { groups: EndpointGroup[]; missingNodes: Set<string> } {
    const missingNodes = new Set<string>();
    const groups = new Map<
      string,
      { family: Family; ports: ResolvedPort[]; endpoints: Endpoint[] }
    >();
    for (const pod of this.loop.podsOf(service)) {
      if (!belongsInEndpoints(pod, true)) continue;
      const nodeName = pod.spec?.nodeName ?? '';
      const node = this.nodes.store.get(nodeName);
      if (!node && !service.spec?.publishNotReadyAddresses) {
        missingNodes.add(nodeName);
        continue;
      }
      const ports = resolvePorts(service, pod);
      for (const family of familiesOf(service)) {
        const address = addressOf(pod, family);
        if (address === undefined) continue;
        const id = `${family}\n${JSON.stringify(ports)}`;
        const group = groups.get(id) ?? { family, ports, endpoints: [] };
        group.endpoints.push(endpointOf(pod, node, service, address));
        groups.set(id, group);
      }
    }
    return { groups: [...groups.values()], missingNodes };
  }

  private async apply(
    service: Service,
    group: EndpointGroup,
    plan: SlicePlan,
    unused: Set<EndpointSlice>,
    signal: AbortSignal,
  ): Promise<number> {
    for (const slice of plan.remove) await this.remove(slice, signal);
    for (const { slice, endpoints } of plan.update) {
      await this.update(service, this.sliceObject(service, group, endpoints, slice), signal);
    }
    for (const slice of plan.keep) {
      // Its endpoints are right; its labels may not be.
      if (!semanticDeepEqual(slice.metadata?.labels, labelsOf(service))) {
        const again = this.sliceObject(service, group, slice.endpoints ?? [], slice);
        await this.update(service, again, signal);
      }
    }
    for (const endpoints of plan.create) {
      // A slice that would go takes them, so that its name stays (a placeholder that gets endpoints).
      const reuse = [...unused].find((slice) => slice.addressType === group.family);
      if (reuse) unused.delete(reuse);
      const slice = this.sliceObject(service, group, endpoints, reuse);
      if (reuse) await this.update(service, slice, signal);
      else await this.create(service, slice, signal);
    }
    return plan.create.length + plan.update.length + plan.keep.length;
  }

  /** One empty slice for each family without endpoints, reused where there is one already. */
  private async placeholders(
    service: Service,
    families: readonly Family[],
    groups: readonly EndpointGroup[],
    unused: Set<EndpointSlice>,
    signal: AbortSignal,
  ): Promise<number> {
    let kept = 0;
    for (const family of families) {
      if (groups.some((group) => group.family === family)) continue;
      const empty = { family, ports: [], endpoints: [] };
      const mine = [...unused].filter((slice) => slice.addressType === family);
      const [reuse] = mine;
      kept++;
      if (!reuse) {
        await this.create(service, this.sliceObject(service, empty, []), signal);
        continue;
      }
      unused.delete(reuse);
      const placeholder = this.sliceObject(service, empty, [], reuse);
      const labels = semanticDeepEqual(reuse.metadata?.labels, labelsOf(service));
      if (!reuse.endpoints?.length && samePorts(reuse, []) && labels) continue;
      await this.update(service, placeholder, signal);
    }
    return kept;
  }

  private async create(service: Service, slice: EndpointSlice, signal: AbortSignal): Promise<void> {
    this.tracker.written(keyOf(service), await this.client.create(slice, { signal }));
  }

  private async update(service: Service, slice: EndpointSlice, signal: AbortSignal): Promise<void> {
    this.tracker.written(keyOf(service), await this.client.update(slice, { signal }));
  }

  private async remove(slice: EndpointSlice, signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '' } = slice.metadata ?? {};
    for (const key of serviceIndex(slice)) this.tracker.deleted(key, slice);
    try {
      await this.client.delete(namespace, name, { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  // --- object builders ---

  private sliceObject(
    service: Service,
    group: EndpointGroup,
    endpoints: readonly Endpoint[],
    existing?: EndpointSlice,
  ): EndpointSlice {
    const { namespace = '', name = '' } = service.metadata ?? {};
    const changedAt = new Date(this.context.clock.now()).toISOString().replace(/\.\d+Z$/, 'Z');
    const annotations = {
      ...existing?.metadata?.annotations,
      [LAST_CHANGE_TRIGGER_TIME]: changedAt,
    };
    return {
      apiVersion: 'discovery.k8s.io/v1',
      kind: 'EndpointSlice',
      metadata: {
        ...(existing?.metadata ?? {
          namespace,
          generateName: `${name}-`.slice(0, 248),
          ownerReferences: [controllerRefTo(SERVICES, service)],
        }),
        annotations,
        labels: labelsOf(service),
      },
      addressType: group.family,
      endpoints: [...endpoints],
      ports: group.ports.map((port) => ({ ...port })),
    };
  }
}

function endpointOf(pod: Pod, node: Node | undefined, service: Service, address: string): Endpoint {
  const serving = isPodReady(pod);
  const terminating = pod.metadata?.deletionTimestamp !== undefined;
  const zone = node?.metadata?.labels?.[ZONE];
  const hostname = hostnameOf(pod, service);
  const nodeName = pod.spec?.nodeName;
  return {
    addresses: [address],
    conditions: {
      ready: service.spec?.publishNotReadyAddresses === true || (serving && !terminating),
      serving,
      terminating,
    },
    ...(hostname === undefined ? {} : { hostname }),
    targetRef: targetRefOf(pod),
    ...(nodeName ? { nodeName } : {}),
    ...(zone === undefined ? {} : { zone }),
  };
}

/** The Service's own labels, but for the reserved ones, and who manages the slice. */
function labelsOf(service: Service): Record<string, string> {
  const labels: Record<string, string> = {};
  for (const [key, value] of Object.entries(service.metadata?.labels ?? {})) {
    if (key !== SERVICE_NAME && key !== MANAGED_BY && key !== HEADLESS) labels[key] = value;
  }
  if (isHeadless(service)) labels[HEADLESS] = '';
  labels[SERVICE_NAME] = service.metadata?.name ?? '';
  labels[MANAGED_BY] = MANAGER;
  return labels;
}

/** Ours only: others may manage slices of the same Service. */
function serviceIndex(slice: EndpointSlice): readonly string[] {
  const { labels, namespace = '' } = slice.metadata ?? {};
  const name = labels?.[SERVICE_NAME];
  return name === undefined || labels?.[MANAGED_BY] !== MANAGER ? [] : [`${namespace}/${name}`];
}

function familiesOf(service: Service): Family[] {
  const families = service.spec?.ipFamilies ?? [];
  const known = families.filter((f): f is Family => f === 'IPv4' || f === 'IPv6');
  return known.length ? known : ['IPv4'];
}
