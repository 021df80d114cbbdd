/**
 * The requests of one priority level: those that run, up to a number of seats, and those that wait in queues.
 * Fair queuing: each queue that has work is due the same share of the seats, however much it asks for.
 *
 *   admit ──▶ runs (a seat is free and nobody waits) ──finish──▶ the next one is dispatched
 *     │
 *     ├────▶ waits in the shortest queue of its flow's hand ──dispatched──▶ runs
 *     │                     └── abandon (its time is up, the client left)
 *     └────▶ refused: the queue is full, or the level has no queues and no free seat
 *
 * Virtual time R (in seats × ms for each queue that has work) is how far a queue that always used its share
 * would have come. A queue's `nextR` is where its next request begins in that time; the queue whose first
 * request would end earliest goes next. A request counts for GUESS_MS until it ends and tells how long it took.
 *
 * Pure: time is told to every method. No method calls back but through `Ticket.decide`, last of all.
 * Upstream: `k8s.io/apiserver/pkg/util/flowcontrol/fairqueuing/queueset`.
 */
import { SeatDemand } from './seat-demand.js';
import { dealHand } from './shuffle-sharding.js';

/** How long a request is taken to run, before it has. */
const GUESS_MS = 3;

export type Refusal = 'queue-full' | 'concurrency-limit' | 'time-out' | 'cancelled';

/** Whose requests are kept apart from others' requests. Holds the hand that it was dealt last. */
export interface Flow {
  readonly hash: bigint;
  hand?: readonly number[];
  deck?: QueueConfig;
}

export interface QueueConfig {
  /** None: what finds no seat is refused. */
  readonly queues: number;
  readonly handSize: number;
  readonly queueLengthLimit: number;
}

export interface Queue {
  readonly index: number;
  readonly waiting: Ticket[];
  seatsWaiting: number;
  executing: number;
  seatsInUse: number;
  nextR: number;
}

export class Ticket {
  queue: Queue | undefined = undefined;
  arrived = 0;
  /** Where R was when it came. */
  arrivedR = 0;
  started = 0;
  state: 'new' | 'waiting' | 'executing' | 'ended' = 'new';
  /** Told once what came of waiting. */
  decide: ((refused: Refusal | undefined) => void) | undefined = undefined;

  constructor(
    readonly flow: Flow,
    readonly seats: number,
  ) {}
}

export class QueueSet {
  readonly demand: SeatDemand;
  executing = 0;
  seatsInUse = 0;
  waiting = 0;
  seatsWaiting = 0;
  dispatched = 0;
  rejected = 0;
  timedOut = 0;
  cancelled = 0;
  private queues: Queue[] = [];
  /** Those in which somebody waits; who was served goes last, so that equals take turns. */
  private readonly occupied = new Set<Queue>();
  /** Queues with a request that waits or runs. */
  private active = 0;
  /** Where in the hand the next search begins. */
  private turn = 0;
  private r = 0;
  private at: number;

  constructor(
    private config: QueueConfig,
    private limit: number,
    now: number,
  ) {
    this.at = now;
    this.demand = new SeatDemand(now);
    this.reconfigure(config);
  }

  get isIdle(): boolean {
    return this.executing === 0 && this.waiting === 0;
  }

  get activeQueues(): number {
    return this.active;
  }

  get seatLimit(): number {
    return this.limit;
  }

  /** Queues with requests, and those that may get some. */
  get allQueues(): readonly Queue[] {
    return [...new Set([...this.queues, ...this.occupied])];
  }

  /** Queues that are taken away are served until they are empty. */
  reconfigure(config: QueueConfig): void {
    const { queues, handSize } = this.config;
    if (queues !== config.queues || handSize !== config.handSize || this.queues.length === 0) {
      this.queues.length = Math.min(this.queues.length, config.queues);
      while (this.queues.length < config.queues) {
        const index = this.queues.length;
        const nothing = { seatsWaiting: 0, executing: 0, seatsInUse: 0, nextR: 0 };
        this.queues.push({ index, waiting: [], ...nothing });
      }
    }
    this.config = config;
  }

  setLimit(seats: number, now: number): void {
    this.advance(now);
    this.limit = seats;
    this.dispatch(now);
  }

  /** True: it runs, and `finish` must be called. False: it waits for `decide`. Otherwise why it is refused. */
  admit(ticket: Ticket, now: number): boolean | Refusal {
    this.advance(now);
    ticket.arrived = now;
    ticket.arrivedR = this.r;
    if (this.config.queues === 0) {
      if (this.hasRoom(ticket.seats)) {
        this.start(ticket, now);
        return true;
      }
      return this.refuse('concurrency-limit');
    }
    const queue = this.shortestOf(ticket.flow);
    // Full means that nobody in it could run just now.
    if (queue.waiting.length >= this.config.queueLengthLimit) return this.refuse('queue-full');
    if (queue.waiting.length === 0 && queue.executing === 0) {
      queue.nextR = this.r;
      this.active++;
    }
    ticket.queue = queue;
    if (this.waiting === 0 && this.hasRoom(ticket.seats)) {
      this.start(ticket, now);
      return true;
    }
    ticket.state = 'waiting';
    queue.waiting.push(ticket);
    queue.seatsWaiting += ticket.seats;
    this.occupied.add(queue);
    this.waiting++;
    this.seatsWaiting += ticket.seats;
    this.observe(now);
    this.dispatch(now);
    return this.began(ticket);
  }

