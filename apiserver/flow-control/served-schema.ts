/** A FlowSchema at work: the flows that it tells apart, and what became of its requests. */
import type { FlowSchema } from '../../pkg/api/types.js';
import type { PriorityLevel } from './priority-level.js';
import type { Flow, Refusal } from './queue-set.js';
import { flowHash } from './shuffle-sharding.js';
import { Tally } from './tally.js';

/** Flows whose hands are kept; beyond it all are dealt anew. */
const MAX_FLOWS = 4_096;

export const WAIT_BUCKETS = [0, 0.005, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30];
export const EXECUTION_BUCKETS = WAIT_BUCKETS.concat(60);
export const QUEUE_BUCKETS = [0, 10, 25, 50, 100, 250, 500, 1000];
export const SEAT_BUCKETS = [1, 2, 4, 10];

export interface NamedFlow extends Flow {
  readonly distinguisher: string;
}

export class ServedSchema {
  readonly name: string;
  readonly waits = new Tally(WAIT_BUCKETS);
  readonly refusedWaits = new Tally(WAIT_BUCKETS);
  readonly executions = new Tally(EXECUTION_BUCKETS);
  readonly queueLengths = new Tally(QUEUE_BUCKETS);
  readonly estimates = new Tally(SEAT_BUCKETS);
  readonly refused: Record<Refusal, number> = {
    'queue-full': 0,
    'concurrency-limit': 0,
    'time-out': 0,
    cancelled: 0,
  };
  waiting = 0;
  executing = 0;
  seatsInUse = 0;
  dispatched = 0;
  private readonly flows = new Map<string, NamedFlow>();
  private method: string | undefined;

  constructor(
    public object: FlowSchema,
    readonly level: PriorityLevel,
  ) {
    this.name = object.metadata?.name ?? '';
    this.method = object.spec?.distinguisherMethod?.type;
  }

  get uid(): string {
    return this.object.metadata?.uid ?? '';
  }

  /** The same one with what its object says now. */
  renewed(object: FlowSchema): this {
    const method = object.spec?.distinguisherMethod?.type;
    if (method !== this.method) this.flows.clear();
    this.method = method;
    this.object = object;
    return this;
  }

  flowOf(user: string, namespace: string): NamedFlow {
    const distinguisher =
      this.method === 'ByUser' ? user : this.method === 'ByNamespace' ? namespace : '';
    let flow = this.flows.get(distinguisher);
    if (!flow) {
      if (this.flows.size >= MAX_FLOWS) this.flows.clear();
      flow = { distinguisher, hash: flowHash(this.name, distinguisher) };
      this.flows.set(distinguisher, flow);
    }
    return flow;
  }

  started(seats: number, waitedMs: number): void {
    this.executing++;
    this.dispatched++;
    this.seatsInUse += seats;
    this.waits.observe(waitedMs / 1000);
    this.estimates.observe(seats);
  }

  ended(seats: number, tookMs: number): void {
    this.executing--;
    this.seatsInUse -= seats;
    this.executions.observe(tookMs / 1000);
  }
}
