/**
 * How ComponentStatus asks: GET the component's /healthz, over TLS without verification, as upstream does.
 * The store is asked as the readiness check asks it.
 */
import { Agent, request } from 'undici';
import type { EtcdClient } from '../../pkg/etcd-client/interface.js';
import type { ComponentHealth, ComponentProbes } from '../registry/resources/component-status.js';

const DEADLINE_MS = 2_000;

/** `urls`: component → the URL of its health check. */
export function componentProbes(
  urls: ReadonlyMap<string, string>,
  etcd: EtcdClient,
): ComponentProbes {
  // Made at the first question: most servers are never asked.
  let agent: Agent | undefined;
  const ask =
    (url: string) =>
    async (signal: AbortSignal): Promise<ComponentHealth> => {
      agent ??= new Agent({ connect: { rejectUnauthorized: false }, keepAliveTimeout: 1 });
      try {
        const answer = await request(url, {
          dispatcher: agent,
          signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]),
        });
        const message = await answer.body.text();
        return { healthy: answer.statusCode === 200, message };
      } catch (err) {
        return { healthy: false, message: `Get ${JSON.stringify(url)}: ${text(err)}` };
      }
    };
  return {
    ...Object.fromEntries([...urls].map(([name, url]) => [name, ask(url)])),
    'etcd-0': async (signal) => {
      try {
        await etcd.status(AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]));
        return { healthy: true, message: 'ok' };
      } catch (err) {
        return { healthy: false, message: text(err) };
      }
    },
  };
}

function text(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}
