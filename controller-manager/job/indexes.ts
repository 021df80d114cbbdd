/**
 * Sets of completion indexes, kept as ordered intervals: an Indexed Job may have a hundred thousand of them.
 * On the wire they are text, three or more in a row with a hyphen: `0,2,3,5-9`. Immutable.
 */
export interface Interval {
  readonly first: number;
  readonly last: number;
}

export class IndexSet {
  static readonly EMPTY = new IndexSet([]);

  private constructor(readonly intervals: readonly Interval[]) {}

  static of(indexes: Iterable<number>): IndexSet {
    const sorted = [...indexes].sort((a, b) => a - b);
    return new IndexSet(joined(sorted.map((i) => ({ first: i, last: i }))));
  }

  /** Indexes of `below` and above are left out, and so is what cannot be read. */
  static parse(text: string | undefined, below: number): IndexSet {
    const found: Interval[] = [];
    for (const part of (text ?? '').split(',')) {
      const match = /^(\d+)(?:-(\d+))?$/.exec(part);
      if (!match) continue;
      const first = Number(match[1]);
      if (first >= below) break;
      found.push({ first, last: Math.min(Number(match[2] ?? match[1]), below - 1) });
    }
    return new IndexSet(joined(found));
  }

  get size(): number {
    return this.intervals.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  }

  has(index: number): boolean {
    let low = 0;
    let high = this.intervals.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((this.intervals[middle]?.last ?? 0) >= index) high = middle;
      else low = middle + 1;
    }
    const found = this.intervals[low];
    return found !== undefined && found.first <= index;
  }

  union(other: IndexSet): IndexSet {
    const all = [...this.intervals, ...other.intervals].sort((a, b) => a.first - b.first);
    return new IndexSet(joined(all));
  }

  /** How many indexes both have. */
  overlap(other: IndexSet): number {
    let count = 0;
    let a = 0;
    let b = 0;
    for (;;) {
      const mine = this.intervals[a];
      const theirs = other.intervals[b];
      if (!mine || !theirs) return count;
      const common = Math.min(mine.last, theirs.last) - Math.max(mine.first, theirs.first) + 1;
      if (common > 0) count += common;
      if (mine.last <= theirs.last) a++;
      if (theirs.last <= mine.last) b++;
    }
  }

  /** The first `count` indexes under `below` that are not in the set. */
  missing(count: number, below: number): number[] {
    const result: number[] = [];
    let candidate = 0;
    for (const { first, last } of this.intervals) {
      for (; candidate < Math.min(first, below) && result.length < count; candidate++)
        result.push(candidate);
      candidate = Math.max(candidate, last + 1);
    }
    for (; candidate < below && result.length < count; candidate++) result.push(candidate);
    return result;
  }

  toString(): string {
    return this.intervals
      .map(({ first, last }) =>
        first === last ? `${first}` : `${first}${last === first + 1 ? ',' : '-'}${last}`,
      )
      .join(',');
  }
}

/** Neighbours and overlaps of ordered intervals made one. */
function joined(ordered: readonly Interval[]): Interval[] {
  const result: Interval[] = [];
  for (const next of ordered) {
    const before = result.at(-1);
    if (!before || next.first > before.last + 1) result.push(next);
    else if (before.last < next.last) result[result.length - 1] = { ...before, last: next.last };
  }
  return result;
}
