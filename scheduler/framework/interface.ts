/**
 * The scheduling framework's extension points (`k8s.io/kubernetes/pkg/scheduler/framework`). A plugin is
 * one small file with a name, its user-visible reasons and pure functions that decide. The scheduling
 * cycle (up to and with reserve) is synchronous: plugins of it neither wait nor change what they read.
 */
import type { Pod } from '../../pkg/api/types.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { NodeInfo } from '../cache/node-info.js';
import type { DefaultPreemptionArgs } from '../config/types.js';
import type { PodInfo } from './pod-info.js';

export type Code =
  | 'Unschedulable'
  /** As before, and taking pods away (preemption) would not help. */
  | 'UnschedulableAndUnresolvable'
  /** Held back until an event says otherwise. */
  | 'Pending'
  /** The plugin has nothing to do with this pod. */
  | 'Skip'
  | 'Error';

/** Absent (undefined) means success. */
export interface Status {
  readonly code: Code;
  readonly reasons: readonly string[];
}

export function unschedulable(...reasons: string[]): Status {
  return { code: 'Unschedulable', reasons };
}

export function unresolvable(...reasons: string[]): Status {
  return { code: 'UnschedulableAndUnresolvable', reasons };
}

/** It cannot be said whether the pod fits: the pod is tried again later. */
export function failed(...reasons: string[]): Status {
  return { code: 'Error', reasons };
}

export const SKIP: Status = { code: 'Skip', reasons: [] };

/** Highest score that a plugin gives a node. */
export const MAX_NODE_SCORE = 100;

/** What plugins remember of one pod's cycle between extension points, by plugin name. */
export class CycleState {
  private readonly entries = new Map<string, unknown>();
  /** Plugins whose Filter or Score this pod does not need. */
  readonly skipFilter = new Set<string>();
  readonly skipScore = new Set<string>();
  /** The filters that are left, once it is known which are skipped: asked of node after node. */
  filters: readonly Plugin[] | undefined;
  set<T>(key: StateKey<T>, value: T): void {
    this.entries.set(key.name, value);
  }
  /** Undefined where the plugin stored nothing. */
  get<T>(key: StateKey<T>): T | undefined {
    return this.entries.get(key.name) as T | undefined;
  }
  /** For preemption's dry runs: entries with a `clone` are copied. */
  clone(): CycleState {
    const copy = new CycleState();
    for (const [name, value] of this.entries) {
      copy.entries.set(name, isCloneable(value) ? value.clone() : value);
    }
    for (const name of this.skipFilter) copy.skipFilter.add(name);
    for (const name of this.skipScore) copy.skipScore.add(name);
    copy.filters = this.filters;
    return copy;
  }
}

/** Ties a name to the type of what is stored under it. */
export interface StateKey<T> {
  readonly name: string;
  /** Never set; carries the type. */
  readonly type?: T;
}

export function stateKey<T>(name: string): StateKey<T> {
  return { name };
}

function isCloneable(value: unknown): value is { clone(): unknown } {
  return typeof value === 'object' && value !== null && 'clone' in value;
}

/** What may make a pod schedulable by changing. `Pod` is the waiting pod itself, `AssignedPod` any pod on a node. */
export type EventResource =
  | 'Pod'
  | 'AssignedPod'
  | 'Node'
  | 'PersistentVolume'
  | 'PersistentVolumeClaim'
  | 'StorageClass'
  | 'CSINode'
  | 'VolumeAttachment'
  | 'CSIDriver'
  | 'CSIStorageCapacity'
  | 'ResourceClaim'
  | 'ResourceSlice'
  | 'DeviceClass';

/** What happened to it; `Update` is any change of a kind that has no names for what changed. */
export type EventAction =
  | 'Add'
  | 'Delete'
  | 'Update'
  | 'UpdateLabel'
  | 'UpdateTaint'
  | 'UpdateAllocatable'
  | 'UpdateScaleDown'
  | 'UpdateToleration'
  | 'UpdateGates'
  | 'UpdateGeneratedClaim';

export interface ClusterEvent {
  readonly resource: EventResource;
  readonly action: EventAction;
}

export interface QueueingHint {
  readonly resource: EventResource;
  readonly actions: readonly EventAction[];
  /** Whether the change may help this pod; always, when absent. `old` is absent for an add, `now` for a delete. */
  helps?(pod: PodInfo, old: KubeObject | undefined, now: KubeObject | undefined): boolean;
}

export interface PreFilterResult {
  /** Only these need be looked at; all, when absent. */
  readonly nodes?: ReadonlySet<string>;
}

export interface Plugin {
  readonly name: string;
  /** Which changes retry a pod that this plugin turned away. Empty: only the passing of time. */
  readonly events?: readonly QueueingHint[];

  /** Sorts the active queue; every profile has the same. */
  readonly queueSort?: boolean;
  /** Makes room by preemption where nothing fits: the post-filter that there is. */
  readonly preemption?: DefaultPreemptionArgs;

  preEnqueue?(pod: Pod): Status | undefined;
  preFilter?(
    state: CycleState,
    pod: PodInfo,
    nodes: readonly NodeInfo[],
  ): Status | PreFilterResult | undefined;
  /** Keep preFilter's state right when preemption tries the node with a pod less, or again with it. */
  addPod?(state: CycleState, pod: PodInfo, added: PodInfo, node: NodeInfo): void;
  removePod?(state: CycleState, pod: PodInfo, removed: PodInfo, node: NodeInfo): void;
  filter?(state: CycleState, pod: PodInfo, node: NodeInfo): Status | undefined;
  /** Before preemption, where no node fits: what it did about that, in words of the pod's condition. */
  postFilter?(state: CycleState, pod: PodInfo, signal: AbortSignal): Promise<string>;
  preScore?(state: CycleState, pod: PodInfo, nodes: readonly NodeInfo[]): Status | undefined;
  /** A whole number; after `normalize`, from 0 to MAX_NODE_SCORE. */
  score?(state: CycleState, pod: PodInfo, node: NodeInfo): number;
  normalize?(state: CycleState, pod: PodInfo, scores: NodeScore[]): void;
  reserve?(state: CycleState, pod: PodInfo, node: string): Status | undefined;
  unreserve?(state: CycleState, pod: PodInfo, node: string): void;
  /** Whether preBind has something to do, so that the pod is told its node ahead of it. */
  preBindPreFlight?(state: CycleState, pod: PodInfo, node: string): boolean;
  preBind?(state: CycleState, pod: PodInfo, node: string, signal: AbortSignal): Promise<void>;
  bind?(state: CycleState, pod: PodInfo, node: string, signal: AbortSignal): Promise<void>;
}

export interface NodeScore {
  readonly node: NodeInfo;
  score: number;
}

export function isStatus(result: object | undefined): result is Status {
  return result !== undefined && 'code' in result;
}

/**
 * Scales scores so that the highest is MAX_NODE_SCORE; `reverse` makes high scores low
 * (`helper.DefaultNormalizeScore`).
 */
export function normalizeByMaximum(scores: NodeScore[], reverse: boolean): void {
  const highest = scores.reduce((most, s) => Math.max(most, s.score), 0);
  for (const s of scores) {
    if (highest === 0) {
      if (reverse) s.score = MAX_NODE_SCORE;
      continue;
    }
    const scaled = Math.floor((MAX_NODE_SCORE * s.score) / highest);
    s.score = reverse ? MAX_NODE_SCORE - scaled : scaled;
  }
}
