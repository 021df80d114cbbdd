/**
 * When refused clients are told to come back: after a second, and twice as late as long as at least three a
 * second are refused, up to half a minute; then a second less at a time. Bounded: one number for each second.
 */

const MAX_SECONDS = 32;
/** Refusals a second that make it longer. */
const MANY = 3;

export class RetryAfter {
  private seconds = 1;
  private changedAt = 0;
  private readonly history: { second: number; dropped: number }[] = [];

  /** Counts one more refused request; `now` in milliseconds. */
  dropped(now: number): number {
    const second = Math.floor(now / 1000);
    const last = this.history.at(-1);
    if (last?.second === second) last.dropped++;
    else {
      this.adjust(second);
      this.history.push({ second, dropped: 1 });
    }
    while ((this.history[0]?.second ?? second) < second - MAX_SECONDS) this.history.shift();
    return this.seconds;
  }

  private adjust(second: number): void {
    if (second - this.changedAt < this.seconds) return;
    let dropped = 0;
    for (const entry of this.history)
      if (second - entry.second <= this.seconds) dropped += entry.dropped;
    if (dropped >= MANY * this.seconds) this.seconds = Math.min(MAX_SECONDS, this.seconds * 2);
    else if (dropped < this.seconds && this.seconds > 1) this.seconds--;
    else return;
    this.changedAt = second;
  }
}
