/**
 * Which attached volumes the pods of a node use (`status.volumesInUse`). While a volume stands there nobody
 * detaches it, so it must stand there before it is mounted, and goes when its last pod has let go of it:
 *
 *   use ─▶ names ─ the node's status is sent ─▶ shown: it may be mounted
 *   release ─▶ off the names ─ the status is sent ─▶ it may be detached
 */
export class VolumesInUse {
  private readonly byPod = new Map<string, readonly string[]>();
  private readonly waiting = new Set<string>();
  private told: ReadonlySet<string> = new Set();

  /** `changed`: the status is to be sent. */
  constructor(private readonly changed: () => void) {}

  /** In the order in which the status has them. */
  get names(): string[] {
    return [...new Set([...this.byPod.values()].flat())].sort();
  }

  get allShown(): boolean {
    const { names } = this;
    return names.length === this.told.size && names.every((name) => this.told.has(name));
  }

  /** Whether the pod may mount them now; where it may not yet, `shown` names it. */
  use(podUid: string, names: readonly string[]): boolean {
    if (names.length === 0) return true;
    this.byPod.set(podUid, names);
    if (names.every((name) => this.told.has(name))) return true;
    this.waiting.add(podUid);
    this.changed();
    return false;
  }

  release(podUid: string): void {
    this.waiting.delete(podUid);
    if (this.byPod.delete(podUid) && !this.allShown) this.changed();
  }

  /** The status has these names now. Returns the pods that waited for something to be shown. */
  shown(names: readonly string[]): string[] {
    this.told = new Set(names);
    const woken = [...this.waiting];
    this.waiting.clear();
    return woken;
  }
}
