/**
 * Time and randomness as the components see them. Logic never reads the wall clock, sets a timer or
 * draws a random number by itself: it is handed a `Clock`, so that tests, and later a cluster-wide
 * virtual clock, decide what time it is.
 */

/** What a pending timer is stopped with. */
export interface Timer {
  stop(): void;
}

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
  /** Milliseconds from an arbitrary start that never go back. */
  monotonic(): number;
  /** Calls `fn` once after `ms` milliseconds, unless stopped. */
  after(ms: number, fn: () => void): Timer;
  /** Resolves after `ms` milliseconds; rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** A number in [0, 1). */
  random(): number;
}

/** setTimeout fires at once for a longer delay; re-arm instead. */
const MAX_TIMEOUT_MS = 0x7fff_ffff;

export class RealClock implements Clock {
  now(): number {
    return Date.now();
  }
  monotonic(): number {
    return performance.now();
  }
  random(): number {
    return Math.random();
  }
  after(ms: number, fn: () => void): Timer {
    let handle: NodeJS.Timeout;
    const arm = (left: number) => {
      handle =
        left > MAX_TIMEOUT_MS
          ? setTimeout(() => arm(left - MAX_TIMEOUT_MS), MAX_TIMEOUT_MS)
          : setTimeout(fn, Math.max(0, left));
    };
    arm(ms);
    return { stop: () => clearTimeout(handle) };
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }
}

/** A pipe that is read all the time looks like a file operation that never ends. */
const LONGEST_FILE_OPERATION_MS = 2000;

/** A clock that stands still until `advance` moves it; timers fire in order of their time. */
export class FakeClock implements Clock {
  private timers: { at: number; seq: number; fn: () => void }[] = [];
  private seq = 0;
  private seed: number;
  constructor(
    private nowMs = Date.UTC(2026, 0, 1),
    seed = 1,
  ) {
    this.seed = seed;
  }
  now(): number {
    return this.nowMs;
  }
  monotonic(): number {
    return this.nowMs;
  }
  /** Seeded (mulberry32), so that a run can be repeated. */
  random(): number {
    this.seed = (this.seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.seed ^ (this.seed >>> 15), 1 | this.seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  }
  after(ms: number, fn: () => void): Timer {
    const timer = { at: this.nowMs + Math.max(0, ms), seq: this.seq++, fn };
    this.timers.push(timer);
    return {
      stop: () => {
        this.timers = this.timers.filter((t) => t !== timer);
      },
    };
  }
  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return sleepOn(this, ms, signal);
  }
  get pending(): number {
    return this.timers.length;
  }
  /** Moves time on, firing what falls due and letting promise continuations run in between. */
  async advance(ms: number): Promise<void> {
    const end = this.nowMs + ms;
    for (;;) {
      this.timers.sort((a, b) => a.at - b.at || a.seq - b.seq);
      const next = this.timers[0];
      if (!next || next.at > end) break;
      this.timers.shift();
      this.nowMs = Math.max(this.nowMs, next.at);
      next.fn();
      await settle();
    }
    this.nowMs = end;
    await settle();
  }
  /** As if the machine had slept: what fell due meanwhile fires once, now. */
  async jump(ms: number): Promise<void> {
    this.nowMs += ms;
    await this.advance(0);
  }
}

/**
 * Lets everything that is already resolved run, and what waits for the disk: the clock of a test stands still while
 * a file is written, however long that takes.
 */
async function settle(): Promise<void> {
  const giveUpAt = performance.now() + LONGEST_FILE_OPERATION_MS;
  do await new Promise((resolve) => setImmediate(resolve));
  while (process.getActiveResourcesInfo().some(isFileOperation) && performance.now() < giveUpAt);
}

/** A file that is closed is one too, by another name. */
function isFileOperation(resource: string): boolean {
  return resource.startsWith('FSReq') || resource === 'CloseReq';
}

function sleepOn(clock: Clock, ms: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const onAbort = () => {
      timer.stop();
      reject(signal?.reason);
    };
    const timer = clock.after(ms, () => {
      signal?.removeEventListener('abort', onAbort);
      resolve();
    });
    signal?.addEventListener('abort', onAbort, { once: true });
  });
}
