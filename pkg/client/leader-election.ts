/**
 * One of several processes leads, by a Lease that it keeps renewing
 * (`k8s.io/client-go/tools/leaderelection`).
 *
 *   follower ── lease absent, released, expired as observed here, or our own ──▶ leader
 *   leader ── no renewal for renewDeadline, or another holder seen ──▶ lost: `run` throws LeaderLostError
 *   leader ── signal aborts ──▶ lead() has returned ──▶ lease released
 *
 * Expiry is measured on the local clock from when a change of the lease was last SEEN, so clocks need not
 * agree; they must only run equally fast. A process that lost the lease must exit at once: its work may
 * already be somebody else's. `leaseDuration > renewDeadline > retryPeriod * 1.2`.
 */

import { setMaxListeners } from 'node:events';
import type { Lease, LeaseSpec } from '../api/types.js';
import { formatMicroTime } from '../apimachinery/meta.js';
import { type Clock, RealClock } from '../component/clock.js';
import type { Logger } from '../component/logger.js';
import { isAlreadyExists, isConflict, isNotFound } from './errors.js';
import { type EventRecorder, referenceTo } from './event-recorder.js';
import type { ResourceClient } from './resource-client.js';
import { LEASES } from './resources.js';
import type { RestClient } from './rest.js';

export const LEASE_DURATION_MS = 15_000;
export const RENEW_DEADLINE_MS = 10_000;
export const RETRY_PERIOD_MS = 2_000;
const JITTER = 1.2;
/** Until the lease was seen once, or found absent, an apiserver that only starts is asked more often. */
const FIRST_SIGHT_MS = 250;

export interface LeaderElectionOptions {
  readonly client: RestClient;
  /** `kube-system`. */
  readonly namespace: string;
  /** `kube-scheduler`. */
  readonly name: string;
  /** Who we are among the candidates. A process that comes back under its old identity leads at once. */
  readonly identity: string;
  readonly leaseDurationMs?: number;
  readonly renewDeadlineMs?: number;
  readonly retryPeriodMs?: number;
  readonly recorder?: EventRecorder;
  readonly clock?: Clock;
  readonly logger?: Logger;
}

/** We led and may not any more. */
export class LeaderLostError extends Error {
  override name = 'LeaderLostError';
}

export class LeaderElector {
  private readonly clock: Clock;
  private readonly leases: ResourceClient<Lease>;
  private readonly leaseDurationMs: number;
  private readonly renewDeadlineMs: number;
  private readonly retryPeriodMs: number;
  private observed: Lease | undefined;
  private observedAt = 0;

  constructor(private readonly options: LeaderElectionOptions) {
    this.clock = options.clock ?? new RealClock();
    this.leases = options.client.resource<Lease>(LEASES);
    this.leaseDurationMs = options.leaseDurationMs ?? LEASE_DURATION_MS;
    this.renewDeadlineMs = options.renewDeadlineMs ?? RENEW_DEADLINE_MS;
    this.retryPeriodMs = options.retryPeriodMs ?? RETRY_PERIOD_MS;
    if (this.leaseDurationMs <= this.renewDeadlineMs) {
      throw new Error('leaseDuration must be greater than renewDeadline');
    }
    if (this.renewDeadlineMs <= this.retryPeriodMs * JITTER) {
      throw new Error('renewDeadline must be greater than retryPeriod*JitterFactor');
    }
  }

  /** The holder as last seen. */
  get leader(): string {
    return this.observed?.spec?.holderIdentity ?? '';
  }

  get isLeader(): boolean {
    return this.leader === this.options.identity;
  }

  /**
   * For `/healthz`: an error when we still believe to lead though the lease should have run out.
   */
  check(toleranceMs = 20_000): Error | undefined {
    if (!this.isLeader) return undefined;
    const stale = this.clock.monotonic() - this.observedAt > this.leaseDurationMs + toleranceMs;
    return stale
      ? new Error(`failed election to renew leadership on lease ${this.options.name}`)
      : undefined;
  }

  /**
   * Waits to lead, then runs `lead` until the signal aborts. Throws LeaderLostError when the lease is
   * lost, and what `lead` throws.
   */
  async run(signal: AbortSignal, lead: (signal: AbortSignal) => Promise<void>): Promise<void> {
    if (!(await this.acquire(signal))) return;
    const { identity, logger } = this.options;
    logger?.info({ lease: this.options.name, identity }, 'Became leader');
    this.record('became leader');
    const leading = new AbortController();
    setMaxListeners(0, leading.signal);
    const onAbort = () => leading.abort(signal.reason);
    if (signal.aborted) onAbort();
    else signal.addEventListener('abort', onAbort, { once: true });
    const work = lead(leading.signal).finally(() => leading.abort(new Error('stopped leading')));
    // Settled, not awaited: after a loss nobody waits for work that may hang.
    const outcome = Promise.allSettled([work]);
    const isLost = await this.renew(leading.signal);
    signal.removeEventListener('abort', onAbort);
    if (isLost) {
      const lost = new LeaderLostError('leader election lost');
      leading.abort(lost);
      this.record('stopped leading');
      throw lost;
    }
    const [result] = await outcome;
    await this.release();
    if (result.status === 'rejected') throw result.reason;
  }

