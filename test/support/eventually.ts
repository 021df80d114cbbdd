/** Waits for something to come true, within a deadline, in place of sleeping and hoping. */
const POLL_MS = 50;
/** Costs nothing while tests pass, and a machine may be busy with other things. */
const DEADLINE_MS = 60_000;

/**
 * Calls `probe` until it returns something other than undefined or false, and resolves to that. What the
 * last call threw, or that it came to nothing, is the error when the time is up.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | false> | T | undefined | false,
  timeoutMs = DEADLINE_MS,
): Promise<T> {
  const end = performance.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await probe();
      if (found !== undefined && found !== false) return found;
      last = undefined;
    } catch (err) {
      last = err;
    }
    if (performance.now() > end) {
      throw new Error(
        `${what}: not within ${timeoutMs} ms`,
        last === undefined ? {} : { cause: last },
      );
    }
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}

/** Fails as soon as `probe` is not true, within `forMs`: for what must not happen. */
export async function remains(
  what: string,
  probe: () => Promise<boolean> | boolean,
  forMs: number,
): Promise<void> {
  const end = performance.now() + forMs;
  while (performance.now() < end) {
    if (!(await probe())) throw new Error(`${what}: no longer`);
    await new Promise((resolve) => setTimeout(resolve, POLL_MS));
  }
}
