/**
 * Pod statuses on their way to the API (`pkg/kubelet/status`): the newest of each pod, with a version.
 * Only a change is sent, one request a pod at a time and a bounded number in all; what changes meanwhile
 * goes out in the next request. What others have made of a status is put right some seconds later. A
 * finished pod that is being deleted is deleted for good, once its last status is written, with grace 0
 * and its uid as precondition. Shared by all nodes of a process.
 */
import type { Pod, PodCondition, PodStatus } from '../pkg/api/types.js';
import { deepEqual } from '../pkg/apimachinery/equality.js';
import { isConflict, isNotFound } from '../pkg/client/errors.js';
import type { ResourceClient } from '../pkg/client/resource-client.js';
import type { Clock } from '../pkg/component/clock.js';
import type { Logger } from '../pkg/component/logger.js';
import type { TaskGroup } from '../pkg/component/task-group.js';
import { uidOf } from './pod/pod.js';

const MAX_REQUESTS = 12;
const RETRY_MS = 1000;
/** How long another's word on a status may stand; the period of the kubelet's own look at all of them. */
const RECONCILE_MS = 10_000;

/** What the status manager needs of the API. */
export type PodStatusClient = Pick<ResourceClient<Pod>, 'patchUnread' | 'delete'>;

interface Entry {
  pod: Pod;
  status: PodStatus;
  version: number;
  sent: number;
  /** What was sent last; the API may not have told of it yet. */
  last?: PodStatus;
  /** Nothing of it runs any more. */
  finished: boolean;
  deleted: boolean;
  busy: boolean;
}

export interface StatusManagerOptions {
  readonly client: PodStatusClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly tasks: TaskGroup;
}

export class StatusManager {
  private readonly entries = new Map<string, Entry>();
  private readonly queue = new Set<string>();
  /** Pods whose status in the API is not the one that was sent last. */
  private readonly strays = new Map<string, Pod>();
  private isLooking = false;
  private active = 0;

  constructor(private readonly options: StatusManagerOptions) {}

  get(uid: string): PodStatus | undefined {
    return this.entries.get(uid)?.status;
  }

  set(pod: Pod, status: PodStatus): void {
    const uid = uidOf(pod);
    const entry = this.entries.get(uid);
    if (!entry) {
      this.entries.set(uid, {
        pod,
        status,
        version: 1,
        sent: covers(pod.status, status) ? 1 : 0,
        finished: false,
        deleted: false,
        busy: false,
      });
    } else {
      entry.pod = pod;
      if (deepEqual(entry.status, status)) return;
      entry.status = status;
      entry.version++;
    }
    this.enqueue(uid);
  }

  /** Nothing of the pod is left to run: it may be deleted when the API asks for it. */
  finish(pod: Pod): void {
    const entry = this.entries.get(uidOf(pod));
    if (!entry) return;
    entry.pod = pod;
    entry.finished = true;
    this.enqueue(uidOf(pod));
  }

  /** What the API shows. Where that is not what was sent last, and goes on being so, it is sent again. */
  observe(pod: Pod): void {
    const uid = uidOf(pod);
    const entry = this.entries.get(uid);
    if (!entry) return;
    if (covers(pod.status, entry.status)) {
      this.strays.delete(uid);
      return;
    }
    this.strays.set(uid, pod);
    if (this.isLooking) return;
    this.isLooking = true;
    this.options.tasks.spawn('statuses that differ', async (signal) => {
      while (this.strays.size > 0) {
        await this.options.clock.sleep(RECONCILE_MS, signal);
        this.reconcile();
      }
      this.isLooking = false;
    });
  }

  forget(uid: string): void {
    this.entries.delete(uid);
    this.queue.delete(uid);
    this.strays.delete(uid);
  }

  /** What is on its way will be told of; the rest is sent once more. */
  private reconcile(): void {
    for (const [uid, pod] of this.strays) {
      const entry = this.entries.get(uid);
      if (entry?.busy || entry?.sent !== entry?.version) continue;
      this.strays.delete(uid);
      if (!entry || entry.deleted) continue;
      entry.pod = pod;
      entry.version++;
      this.enqueue(uid);
    }
  }

  private enqueue(uid: string): void {
    this.queue.add(uid);
    this.pump();
  }

