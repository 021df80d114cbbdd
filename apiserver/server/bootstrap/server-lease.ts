/**
 * The Lease by which this apiserver is known to the cluster: `apiserver-HASH` in kube-system, labelled
 * `apiserver.kubernetes.io/identity=kube-apiserver`, renewed as long as it runs. Every apiserver takes away the
 * Leases of those that stopped renewing theirs an hour ago.
 */
import { createHash, randomUUID } from 'node:crypto';
import { hostname } from 'node:os';
import type { Lease } from '../../../pkg/api/types.js';
import { formatMicroTime } from '../../../pkg/apimachinery/meta.js';
import { isReason } from '../../../pkg/apimachinery/status.js';
import { parseTime } from '../../../pkg/apimachinery/time.js';
import type { RequestContext } from '../request-context.js';
import { ensure } from './ensure.js';

const NAMESPACE = 'kube-system';
const GROUP = 'coordination.k8s.io';
const IDENTITY = 'apiserver.kubernetes.io/identity';
const KUBE_APISERVER = 'kube-apiserver';
const DURATION_SECONDS = 3_600;
const RENEW_MS = 10_000;
const COLLECT_MS = 3_600_000;

export class ServerLease {
  private readonly host = hostname();
  readonly name = `apiserver-${identityOf(this.host)}`;
  private readonly holder = `${this.name}_${randomUUID()}`;

  /** Makes it, or takes over what an earlier process on this machine left. */
  async hold(ctx: RequestContext): Promise<void> {
    const now = formatMicroTime(new Date(ctx.clock.now()));
    const labels = { [IDENTITY]: KUBE_APISERVER, 'kubernetes.io/hostname': this.host };
    const spec = {
      holderIdentity: this.holder,
      leaseDurationSeconds: DURATION_SECONDS,
      renewTime: now,
    };
    const wanted: Lease = {
      apiVersion: `${GROUP}/v1`,
      kind: 'Lease',
      metadata: { name: this.name, namespace: NAMESPACE, labels },
      spec: { ...spec, acquireTime: now },
    };
    const found = (await ensure(ctx, GROUP, 'leases', wanted)) as Lease;
    if (found.spec?.renewTime === now && found.spec.holderIdentity === this.holder) return;
    const mine = found.spec?.holderIdentity === this.holder;
    await ctx.server.store(GROUP, 'leases').update(
      NAMESPACE,
      this.name,
      (current) => {
        const lease = current as Lease;
        const acquireTime = mine ? (lease.spec?.acquireTime ?? now) : now;
        const metadata = { ...lease.metadata, labels: { ...lease.metadata?.labels, ...labels } };
        return { ...lease, metadata, spec: { ...spec, acquireTime } };
      },
      ctx,
    );
  }

  /** Until the context's signal aborts. The Lease stays: who comes back takes it over. */
  async run(ctx: RequestContext): Promise<void> {
    const { signal, clock, logger } = ctx;
    let collected = clock.monotonic();
    while (!signal.aborted) {
      try {
        await clock.sleep(RENEW_MS, signal);
        await this.hold(ctx);
        if (clock.monotonic() - collected < COLLECT_MS) continue;
        collected = clock.monotonic();
        await collectStale(ctx);
      } catch (err) {
        if (signal.aborted) return;
        logger.warn({ err }, 'could not renew the Lease of this apiserver');
      }
    }
  }
}

export async function collectStale(ctx: RequestContext): Promise<void> {
  const store = ctx.server.store(GROUP, 'leases');
  for (const lease of (await store.list(NAMESPACE)) as Lease[]) {
    const { metadata, spec } = lease;
    if (metadata?.labels?.[IDENTITY] !== KUBE_APISERVER) continue;
    const renewed = parseTime(spec?.renewTime ?? '');
    const seconds = spec?.leaseDurationSeconds ?? 0;
    if (renewed !== undefined && renewed + seconds * 1000 > ctx.clock.now()) continue;
    try {
      await store.delete(NAMESPACE, metadata?.name ?? '', undefined, ctx);
    } catch (err) {
      if (!isReason(err, 'NotFound')) throw err;
    }
  }
}

/** The same for every process that serves from this machine, as upstream makes it from the host's name. */
function identityOf(host: string): string {
  const digest = createHash('sha256').update(host).digest();
  let bits = 0n;
  for (const byte of digest.subarray(0, 16)) bits = (bits << 8n) | BigInt(byte);
  let text = '';
  for (let i = 0; i < 26; i++) {
    text = (ALPHABET[Number(bits & 31n)] ?? '') + text;
    bits >>= 5n;
  }
  return text;
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
