/**
 * How ComponentStatus asks: GET the component's /healthz, over TLS without verification, as upstream does.
 * The store is asked as the readiness check asks it.
 */
import request from 'undici/lib/api/api-request.js';
import Pool from 'undici/lib/dispatcher/pool.js';
import type { EtcdClient } from '../../pkg/etcd-client/interface.js';
import type { ComponentHealth, ComponentProbes } from '../registry/resources/component-status.js';

const DEADLINE_MS = 2_000;

/** `urls`: component → the URL of its health check. */
export function componentProbes(
  urls: ReadonlyMap<string, string>,
  etcd: EtcdClient,
): ComponentProbes {
  const ask =
    (url: string) =>
    async (signal: AbortSignal): Promise<ComponentHealth> => {
      const { origin, pathname, search } = new URL(url);
      // One connection for one question: it is seldom asked.
      const pool = new Pool(origin, { connect: { rejectUnauthorized: false } });
      try {
        const answer = await request.call(pool, {
          method: 'GET',
          path: `${pathname}${search}`,
          signal: AbortSignal.any([signal, AbortSignal.timeout(DEADLINE_MS)]),
        });
        const message = await answer.body.text();
        return { healthy: answer.statusCode === 200, message };
      } catch (err) {
        return { healthy: false, message: `Get ${JSON.stringify(url)}: ${text(err)}` };
      } finally {
        await pool.destroy();
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
