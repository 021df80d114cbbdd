/**
 * How many seats a priority level wanted, over a period: what borrowing between levels goes by. A level that
 * stops wanting seats keeps most of them for some minutes, so that a pause does not cost it its place.
 */

/** Of the smoothed demand that remains after PERIOD_MS without any. */
const SMOOTHING = 0.977;
const PERIOD_MS = 10_000;

export class SeatDemand {
  highWatermark = 0;
  average = 0;
  deviation = 0;
  smoothed = 0;
  private value = 0;
  private max = 0;
  private area = 0;
  private squares = 0;
  private began: number;
  private changed: number;

  constructor(now: number) {
    this.began = now;
    this.changed = now;
  }

  set(value: number, now: number): void {
    this.accumulate(now);
    this.value = value;
    if (value > this.max) this.max = value;
  }

  /** Ends a period: its figures stand in the fields above. */
  settle(now: number): void {
    this.accumulate(now);
    const duration = now - this.began;
    this.average = duration > 0 ? this.area / duration : this.value;
    const variance = duration > 0 ? this.squares / duration - this.average ** 2 : 0;
    this.deviation = Math.sqrt(Math.max(0, variance));
    this.highWatermark = this.max;
    const envelope = this.average + this.deviation;
    const kept = SMOOTHING ** Math.max(1, duration / PERIOD_MS);
    this.smoothed = Math.max(envelope, kept * this.smoothed + (1 - kept) * envelope);
    this.began = now;
    this.area = 0;
    this.squares = 0;
    this.max = this.value;
  }

  private accumulate(now: number): void {
    const elapsed = now - this.changed;
    if (elapsed <= 0) return;
    this.changed = now;
    this.area += elapsed * this.value;
    this.squares += elapsed * this.value * this.value;
  }
}
