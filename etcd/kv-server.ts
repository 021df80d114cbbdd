/**
 * The store put together: backend, history, leases, watchers, compaction. Opened from a data folder,
 * served by `server/`. It owns the background work and stops it on `close`.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../pkg/component/clock.js';
import type { Logger } from '../pkg/component/logger.js';
import { TaskGroup } from '../pkg/component/task-group.js';
import { Backend } from './backend/backend.js';
import { Lessor } from './lease/lessor.js';
import { Store } from './mvcc/store.js';
import { WatchableStore } from './mvcc/watchable-store.js';

export interface KvServerOptions {
  readonly dataDir: string;
  readonly name: string;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** The store can not go on: the process must end. */
  readonly onFailure: (what: string, err: unknown) => void;
  readonly autoCompaction?: AutoCompaction | undefined;
}

/** Keep what is younger than `periodMs`, or the last `revisions`. */
export type AutoCompaction =
  | { readonly mode: 'periodic'; readonly periodMs: number }
  | { readonly mode: 'revision'; readonly revisions: number };

/** As etcd: revision mode looks every five minutes, periodic mode ten times a period. */
const REVISION_MODE_MS = 5 * 60_000;
const PERIODS = 10;

export class KvServer {
  private sweeping: Promise<void> | undefined;

  private constructor(
    readonly options: KvServerOptions,
    readonly backend: Backend,
    readonly store: Store,
    readonly watchable: WatchableStore,
    readonly lessor: Lessor,
    private readonly tasks: TaskGroup,
  ) {}

  static async open(options: KvServerOptions): Promise<KvServer> {
    const tasks = new TaskGroup(options.signal, options.onFailure);
    const newId = () => (randomBytes(8).readBigUInt64BE() >> 1n).toString();
    const backend = await Backend.open({
      dir: options.dataDir,
      newId,
      onFailure: (err) => options.onFailure('backend', err),
    });
    try {
      const store = new Store({ backend, onCommit: (txn) => watchable.notify(txn) });
      const watchable = new WatchableStore(store, tasks);
      const lessor = new Lessor({ backend, store, clock: options.clock, newId });
      store.useLeases(lessor);
      await restore(backend, store, lessor);
      const server = new KvServer(options, backend, store, watchable, lessor, tasks);
      tasks.spawn('lease expiry', (signal) => lessor.run(signal));
      if (store.compactRevision > 0) void server.sweep();
      if (options.autoCompaction) {
        const { autoCompaction } = options;
        tasks.spawn('auto compaction', (signal) => server.autoCompact(autoCompaction, signal));
      }
      return server;
    } catch (err) {
      await backend.close();
      throw err;
    }
  }

  /** Resolves when the compaction is decided; `physical`: when it has been carried out. */
  async compact(revision: number, physical = false): Promise<void> {
    await this.store.compact(revision);
    const swept = this.sweep();
    if (physical) await swept;
  }

  async close(): Promise<void> {
    await this.tasks.stop();
    await this.backend.close();
  }

  /** Sweeps run one behind the other; one that waits covers all compactions until it begins. */
  private sweep(): Promise<void> {
    const before = this.sweeping ?? Promise.resolve();
    const swept = new Promise<void>((resolve) => {
      this.tasks.spawn('compaction sweep', async (signal) => {
        try {
          await before;
          await this.store.sweep(signal);
        } finally {
          resolve();
        }
      });
    });
    this.sweeping = swept;
    return swept;
  }

  private async autoCompact(auto: AutoCompaction, signal: AbortSignal): Promise<void> {
    const { clock, logger } = this.options;
    const seen: number[] = [];
    for (;;) {
      await clock.sleep(
        auto.mode === 'periodic' ? auto.periodMs / PERIODS : REVISION_MODE_MS,
        signal,
      );
      seen.push(this.store.revision);
      if (auto.mode === 'periodic' && seen.length <= PERIODS) continue;
      const target =
        auto.mode === 'periodic' ? (seen.shift() ?? 0) : this.store.revision - auto.revisions;
      if (auto.mode === 'revision') seen.length = 0;
      if (target <= Math.max(this.store.compactRevision, 1)) continue;
      await this.compact(target);
      logger.info({ revision: target }, 'compacted');
    }
  }
}

/** Leases sort before revisions, so that keys find theirs. */
async function restore(backend: Backend, store: Store, lessor: Lessor): Promise<void> {
  let before = { main: store.compactRevision, sub: 0 };
  await backend.verify((key, value) => {
    if (Lessor.owns(key)) {
      const wrong = lessor.restore(key, value);
      if (wrong) throw backend.damaged(wrong);
      return;
    }
    const wrong = store.restore(key, value, before);
    if (wrong) throw backend.damaged(wrong);
    before = { main: key.readUIntBE(1, 6), sub: key.readUInt32BE(7) };
  });
  if (before.main < store.revision && store.revision > Math.max(1, store.compactRevision)) {
    throw backend.damaged(`the last record, of revision ${store.revision}, is missing`);
  }
}
