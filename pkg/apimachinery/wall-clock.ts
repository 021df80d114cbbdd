/** What clocks on the wall of a time zone show, and when they show it. Pure. */

export interface WallTime {
  readonly year: number;
  /** 1 to 12. */
  readonly month: number;
  readonly day: number;
  readonly hour: number;
  readonly minute: number;
  readonly second: number;
  /** 0 is Sunday. */
  readonly weekday: number;
}

const UTC_NAMES = new Set(['UTC', 'Etc/UTC', '']);

export class WallClock {
  private readonly format: Intl.DateTimeFormat | undefined;

  /** Throws a RangeError for a zone that there is not. */
  constructor(zone: string) {
    if (UTC_NAMES.has(zone)) return;
    this.format = new Intl.DateTimeFormat('en-US', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: 'numeric',
      day: 'numeric',
      hour: 'numeric',
      minute: 'numeric',
      second: 'numeric',
    });
  }

  /** By IANA's names; an offset is none. */
  static isZone(name: string): boolean {
    try {
      new Intl.DateTimeFormat('en', { timeZone: name });
      return name !== '' && !/^[+-]/.test(name);
    } catch (err) {
      if (err instanceof RangeError) return false;
      throw err;
    }
  }

  at(ms: number): WallTime {
    const date = new Date(ms + this.offset(ms));
    return {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      second: date.getUTCSeconds(),
      weekday: date.getUTCDay(),
    };
  }

  /** Fields beyond their range carry over. A time that never is, or is twice, becomes one near it. */
  ms(wall: Partial<WallTime> & Pick<WallTime, 'year' | 'month' | 'day'>): number {
    const { year, month, day, hour = 0, minute = 0, second = 0 } = wall;
    const local = Date.UTC(year, month - 1, day, hour, minute, second);
    return local - this.offset(local - this.offset(local));
  }

  /** `2006-01-02T15:04:05+02:00`, or with Z where there is no offset. */
  format3339(ms: number): string {
    const offset = this.offset(ms);
    const text = new Date(ms + offset).toISOString().slice(0, 19);
    if (offset === 0) return `${text}Z`;
    const minutes = Math.abs(offset) / 60_000;
    const two = (n: number) => String(Math.floor(n)).padStart(2, '0');
    return `${text}${offset < 0 ? '-' : '+'}${two(minutes / 60)}:${two(minutes % 60)}`;
  }

  /** Milliseconds that the clocks are ahead of UTC. */
  private offset(ms: number): number {
    if (!this.format) return 0;
    const part: Record<string, number> = {};
    for (const { type, value } of this.format.formatToParts(ms)) part[type] = Number(value);
    const { year = 0, month = 1, day = 1, hour = 0, minute = 0, second = 0 } = part;
    return Date.UTC(year, month - 1, day, hour, minute, second) - Math.floor(ms / 1000) * 1000;
  }
}
