/**
 * Forgets the store's old history every five minutes, as upstream's apiserver does. Several apiservers
 * agree through one key, whose value is the revision to compact to next:
 *
 *   each period: put the current revision under `compact_rev_key` if nobody did since we looked;
 *   who succeeds compacts to the revision that stood there before, so at least one period of history
 *   is left; who fails has learned what the other wrote, and tries again a period later.
 */
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import { CompactedError, type EtcdClient } from '../../pkg/etcd-client/interface.js';

const COMPACT_KEY = 'compact_rev_key';
export const COMPACT_INTERVAL_MS = 5 * 60_000;

export interface CompactorOptions {
  readonly client: EtcdClient;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `--etcd-compaction-interval`; 0 never compacts. */
  readonly intervalMs?: number;
}

export class Compactor {
  /** The key's mod revision and the store's revision when we last looked. */
  private seen = 0;
  private compactTo = 0;

  constructor(private readonly options: CompactorOptions) {}

  async run(signal: AbortSignal): Promise<void> {
    const { clock, logger, intervalMs = COMPACT_INTERVAL_MS } = this.options;
    if (intervalMs === 0) return;
    while (!signal.aborted) {
      try {
        await clock.sleep(intervalMs, signal);
      } catch {
        return;
      }
      try {
        await this.compactOnce(signal);
      } catch (err) {
        if (!signal.aborted && !(err instanceof CompactedError))
          logger.warn({ err }, 'compaction failed; it is tried again');
      }
    }
  }

  /** One period. Answers the revision that was compacted to, 0 for none. */
  async compactOnce(signal?: AbortSignal): Promise<number> {
    const { client, logger } = this.options;
    const result = await client.txn(
      [{ key: COMPACT_KEY, modRevision: this.seen }],
      [{ type: 'put', key: COMPACT_KEY, value: Buffer.from(String(this.compactTo)) }],
      [{ type: 'range', key: COMPACT_KEY }],
      signal,
    );
    const target = result.succeeded ? this.compactTo : 0;
    this.seen = result.succeeded
      ? result.revision
      : (result.responses[0]?.kvs[0]?.modRevision ?? 0);
    this.compactTo = result.revision;
    if (target === 0) return 0;
    await client.compact(target);
    logger.info({ revision: target }, 'store compacted');
    return target;
  }
}
