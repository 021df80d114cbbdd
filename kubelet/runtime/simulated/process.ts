/**
 * Drives a container's behaviour in time: prints what it prints, waits what it waits, reports its end.
 * Given a start in the past it first computes, without printing, what happened until now; so a container
 * goes on, or has ended when it would have, after the kubelet was away.
 */
import type { Clock, Timer } from '../../../pkg/component/clock.js';
import type { Behaviour } from './behaviour.js';

/** A script that never waits would keep the process busy: it rests after this many effects. */
const EFFECTS_BEFORE_REST = 200;
const REST_MS = 100;
/** How much of the past is computed again at most. */
const MAX_REPLAY = 100_000;

export interface ProcessExit {
  readonly exitCode: number;
  readonly finishedAt: number;
  readonly message?: string;
}

export interface ProcessOptions {
  readonly clock: Clock;
  readonly behaviour: Behaviour;
  readonly startedAt: number;
  /** It ran before: what it did until now is not printed again. */
  readonly resumed: boolean;
  print(text: string, stream: 'stdout' | 'stderr'): void;
  exited(exit: ProcessExit): void;
}

export class SimulatedProcess {
  private timer: Timer | undefined;
  private at: number;
  private readonly run: ReturnType<Behaviour['run']>;
  private ended = false;
  private message = '';
  private readonly stopTimers: Timer[] = [];
  private readonly waiters: (() => void)[] = [];

  constructor(private readonly options: ProcessOptions) {
    this.at = options.startedAt;
    this.run = options.behaviour.run(() => this.at);
  }

  start(): void {
    const replayUntil = this.options.clock.now();
    let replayed = 0;
    this.proceed(() => this.options.resumed && this.at < replayUntil && replayed++ < MAX_REPLAY);
  }

  /** Resolves when it has ended: by itself after `stop-after`, or killed when the grace is over. */
  stop(graceMs: number): Promise<void> {
    if (this.ended) return Promise.resolve();
    const { stopAfterMs, stopCode } = this.options.behaviour;
    const inTime = stopAfterMs < graceMs || stopAfterMs === 0;
    const exitCode = inTime ? stopCode : 137;
    const end = () => this.end({ exitCode, finishedAt: this.options.clock.now() });
    const wait = Math.min(stopAfterMs, graceMs);
    if (wait === 0) {
      end();
      return Promise.resolve();
    }
    this.stopTimers.push(this.options.clock.after(wait, end));
    return new Promise((resolve) => this.waiters.push(resolve));
  }

  /** Leaves it as it is; nothing more is reported, and who waits for its end waits no more. */
  abandon(): void {
    this.ended = true;
    this.release();
  }

  private proceed(past: () => boolean): void {
    const { clock } = this.options;
    let effects = 0;
    while (!this.ended) {
      const step = this.run.next();
      const behind = past();
      if (step.done) {
        this.end({ exitCode: step.value, finishedAt: this.at });
        return;
      }
      const effect = step.value;
      if (effect.type === 'forever') return;
      if (effect.type === 'message') this.message += effect.text;
      else if (effect.type === 'print') {
        if (!behind) this.options.print(effect.text, effect.stream);
      } else this.at += effect.ms;
      if (++effects % EFFECTS_BEFORE_REST === 0 && effect.type !== 'wait') this.at += REST_MS;
      const ahead = this.at - clock.now();
      if (ahead <= 0) {
        if (!behind && effect.type === 'wait') this.at = Math.max(this.at, clock.now());
        continue;
      }
      this.timer = clock.after(ahead, () => this.proceed(() => false));
      return;
    }
  }

  private end(exit: ProcessExit): void {
    if (this.ended) return;
    this.ended = true;
    this.options.exited(
      this.message === '' ? exit : { ...exit, message: this.message.slice(0, 4096) },
    );
    this.release();
  }

  private release(): void {
    this.timer?.stop();
    for (const timer of this.stopTimers.splice(0)) timer.stop();
    for (const resolve of this.waiters.splice(0)) resolve();
  }
}
