/**
 * Leases for objects that expire (Events, after an hour). Many objects share one: a lease is handed out for
 * a minute or a thousand objects, whichever is first, and lives that much longer, so that none expires
 * early (as upstream's lease manager).
 */
import type { Clock } from '../../pkg/component/clock.js';
import type { EtcdClient } from '../../pkg/etcd-client/interface.js';

const REUSE_MS = 60_000;
const MAX_OBJECTS = 1_000;

interface Shared {
  readonly id: Promise<string>;
  readonly until: number;
  objects: number;
}

export class LeasePool {
  private readonly shared = new Map<number, Shared>();

  constructor(
    private readonly client: EtcdClient,
    private readonly clock: Clock,
  ) {}

  /** A lease that lasts at least `ttlSeconds`. */
  async lease(ttlSeconds: number): Promise<string> {
    const now = this.clock.monotonic();
    let shared = this.shared.get(ttlSeconds);
    if (!shared || now >= shared.until || shared.objects >= MAX_OBJECTS) {
      const id = this.client.leaseGrant(ttlSeconds + REUSE_MS / 1000).then((lease) => lease.id);
      const fresh: Shared = { id, until: now + REUSE_MS, objects: 0 };
      id.catch(() => {
        if (this.shared.get(ttlSeconds) === fresh) this.shared.delete(ttlSeconds);
      });
      this.shared.set(ttlSeconds, fresh);
      shared = fresh;
    }
    shared.objects++;
    return shared.id;
  }
}
