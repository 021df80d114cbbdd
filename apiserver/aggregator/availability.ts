/**
 * Whether an APIService can be had (`remote_available_controller.go`): its Service is there, listens on the
 * port, has a ready endpoint, and answers for its group and version. What was found becomes the condition
 * Available; the answer itself is what discovery shows.
 */
import type { APIService, EndpointSlice, Service } from '../../pkg/api/types.js';
import { isReason } from '../../pkg/apimachinery/status.js';
import { callRemote } from '../server/remote-call.js';
import type { RequestContext } from '../server/request-context.js';
import type { ServiceResolver } from '../server/service-resolver.js';
import { isSimulated } from '../server/simulated-pods.js';
import type { ProxyClient, RemoteApi, RemoteResource } from './remote-api.js';

const TIMEOUT_MS = 5000;
const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
/** Always let in: who asks is this server itself. */
const SELF_HEADERS = {
  'X-Remote-User': 'system:kube-aggregator',
  'X-Remote-Group': 'system:masters',
};

type Slice = Partial<EndpointSlice>;

export interface Availability {
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason: string;
  readonly message: string;
  readonly standIn?: boolean;
  readonly resources?: readonly RemoteResource[];
}

export interface AvailabilityCheck {
  readonly resolver: ServiceResolver;
  readonly client: ProxyClient | undefined;
  /** Whether this server has the group and version itself. */
  isServedHere(group: string, version: string): boolean;
}

/** What its outcome depends on, besides the extension server: a change is looked at at once. */
export function signatureOf(
  { source, namespace, service }: RemoteApi,
  ctx: RequestContext,
): string {
  const found = ctx.server.store('', 'services').peek(namespace, service);
  const versions = slicesOf(ctx, namespace, service).map(
    ({ metadata }) => metadata?.resourceVersion,
  );
  return JSON.stringify([source.spec, found?.metadata?.resourceVersion, versions]);
}

export async function availabilityOf(
  remote: RemoteApi,
  check: AvailabilityCheck,
  ctx: RequestContext,
): Promise<Availability> {
  const { namespace, service: name, port } = remote;
  const service: Service | undefined = ctx.server.store('', 'services').peek(namespace, name);
  if (!service) {
    return no('ServiceNotFound', `service/${name} in ${quote(namespace)} is not present`);
  }
  let standIn = false;
  if ((service.spec?.type ?? 'ClusterIP') === 'ClusterIP') {
    const wanted = service.spec?.ports?.find((candidate) => candidate.port === port);
    if (!wanted) {
      const where = `service/${name} in ${quote(namespace)}`;
      return no('ServicePortError', `${where} is not listening on port ${port}`);
    }
    const slices = slicesOf(ctx, namespace, name);
    if (slices.length === 0) {
      const where = `service/${name} in ${quote(namespace)}`;
      return no('EndpointsNotFound', `cannot find endpointslices for ${where}`);
    }
    const portName = wanted.name ?? '';
    if (!slices.some((slice) => hasReady(slice, portName))) {
      return no(
        'MissingEndpoints',
        `endpointslices for service/${name} in ${quote(namespace)} have no addresses with port name ${quote(portName)}`,
      );
    }
    standIn = await areSimulated(slices, namespace, ctx);
  }
  if (standIn) return simulated(remote, service, check);
  return ask(remote, service, check, ctx);
}

/** Nothing listens behind simulated pods, and nothing is dialled there. */
function simulated(remote: RemoteApi, service: Service, check: AvailabilityCheck): Availability {
  if (check.isServedHere(remote.group, remote.version)) return { ...PASSED, standIn: true };
  const url = `https://${hostOf(service, remote.port)}${remote.root}`;
  const why = `dial tcp ${hostOf(service, remote.port)}: connect: connection refused`;
  return no(
    'FailedDiscoveryCheck',
    `failing or missing response from ${url}: Get ${quote(url)}: ${why}`,
  );
}

async function ask(
  remote: RemoteApi,
  service: Service,
  { resolver, client }: AvailabilityCheck,
  ctx: RequestContext,
): Promise<Availability> {
  const url = `https://${hostOf(service, remote.port)}${remote.root}`;
  const failed = (why: string) =>
    no('FailedDiscoveryCheck', `failing or missing response from ${url}: ${why}`);
  try {
    const at = await resolver.resolve(remote.namespace, remote.service, remote.port);
    const { code, text } = await callRemote({
      url,
      method: 'GET',
      dial: { host: at.host, port: at.port },
      serverName: at.serverName,
      // Whoever owns the network could only say that it is there.
      insecure: true,
      headers: SELF_HEADERS,
      ...(client ? { clientCertificate: client } : {}),
      timeoutMs: TIMEOUT_MS,
      signal: ctx.signal,
      clock: ctx.clock,
    });
    if (code < 200 || code > 299) return failed(`bad status from ${url}: ${code}`);
    return { ...PASSED, resources: resourcesIn(text) };
  } catch (err) {
    if (ctx.signal.aborted) throw err;
    const message = err instanceof Error ? err.message : String(err);
    if (isReason(err, 'ServiceUnavailable')) return no('FailedDiscoveryCheck', message);
    return failed(message);
  }
}

const PASSED: Availability = { status: 'True', reason: 'Passed', message: 'all checks passed' };

function no(reason: string, message: string): Availability {
  return { status: 'False', reason, message };
}

/** The address that users know the Service by. */
function hostOf(service: Service, port: number): string {
  const { type, externalName, clusterIP } = service.spec ?? {};
  const host = type === 'ExternalName' ? externalName : clusterIP;
  const named = host === undefined || host === 'None' ? service.metadata?.name : host;
  return named?.includes(':') ? `[${named}]:${port}` : `${named}:${port}`;
}

function slicesOf(ctx: RequestContext, namespace: string, service: string): Slice[] {
  const slices = ctx.server.store('discovery.k8s.io', 'endpointslices');
  const all: readonly Slice[] = slices.peekAll(namespace) ?? [];
  return all.filter(({ metadata }) => metadata?.labels?.[SERVICE_NAME_LABEL] === service);
}

function hasReady({ endpoints, ports }: Slice, portName: string): boolean {
  const ready = (endpoints ?? []).some(({ conditions }) => conditions?.ready !== false);
  return ready && (ports ?? []).some(({ name, port }) => (name ?? '') === portName && port);
}

async function areSimulated(
  slices: readonly Slice[],
  namespace: string,
  ctx: RequestContext,
): Promise<boolean> {
  for (const { targetRef } of slices.flatMap(({ endpoints }) => endpoints ?? [])) {
    if (!(await isSimulated(ctx.server, namespace, targetRef))) return false;
  }
  return true;
}

function resourcesIn(text: string): readonly RemoteResource[] {
  try {
    const list: { resources?: RemoteResource[] } = JSON.parse(text);
    return Array.isArray(list.resources) ? list.resources : [];
  } catch {
    // It answered; that it serves no discovery is its own affair.
    return [];
  }
}

function quote(text: string): string {
  return JSON.stringify(text);
}

/** The conditions of an APIService with this one; its transition time moves only with its status. */
export function withAvailability(
  { status }: APIService,
  { status: is, reason, message }: Availability,
  now: string,
): NonNullable<NonNullable<APIService['status']>['conditions']> {
  const conditions = status?.conditions ?? [];
  const old = conditions.find(({ type }) => type === 'Available');
  const kept = old?.status === is ? old.lastTransitionTime : undefined;
  const made = { type: 'Available', status: is, lastTransitionTime: kept ?? now, reason, message };
  return old ? conditions.map((c) => (c === old ? made : c)) : [...conditions, made];
}
