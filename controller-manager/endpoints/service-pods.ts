/** Which pods stand behind a Service, and under which ports: what Endpoints and EndpointSlices share. Pure. */
import type { Pod, Service, ServicePort } from '../../pkg/api/types.js';
import { isPodReady, isPodTerminal } from '../pods.js';

export const MANAGED_BY = 'endpointslice.kubernetes.io/managed-by';
export const SERVICE_NAME = 'kubernetes.io/service-name';
export const HEADLESS = 'service.kubernetes.io/headless';
export const LAST_CHANGE_TRIGGER_TIME = 'endpoints.kubernetes.io/last-change-trigger-time';

export interface ResolvedPort {
  readonly name: string;
  readonly port: number;
  readonly protocol: string;
  readonly appProtocol?: string;
}

/** A Service without a selector, or one that is only a name, has endpoints made by somebody else. */
export function isSelecting(service: Service): boolean {
  return service.spec?.selector !== undefined && service.spec.type !== 'ExternalName';
}

export function isHeadless(service: Service): boolean {
  return service.spec?.clusterIP === 'None';
}

/** An empty map selects nothing here, as upstream's listers do for a Service. */
export function selects(
  service: Service,
  labels: Readonly<Record<string, string>> | undefined,
): boolean {
  const selector = service.spec?.selector;
  if (selector === undefined || !isSelecting(service)) return false;
  for (const key in selector) if (labels?.[key] !== selector[key]) return false;
  return true;
}

/** Not ended, has an address, and is not on its way out unless that is asked for. */
export function belongsInEndpoints(pod: Pod, includeTerminating: boolean): boolean {
  if (isPodTerminal(pod)) return false;
  if (!pod.status?.podIP && !pod.status?.podIPs?.length) return false;
  return includeTerminating || pod.metadata?.deletionTimestamp === undefined;
}

/** The pod's ports for a Service; one whose name the pod does not have is left out. */
export function resolvePorts(service: Service, pod: Pod): ResolvedPort[] {
  const ports: ResolvedPort[] = [];
  for (const servicePort of service.spec?.ports ?? []) {
    const port = resolvePort(pod, servicePort);
    if (port === undefined) continue;
    const { name = '', protocol = 'TCP', appProtocol } = servicePort;
    ports.push({ name, port, protocol, ...(appProtocol === undefined ? {} : { appProtocol }) });
  }
  return ports;
}

function resolvePort(
  pod: Pod,
  { targetPort, port, protocol = 'TCP' }: ServicePort,
): number | undefined {
  if (targetPort === undefined) return port;
  if (typeof targetPort === 'number') return targetPort;
  const sidecars = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  for (const container of [...(pod.spec?.containers ?? []), ...sidecars]) {
    for (const p of container.ports ?? []) {
      if (p.name === targetPort && (p.protocol ?? 'TCP') === protocol) return p.containerPort;
    }
  }
  return undefined;
}

/** The pod's address of one family. */
export function addressOf(pod: Pod, family: 'IPv4' | 'IPv6'): string | undefined {
  const addresses = pod.status?.podIPs?.map((p) => p.ip) ?? [pod.status?.podIP ?? ''];
  return addresses.find((ip) => ip !== '' && ip.includes(':') === (family === 'IPv6'));
}

/** The name under which DNS shows the pod: a hostname, in a subdomain that is this Service. */
export function hostnameOf(pod: Pod, service: Service): string | undefined {
  const { hostname, subdomain } = pod.spec ?? {};
  if (!hostname || subdomain !== service.metadata?.name) return undefined;
  return pod.metadata?.namespace === service.metadata?.namespace ? hostname : undefined;
}

/** Whether a change of a pod may show in any Service's endpoints. Labels are compared by the caller. */
export function endpointChanged(old: Pod, pod: Pod): boolean {
  return (
    isPodReady(old) !== isPodReady(pod) ||
    isPodTerminal(old) !== isPodTerminal(pod) ||
    old.metadata?.deletionTimestamp !== pod.metadata?.deletionTimestamp ||
    old.status?.podIP !== pod.status?.podIP ||
    old.status?.podIPs?.length !== pod.status?.podIPs?.length ||
    old.spec?.nodeName !== pod.spec?.nodeName
  );
}

export function labelsChanged(old: Pod, pod: Pod): boolean {
  const a = old.metadata?.labels ?? {};
  const b = pod.metadata?.labels ?? {};
  const keys = Object.keys(a);
  return keys.length !== Object.keys(b).length || keys.some((key) => a[key] !== b[key]);
}

export function targetRefOf(pod: Pod): {
  kind: string;
  namespace: string;
  name: string;
  uid: string;
} {
  const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
  return { kind: 'Pod', namespace, name, uid };
}
