/**
 * How many requests are worked on at a time. What comes above that waits its turn, first come first
 * served; when too many wait, the next one is told to come back (429). Watches and other long-running
 * requests are not counted, nor are the cluster's administrators, who must get in when it burns.
 */
import { tooManyRequests } from '../../pkg/apimachinery/status.js';

/** Waiting requests for each one that is worked on. */
const WAITING_PER_SLOT = 20;

export class InFlight {
  private running = 0;
  private readonly waiting: (() => void)[] = [];

  constructor(private readonly limit: number) {}

  get current(): number {
    return this.running;
  }

  /** Resolves to what gives the slot back. */
  async enter(): Promise<() => void> {
    if (this.limit > 0 && this.running >= this.limit) {
      if (this.waiting.length >= this.limit * WAITING_PER_SLOT) {
        throw tooManyRequests('Too many requests, please try again later.', 1);
      }
      await new Promise<void>((resolve) => this.waiting.push(resolve));
    }
    this.running++;
    let left = false;
    return () => {
      if (left) return;
      left = true;
      this.running--;
      this.waiting.shift()?.();
    };
  }
}
