/** `drydock probe URL`: whether a component answers 200, for health checks of containers. */
import request from 'undici/lib/api/api-request.js';
import Pool from 'undici/lib/dispatcher/pool.js';

const DEADLINE_MS = 3_000;

export async function probe(url: string): Promise<number> {
  const { origin, pathname, search } = new URL(url);
  // A probe asks a process on its own machine whether it lives, not who it is.
  const pool = new Pool(origin, { connect: { rejectUnauthorized: false } });
  try {
    const { statusCode, body } = await request.call(pool, {
      method: 'GET',
      path: `${pathname}${search}`,
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    await body.dump();
    return statusCode === 200 ? 0 : 1;
  } catch (err) {
    process.stderr.write(`${url}: ${err instanceof Error ? err.message : err}\n`);
    return 1;
  } finally {
    await pool.destroy();
  }
}
