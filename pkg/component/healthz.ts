/**
 * The small server that every component but the apiserver has: /healthz, /livez and /readyz with named
 * checks in Kubernetes' format, and /metrics. HTTPS when it is given a certificate, and then a
 * self-presented one is enough, since probes do not verify it.
 */
import { readFileSync } from 'node:fs';
import fastify, { type FastifyInstance } from 'fastify';

export interface HealthCheck {
  readonly name: string;
  /** Resolves when well; rejects with the reason. */
  check(): Promise<void> | void;
}

export interface HealthzOptions {
  readonly component: string;
  /** All of /healthz and /livez; /readyz has `ready` besides. */
  readonly checks: readonly HealthCheck[];
  readonly ready?: readonly HealthCheck[];
  /** Prometheus text. */
  metrics?(): Promise<string> | string;
  /** PEM files; absent: a certificate is made for this run. */
  readonly tlsCertFile?: string;
  readonly tlsPrivateKeyFile?: string;
}

/** The app, not listening yet: tests inject requests into it. */
export async function healthzApp(options: HealthzOptions): Promise<FastifyInstance> {
  const tls =
    options.tlsCertFile && options.tlsPrivateKeyFile
      ? { cert: readFileSync(options.tlsCertFile), key: readFileSync(options.tlsPrivateKeyFile) }
      : await selfSigned(options.component);
  const app = fastify({ https: tls }) as unknown as FastifyInstance;
  const serve = (path: string, checks: readonly HealthCheck[]) => {
    app.get<{ Querystring: { verbose?: string; exclude?: string | string[] } }>(
      path,
      async (request, reply) => {
        const excluded = new Set([request.query.exclude ?? []].flat());
        const lines: string[] = [];
        let failed = false;
        for (const { name, check } of checks) {
          if (excluded.has(name)) {
            lines.push(`[+]${name} excluded: ok`);
            continue;
          }
          try {
            await check();
            lines.push(`[+]${name} ok`);
          } catch {
            // The reason is not for whoever asks; the component logs it where it arises.
            failed = true;
            lines.push(`[-]${name} failed: reason withheld`);
          }
        }
        const title = path.slice(1);
        reply.type('text/plain; charset=utf-8');
        if (failed) return reply.code(500).send(`${lines.join('\n')}\n${title} check failed\n`);
        return request.query.verbose === undefined
          ? 'ok'
          : `${lines.join('\n')}\n${title} check passed\n`;
      },
    );
    for (const { name, check } of checks) {
      app.get(`${path}/${name}`, async (_request, reply) => {
        try {
          await check();
          return 'ok';
        } catch {
          return reply.code(500).send('internal server error: reason withheld\n');
        }
      });
    }
  };
  serve('/healthz', options.checks);
  serve('/livez', options.checks);
  serve('/readyz', [...options.checks, ...(options.ready ?? [])]);
  app.get('/metrics', async (_request, reply) => {
    reply.type('text/plain; version=0.0.4; charset=utf-8');
    return (await options.metrics?.()) ?? '';
  });
  return app;
}

export const PING: HealthCheck = { name: 'ping', check: () => undefined };

/** Loaded only where it is needed: the X.509 library costs a process some megabytes. */
async function selfSigned(component: string): Promise<{ cert: string; key: string }> {
  const { generateSelfSigned } = await import('./pki.js');
  return generateSelfSigned(component, Date.now());
}
