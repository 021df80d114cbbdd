/**
 * What one look at an autoscaler is to leave behind: its new status, and its Events. The status is a copy;
 * it is written only where it says something else than before.
 */
import type { HorizontalPodAutoscaler } from '../../pkg/api/types.js';
import { clone } from '../../pkg/apimachinery/clone.js';
import { deepEqual } from '../../pkg/apimachinery/equality.js';
import { formatTime } from '../../pkg/apimachinery/meta.js';
import { isConflict, isNotFound } from '../../pkg/client/errors.js';
import {
  type EventRecorder,
  type EventType,
  referenceTo,
} from '../../pkg/client/event-recorder.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { HORIZONTAL_POD_AUTOSCALERS } from '../../pkg/client/resources.js';
import type { Clock } from '../../pkg/component/clock.js';
import { messageOf } from '../pod-control.js';
import type { Reason } from './scaling-rules.js';

export type HpaStatus = NonNullable<HorizontalPodAutoscaler['status']>;

export class StatusReport {
  readonly status: HpaStatus;

  constructor(
    readonly hpa: HorizontalPodAutoscaler,
    private readonly parts: {
      readonly client: ResourceClient<HorizontalPodAutoscaler>;
      readonly recorder: EventRecorder;
      readonly clock: Clock;
    },
  ) {
    this.status = clone(hpa.status ?? { desiredReplicas: 0 });
  }

  condition(type: string, value: 'True' | 'False', { reason, message }: Reason): void {
    const conditions = this.status.conditions ?? [];
    const old = conditions.find((condition) => condition.type === type);
    const kept = old?.status === value ? old.lastTransitionTime : undefined;
    const now = formatTime(new Date(this.parts.clock.now()));
    const made = { type, status: value, lastTransitionTime: kept ?? now, reason, message };
    this.status.conditions = old
      ? conditions.map((condition) => (condition === old ? made : condition))
      : [...conditions, made];
  }

  event(type: EventType, reason: string, message: string): void {
    const of = referenceTo(HORIZONTAL_POD_AUTOSCALERS, this.hpa);
    this.parts.recorder.event(of, type, reason, message);
  }

  async write(signal: AbortSignal): Promise<void> {
    const { hpa, status } = this;
    if (deepEqual(hpa.status, status)) return;
    try {
      await this.parts.client.updateStatus({ ...hpa, status }, { signal });
    } catch (err) {
      // The next look writes what is true then.
      if (isNotFound(err) || isConflict(err) || signal.aborted) return;
      this.event('Warning', 'FailedUpdateStatus', messageOf(err));
      throw err;
    }
  }
}
