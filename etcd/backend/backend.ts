/**
 * The store's records on disk, over LevelDB. It knows keys, payloads and batches, not revisions.
 *
 * Group commit: what is appended while a batch is being written goes into the next one, as a whole; one
 * batch is in flight, each written with fsync. `append` resolves when the batch is on disk, and batches
 * are durable in the order of `append`. What one `append` brings stands in one LevelDB batch: after a
 * crash all of it is there or none.
 *
 * Every batch also rewrites the head: the newest revision, the compaction, how many records there are and
 * the sum of their keys' checksums. `verify` compares a scan with it, so that a record that is missing,
 * doubled or foreign is found, as the payloads' own CRCs find changed bytes; the witness file finds a log
 * that ends early. A failed write ends the store: nothing after it may be acknowledged.
 */
import { mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { Level } from 'level';
import { crc32 } from './crc32.js';
import { DamagedError, explainOpenFailure } from './damage.js';
import { decodeHead, encodeHead, HEAD_KEY, type Head } from './head.js';
import { Witness } from './witness.js';

type Database = Level<Buffer, Buffer>;

interface Operation {
  type: 'put' | 'del';
  key: Buffer;
  value: Buffer;
}

export interface Append {
  readonly puts?: readonly { readonly key: Buffer; readonly value: Buffer }[];
  readonly deletes?: readonly Buffer[];
  /** The newest revision, when this adds one. */
  readonly revision?: number;
  readonly compactRevision?: number;
  /** Called in order, before anybody who waits is told, as soon as it is on disk. */
  readonly onDurable?: () => void;
}

export interface BackendOptions {
  readonly dir: string;
  /** A write failed: the process must end. */
  readonly onFailure: (err: unknown) => void;
  /** For a new store; two random ids. */
  readonly newId: () => string;
}

const NOTHING = Buffer.alloc(0);
/** LevelDB's block cache; values that are read often are cached above it. */
const BLOCK_CACHE_BYTES = 4 * 1024 * 1024;
const SCAN_BATCH = 1000;
const READ_AHEAD_BYTES = 256 * 1024;
/** One read ends behind the record with which it has this much: what lags must not fill the memory. */
const READ_BYTES = 4 * 1024 * 1024;

export class Backend {
  private operations: Operation[] = [];
  private callbacks: (() => void)[] = [];
  private group = newGroup();
  private flushing: Promise<void> | undefined;
  private failure: unknown;
  private closed = false;

  private constructor(
    private readonly db: Database,
    private readonly witness: Witness,
    private readonly options: BackendOptions,
    private head: Head,
  ) {}

  /** Throws `DamagedError` when the folder is not a whole store. */
  static async open(options: BackendOptions): Promise<Backend> {
    await mkdir(options.dir, { recursive: true, mode: 0o700 });
    const witnessPath = join(options.dir, 'witness');
    const databasePath = join(options.dir, 'level');
    const vouched = await Witness.read(witnessPath).catch((err: unknown) => {
      throw new DamagedError(options.dir, err instanceof Error ? err.message : String(err));
    });
    const db: Database = new Level(databasePath, {
      keyEncoding: 'buffer',
      valueEncoding: 'buffer',
      cacheSize: BLOCK_CACHE_BYTES,
    });
    try {
      await db.open();
    } catch (err) {
      throw explainOpenFailure(options.dir, err);
    }
    try {
      const head = await loadHead(db, options, vouched);
      const witness = await Witness.open(witnessPath, options.onFailure);
      const backend = new Backend(db, witness, options, head);
      await backend.append({});
      return backend;
    } catch (err) {
      await db.close();
      throw err;
    }
  }

  get identity(): { clusterId: string; memberId: string; term: number } {
    return this.head;
  }

  get revision(): number {
    return this.head.revision;
  }

  get compactRevision(): number {
    return this.head.compactRevision;
  }

  get records(): number {
    return this.head.records;
  }

  append(append: Append): Promise<void> {
    if (this.failure !== undefined || this.closed) {
      return Promise.reject(this.failure ?? new Error('the backend is closed'));
    }
    const { head } = this;
    for (const { key, value } of append.puts ?? []) {
      this.operations.push({ type: 'put', key, value });
      head.records++;
      head.keySum = (head.keySum + crc32(key)) >>> 0;
    }
    for (const key of append.deletes ?? []) {
      this.operations.push({ type: 'del', key, value: NOTHING });
      head.records--;
      head.keySum = (head.keySum - crc32(key)) >>> 0;
    }
    if (append.revision !== undefined) head.revision = append.revision;
    if (append.compactRevision !== undefined) head.compactRevision = append.compactRevision;
    if (append.onDurable) this.callbacks.push(append.onDurable);
    this.flushing ??= this.flush();
    return this.group.promise;
  }

  /** Undefined for a record that is not there. Blocks: for single reads of what a cache did not have. */
  getSync(key: Buffer): Buffer | undefined {
    return this.db.getSync(key);
  }

  getMany(keys: Buffer[]): Promise<(Buffer | undefined)[]> {
    return this.db.getMany(keys);
  }

  /**
   * Records with gte <= key < lt, in order: about `limit`, fewer when they are large. `more` unless all have
   * been read. LevelDB's `nextv` hands out a few kilobytes at a time: a short answer is not the end.
   */
  async read(
    gte: Buffer,
    lt: Buffer,
    limit: number,
  ): Promise<{ entries: [Buffer, Buffer][]; more: boolean }> {
    const iterator = this.db.iterator({ gte, lt, highWaterMarkBytes: READ_AHEAD_BYTES });
    const entries: [Buffer, Buffer][] = [];
    let bytes = 0;
    try {
      while (entries.length < limit && bytes < READ_BYTES) {
        const some = await iterator.nextv(limit - entries.length);
        if (some.length === 0) return { entries, more: false };
        for (const entry of some) {
          entries.push(entry);
          bytes += entry[1].length;
        }
      }
      return { entries, more: true };
    } finally {
      await iterator.close();
    }
  }

  /** Reads every record but the head, in order, and then compares with the head. */
  async verify(visit: (key: Buffer, value: Buffer) => void): Promise<void> {
    let records = 0;
    let keySum = 0;
    const iterator = this.db.iterator({ gt: HEAD_KEY });
    try {
      for (;;) {
        const entries = await iterator.nextv(SCAN_BATCH);
        if (entries.length === 0) break;
        for (const [key, value] of entries) {
          records++;
          keySum = (keySum + crc32(key)) >>> 0;
          visit(key, value);
        }
      }
    } catch (err) {
      if (err instanceof DamagedError) throw err;
      throw new DamagedError(this.options.dir, `reading the database failed: ${reason(err)}`);
    } finally {
      await iterator.close();
    }
    if (records !== this.head.records) {
      throw this.damaged(`${records} records were found where ${this.head.records} were written`);
    }
    if (keySum !== this.head.keySum) {
      throw this.damaged('the records that were found are not those that were written');
    }
  }

  damaged(what: string): DamagedError {
    return new DamagedError(this.options.dir, what);
  }

  /** What the files of the database take. */
  async sizeBytes(): Promise<number> {
    const dir = join(this.options.dir, 'level');
    let bytes = 0;
    for (const name of await readdir(dir)) {
      // LevelDB removes files at any time; one that has gone takes nothing.
      bytes += (await stat(join(dir, name)).catch(() => undefined))?.size ?? 0;
    }
    return bytes;
  }

  /** Waits for what was appended, then closes. */
  async close(): Promise<void> {
    this.closed = true;
    while (this.flushing) await this.flushing;
    await this.witness.close();
    await this.db.close();
  }

  private async flush(): Promise<void> {
    // All requests that arrived in this turn of the event loop share the batch.
    await new Promise((resolve) => setImmediate(resolve));
    while (this.failure === undefined && (this.operations.length > 0 || this.group.waiting)) {
      const { operations, callbacks, group } = this;
      this.operations = [];
      this.callbacks = [];
      this.group = newGroup();
      const { revision } = this.head;
      operations.push({ type: 'put', key: HEAD_KEY, value: encodeHead(this.head) });
      try {
        await this.db.batch(operations, { sync: true });
      } catch (err) {
        this.failure = err;
        group.reject(err);
        this.group.reject(err);
        this.options.onFailure(err);
        break;
      }
      this.witness.record(revision);
      for (const callback of callbacks) callback();
      group.resolve();
    }
    this.flushing = undefined;
  }
}

interface Group {
  /** Reading it marks the group as waited for. */
  readonly promise: Promise<void>;
  readonly waiting: boolean;
  resolve(): void;
  reject(err: unknown): void;
}

/** All that wait for one batch share one promise. */
function newGroup(): Group {
  let resolve: (() => void) | undefined;
  let reject: ((err: unknown) => void) | undefined;
  let promise: Promise<void> | undefined;
  return {
    get promise() {
      promise ??= new Promise<void>((ok, fail) => {
        resolve = ok;
        reject = fail;
      });
      return promise;
    },
    get waiting() {
      return promise !== undefined;
    },
    resolve: () => resolve?.(),
    reject: (err) => reject?.(err),
  };
}

async function loadHead(
  db: Database,
  options: BackendOptions,
  vouched: number | undefined,
): Promise<Head> {
  let bytes: Buffer | undefined;
  try {
    bytes = await db.get(HEAD_KEY);
  } catch (err) {
    throw new DamagedError(options.dir, `reading the head record failed: ${reason(err)}`);
  }
  if (!bytes) {
    const foreign = await db.keys({ limit: 1 }).all();
    if (foreign.length > 0) {
      throw new DamagedError(options.dir, 'there are records but the head record is missing');
    }
    if (vouched !== undefined && vouched > 0) {
      throw new DamagedError(
        options.dir,
        `the database is empty, but revision ${vouched} was acknowledged from it`,
      );
    }
    return {
      clusterId: options.newId(),
      memberId: options.newId(),
      term: 1,
      // As etcd's: the empty store is at revision 1.
      revision: 1,
      compactRevision: 0,
      records: 0,
      keySum: 0,
    };
  }
  const head = decodeHead(options.dir, bytes);
  if (vouched !== undefined && vouched > head.revision) {
    throw new DamagedError(
      options.dir,
      `the database ends at revision ${head.revision}, but revision ${vouched} was acknowledged from it`,
    );
  }
  if (vouched === undefined && head.revision > 1) {
    throw new DamagedError(options.dir, 'the witness file is missing');
  }
  return { ...head, term: head.term + 1 };
}

function reason(err: unknown): string {
  if (!(err instanceof Error)) return String(err);
  return err.cause instanceof Error ? err.cause.message : err.message;
}
