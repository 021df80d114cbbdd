/**
 * One PriorityLevelConfiguration at work: its requests, and how many seats it has.
 *
 *   nominal   its shares of all seats
 *   lower     what of these it never lends
 *   upper     nominal and what it may borrow
 *   current   what it has now, between the two; changed every few seconds as levels need more or less
 */
import type { PriorityLevelConfiguration } from '../../pkg/api/types.js';
import { type QueueConfig, QueueSet } from './queue-set.js';
import { RetryAfter } from './retry-after.js';

export const EXEMPT = 'exempt';
export const CATCH_ALL = 'catch-all';
const NO_QUEUES: QueueConfig = { queues: 0, handSize: 0, queueLengthLimit: 0 };
/** Of a level's nominal seats that one LIST may have. */
const WIDEST = 0.15;
const DEFAULT_SHARES = 30;

export class PriorityLevel {
  readonly retryAfter = new RetryAfter();
  readonly set: QueueSet;
  readonly name: string;
  nominal = 0;
  lower = 0;
  upper = 0;
  current = 0;
  /** Target of the last adjustment. */
  target = 0;
  /** No one refers to it any more; it goes when it is idle. */
  quiescing = false;

  constructor(
    public object: PriorityLevelConfiguration,
    now: number,
  ) {
    this.name = object.metadata?.name ?? '';
    const limit = this.exempt ? Number.POSITIVE_INFINITY : 0;
    this.set = new QueueSet(queuesOf(object), limit, now);
  }

  get uid(): string {
    return this.object.metadata?.uid ?? '';
  }

  get exempt(): boolean {
    return this.object.spec?.type === 'Exempt';
  }

  get shares(): number {
    const { exempt, limited } = this.object.spec ?? {};
    if (this.exempt) return exempt?.nominalConcurrencyShares ?? 0;
    return limited?.nominalConcurrencyShares ?? DEFAULT_SHARES;
  }

  /** Seats that the widest request may take. */
  get widest(): number {
    const { handSize } = queuesOf(this.object);
    if (handSize === 0) return Number.POSITIVE_INFINITY;
    return Math.max(
      1,
      Math.min(Math.ceil(this.nominal * WIDEST), Math.trunc(this.nominal / handSize)),
    );
  }

  reconfigure(object: PriorityLevelConfiguration): void {
    this.object = object;
    this.quiescing = false;
    this.set.reconfigure(queuesOf(object));
  }

  /** Its part of `total` seats, of which there are `shareSum` shares. Resets what is borrowed and lent. */
  setShare(total: number, shareSum: number): void {
    const { exempt, limited } = this.object.spec ?? {};
    this.nominal = shareSum > 0 ? Math.ceil((total * this.shares) / shareSum) : 0;
    const lendable = (this.exempt ? exempt : limited)?.lendablePercent ?? 0;
    this.lower = this.nominal - Math.round((this.nominal * lendable) / 100);
    const borrowing = this.exempt ? undefined : limited?.borrowingLimitPercent;
    this.upper =
      this.nominal +
      (borrowing === undefined ? total : Math.round((this.nominal * borrowing) / 100));
  }

  setCurrent(seats: number, now: number): void {
    this.current = seats;
    if (!this.exempt) this.set.setLimit(seats, now);
  }
}

function queuesOf({ spec }: PriorityLevelConfiguration): QueueConfig {
  const response = spec?.limited?.limitResponse;
  if (spec?.type === 'Exempt' || response?.type !== 'Queue') return NO_QUEUES;
  const { queues = 64, handSize = 8, queueLengthLimit = 50 } = response.queuing ?? {};
  return { queues, handSize, queueLengthLimit };
}

/** Whether the level can be worked with; what validation lets pass always can. */
export function isSound({ metadata, spec }: PriorityLevelConfiguration): boolean {
  if (spec?.type === 'Exempt') return !spec.limited && metadata?.name === EXEMPT;
  if (!spec?.limited || metadata?.name === EXEMPT) return false;
  const { limitResponse } = spec.limited;
  return (limitResponse?.type === 'Queue') === (limitResponse?.queuing !== undefined);
}