  private async acquire(signal: AbortSignal): Promise<boolean> {
    let reported = '';
    while (!signal.aborted) {
      if (await this.tryAcquireOrRenew(signal)) return true;
      if (this.leader !== reported) {
        reported = this.leader;
        this.options.logger?.info(
          { lease: this.options.name, leader: reported },
          'New leader seen',
        );
      }
      const wait = this.retryPeriodMs * (1 + this.clock.random() * JITTER);
      await this.pause(Math.min(wait, this.observed ? this.untilExpiry() : FIRST_SIGHT_MS), signal);
    }
    return false;
  }

  /** Until the signal aborts (false) or the lease is lost (true). */
  private async renew(signal: AbortSignal): Promise<boolean> {
    let renewedAt = this.clock.monotonic();
    for (;;) {
      await this.pause(this.retryPeriodMs, signal);
      if (signal.aborted) return false;
      const left = this.renewDeadlineMs - (this.clock.monotonic() - renewedAt);
      if (await this.tryAcquireOrRenew(signal, Math.max(left, 1)))
        renewedAt = this.clock.monotonic();
      else if (signal.aborted) return false;
      else if (this.clock.monotonic() - renewedAt >= this.renewDeadlineMs) return true;
    }
  }

  private async tryAcquireOrRenew(
    signal: AbortSignal,
    timeoutMs = this.renewDeadlineMs,
  ): Promise<boolean> {
    try {
      return await this.attempt({ signal, timeoutMs: Math.ceil(timeoutMs) });
    } catch (err) {
      if (signal.aborted) return false;
      if (isConflict(err) || isAlreadyExists(err)) {
        // Somebody was faster; what we saw is not what is there.
        return false;
      }
      this.options.logger?.debug({ lease: this.options.name, err }, 'Cannot reach the lease');
      return false;
    }
  }

  private async attempt(call: { signal: AbortSignal; timeoutMs: number }): Promise<boolean> {
    const { namespace, name, identity } = this.options;
    const now = formatMicroTime(new Date(this.clock.now()));
    const wanted: LeaseSpec = {
      holderIdentity: identity,
      leaseDurationSeconds: Math.ceil(this.leaseDurationMs / 1000),
      acquireTime: now,
      renewTime: now,
      leaseTransitions: 0,
    };
    // A leader whose last write is the newest renews without reading.
    if (this.observed && this.isLeader && this.valid()) {
      const spec = { ...this.observed.spec, renewTime: now };
      try {
        this.observe(await this.leases.update({ ...this.observed, spec }, call));
        return true;
      } catch (err) {
        if (!isConflict(err) && !isNotFound(err)) throw err;
      }
    }
    let current: Lease;
    try {
      current = await this.leases.get(namespace, name, call);
    } catch (err) {
      if (!isNotFound(err)) throw err;
      this.observe(await this.leases.create({ metadata: { namespace, name }, spec: wanted }, call));
      return true;
    }
    if (current.metadata?.resourceVersion !== this.observed?.metadata?.resourceVersion) {
      this.observe(current);
    }
    const held = (current.spec?.holderIdentity ?? '') !== '';
    if (held && this.valid() && !this.isLeader) return false;
    const transitions = current.spec?.leaseTransitions ?? 0;
    const spec: LeaseSpec = this.isLeader
      ? { ...wanted, acquireTime: current.spec?.acquireTime ?? now, leaseTransitions: transitions }
      : { ...wanted, leaseTransitions: transitions + 1 };
    this.observe(
      await this.leases.update({ ...current, spec: { ...current.spec, ...spec } }, call),
    );
    return true;
  }

  /** The lease as last seen has not run out, counted from when we saw it. */
  private valid(): boolean {
    return this.expiresAt() > this.clock.monotonic();
  }

  private expiresAt(): number {
    const seconds = this.observed?.spec?.leaseDurationSeconds;
    return this.observedAt + (seconds === undefined ? this.leaseDurationMs : seconds * 1000);
  }

  /**
   * DEVIATION: client-go looks once a retry period. Who waits here looks at the moment at which the lease
   * runs out as well, so that taking over does not cost a period more. Infinity when it has run out.
   */
  private untilExpiry(): number {
    const left = this.expiresAt() - this.clock.monotonic();
    return left > 0 ? Math.ceil(left) : Number.POSITIVE_INFINITY;
  }

  private observe(lease: Lease): void {
    this.observed = lease;
    this.observedAt = this.clock.monotonic();
  }

  /** So that the next leader need not wait for the lease to run out. */
  private async release(): Promise<void> {
    if (!this.observed || !this.isLeader) return;
    const now = formatMicroTime(new Date(this.clock.now()));
    const { leaseTransitions } = this.observed.spec ?? {};
    const spec: LeaseSpec = {
      holderIdentity: '',
      leaseDurationSeconds: 1,
      acquireTime: now,
      renewTime: now,
      ...(leaseTransitions === undefined ? {} : { leaseTransitions }),
    };
    try {
      this.observe(await this.leases.update({ ...this.observed, spec }, { timeoutMs: 2_000 }));
    } catch (err) {
      this.options.logger?.info({ lease: this.options.name, err }, 'Could not release the lease');
    }
  }

  private record(what: string): void {
    if (!this.observed) return;
    const { recorder, identity } = this.options;
    recorder?.event(
      referenceTo(LEASES, this.observed),
      'Normal',
      'LeaderElection',
      `${identity} ${what}`,
    );
  }

  private async pause(ms: number, signal: AbortSignal): Promise<void> {
    try {
      await this.clock.sleep(ms, signal);
    } catch (err) {
      if (!signal.aborted) throw err;
    }
  }
}
