/**
 * Gives out node ports. All that are taken stand in one record of the store, a bitmap that is only ever
 * written over the state it was read from, so that several apiservers can not give out one port twice:
 *
 *   read record ─▶ change bits ─▶ write if unchanged ─▶ done
 *        ▲                              │ somebody was faster
 *        └──────────────────────────────┘
 *
 * The record has upstream's key and shape (a RangeAllocation with `range` and base64 `data`).
 */
import type { EtcdClient } from '../../../pkg/etcd-client/interface.js';
import type { RequestContext } from '../../server/request-context.js';
import { AllocationError } from './cluster-ip-allocator.js';

const KEY = '/registry/ranges/servicenodeports';
/** Lost races before giving up; each means that another allocation went through. */
const MAX_TRIES = 64;

export interface PortRange {
  readonly from: number;
  /** Included. */
  readonly to: number;
}

export class NodePortAllocator {
  constructor(
    private readonly etcd: EtcdClient,
    private readonly range: PortRange,
  ) {}

  /** Takes one port, or throws AllocationError. */
  async allocate(port: number, ctx: RequestContext): Promise<void> {
    if (port < this.range.from || port > this.range.to) {
      throw new AllocationError(
        `provided port is not in the valid range. The range of valid ports is ${this.range.from}-${this.range.to}`,
      );
    }
    await this.change(ctx.signal, (taken) => {
      if (taken.has(port)) throw new AllocationError('provided port is already allocated');
      taken.add(port);
    });
  }

  /** Takes any free port, or throws AllocationError when there is none. */
  async allocateNext(ctx: RequestContext): Promise<number> {
    let port = 0;
    await this.change(ctx.signal, (taken) => {
      const count = this.range.to - this.range.from + 1;
      const start = Math.floor(ctx.clock.random() * count);
      for (let step = 0; step < count; step++) {
        port = this.range.from + ((start + step) % count);
        if (!taken.has(port)) {
          taken.add(port);
          return;
        }
      }
      throw new AllocationError('range is full');
    });
    return port;
  }

  /** Gives ports back; those that are free already stay so. */
  async release(ports: readonly number[], signal: AbortSignal): Promise<void> {
    if (ports.length === 0) return;
    await this.change(signal, (taken) => {
      for (const port of ports) taken.delete(port);
    });
  }

  private async change(signal: AbortSignal, apply: (taken: Set<number>) => void): Promise<void> {
    for (let tries = 0; tries < MAX_TRIES; tries++) {
      signal.throwIfAborted();
      const { kvs } = await this.etcd.range(KEY, { signal });
      const found = kvs[0];
      const taken = found ? this.decode(found.value) : new Set<number>();
      const before = taken.size;
      const snapshot = [...taken].join();
      apply(taken);
      if (taken.size === before && [...taken].join() === snapshot) return;
      const { succeeded } = await this.etcd.txn(
        [{ key: KEY, modRevision: found?.modRevision ?? 0 }],
        [{ type: 'put', key: KEY, value: this.encode(taken) }],
        [],
        signal,
      );
      if (succeeded) return;
    }
    throw new AllocationError('too many allocations at the same time');
  }

  /** Bits of ports outside the range are kept out: the flag may have changed since they were taken. */
  private decode(value: Buffer): Set<number> {
    const record: unknown = JSON.parse(value.toString('utf8'));
    const taken = new Set<number>();
    if (typeof record !== 'object' || record === null) return taken;
    const { range, data } = record as { range?: unknown; data?: unknown };
    if (typeof range !== 'string' || typeof data !== 'string') return taken;
    const base = Number(range.split('-')[0]);
    const bits = Buffer.from(data, 'base64');
    for (let i = 0; i < bits.length * 8; i++) {
      const port = base + i;
      const isSet = ((bits[i >> 3] ?? 0) & (1 << (i & 7))) !== 0;
      if (isSet && port >= this.range.from && port <= this.range.to) taken.add(port);
    }
    return taken;
  }

  private encode(taken: ReadonlySet<number>): Buffer {
    const bits = Buffer.alloc(Math.ceil((this.range.to - this.range.from + 1) / 8));
    for (const port of taken) {
      const i = port - this.range.from;
      bits[i >> 3] = (bits[i >> 3] ?? 0) | (1 << (i & 7));
    }
    return Buffer.from(
      JSON.stringify({
        kind: 'RangeAllocation',
        apiVersion: 'v1',
        metadata: {},
        range: `${this.range.from}-${this.range.to}`,
        data: bits.toString('base64'),
      }),
    );
  }
}
