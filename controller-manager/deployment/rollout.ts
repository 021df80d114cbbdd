/**
 * One step of a Deployment's rollout. What a step decides stands in math.ts and status.ts, both pure; here
 * is the order of things, and every write.
 */
import type {
  Deployment,
  DeploymentStatus,
  Pod,
  PodTemplateSpec,
  ReplicaSet,
} from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { templateHash } from '../../pkg/apimachinery/hash.js';
import { controllerOf } from '../../pkg/apimachinery/meta.js';
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from '../../pkg/client/errors.js';
import type { EventType } from '../../pkg/client/event-recorder.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { messageOf } from '../pod-control.js';
import { isPodTerminal } from '../pods.js';
import * as math from './math.js';
import { annotationsFor, newSetObject, sizeAnnotations } from './new-set.js';
import {
  calculateStatus,
  conditionOf,
  hasProgressDeadline,
  isComplete,
  newCondition,
  REASONS,
  rolloutStatus,
  setCondition,
  untilProgressCheck,
} from './status.js';

/** What a rollout needs of its controller. */
export interface RolloutHost {
  readonly clients: { deployments: ResourceClient<Deployment>; sets: ResourceClient<ReplicaSet> };
  /** Milliseconds since the epoch. */
  now(): number;
  tell(d: Deployment, type: EventType, reason: string, message: string): void;
  podsOf(set: ReplicaSet): Pod[];
  cachedSet(namespace: string, name: string): ReplicaSet | undefined;
  /** Syncs the Deployment once more after `ms`. */
  again(d: Deployment, ms: number): void;
}

/** One sync of one Deployment, on copies. */
export class Rollout {
  constructor(
    private readonly controller: RolloutHost,
    private d: Deployment,
    private readonly sets: readonly ReplicaSet[],
    private readonly signal: AbortSignal,
  ) {}

  async sync(): Promise<void> {
    if (this.d.metadata?.deletionTimestamp !== undefined) {
      const newSet = math.findNewSet(this.d, this.sets);
      await this.writeStatus(calculateStatus(this.d, this.sets, newSet, this.controller.now()));
      return;
    }
    await this.notePause();
    if (this.d.spec?.paused || this.isScaling()) return this.scaleOnly();
    return math.isRollingUpdate(this.d) ? this.rollingUpdate() : this.recreate();
  }

  /** So that the time of a pause does not count against the deadline. */
  private async notePause(): Promise<void> {
    if (!hasProgressDeadline(this.d)) return;
    const current = conditionOf(this.d.status, 'Progressing');
    if (current?.reason === REASONS.timedOut) return;
    const paused = this.d.spec?.paused === true;
    const wasPaused = current?.reason === REASONS.paused;
    if (paused === wasPaused) return;
    const next = paused
      ? newCondition(
          'Progressing',
          'Unknown',
          REASONS.paused,
          'Deployment is paused',
          this.controller.now(),
        )
      : newCondition(
          'Progressing',
          'Unknown',
          REASONS.resumed,
          'Deployment is resumed',
          this.controller.now(),
        );
    const conditions = setCondition(this.d.status?.conditions ?? [], next);
    await this.writeStatus({ ...this.d.status, conditions });
  }

  /** Some active set was last scaled for another size of the Deployment. */
  private isScaling(): boolean {
    return this.sets.some((rs) => {
      const noted = rs.metadata?.annotations?.[math.DESIRED_REPLICAS];
      return (
        math.replicasOf(rs) > 0 && noted !== undefined && Number(noted) !== math.desired(this.d)
      );
    });
  }

  private async scaleOnly(): Promise<void> {
    const { newSet, old } = await this.currentSets(false);
    await this.scale(newSet, old);
    if (this.d.spec?.paused) await this.cleanUp(old);
    const all = [...old, ...(newSet ? [newSet] : [])];
    await this.writeStatus(calculateStatus(this.d, all, newSet, this.controller.now()));
  }

