/** What a probe of a pod's spec asks of whom: named ports, default hosts and paths resolved. Pure. */
import type { Container, Probe } from '../../pkg/api/types.js';
import type { ProbeKind, ProbeRequest } from '../runtime/interface.js';

export function requestOf(
  kind: ProbeKind,
  probe: Probe,
  container: Container,
  podIP: string,
): ProbeRequest {
  const timeoutMs = (probe.timeoutSeconds ?? 1) * 1000;
  const { httpGet, tcpSocket, grpc, exec } = probe;
  if (httpGet) {
    const scheme = (httpGet.scheme ?? 'HTTP').toLowerCase();
    const path = `/${(httpGet.path ?? '').replace(/^\//, '')}`;
    const host = httpGet.host || podIP;
    const target = `${scheme}://${host}:${portOf(httpGet.port, container)}${path}`;
    return { kind, handler: 'http', target, timeoutMs };
  }
  if (tcpSocket) {
    const target = `${tcpSocket.host || podIP}:${portOf(tcpSocket.port, container)}`;
    return { kind, handler: 'tcp', target, timeoutMs };
  }
  if (grpc) return { kind, handler: 'grpc', target: `${podIP}:${grpc.port}`, timeoutMs };
  return { kind, handler: 'exec', target: JSON.stringify(exec?.command ?? []), timeoutMs };
}

function portOf(port: string | number, container: Container): number {
  if (typeof port === 'number') return port;
  return container.ports?.find((p) => p.name === port)?.containerPort ?? Number(port);
}
