/**
 * Brings the pods of one StatefulSet to what its spec asks (`pkg/controller/statefulset`). One sync:
 *
 *   revisions ─▶ each replica, lowest number first: make it, wait for it, correct it
 *             ─▶ each pod beyond the size, highest first: delete it
 *             ─▶ RollingUpdate: replicas of an older revision, highest first down to the partition: delete
 *             ─▶ status ─▶ history
 *
 * OrderedReady stops at the first pod that has something to wait for; the event of that pod brings the next
 * sync. Parallel does all of a step at once. A pod is replaced by deleting it; the sync after its end makes
 * it anew, at the revision that its number is due.
 *
 * So an OrderedReady set whose update broke a pod waits for that pod even when the template is mended; the
 * pod has to be deleted by hand. Upstream is like that, too.
 */
import type {
  ControllerRevision,
  Pod,
  StatefulSet,
  StatefulSetStatus,
} from '../../pkg/api/types.js';
import { scaledValue } from '../../pkg/apimachinery/int-or-string.js';
import { type ControllerHistory, nextNumber, ofTemplate } from '../history.js';
import { slowStartBatch } from '../pod-control.js';
import { isPodAvailable, isPodTerminal } from '../pods.js';
import {
  identityMatches,
  isInRange,
  newPod,
  ordinalOf,
  type Revisions,
  replicasOf,
  revisionOf,
  startOrdinal,
  storageMatches,
} from './identity.js';
import type { StatefulPodControl } from './pod-control.js';
import { isCreated, isRunningAndReady, statusOf } from './status.js';

/** Where the hash of a revision's data stands, as upstream labels it. */
const DATA_HASH = 'controller.kubernetes.io/hash';
const DEFAULT_LIMIT = 10;

export interface RolloutOptions {
  readonly set: StatefulSet;
  /** The set's own. */
  readonly pods: readonly Pod[];
  readonly history: ControllerHistory<StatefulSet>;
  readonly podControl: StatefulPodControl;
  readonly writeStatus: (status: StatefulSetStatus) => Promise<void>;
  readonly now: () => number;
  readonly signal: AbortSignal;
}

export class Rollout {
  private readonly set: StatefulSet;
  private readonly signal: AbortSignal;
  private replicas: Pod[] = [];
  private condemned: Pod[] = [];
  private deletedCurrent = 0;

  constructor(private readonly options: RolloutOptions) {
    this.set = options.set;
    this.signal = options.signal;
  }

  /** The status is written, and old revisions go, also when a step failed; then it throws what failed. */
  async sync(): Promise<StatefulSetStatus> {
    const { set, signal } = this;
    const { history, writeStatus, now } = this.options;
    const revisions = await history.claim(set, signal);
    const { collisionCount, ...chosen } = await this.chooseRevisions(revisions);
    this.sortOut(chosen);
    let failure: { err: unknown } | undefined;
    if (set.metadata?.deletionTimestamp === undefined) {
      try {
        await this.converge(chosen);
      } catch (err) {
        failure = { err };
      }
    }
    const status = statusOf({
      set,
      pods: [...this.replicas, ...this.condemned],
      ...chosen,
      collisionCount,
      deleted: this.deletedCurrent,
      nowMs: now(),
    });
    await writeStatus(status);
    await this.truncateHistory(revisions, chosen);
    if (failure) throw failure.err;
    return status;
  }

  // --- revisions ---

  private async chooseRevisions(
    sorted: readonly ControllerRevision[],
  ): Promise<Revisions & { collisionCount: number }> {
    const { set, signal } = this;
    const { history } = this.options;
    const { currentRevision, collisionCount = 0 } = set.status ?? {};
    const current = sorted.find(({ metadata }) => metadata?.name === currentRevision);
    const same = sorted.filter(ofTemplate(set.spec?.template)).at(-1);
    if (same) {
      // A former state comes back as the newest.
      const update =
        same === sorted.at(-1) ? same : await history.renumber(same, nextNumber(sorted), signal);
      return { current: current ?? update, update, collisionCount };
    }
    const labels = set.spec?.template.metadata?.labels;
    const made = await history.createUnderFreeName(
      set,
      nextNumber(sorted),
      collisionCount,
      (hash) => ({ ...labels, [DATA_HASH]: hash }),
      signal,
    );
    const update = made.revision;
    return { current: current ?? update, update, collisionCount: made.collisionCount };
  }

  /** Revisions of pods, and the current two, do not count. */
  private async truncateHistory(
    sorted: readonly ControllerRevision[],
    { current, update }: Revisions,
  ): Promise<void> {
    const limit = this.set.spec?.revisionHistoryLimit ?? DEFAULT_LIMIT;
    if (limit < 0) return;
    const live = new Set(this.options.pods.map(revisionOf));
    const historic = sorted.filter(
      ({ metadata: { name = '' } = {} }) =>
        name !== current.metadata?.name && name !== update.metadata?.name && !live.has(name),
    );
    await this.options.history.truncate(historic, limit, () => false, this.signal);
  }

  // --- pods ---

  /** Replicas by number, those that are missing as they will be made; condemned from the highest down. */
  private sortOut(revisions: Revisions): void {
    const { set } = this;
    const start = startOrdinal(set);
    const byOrdinal = new Map<number, Pod>();
    for (const pod of this.options.pods) {
      if (isInRange(set, pod)) byOrdinal.set(ordinalOf(pod), pod);
      else if (ordinalOf(pod) >= 0) this.condemned.push(pod);
    }
    this.condemned.sort((a, b) => ordinalOf(b) - ordinalOf(a));
    this.replicas = Array.from(
      { length: replicasOf(set) },
      (_, index) => byOrdinal.get(start + index) ?? newPod(set, revisions, start + index),
    );
  }