  private async rollingUpdate(): Promise<void> {
    const { newSet, old } = await this.currentSets(true);
    if (!newSet) return;
    const all = [...old, newSet];
    if (await this.growNewSet(all, newSet)) return this.writeRolloutStatus(all, newSet);
    if (await this.shrinkOldSets(all, newSet, old)) return this.writeRolloutStatus(all, newSet);
    if (isComplete(this.d, this.d.status ?? {})) await this.cleanUp(old);
    return this.writeRolloutStatus(all, newSet);
  }

  private async recreate(): Promise<void> {
    const { newSet, old } = await this.currentSets(false);
    const all = [...old, ...(newSet ? [newSet] : [])];
    let scaledDown = false;
    for (const set of old) {
      if (math.replicasOf(set) === 0) continue;
      await this.scaleSet(set, 0);
      scaledDown = true;
    }
    if (scaledDown || this.oldPodsRun(newSet, old)) return this.writeRolloutStatus(all, newSet);
    const made = newSet ?? (await this.currentSets(true)).newSet;
    if (!made) return;
    const scaled = await this.scaleSet(made, math.desired(this.d));
    if (isComplete(this.d, this.d.status ?? {})) await this.cleanUp(old);
    return this.writeRolloutStatus([...old, scaled ?? made], scaled ?? made);
  }

  /** A pod of an old set, or one whose set is unknown, that has not ended. */
  private oldPodsRun(newSet: ReplicaSet | undefined, old: readonly ReplicaSet[]): boolean {
    return old.some(
      (set) =>
        set.metadata?.uid !== newSet?.metadata?.uid &&
        this.controller.podsOf(set).some((p) => !isPodTerminal(p)),
    );
  }

  private async growNewSet(all: readonly ReplicaSet[], newSet: ReplicaSet): Promise<boolean> {
    const wanted = math.desired(this.d);
    if (math.replicasOf(newSet) === wanted) return false;
    const to = math.replicasOf(newSet) > wanted ? wanted : math.newSetReplicas(this.d, all, newSet);
    return (await this.scaleSet(newSet, to)) !== undefined;
  }

  private async shrinkOldSets(
    all: readonly ReplicaSet[],
    newSet: ReplicaSet,
    old: readonly ReplicaSet[],
  ): Promise<boolean> {
    if (math.sumReplicas(old) === 0) return false;
    const max = math.maxScaledDown(this.d, all, newSet);
    if (max <= 0) return false;
    const cleaned = math.cleanupUnhealthy(old, max);
    let left = await this.apply(old, cleaned);
    const shrunk = math.shrinkOld(this.d, [...left, newSet], left);
    left = await this.apply(left, shrunk);
    return cleaned.length + shrunk.length > 0;
  }

  private async apply(
    sets: readonly ReplicaSet[],
    scalings: readonly math.Scaling[],
  ): Promise<ReplicaSet[]> {
    const result = [...sets];
    for (const { set, to } of scalings) {
      const scaled = await this.scaleSet(set, to);
      const at = result.findIndex((rs) => rs.metadata?.uid === set.metadata?.uid);
      if (scaled && at >= 0) result[at] = scaled;
    }
    return result;
  }

  /** A change of scale alone: no progress is estimated from it. */
  private async scale(newSet: ReplicaSet | undefined, old: readonly ReplicaSet[]): Promise<void> {
    const only = math.activeOrLatest(newSet, old);
    if (only) {
      if (math.replicasOf(only) !== math.desired(this.d))
        await this.scaleSet(only, math.desired(this.d));
      else await this.noteSizes(only);
      return;
    }
    if (math.isSaturated(this.d, newSet)) {
      for (const set of old) if (math.replicasOf(set) > 0) await this.scaleSet(set, 0);
      return;
    }
    if (!math.isRollingUpdate(this.d)) return;
    const active = [...old, ...(newSet ? [newSet] : [])].filter((rs) => math.replicasOf(rs) > 0);
    for (const { set, to } of math.scaleProportionally(this.d, active))
      await this.scaleSet(set, to);
  }

  /** The same size under a new scale of the Deployment still has to be noted, or it looks like scaling for ever. */
  private async noteSizes(set: ReplicaSet): Promise<void> {
    await this.scaleSet(set, math.replicasOf(set));
  }

