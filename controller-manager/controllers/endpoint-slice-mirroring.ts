/**
 * EndpointSlices of Endpoints that somebody writes by hand, for Services without a selector
 * (`pkg/controller/endpointslicemirroring`). They are owned by the Endpoints and say what those say; at most
 * a thousand addresses of a subset are mirrored.
 */
import { isIP } from 'node:net';
import type {
  DiscoveryEndpointPort,
  Endpoint,
  EndpointAddress,
  EndpointSlice,
  EndpointSubset,
  Endpoints,
  Service,
} from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { isNamespaceTerminating, isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { ENDPOINT_SLICES, ENDPOINTS, SERVICES } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import {
  HEADLESS,
  LAST_CHANGE_TRIGGER_TIME,
  MANAGED_BY,
  SERVICE_NAME,
} from '../endpoints/service-pods.js';
import { planSlices, samePorts } from '../endpoints/slice-plan.js';
import { controllerRefTo } from '../pod-control.js';

const MANAGER = 'endpointslicemirroring-controller.k8s.io';
const SKIP = 'endpointslice.kubernetes.io/skip-mirror';
const LEADER = 'control-plane.alpha.kubernetes.io/leader';
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
const BY_SERVICE = 'mirrored service';
const MAX_PER_SUBSET = 1000;

type Family = 'IPv4' | 'IPv6';

/** Endpoints of one family and set of ports. */
interface Group {
  readonly family: Family;
  readonly ports: DiscoveryEndpointPort[];
  readonly endpoints: Endpoint[];
}

export const endpointSliceMirroring: ControllerDescriptor = {
  name: 'endpointslice-mirroring-controller',
  aliases: ['endpointslicemirroring'],
  serviceAccount: 'endpointslicemirroring-controller',
  create: (context) => new EndpointSliceMirroringController(context),
};

class EndpointSliceMirroringController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly endpoints: Informer<Endpoints>;
  private readonly services: Informer<Service>;
  private readonly slices: Informer<EndpointSlice>;
  private readonly client: ResourceClient<EndpointSlice>;

  constructor(private readonly context: ControllerContext) {
    const { client, informers } = context;
    this.queue = new RateLimitingQueue(context.clock);
    this.client = client.resource<EndpointSlice>(ENDPOINT_SLICES);
    this.endpoints = informers.informer<Endpoints>(ENDPOINTS);
    this.services = informers.informer<Service>(SERVICES);
    this.slices = informers.informer<EndpointSlice>(ENDPOINT_SLICES, {
      indexers: { [BY_SERVICE]: mirroredIndex },
    });
    const enqueue = (obj: Endpoints) => this.queue.add(keyOf(obj));
    this.endpoints.addHandler({
      add: (obj) => {
        if (isMirrored(obj)) enqueue(obj);
      },
      update: (old, obj) => {
        if (isMirrored(old) || isMirrored(obj)) enqueue(obj);
      },
      delete: enqueue,
    });
    const enqueueOf = (service: Service) => this.queue.add(keyOf(service));
    this.services.addHandler({
      add: enqueueOf,
      update: (old, service) => {
        if (isSelecting(old) !== isSelecting(service)) enqueueOf(service);
      },
      delete: enqueueOf,
    });
    const enqueueFor = (slice: EndpointSlice) => {
      for (const key of mirroredIndex(slice)) this.queue.add(key);
    };
    this.slices.addHandler({
      update: (old, slice) => {
        enqueueFor(old);
        enqueueFor(slice);
      },
      delete: enqueueFor,
    });
  }

  run(signal: AbortSignal): Promise<void> {
    const { queue } = this;
    return runSyncLoop(
      {
        context: this.context,
        queue,
        concurrency: this.context.options.concurrency['mirroring-service-endpoint'] ?? 5,
        informers: [this.endpoints, this.services, this.slices],
        sync: (key, stop) => this.sync(key, stop),
        maxRetries: 15,
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const obj = this.endpoints.store.get(key);
    const service = this.services.store.get(key);
    const existing = this.slices.store
      .byIndex(BY_SERVICE, key)
      .filter((slice) => slice.metadata?.deletionTimestamp === undefined);
    const wanted = obj && service && isMirrored(obj) && !isSelecting(service);
    const unused = new Set(existing);
    try {
      if (wanted) {
        for (const group of groupsOf(obj)) {
          const mine = [...unused].filter(
            (slice) => slice.addressType === group.family && samePorts(slice, group.ports),
          );
          for (const slice of mine) unused.delete(slice);
          await this.apply(obj, group, mine, signal);
        }
      }
      for (const slice of unused) await this.remove(slice, signal);
    } catch (err) {
      if (!isNamespaceTerminating(err)) throw err;
    }
  }

  private async apply(
    obj: Endpoints,
    group: Group,
    mine: readonly EndpointSlice[],
    signal: AbortSignal,
  ): Promise<void> {
    const plan = planSlices(mine, group.endpoints, MAX_PER_SUBSET);
    for (const slice of plan.remove) await this.remove(slice, signal);
    for (const { slice, endpoints } of plan.update)
      await this.client.update(sliceOf(obj, group, endpoints, slice), { signal });
    for (const slice of plan.keep) {
      const next = sliceOf(obj, group, slice.endpoints ?? [], slice);
      if (!semanticDeepEqual(next.metadata, slice.metadata))
        await this.client.update(next, { signal });
    }
    for (const endpoints of plan.create)
      await this.client.create(sliceOf(obj, group, endpoints), { signal });
  }

  private async remove(slice: EndpointSlice, signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '' } = slice.metadata ?? {};
    try {
      await this.client.delete(namespace, name, { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
}

function isMirrored({ metadata }: Endpoints): boolean {
  return metadata?.labels?.[SKIP] !== 'true' && metadata?.annotations?.[LEADER] === undefined;
}

/** Of such a Service the endpoints are made, slices and all. */
function isSelecting({ spec }: Service): boolean {
  return spec?.selector !== undefined && Object.keys(spec.selector).length > 0;
}

function mirroredIndex({ metadata }: EndpointSlice): readonly string[] {
  const { labels, namespace = '' } = metadata ?? {};
  const name = labels?.[SERVICE_NAME];
  return name === undefined || labels?.[MANAGED_BY] !== MANAGER ? [] : [`${namespace}/${name}`];
}

/** Subsets with the same ports are one group, each address once. */
function groupsOf({ subsets = [] }: Endpoints): Group[] {
  const groups = new Map<string, Group>();
  for (const subset of subsets) {
    const ports = portsOf(subset);
    let left = MAX_PER_SUBSET;
    const add = (address: EndpointAddress, ready: boolean) => {
      const version = isIP(address.ip);
      if (version === 0 || left === 0) return;
      const family: Family = version === 6 ? 'IPv6' : 'IPv4';
      const id = `${family} ${JSON.stringify(ports)}`;
      const group = groups.get(id) ?? { family, ports, endpoints: [] };
      groups.set(id, group);
      if (group.endpoints.some(({ addresses }) => addresses[0] === address.ip)) return;
      group.endpoints.push(endpointOf(address, ready));
      left--;
    };
    for (const address of subset.addresses ?? []) add(address, true);
    for (const address of subset.notReadyAddresses ?? []) add(address, false);
  }
  return [...groups.values()];
}

function portsOf({ ports = [] }: EndpointSubset): DiscoveryEndpointPort[] {
  return ports.map(({ name = '', port, protocol = 'TCP', appProtocol }) => ({
    name,
    port,
    protocol,
    ...(appProtocol === undefined ? {} : { appProtocol }),
  }));
}

// --- object builders ---

function endpointOf(
  { ip, hostname, nodeName, targetRef }: EndpointAddress,
  ready: boolean,
): Endpoint {
  return {
    addresses: [ip],
    conditions: { ready },
    ...(hostname ? { hostname } : {}),
    ...(nodeName ? { nodeName } : {}),
    ...(targetRef ? { targetRef } : {}),
  };
}

function sliceOf(
  obj: Endpoints,
  group: Group,
  endpoints: readonly Endpoint[],
  existing?: EndpointSlice,
): EndpointSlice {
  const { namespace = '', name = '' } = obj.metadata ?? {};
  const { [HEADLESS]: _h, ...labels } = obj.metadata?.labels ?? {};
  const {
    [LAST_APPLIED]: _l,
    [LAST_CHANGE_TRIGGER_TIME]: trigger,
    ...annotations
  } = obj.metadata?.annotations ?? {};
  const kept = {
    ...annotations,
    ...(trigger === undefined ? {} : { [LAST_CHANGE_TRIGGER_TIME]: trigger }),
  };
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      ...(existing?.metadata ?? {
        namespace,
        generateName: `${name}-`.slice(0, 248),
        ownerReferences: [controllerRefTo(ENDPOINTS, obj)],
      }),
      ...(Object.keys(kept).length > 0 ? { annotations: kept } : {}),
      labels: { ...labels, [SERVICE_NAME]: name, [MANAGED_BY]: MANAGER },
    },
    addressType: group.family,
    endpoints: [...endpoints],
    ports: group.ports,
  };
}
