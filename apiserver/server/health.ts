/**
 * /healthz, /livez and /readyz of the apiserver with their named checks, in upstream's words
 * (`k8s.io/apiserver/pkg/server/healthz`).
 */
import type { RequestContext } from './request-context.js';

export interface ServerCheck {
  readonly name: string;
  /** Which of the three ask it. */
  readonly of: readonly ('healthz' | 'livez' | 'readyz')[];
  check(signal: AbortSignal): Promise<void> | void;
}

const CHECK_TIMEOUT_MS = 2_000;

/** False where the path is not one of a health check. */
export async function serveHealth(
  checks: readonly ServerCheck[],
  ctx: RequestContext,
): Promise<boolean> {
  const match = /^\/(healthz|livez|readyz)(?:\/(.+))?$/.exec(ctx.requestInfo.path);
  if (!match || !ctx.exchange) return false;
  const { res } = ctx.exchange;
  const kind = match[1] as 'healthz' | 'livez' | 'readyz';
  const asked = checks.filter((check) => check.of.includes(kind));
  res.setHeader('Content-Type', 'text/plain; charset=utf-8');
  res.setHeader('X-Content-Type-Options', 'nosniff');
  const only = match[2];
  if (only !== undefined) {
    const check = asked.find((c) => c.name === only);
    if (!check) return false;
    const failed = await run(check, ctx);
    if (failed) ctx.logger.warn({ check: check.name, err: failed }, 'Health check failed');
    res.statusCode = failed ? 500 : 200;
    res.end(failed ? `internal server error: ${failed.message}\n` : 'ok');
    return true;
  }
  const excluded = new Set(ctx.query.getAll('exclude'));
  const unknown = [...excluded].filter((name) => !asked.some((check) => check.name === name));
  const results = await Promise.all(
    asked.map(async (check) => ({
      check,
      failed: excluded.has(check.name) ? undefined : await run(check, ctx),
    })),
  );
  const lines = results.map(({ check, failed }) => {
    if (excluded.has(check.name)) return `[+]${check.name} excluded: ok\n`;
    return failed ? `[-]${check.name} failed: reason withheld\n` : `[+]${check.name} ok\n`;
  });
  if (unknown.length > 0) {
    const names = unknown.map((name) => JSON.stringify(name)).join(', ');
    lines.push(`warn: some health checks cannot be excluded: no matches for ${names}\n`);
  }
  const failures = results.filter(({ failed }) => failed);
  if (failures.length > 0) {
    const reasons = failures.map(({ check, failed }) => `${check.name}: ${failed?.message}`);
    ctx.logger.warn({ kind, reasons }, 'Health checks failed');
    res.statusCode = 500;
    res.end(`${lines.join('')}${kind} check failed\n`);
    return true;
  }
  res.statusCode = 200;
  res.end(ctx.query.has('verbose') ? `${lines.join('')}${kind} check passed\n` : 'ok');
  return true;
}

async function run({ check }: ServerCheck, ctx: RequestContext): Promise<Error | undefined> {
  try {
    await check(AbortSignal.any([ctx.signal, AbortSignal.timeout(CHECK_TIMEOUT_MS)]));
    return undefined;
  } catch (err) {
    return err instanceof Error ? err : new Error(String(err));
  }
}