  /** Sets size and the annotations that say for which scale; undefined when both are so already. */
  private async scaleSet(set: ReplicaSet, to: number): Promise<ReplicaSet | undefined> {
    const from = math.replicasOf(set);
    const sizes = sizeAnnotations(this.d);
    const annotations = set.metadata?.annotations ?? {};
    const noted = Object.entries(sizes).every(([key, value]) => annotations[key] === value);
    if (from === to && noted) return undefined;
    const updated = await this.controller.clients.sets.update(
      {
        ...set,
        metadata: { ...set.metadata, annotations: { ...annotations, ...sizes } },
        spec: { ...set.spec, selector: set.spec?.selector ?? {}, replicas: to },
      },
      { signal: this.signal },
    );
    if (from !== to) {
      const direction = from < to ? 'up' : 'down';
      this.controller.tell(
        this.d,
        'Normal',
        'ScalingReplicaSet',
        `Scaled ${direction} replica set ${set.metadata?.name} from ${from} to ${to}`,
      );
    }
    return updated;
  }

  /** The set of this template, made when `create`; all others are old. Keeps revisions in order. */
  private async currentSets(
    create: boolean,
  ): Promise<{ newSet: ReplicaSet | undefined; old: ReplicaSet[] }> {
    const found = math.findNewSet(this.d, this.sets);
    const old = this.sets.filter((rs) => rs.metadata?.uid !== found?.metadata?.uid);
    const revision = String(Math.max(0, ...old.map(math.revisionOf)) + 1);
    if (found) return { newSet: await this.refreshNewSet(found, revision), old };
    return { newSet: create ? await this.createNewSet(old, revision) : undefined, old };
  }

  private async refreshNewSet(set: ReplicaSet, revision: string): Promise<ReplicaSet> {
    const annotations = annotationsFor(this.d, set, revision, true);
    const minReadySeconds = this.d.spec?.minReadySeconds ?? 0;
    if (
      !semanticDeepEqual(annotations, set.metadata?.annotations ?? {}) ||
      (set.spec?.minReadySeconds ?? 0) !== minReadySeconds
    ) {
      return this.controller.clients.sets.update(
        {
          ...set,
          metadata: { ...set.metadata, annotations },
          spec: { ...set.spec, selector: set.spec?.selector ?? {}, minReadySeconds },
        },
        { signal: this.signal },
      );
    }
    const setRevision = annotations[math.REVISION] ?? revision;
    let conditions = this.d.status?.conditions ?? [];
    const noteFound = hasProgressDeadline(this.d) && !conditionOf(this.d.status, 'Progressing');
    if (noteFound) {
      const message = `Found new replica set ${JSON.stringify(set.metadata?.name)}`;
      conditions = setCondition(
        conditions,
        newCondition('Progressing', 'True', REASONS.found, message, this.controller.now()),
      );
    }
    await this.noteRevision(setRevision, noteFound ? conditions : undefined);
    return set;
  }

  private async createNewSet(
    old: readonly ReplicaSet[],
    revision: string,
  ): Promise<ReplicaSet | undefined> {
    const { name = '' } = this.d.metadata ?? {};
    const template: PodTemplateSpec = this.d.spec?.template ?? {};
    const hash = templateHash(template, this.d.status?.collisionCount);
    const made = newSetObject(this.d, hash, template, old, revision);
    let set: ReplicaSet;
    try {
      set = await this.controller.clients.sets.create(made, { signal: this.signal });
    } catch (err) {
      if (isAlreadyExists(err)) return this.nameTaken(made, err);
      if (isNamespaceTerminating(err) || this.signal.aborted) throw err;
      const message = `Failed to create new replica set ${JSON.stringify(`${name}-${hash}`)}: ${messageOf(err)}`;
      if (hasProgressDeadline(this.d)) {
        const condition = newCondition(
          'Progressing',
          'False',
          REASONS.createError,
          message,
          this.controller.now(),
        );
        await this.writeStatus({
          ...this.d.status,
          conditions: setCondition(this.d.status?.conditions ?? [], condition),
        });
      }
      this.controller.tell(this.d, 'Warning', REASONS.createError, message);
      throw err;
    }
    const replicas = math.replicasOf(set);
    if (replicas > 0) {
      this.controller.tell(
        this.d,
        'Normal',
        'ScalingReplicaSet',
        `Scaled up replica set ${set.metadata?.name} from 0 to ${replicas}`,
      );
    }
    const message = `Created new replica set ${JSON.stringify(set.metadata?.name)}`;
    const conditions = hasProgressDeadline(this.d)
      ? setCondition(
          this.d.status?.conditions ?? [],
          newCondition('Progressing', 'True', REASONS.created, message, this.controller.now()),
        )
      : undefined;
    await this.noteRevision(revision, conditions);
    return set;
  }