  finish(ticket: Ticket, now: number): void {
    if (ticket.state !== 'executing') return;
    this.advance(now);
    ticket.state = 'ended';
    this.executing--;
    this.seatsInUse -= ticket.seats;
    const { queue } = ticket;
    if (queue) {
      queue.executing--;
      queue.seatsInUse -= ticket.seats;
      queue.nextR += ticket.seats * (now - ticket.started - GUESS_MS);
      if (queue.executing === 0 && queue.waiting.length === 0) this.active--;
    }
    this.observe(now);
    if (this.waiting > 0) this.dispatch(now);
  }

  /** Takes a request that waits out of its queue, and tells it why. */
  abandon(ticket: Ticket, why: 'time-out' | 'cancelled', now: number): void {
    const { queue } = ticket;
    if (ticket.state !== 'waiting' || !queue) return;
    this.advance(now);
    queue.waiting.splice(queue.waiting.indexOf(ticket), 1);
    this.left(ticket, queue);
    ticket.state = 'ended';
    if (queue.executing === 0 && queue.waiting.length === 0) this.active--;
    this.refuse(why);
    this.observe(now);
    // It may have been too wide for the seats that are free.
    this.dispatch(now);
    ticket.decide?.(why);
  }

  /** A dispatch may have reached it while it was put into its queue. */
  private began(ticket: Ticket): boolean {
    return ticket.state === 'executing';
  }

  private refuse(why: Refusal): Refusal {
    if (why === 'time-out') this.timedOut++;
    else if (why === 'cancelled') this.cancelled++;
    else this.rejected++;
    return why;
  }

  private shortestOf(flow: Flow): Queue {
    const { config } = this;
    if (flow.deck !== config || !flow.hand) {
      flow.hand = dealHand(flow.hash, config.queues, config.handSize);
      flow.deck = config;
    }
    const { hand } = flow;
    const begin = this.turn++ % hand.length;
    let best: Queue | undefined;
    for (let i = 0; i < hand.length; i++) {
      const queue = this.queues[hand[(begin + i) % hand.length] ?? 0];
      if (queue && (!best || queue.seatsWaiting < best.seatsWaiting)) best = queue;
    }
    if (!best) throw new Error('a flow was dealt no queue');
    return best;
  }

  private hasRoom(seats: number): boolean {
    // A request that is wider than the level has it for itself.
    if (seats > this.limit) return this.executing === 0;
    return this.seatsInUse + seats <= this.limit;
  }

  private dispatch(now: number): void {
    const decided: Ticket[] = [];
    while (this.waiting > 0) {
      const queue = this.next();
      const ticket = queue?.waiting[0];
      // The next in turn waits until it fits: else a wide request would starve.
      if (!queue || !ticket || !this.hasRoom(ticket.seats)) break;
      queue.waiting.shift();
      this.left(ticket, queue);
      this.start(ticket, now);
      const first = queue.waiting[0];
      if (first) {
        this.occupied.delete(queue);
        this.occupied.add(queue);
        // No credit for the time before it came.
        if (first.arrivedR > queue.nextR) queue.nextR = first.arrivedR;
      }
      decided.push(ticket);
    }
    for (const ticket of decided) ticket.decide?.(undefined);
  }

  private next(): Queue | undefined {
    let best: Queue | undefined;
    let earliest = Number.POSITIVE_INFINITY;
    for (const queue of this.occupied) {
      const end = queue.nextR + GUESS_MS * (queue.waiting[0]?.seats ?? 0);
      if (end < earliest) {
        earliest = end;
        best = queue;
      }
    }
    return best;
  }

  private left(ticket: Ticket, queue: Queue): void {
    queue.seatsWaiting -= ticket.seats;
    this.waiting--;
    this.seatsWaiting -= ticket.seats;
    if (queue.waiting.length === 0) this.occupied.delete(queue);
  }

  private start(ticket: Ticket, now: number): void {
    ticket.state = 'executing';
    ticket.started = now;
    this.executing++;
    this.dispatched++;
    this.seatsInUse += ticket.seats;
    const { queue } = ticket;
    if (queue) {
      queue.executing++;
      queue.seatsInUse += ticket.seats;
      queue.nextR += ticket.seats * GUESS_MS;
    }
    this.observe(now);
  }

  private observe(now: number): void {
    this.demand.set(this.seatsInUse + this.seatsWaiting, now);
  }

  private advance(now: number): void {
    const elapsed = now - this.at;
    if (elapsed <= 0) return;
    this.at = now;
    if (this.active === 0) return;
    const rate = Math.min(this.seatsInUse + this.seatsWaiting, this.limit) / this.active;
    this.r += elapsed * rate;
  }
}
