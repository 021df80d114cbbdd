/** `drydock probe URL`: whether a component answers 200, for health checks of containers. */
import { Agent, request } from 'undici';

const DEADLINE_MS = 3_000;

export async function probe(url: string): Promise<number> {
  // A probe asks a process on its own machine whether it lives, not who it is.
  const dispatcher = new Agent({ connect: { rejectUnauthorized: false } });
  try {
    const { statusCode, body } = await request(url, {
      dispatcher,
      signal: AbortSignal.timeout(DEADLINE_MS),
    });
    await body.dump();
    return statusCode === 200 ? 0 : 1;
  } catch (err) {
    process.stderr.write(`${url}: ${err instanceof Error ? err.message : err}\n`);
    return 1;
  } finally {
    await dispatcher.destroy();
  }
}
