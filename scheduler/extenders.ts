/**
 * All extenders of a configuration, asked one after the other as upstream does: each filters what the one
 * before left, and their scores are added to those of the plugins. One that may be ignored and cannot be
 * asked has no say; any other stops the pod until its next try.
 */
import type { Logger } from '../pkg/component/logger.js';
import type { SchedulerCache } from './cache/cache.js';
import type { NodeInfo } from './cache/node-info.js';
import { type Extender, ExtenderError } from './extender.js';
import type { Diagnosis } from './framework/diagnosis.js';
import {
  type EventAction,
  type EventResource,
  MAX_NODE_SCORE,
  type Plugin,
  unresolvable,
  unschedulable,
} from './framework/interface.js';
import type { PodInfo } from './framework/pod-info.js';
import { best, type Candidate, type NoPreemption, type Preemption } from './preemption.js';

/** Extenders score to ten. */
const SCORE_SCALE = MAX_NODE_SCORE / 10;
const NAME = 'Extender';
const RESOURCES: readonly EventResource[] = [
  'Pod',
  'AssignedPod',
  'Node',
  'PersistentVolume',
  'PersistentVolumeClaim',
  'StorageClass',
  'CSINode',
  'CSIDriver',
  'CSIStorageCapacity',
  'VolumeAttachment',
  'ResourceClaim',
  'ResourceSlice',
  'DeviceClass',
];
const ACTIONS: readonly EventAction[] = [
  'Add',
  'Delete',
  'Update',
  'UpdateLabel',
  'UpdateTaint',
  'UpdateAllocatable',
  'UpdateScaleDown',
  'UpdateToleration',
  'UpdateGates',
  'UpdateGeneratedClaim',
];

/** Stands for them where plugins are asked what may help: nobody knows, so everything may. */
export const EXTENDER_HINTS: Plugin = {
  name: NAME,
  events: RESOURCES.map((resource) => ({ resource, actions: ACTIONS })),
};

export class Extenders {
  constructor(
    private readonly extenders: readonly Extender[],
    private readonly logger: Logger,
  ) {}

  get none(): boolean {
    return this.extenders.length === 0;
  }

  async filter(
    pod: PodInfo,
    feasible: readonly NodeInfo[],
    diagnosis: Diagnosis,
    signal: AbortSignal,
  ): Promise<readonly NodeInfo[]> {
    let left = feasible;
    for (const extender of this.extenders) {
      if (left.length === 0) break;
      if (!extender.isFilter || !extender.isInterested(pod)) continue;
      const asked = left;
      const verdict = await this.ask(extender, () => extender.filter(pod, asked, signal));
      if (!verdict) continue;
      for (const [node, why] of verdict.unresolvable)
        diagnosis.add(node, { ...unresolvable(why), plugin: NAME });
      for (const [node, why] of verdict.failed) {
        if (!verdict.unresolvable.has(node))
          diagnosis.add(node, { ...unschedulable(why), plugin: NAME });
      }
      if (verdict.nodes.length < asked.length) diagnosis.plugins.add(NAME);
      left = verdict.nodes;
    }
    return left;
  }

  /** Node → what is added to its score. An extender that cannot be asked adds nothing. */
  async prioritize(
    pod: PodInfo,
    nodes: readonly NodeInfo[],
    signal: AbortSignal,
  ): Promise<ReadonlyMap<string, number>> {
    const totals = new Map<string, number>();
    const asked = this.extenders.filter((e) => e.isPrioritizer && e.isInterested(pod));
    await Promise.all(
      asked.map(async (extender) => {
        try {
          for (const [node, score] of await extender.prioritize(pod, nodes, signal))
            totals.set(node, (totals.get(node) ?? 0) + score * SCORE_SCALE);
        } catch (err) {
          signal.throwIfAborted();
          this.logger.warn({ extender: extender.name, err }, 'An extender did not score nodes');
        }
      }),
    );
    return totals;
  }

  /** Where to make room, of the candidates that the extenders leave. */
  async choose(
    pod: PodInfo,
    found: readonly Candidate[],
    cache: SchedulerCache,
    signal: AbortSignal,
  ): Promise<Preemption | NoPreemption> {
    const podsOn = (node: string) => cache.node(node)?.pods;
    const left = await this.processPreemption(pod, found, podsOn, signal);
    if (left.length > 0) return best(left);
    return { message: 'no candidate node for preemption', clearNomination: false };
  }

  /** Those that leave candidates out, or change their victims. */
  async processPreemption(
    pod: PodInfo,
    candidates: readonly Candidate[],
    podsOn: (node: string) => ReadonlyMap<string, PodInfo> | undefined,
    signal: AbortSignal,
  ): Promise<readonly Candidate[]> {
    let left = candidates;
    for (const extender of this.extenders) {
      if (left.length === 0) break;
      if (!extender.supportsPreemption || !extender.isInterested(pod)) continue;
      const asked = left;
      const answer = await this.ask(extender, () =>
        extender.processPreemption(pod, asked, podsOn, signal),
      );
      if (!answer) continue;
      const empty = answer.find(({ victims }) => victims.length === 0);
      if (empty && !extender.isIgnorable)
        throw new ExtenderError(`expected at least one victim pod on node "${empty.node}"`);
      left = answer.filter(({ victims }) => victims.length > 0);
    }
    return left;
  }

  /** False where no extender binds this pod. */
  async bind(pod: PodInfo, node: string, signal: AbortSignal): Promise<boolean> {
    const binder = this.extenders.find((e) => e.isBinder && e.isInterested(pod));
    if (!binder) return false;
    const bound = await this.ask(binder, async () => {
      await binder.bind(pod, node, signal);
      return true;
    });
    return bound === true;
  }

  /** Undefined where the extender failed and may be ignored. */
  private async ask<T>(extender: Extender, call: () => Promise<T>): Promise<T | undefined> {
    try {
      return await call();
    } catch (err) {
      if (!extender.isIgnorable) throw err;
      this.logger.info({ extender: extender.name, err }, 'An extender was ignored');
      return undefined;
    }
  }
}