  private async converge({ current, update }: Revisions): Promise<void> {
    const { set, replicas, condemned } = this;
    const { podControl } = this.options;
    const firstUnavailable = [...replicas, ...condemned.toReversed()].find((pod) =>
      this.isUnavailable(pod),
    );
    if (await this.each(replicas, (pod) => this.processReplica(pod))) return;
    const settled = await this.each(condemned, async (pod) => {
      if (!podControl.ownersMatch(set, pod)) await podControl.correctOwners(set, pod, this.signal);
      return false;
    });
    if (settled) return;
    if (await this.each(condemned, (pod) => this.processCondemned(pod, firstUnavailable))) return;
    const { type } = set.spec?.updateStrategy ?? {};
    if (type === 'OnDelete') return;
    for (const pod of this.podsToUpdate(update.metadata?.name ?? '')) {
      await podControl.delete(set, pod, this.signal);
      if (revisionOf(pod) === current.metadata?.name) this.deletedCurrent++;
    }
  }

  /** True: this sync ends here. Ordered: pods after one that has to wait are not looked at. */
  private async each(pods: readonly Pod[], step: (pod: Pod) => Promise<boolean>): Promise<boolean> {
    if (this.isOrdered()) {
      for (const pod of pods) if (await step(pod)) return true;
      return false;
    }
    const left = pods.values();
    const { error } = await slowStartBatch(pods.length, async () => {
      const { value: pod } = left.next();
      if (pod) await step(pod);
    });
    if (error !== undefined) throw error;
    return false;
  }

  /** True: nothing after this pod may be touched yet. */
  private async processReplica(pod: Pod): Promise<boolean> {
    const { set, signal } = this;
    const { podControl } = this.options;
    if (isPodTerminal(pod)) {
      if (pod.metadata?.deletionTimestamp === undefined) await podControl.delete(set, pod, signal);
      return true;
    }
    if (!isCreated(pod)) {
      if (podControl.isClaimStale(set, pod)) return true;
      await podControl.create(set, pod, signal);
      return true;
    }
    if (pod.status?.phase === 'Pending') await podControl.createMissingClaims(set, pod, signal);
    // Terminating, not ready, or not for long enough.
    if (this.isOrdered() && this.isUnavailable(pod)) return true;
    if (
      !identityMatches(set, pod) ||
      !storageMatches(set, pod) ||
      !podControl.ownersMatch(set, pod)
    ) {
      await podControl.correct(set, pod, signal);
    }
    return false;
  }

  /** Ordered: one at a time, and only after all below it are available; unless it is itself what is broken. */
  private async processCondemned(pod: Pod, firstUnavailable: Pod | undefined): Promise<boolean> {
    const ordered = this.isOrdered();
    if (pod.metadata?.deletionTimestamp !== undefined) return ordered;
    if (ordered && this.isUnavailable(pod) && pod !== firstUnavailable) return true;
    await this.options.podControl.delete(this.set, pod, this.signal);
    return true;
  }

  private podsToUpdate(revision: string): Pod[] {
    const { partition = 0, maxUnavailable = 1 } =
      this.set.spec?.updateStrategy?.rollingUpdate ?? {};
    const max = Math.max(1, scaledValue(maxUnavailable, this.replicas.length, false));
    return podsToUpdate({
      replicas: this.replicas,
      partition,
      revision,
      max,
      isUnavailable: (pod) => this.isUnavailable(pod),
    });
  }

  private isOrdered(): boolean {
    return this.set.spec?.podManagementPolicy !== 'Parallel';
  }

  private isUnavailable(pod: Pod): boolean {
    const minReadySeconds = this.set.spec?.minReadySeconds ?? 0;
    return (
      pod.metadata?.deletionTimestamp !== undefined ||
      !isRunningAndReady(pod) ||
      !isPodAvailable(pod, minReadySeconds, this.options.now())
    );
  }
}

export interface UpdateState {
  /** By number. */
  readonly replicas: readonly Pod[];
  /** Replicas before this index keep their revision. */
  readonly partition: number;
  readonly revision: string;
  /** Replicas that may be unavailable at a time, at least 1. */
  readonly max: number;
  readonly isUnavailable: (pod: Pod) => boolean;
}

/**
 * The replicas to delete for an update, from the highest number down. One at a time: the highest that is of
 * an older revision, whether it works or not, once all above it are available. Several at a time: as many as
 * leave no more than `max` of those from the partition up unavailable; old ones that are unavailable anyway
 * are replaced besides.
 *
 * DEVIATION: v1.35.0 counts such old ones, so that an update never mends a set whose pods are broken; later
 * releases do not.
 */
export function podsToUpdate(state: UpdateState): Pod[] {
  const { replicas, partition, revision, max, isUnavailable } = state;
  const chosen: Pod[] = [];
  const candidates = replicas.slice(partition).reverse();
  const isOld = (pod: Pod) =>
    isCreated(pod) && revisionOf(pod) !== revision && pod.metadata?.deletionTimestamp === undefined;
  if (max === 1) {
    for (const pod of candidates) {
      if (isOld(pod)) return [pod];
      if (isUnavailable(pod)) return [];
    }
    return [];
  }
  let room = max - candidates.filter(isUnavailable).length;
  for (const pod of candidates) {
    if (!isOld(pod)) continue;
    if (isUnavailable(pod)) chosen.push(pod);
    else if (room-- > 0) chosen.push(pod);
  }
  return chosen;
}
