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
/** Upstream's, where the identity is upstream's as well. */
const DEFAULT_PORT = 6443;
const DURATION_SECONDS = 3_600;
const RENEW_MS = 10_000;
const COLLECT_MS = 3_600_000;

export class ServerLease {
  private readonly host = hostname();
  readonly name: string;
  private readonly holder: string;

  /** `port`: where this server is reached on its machine. */
  constructor(port: number) {
    this.name = apiServerId(this.host, port);
    this.holder = `${this.name}_${randomUUID()}`;
  }

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

/**
 * By which an apiserver is known: the same after it starts again. DEVIATION: upstream hashes the host's name
 * and the word alone, so that several on one machine are one; here a server on another port than the usual
 * one is another.
 */
export function apiServerId(host: string, port: number): string {
  const parts = [host, KUBE_APISERVER, ...(port === DEFAULT_PORT ? [] : [String(port)])];
  const hash = createHash('sha256');
  for (const part of parts) {
    const bytes = Buffer.from(part);
    hash.update(Buffer.from([bytes.length >> 8, bytes.length & 0xff])).update(bytes);
  }
  return `apiserver-${base32(hash.digest().subarray(0, 16))}`;
}

/** In lower case and without padding: the last letter of 16 bytes stands for three bits. */
function base32(bytes: Buffer): string {
  let text = '';
  let held = 0;
  let bits = 0;
  for (const byte of bytes) {
    held = (held << 8) | byte;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += ALPHABET[(held >> bits) & 31] ?? '';
    }
    held &= (1 << bits) - 1;
  }
  return bits === 0 ? text : text + (ALPHABET[(held << (5 - bits)) & 31] ?? '');
}

const ALPHABET = 'abcdefghijklmnopqrstuvwxyz234567';