  private pump(): void {
    for (const uid of this.queue) {
      if (this.active >= MAX_REQUESTS) return;
      const entry = this.entries.get(uid);
      if (entry?.busy) continue;
      this.queue.delete(uid);
      if (!entry || !needsWork(entry)) continue;
      this.active++;
      entry.busy = true;
      this.options.tasks.spawn(`status of pod ${uid}`, async (signal) => {
        await this.send(uid, entry, signal);
        this.active--;
        entry.busy = false;
        if (needsWork(entry)) this.queue.add(uid);
        this.pump();
      });
    }
  }

  private async send(uid: string, entry: Entry, signal: AbortSignal): Promise<void> {
    const { client, clock, logger } = this.options;
    const { namespace = '', name = '' } = entry.pod.metadata ?? {};
    try {
      if (entry.sent !== entry.version) {
        const { version, status, last } = entry;
        await client.patchUnread(
          namespace,
          name,
          'strategic',
          statusPatch(entry.pod, status, last),
          {
            subresource: 'status',
            signal,
          },
        );
        entry.sent = version;
        entry.last = status;
      }
      if (mayDelete(entry)) {
        await client.delete(namespace, name, {
          gracePeriodSeconds: 0,
          preconditions: { uid },
          signal,
        });
        entry.deleted = true;
        logger.info({ namespace, name, uid }, 'Pod is fully terminated and removed from the API');
      }
    } catch (err) {
      if (signal.aborted) throw err;
      // Gone, or another pod of the same name by now: its deletion reaches the worker.
      if (isNotFound(err) || isConflict(err)) {
        entry.sent = entry.version;
        entry.deleted = true;
        return;
      }
      logger.warn({ namespace, name, uid, err }, 'Pod status could not be sent');
      await clock.sleep(RETRY_MS, signal);
    }
  }
}

function needsWork(entry: Entry): boolean {
  return !entry.deleted && (entry.sent !== entry.version || mayDelete(entry));
}

function mayDelete(entry: Entry): boolean {
  return (
    entry.finished &&
    !entry.deleted &&
    entry.sent === entry.version &&
    entry.pod.metadata?.deletionTimestamp !== undefined
  );
}

/** The kubelet's own conditions that are gone when they no longer hold. */
const PASSING_CONDITIONS: readonly string[] = ['PodResizePending', 'PodResizeInProgress'];
const OPTIONAL_FIELDS = ['reason', 'message', 'podIP'] as const;

/** A strategic merge patch that leaves other writers' conditions alone. */
export function statusPatch(pod: Pod, status: PodStatus, last: PodStatus = {}): object {
  const { conditions, ...rest } = status;
  const removed: Record<string, null> = {};
  for (const field of OPTIONAL_FIELDS) if (status[field] === undefined) removed[field] = null;
  const known = [...(pod.status?.conditions ?? []), ...(last.conditions ?? [])];
  const shown = pod.status?.podIPs;
  const replaceIPs = shown && shown.length > 0 && !deepEqual(shown, status.podIPs ?? []);
  return {
    metadata: { uid: uidOf(pod) },
    status: {
      ...removed,
      ...rest,
      ...(replaceIPs ? { podIPs: [{ $patch: 'replace' }, ...(status.podIPs ?? [])] } : {}),
      ...(conditions
        ? {
            conditions: [
              ...conditions.map((c) => ({ ...cleared(known, c), ...c })),
              ...passed(known, conditions),
            ],
          }
        : {}),
    },
  };
}

function passed(known: readonly PodCondition[], conditions: readonly PodCondition[]): object[] {
  const types = new Set(known.map(({ type }) => type));
  for (const { type } of conditions) types.delete(type);
  return PASSING_CONDITIONS.filter((type) => types.has(type)).map((type) => ({
    $patch: 'delete',
    type,
  }));
}

/** A condition is merged with the one that is there: what it no longer says must be taken out. */
function cleared(
  known: readonly PodCondition[],
  { type }: PodCondition,
): { reason?: null; message?: null } {
  const said = known.filter((c) => c.type === type);
  return {
    ...(said.some(({ reason }) => reason !== undefined) ? { reason: null } : {}),
    ...(said.some(({ message }) => message !== undefined) ? { message: null } : {}),
  };
}

/** Whether what the API shows says all that this status says. */
function covers(shown: PodStatus | undefined, status: PodStatus): boolean {
  if (!shown) return false;
  const { conditions = [], ...rest } = status;
  for (const [field, value] of Object.entries(rest)) {
    if (!deepEqual(Reflect.get(shown, field), value)) return false;
  }
  return conditions.every((c) => {
    const other = shown.conditions?.find((s) => s.type === c.type);
    return other?.status === c.status && (other.reason ?? '') === (c.reason ?? '');
  });
}