  /** Ours, made a moment ago and not in the cache yet: use it. Another template's: count a collision. */
  private async nameTaken(made: ReplicaSet, err: unknown): Promise<ReplicaSet | undefined> {
    const { namespace = '', name = '' } = made.metadata ?? {};
    const taken =
      this.controller.cachedSet(namespace, name) ??
      (await this.controller.clients.sets.get(namespace, name, { signal: this.signal }));
    const ours = controllerOf(taken)?.uid === this.d.metadata?.uid;
    if (ours && math.findNewSet(this.d, [taken])) return taken;
    const collisionCount = (this.d.status?.collisionCount ?? 0) + 1;
    await this.writeStatus({ ...this.d.status, collisionCount });
    throw err;
  }

  /** The revision is an annotation of the Deployment itself; conditions are its status. */
  private async noteRevision(
    revision: string,
    conditions: DeploymentStatus['conditions'],
  ): Promise<void> {
    if (this.d.metadata?.annotations?.[math.REVISION] !== revision) {
      const annotations = { ...this.d.metadata?.annotations, [math.REVISION]: revision };
      const metadata = { ...this.d.metadata, annotations };
      // A status write may change annotations, as upstream's does; one request for both.
      const status = { ...this.d.status, ...(conditions ? { conditions } : {}) };
      this.d = await this.controller.clients.deployments.updateStatus(
        { ...this.d, metadata, status },
        { signal: this.signal },
      );
      return;
    }
    if (conditions) await this.writeStatus({ ...this.d.status, conditions });
  }

  private async writeRolloutStatus(
    all: readonly ReplicaSet[],
    newSet: ReplicaSet | undefined,
  ): Promise<void> {
    const now = this.controller.now();
    const status = rolloutStatus(this.d, all, newSet, now);
    const wrote = await this.writeStatus(status);
    if (wrote) return;
    const wait = untilProgressCheck(this.d, status, now);
    // A second more, so that the deadline has surely passed.
    if (wait !== undefined) this.controller.again(this.d, wait + 1000);
  }

  /** False: it is so already. */
  private async writeStatus(status: DeploymentStatus): Promise<boolean> {
    if (semanticDeepEqual(this.d.status ?? {}, status)) return false;
    this.d = await this.controller.clients.deployments.updateStatus(
      { ...this.d, status },
      { signal: this.signal },
    );
    return true;
  }

  /** Old sets beyond the history limit that are empty and settled; the one with the oldest revision first. */
  private async cleanUp(old: readonly ReplicaSet[]): Promise<void> {
    const limit = this.d.spec?.revisionHistoryLimit;
    if (limit === undefined || limit >= 2 ** 31 - 1) return;
    const alive = old.filter((rs) => rs.metadata?.deletionTimestamp === undefined);
    const surplus = alive.length - limit;
    if (surplus <= 0) return;
    const sorted = [...alive].sort((a, b) => math.revisionOf(a) - math.revisionOf(b));
    for (const set of sorted.slice(0, surplus)) {
      const settled = (set.status?.observedGeneration ?? 0) >= (set.metadata?.generation ?? 0);
      if ((set.status?.replicas ?? 0) !== 0 || math.replicasOf(set) !== 0 || !settled) continue;
      const { namespace = '', name = '' } = set.metadata ?? {};
      try {
        await this.controller.clients.sets.delete(namespace, name, { signal: this.signal });
      } catch (err) {
        if (!isNotFound(err)) throw err;
      }
    }
  }
}
