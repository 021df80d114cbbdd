/**
 * From a Service that a webhook or an extension server names to an address that can be dialled from here.
 * Virtual addresses lead nowhere outside the nodes, so one of the Service's ready endpoints is taken, in
 * turn, but none of a pod that is only simulated; an ExternalName is its name. Who is dialled shows a certificate for `NAME.NAMESPACE.svc` all the same.
 */
import type { EndpointSlice, Endpoints, ObjectReference, Service } from '../../pkg/api/types.js';
import {
  internalError,
  isReason,
  notFound,
  serviceUnavailable,
} from '../../pkg/apimachinery/status.js';
import type { ServerAccess } from './request-context.js';
import { isSimulated } from './simulated-pods.js';

const SERVICE_NAME_LABEL = 'kubernetes.io/service-name';
const SERVICES = { group: '', resource: 'services' };

export interface ServiceAddress {
  readonly host: string;
  readonly port: number;
  /** What its certificate must be for. */
  readonly serverName: string;
}

interface Candidate {
  readonly host: string;
  readonly port: number;
  readonly targetRef: ObjectReference | undefined;
}

export class ServiceResolver {
  private turn = 0;

  constructor(private readonly server: ServerAccess) {}

  /** Throws a StatusError, in upstream's words, where there is no such Service, port or endpoint. */
  async resolve(namespace: string, name: string, port: number): Promise<ServiceAddress> {
    const serverName = `${name}.${namespace}.svc`;
    const service = await this.service(namespace, name);
    const type = service.spec?.type ?? 'ClusterIP';
    if (type === 'ExternalName') {
      const host = service.spec?.externalName ?? '';
      if (host === '') throw serviceUnavailable(`service ${JSON.stringify(name)} has no name`);
      return { host, port, serverName };
    }
    if (!['ClusterIP', 'NodePort', 'LoadBalancer'].includes(type))
      throw internalError(`unsupported service type ${JSON.stringify(type)}`);
    const wanted = (service.spec?.ports ?? []).find((candidate) => candidate.port === port);
    if (!wanted)
      throw serviceUnavailable(`no service port ${port} found for service ${JSON.stringify(name)}`);
    const found = await this.endpointsOf(namespace, name, wanted.name ?? '');
    if (found.length === 0)
      throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
    this.turn = (this.turn + 1) % Number.MAX_SAFE_INTEGER;
    const next = found[this.turn % found.length];
    if (!next)
      throw serviceUnavailable(`no endpoints available for service ${JSON.stringify(name)}`);
    return { ...next, serverName };
  }

  private async service(namespace: string, name: string): Promise<Service> {
    try {
      return await this.server.store('', 'services').get(namespace, name);
    } catch (err) {
      if (isReason(err, 'NotFound')) throw notFound({ ...SERVICES, resource: 'service' }, name);
      throw err;
    }
  }

  private async endpointsOf(namespace: string, name: string, portName: string) {
    const slices = (await this.server
      .store('discovery.k8s.io', 'endpointslices')
      .list(namespace)) as readonly EndpointSlice[];
    const own = slices.filter((slice) => slice.metadata?.labels?.[SERVICE_NAME_LABEL] === name);
    const found = own.flatMap((slice) => {
      const port = slice.ports?.find((candidate) => (candidate.name ?? '') === portName)?.port;
      if (port === undefined) return [];
      return (slice.endpoints ?? [])
        .filter(({ conditions }) => conditions?.ready !== false)
        .flatMap(({ addresses, targetRef }) =>
          addresses.slice(0, 1).map((host) => ({ host, port, targetRef })),
        );
    });
    if (found.length > 0) return this.dialable(namespace, found);
    // Written by hand, and not mirrored (yet).
    const all: readonly Endpoints[] = await this.server.store('', 'endpoints').list(namespace);
    const subsets = all.find(({ metadata }) => metadata?.name === name)?.subsets ?? [];
    const written = subsets.flatMap((subset) => {
      const port = subset.ports?.find((candidate) => (candidate.name ?? '') === portName)?.port;
      if (port === undefined) return [];
      return (subset.addresses ?? []).map(({ ip, targetRef }) => ({ host: ip, port, targetRef }));
    });
    return this.dialable(namespace, written);
  }

  private async dialable(namespace: string, all: readonly Candidate[]) {
    const found: { host: string; port: number }[] = [];
    for (const { host, port, targetRef } of all) {
      if (!(await isSimulated(this.server, namespace, targetRef))) found.push({ host, port });
    }
    return found;
  }
}
