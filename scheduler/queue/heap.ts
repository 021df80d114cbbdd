/** A binary heap with look-up and removal by key. `before(a, b)`: a leaves first. */
export class Heap<T> {
  private readonly items: T[] = [];
  private readonly positions = new Map<string, number>();

  constructor(
    private readonly keyOf: (item: T) => string,
    private readonly before: (a: T, b: T) => boolean,
  ) {}

  get size(): number {
    return this.items.length;
  }
  get(key: string): T | undefined {
    const at = this.positions.get(key);
    return at === undefined ? undefined : this.items[at];
  }
  peek(): T | undefined {
    return this.items[0];
  }
  values(): readonly T[] {
    return this.items;
  }

  /** Adds, or replaces what has the same key. */
  set(item: T): void {
    const key = this.keyOf(item);
    const at = this.positions.get(key) ?? this.items.length;
    this.items[at] = item;
    this.positions.set(key, at);
    this.down(this.up(at));
  }

  pop(): T | undefined {
    const first = this.items[0];
    if (first !== undefined) this.delete(this.keyOf(first));
    return first;
  }

  delete(key: string): T | undefined {
    const at = this.positions.get(key);
    if (at === undefined) return undefined;
    const item = this.items[at] as T;
    const last = this.items.pop() as T;
    this.positions.delete(key);
    if (at < this.items.length) {
      this.items[at] = last;
      this.positions.set(this.keyOf(last), at);
      this.down(this.up(at));
    }
    return item;
  }

  private up(start: number): number {
    let at = start;
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.before(this.items[at] as T, this.items[parent] as T)) break;
      this.swap(at, parent);
      at = parent;
    }
    return at;
  }

  private down(start: number): void {
    let at = start;
    for (;;) {
      let least = at;
      for (const child of [2 * at + 1, 2 * at + 2]) {
        if (
          child < this.items.length &&
          this.before(this.items[child] as T, this.items[least] as T)
        ) {
          least = child;
        }
      }
      if (least === at) return;
      this.swap(at, least);
      at = least;
    }
  }

  private swap(a: number, b: number): void {
    const one = this.items[a] as T;
    const other = this.items[b] as T;
    this.items[a] = other;
    this.items[b] = one;
    this.positions.set(this.keyOf(other), a);
    this.positions.set(this.keyOf(one), b);
  }
}
