/**
 * The loop around every `sync(key)`: take a key, work on it under its cause, forget its failures or bring
 * it back later. A sync that throws is tried again with back-off; a permanent fault must not throw but
 * become a condition or an Event.
 */
import { runWithCause } from './cause.js';
import type { RateLimitingQueue } from './rate-limiting-queue.js';

export interface WorkersOptions<K extends string> {
  readonly queue: RateLimitingQueue<K>;
  /** Keys worked on at a time; never two workers on one key. */
  readonly concurrency: number;
  readonly sync: (key: K, signal: AbortSignal) => Promise<void>;
  /** Told of every failure before the key is queued again. Return false to drop the key. */
  readonly onError: (key: K, err: unknown, failures: number) => boolean | undefined;
  readonly signal: AbortSignal;
}

/** Resolves when the signal has aborted and the last sync has returned. */
export async function runWorkers<K extends string>(options: WorkersOptions<K>): Promise<void> {
  const { queue, concurrency, signal } = options;
  const stop = () => queue.shutDown();
  if (signal.aborted) stop();
  else signal.addEventListener('abort', stop, { once: true });
  await Promise.all(Array.from({ length: concurrency }, () => worker(options)));
  signal.removeEventListener('abort', stop);
}

async function worker<K extends string>(options: WorkersOptions<K>): Promise<void> {
  const { queue, sync, onError, signal } = options;
  for (;;) {
    const item = await queue.get();
    if (!item) return;
    try {
      await runWithCause(item.cause, () => sync(item.key, signal));
      queue.forget(item.key);
    } catch (err) {
      if (signal.aborted) return;
      const again = onError(item.key, err, queue.failures(item.key));
      if (again === false) queue.forget(item.key);
      else runWithCause(item.cause, () => queue.addRateLimited(item.key));
    } finally {
      queue.done(item.key);
    }
  }
}
