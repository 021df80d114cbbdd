/**
 * The older Endpoints object of Services with a selector (`pkg/controller/endpoint`): ready and not ready
 * addresses by ports, at most 1,000 of them.
 */

import type {
  EndpointAddress,
  EndpointSubset,
  Endpoints,
  Pod,
  Service,
} from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { keyOf, splitKey } from '../../pkg/apimachinery/meta.js';
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { ENDPOINTS } from '../../pkg/client/resources.js';
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
  type ResolvedPort,
  resolvePorts,
  targetRefOf,
} from '../endpoints/service-pods.js';
import { isPodReady } from '../pods.js';

const MAX_ADDRESSES = 1000;
const OVER_CAPACITY = 'endpoints.kubernetes.io/over-capacity';
const MANAGED_BY = 'endpoints.kubernetes.io/managed-by';
const MANAGER = 'endpoint-controller';

export const endpoints: ControllerDescriptor = {
  name: 'endpoints-controller',
  aliases: ['endpoint'],
  serviceAccount: 'endpoint-controller',
  create: (context) => new EndpointsController(context),
};

class EndpointsController implements Controller {
  private readonly loop: ServiceLoop;
  private readonly endpoints: Informer<Endpoints>;
  private readonly client: ResourceClient<Endpoints>;

  constructor(private readonly context: ControllerContext) {
    this.loop = new ServiceLoop(context);
    this.client = context.client.resource<Endpoints>(ENDPOINTS);
    this.endpoints = context.informers.informer<Endpoints>(ENDPOINTS);
    // The start finds Endpoints whose Service went away while nobody looked.
    this.endpoints.addHandler({
      add: (obj, initial) => {
        if (initial) this.loop.queue.add(keyOf(obj));
      },
      delete: (obj) => this.loop.queue.add(keyOf(obj)),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    const { context, loop } = this;
    return runSyncLoop(
      {
        context,
        queue: loop.queue,
        concurrency: context.options.concurrency['endpoint'] ?? 5,
        informers: [loop.services, loop.pods, this.endpoints],
        sync: (key, stop) => this.sync(key, stop),
        maxRetries: 15,
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const service = this.loop.services.store.get(key);
    const current = this.endpoints.store.get(key);
    if (!service) return this.removeOrphan(key, current, signal);
    if (!isSelecting(service) || service.metadata?.deletionTimestamp !== undefined) return;
    const wanted = this.endpointsObject(service, current);
    try {
      if (!current) await this.client.create(wanted, { signal });
      else if (isAsWanted(current, wanted)) return;
      else await this.client.update(wanted, { signal });
    } catch (err) {
      if (isNamespaceTerminating(err) || (isAlreadyExists(err) && !current)) return;
      throw err;
    }
  }

  /** Only what we made; Endpoints of a Service without a selector, or of leader election, are not ours. */
  private async removeOrphan(
    key: string,
    current: Endpoints | undefined,
    signal: AbortSignal,
  ): Promise<void> {
    if (current?.metadata?.labels?.[MANAGED_BY] !== MANAGER) return;
    const { namespace, name } = splitKey(key);
    try {
      await this.client.delete(namespace, name, { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  // --- object builders ---

  private endpointsObject(service: Service, current: Endpoints | undefined): Endpoints {
    const { namespace = '', name = '', labels } = service.metadata ?? {};
    const { subsets, truncated } = subsetsOf(service, this.loop.podsOf(service));
    const annotations: Record<string, string> = { ...current?.metadata?.annotations };
    annotations[LAST_CHANGE_TRIGGER_TIME] = new Date(this.context.clock.now())
      .toISOString()
      .replace(/\.\d+Z$/, 'Z');
    if (truncated) annotations[OVER_CAPACITY] = 'truncated';
    else delete annotations[OVER_CAPACITY];
    return {
      apiVersion: 'v1',
      kind: 'Endpoints',
      metadata: {
        ...(current?.metadata ?? { namespace, name }),
        labels: {
          ...labels,
          ...(isHeadless(service) ? { [HEADLESS]: '' } : {}),
          [MANAGED_BY]: MANAGER,
        },
        annotations,
      },
      ...(subsets.length ? { subsets } : {}),
    };
  }
}

function isAsWanted(current: Endpoints, wanted: Endpoints): boolean {
  const over = (obj: Endpoints) => obj.metadata?.annotations?.[OVER_CAPACITY];
  return (
    semanticDeepEqual(current.subsets ?? [], wanted.subsets ?? []) &&
    semanticDeepEqual(current.metadata?.labels, wanted.metadata?.labels) &&
    over(current) === over(wanted)
  );
}

/** One subset for each set of ports, in a stable order. Pure. */
export function subsetsOf(
  service: Service,
  pods: readonly Pod[],
): { subsets: EndpointSubset[]; truncated: boolean } {
  const groups = new Map<
    string,
    { ports: ResolvedPort[]; ready: EndpointAddress[]; notReady: EndpointAddress[] }
  >();
  const publish = service.spec?.publishNotReadyAddresses === true;
  const family = service.spec?.ipFamilies?.[0] === 'IPv6' ? 'IPv6' : 'IPv4';
  const sorted = [...pods].sort(
    (a, b) => Number(isPodReady(b)) - Number(isPodReady(a)) || (keyOf(a) < keyOf(b) ? -1 : 1),
  );
  let count = 0;
  let truncated = false;
  for (const pod of sorted) {
    if (!belongsInEndpoints(pod, publish)) continue;
    const ip = addressOf(pod, family);
    const ports = resolvePorts(service, pod);
    if (
      ip === undefined ||
      (ports.length === 0 && !(isHeadless(service) && !service.spec?.ports?.length))
    )
      continue;
    if (count++ >= MAX_ADDRESSES) {
      truncated = true;
      break;
    }
    const id = JSON.stringify(ports);
    const group = groups.get(id) ?? { ports, ready: [], notReady: [] };
    groups.set(id, group);
    const hostname = hostnameOf(pod, service);
    const nodeName = pod.spec?.nodeName;
    const address: EndpointAddress = {
      ip,
      ...(hostname === undefined ? {} : { hostname }),
      ...(nodeName ? { nodeName } : {}),
      targetRef: targetRefOf(pod),
    };
    (publish || isPodReady(pod) ? group.ready : group.notReady).push(address);
  }
  const subsets = [...groups]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([, { ports, ready, notReady }]) => ({
      ...(ready.length ? { addresses: ready.sort(byAddress) } : {}),
      ...(notReady.length ? { notReadyAddresses: notReady.sort(byAddress) } : {}),
      ...(ports.length
        ? {
            ports: ports
              .map(({ name, ...port }) => ({ ...(name === '' ? {} : { name }), ...port }))
              .sort(byPort),
          }
        : {}),
    }));
  return { subsets, truncated };
}

function byAddress(a: EndpointAddress, b: EndpointAddress): number {
  return a.ip < b.ip ? -1 : a.ip > b.ip ? 1 : 0;
}

function byPort(a: { name?: string; port: number }, b: { name?: string; port: number }): number {
  const [x, y] = [a.name ?? '', b.name ?? ''];
  return x < y ? -1 : x > y ? 1 : a.port - b.port;
}
