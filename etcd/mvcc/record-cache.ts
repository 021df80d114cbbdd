/**
 * The newest records by key, least recently used first out, bounded by bytes. What is here is on disk
 * as well; a miss costs one read.
 */
import { recordMod } from '../../pkg/etcd-client/kv-record.js';

export class RecordCache {
  private readonly records = new Map<string, Buffer>();
  private bytes = 0;

  constructor(private readonly maxBytes: number) {}

  /** The record of `key`, if it is the one of that revision. */
  get(key: string, main: number): Buffer | undefined {
    const record = this.records.get(key);
    if (!record || recordMod(record) !== main) return undefined;
    this.records.delete(key);
    this.records.set(key, record);
    return record;
  }

  set(key: string, record: Buffer): void {
    this.delete(key);
    this.records.set(key, record);
    this.bytes += record.length;
    for (const oldest of this.records.keys()) {
      if (this.bytes <= this.maxBytes) break;
      this.delete(oldest);
    }
  }

  delete(key: string): void {
    const record = this.records.get(key);
    if (!record) return;
    this.records.delete(key);
    this.bytes -= record.length;
  }
}
