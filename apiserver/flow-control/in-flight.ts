/**
 * Without priority and fairness: how many requests are worked on at a time, reads and writes apart. What comes
 * above that waits its turn, first come first served; when too many wait, the next one is told to come back
 * (429). Watches are not counted, nor are the cluster's administrators, who must get in when it burns, nor
 * health checks: many slow ones at once would say that a busy server is dead.
 */
import { type LimitedRequest, type Limiter, type Seat, TooManyRequests } from './limiter.js';

/** Waiting requests for each one that is worked on. */
const WAITING_PER_SLOT = 20;
const RETRY_AFTER_SECONDS = 1;
const READ_VERBS = new Set(['get', 'list', 'watch']);
const HEALTH_PATH = /^\/(healthz|livez|readyz)(\/|$)/;

const FREE: Seat = { leave: () => undefined };

export class InFlight implements Limiter {
  readonly readOnly: Gate;
  readonly mutating: Gate;

  constructor(maxReadOnly: number, maxMutating: number) {
    this.readOnly = new Gate(maxReadOnly);
    this.mutating = new Gate(maxMutating);
  }

  enter({ user, requestInfo }: LimitedRequest): Seat | Promise<Seat> {
    const { verb, path } = requestInfo;
    if (verb === 'watch' || user.groups.includes('system:masters') || HEALTH_PATH.test(path))
      return FREE;
    return (READ_VERBS.has(verb) ? this.readOnly : this.mutating).enter();
  }
}

export class Gate {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  /** 0: no limit. */
  constructor(private readonly limit: number) {}

  get current(): number {
    return this.running;
  }

  async enter(): Promise<Seat> {
    if (this.limit > 0 && this.running >= this.limit) {
      if (this.waiting.length >= this.limit * WAITING_PER_SLOT)
        throw new TooManyRequests(RETRY_AFTER_SECONDS);
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    this.running++;
    let left = false;
    return {
      leave: () => {
        if (left) return;
        left = true;
        this.running--;
        this.waiting.shift()?.();
      },
    };
  }
}
