/**
 * Leases: a time to live that keys can be tied to. When it runs out, or is revoked, the lease and its keys
 * go in one revision. A lease is on disk before it is granted; how much of its time is left is not, so
 * that a restart gives each its full time again (a crash must not expire anything early).
 */
import type { Clock } from '../../pkg/component/clock.js';
import type { Backend } from '../backend/backend.js';
import { crc32 } from '../backend/crc32.js';
import { leaseExists, leaseNotFound, leaseTtlTooLarge } from '../errors.js';
import type { LeaseBook } from '../mvcc/keyspace.js';
import type { Store } from '../mvcc/store.js';

/** etcd's least with default timing: less than this an election could not be survived. */
const MIN_TTL_SECONDS = 2;
const MAX_TTL_SECONDS = 9_000_000_000;
const PREFIX = 'l'.charCodeAt(0);
const KEY_BYTES = 9;
const VALUE_BYTES = 12;

interface Lease {
  readonly ttl: number;
  /** On the monotonic clock. */
  expires: number;
  readonly keys: Set<string>;
}

export interface LessorOptions {
  readonly backend: Backend;
  readonly store: Store;
  readonly clock: Clock;
  readonly newId: () => string;
}

export class Lessor implements LeaseBook {
  private readonly leases = new Map<string, Lease>();
  private wake: (() => void) | undefined;

  constructor(private readonly options: LessorOptions) {}

  /** Whether a record on disk is a lease, by its key. */
  static owns(diskKey: Buffer): boolean {
    return diskKey[0] === PREFIX;
  }

  /** A lease as it was found at start. Returns what is wrong with it, if anything. */
  restore(diskKey: Buffer, value: Buffer): string | undefined {
    if (diskKey.length !== KEY_BYTES || value.length !== VALUE_BYTES) return 'a lease is malformed';
    const id = diskKey.readBigInt64BE(1).toString();
    if (value.readUInt32BE(0) !== leaseSum(diskKey, value)) {
      return `lease ${id} is damaged: its checksum does not match`;
    }
    this.add(id, value.readUIntBE(6, 6));
    return undefined;
  }

  has(id: string): boolean {
    return this.leases.has(id);
  }

  attach(id: string, key: string): void {
    this.leases.get(id)?.keys.add(key);
  }

  detach(id: string, key: string): void {
    this.leases.get(id)?.keys.delete(key);
  }

  ids(): string[] {
    return [...this.leases.keys()];
  }

  async grant(requestedId: string, requestedTtl: number): Promise<{ id: string; ttl: number }> {
    if (requestedTtl > MAX_TTL_SECONDS) throw leaseTtlTooLarge();
    let id = requestedId;
    while (id === '0' || (requestedId === '0' && this.leases.has(id))) id = this.options.newId();
    if (this.leases.has(id)) throw leaseExists();
    const ttl = Math.max(requestedTtl, MIN_TTL_SECONDS);
    this.add(id, ttl);
    await this.options.backend.append({ puts: [encodeLease(id, ttl)] });
    this.wake?.();
    return { id, ttl };
  }

  async revoke(id: string): Promise<void> {
    const lease = this.leases.get(id);
    if (!lease) throw leaseNotFound();
    this.leases.delete(id);
    await this.options.store.deleteKeys([...lease.keys].sort(), [leaseKey(id)]);
  }

  /** The lease's full time again; 0 when there is no such lease, as etcd answers. */
  keepAlive(id: string): number {
    const lease = this.leases.get(id);
    if (!lease) return 0;
    lease.expires = this.options.clock.monotonic() + lease.ttl * 1000;
    return lease.ttl;
  }

  timeToLive(id: string): { ttl: number; grantedTtl: number; keys: string[] } | undefined {
    const lease = this.leases.get(id);
    if (!lease) return undefined;
    const left = Math.max(0, lease.expires - this.options.clock.monotonic());
    return { ttl: Math.floor(left / 1000), grantedTtl: lease.ttl, keys: [...lease.keys].sort() };
  }

  /** Revokes what runs out, until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { clock } = this.options;
    while (!signal.aborted) {
      const now = clock.monotonic();
      let next = Infinity;
      for (const [id, lease] of this.leases) {
        if (lease.expires <= now) await this.revoke(id);
        else next = Math.min(next, lease.expires);
      }
      // Aborted while a lease was revoked: nothing would wake the wait.
      if (signal.aborted) return;
      await new Promise<void>((resolve) => {
        const timer = next < Infinity ? clock.after(next - now, resolve) : undefined;
        const wake = () => {
          timer?.stop();
          signal.removeEventListener('abort', wake);
          resolve();
        };
        this.wake = wake;
        signal.addEventListener('abort', wake, { once: true });
      });
    }
  }

  private add(id: string, ttl: number): void {
    const expires = this.options.clock.monotonic() + ttl * 1000;
    this.leases.set(id, { ttl, expires, keys: new Set() });
  }
}

function leaseKey(id: string): Buffer {
  const key = Buffer.alloc(KEY_BYTES);
  key[0] = PREFIX;
  key.writeBigInt64BE(BigInt(id), 1);
  return key;
}

function encodeLease(id: string, ttl: number): { key: Buffer; value: Buffer } {
  const key = leaseKey(id);
  const value = Buffer.alloc(VALUE_BYTES);
  value.writeUIntBE(ttl, 6, 6);
  value.writeUInt32BE(leaseSum(key, value), 0);
  return { key, value };
}

function leaseSum(key: Buffer, value: Buffer): number {
  return crc32(Buffer.concat([key, value.subarray(4)]));
}
