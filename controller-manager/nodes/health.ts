/**
 * Whether a node still shows signs of life. A sign is a changed Ready condition or a renewed Lease, and its
 * time is when it was SEEN here: clocks of nodes are not compared. Pure.
 */
import type { Lease, Node, NodeCondition } from '../../pkg/api/types.js';

export interface NodeHealth {
  /** Milliseconds since the epoch when the last sign was seen. */
  readonly seenAt: number;
  readonly heartbeat: string | undefined;
  readonly renewTime: string | undefined;
}

export function readyCondition(node: Node): NodeCondition | undefined {
  return node.status?.conditions?.find((c) => c.type === 'Ready');
}

/** What is known after a look at node and Lease. A node that never reported counts from its creation. */
export function observeHealth(
  known: NodeHealth | undefined,
  node: Node,
  lease: Lease | undefined,
  nowMs: number,
): NodeHealth {
  const ready = readyCondition(node);
  const heartbeat = ready && `${ready.status} ${ready.lastHeartbeatTime ?? ''}`;
  const renewTime = lease?.spec?.renewTime;
  if (!known) {
    const created = Date.parse(node.metadata?.creationTimestamp ?? '');
    const seenAt = ready || Number.isNaN(created) ? nowMs : created;
    return { seenAt, heartbeat, renewTime };
  }
  const sign =
    heartbeat !== known.heartbeat || (renewTime !== undefined && renewTime !== known.renewTime);
  return sign ? { seenAt: nowMs, heartbeat, renewTime } : known;
}

const WATCHED = ['Ready', 'MemoryPressure', 'DiskPressure', 'PIDPressure'] as const;

/** The conditions of a node that has gone silent; undefined when they say so already. */
export function silentConditions(node: Node, now: string): NodeCondition[] | undefined {
  const conditions = [...(node.status?.conditions ?? [])];
  let changed = false;
  for (const type of WATCHED) {
    const at = conditions.findIndex((c) => c.type === type);
    const current = conditions[at];
    if (!current) {
      const created = node.metadata?.creationTimestamp;
      conditions.push({
        type,
        status: 'Unknown',
        reason: 'NodeStatusNeverUpdated',
        message: 'Kubelet never posted node status.',
        ...(created === undefined ? {} : { lastHeartbeatTime: created }),
        lastTransitionTime: now,
      });
      changed = true;
    } else if (current.status !== 'Unknown') {
      conditions[at] = {
        ...current,
        status: 'Unknown',
        reason: 'NodeStatusUnknown',
        message: 'Kubelet stopped posting node status.',
        lastTransitionTime: now,
      };
      changed = true;
    }
  }
  return changed ? conditions : undefined;
}
