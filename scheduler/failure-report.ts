/** Tells the user why a pod was not scheduled: an Event, and the PodScheduled condition where it says something new. */
import type { Pod } from '../pkg/api/types.js';
import { formatTime } from '../pkg/apimachinery/meta.js';
import { isNotFound } from '../pkg/client/errors.js';
import { referenceTo } from '../pkg/client/event-recorder.js';
import type { EventsV1Recorder } from '../pkg/client/events-v1-recorder.js';
import type { ResourceClient } from '../pkg/client/resource-client.js';
import { PODS } from '../pkg/client/resources.js';
import type { Clock } from '../pkg/component/clock.js';
import type { Logger } from '../pkg/component/logger.js';
import type { TaskGroup } from '../pkg/component/task-group.js';
import type { PodInfo } from './framework/pod-info.js';
import type { Nominator } from './queue/nominator.js';

const NOTE_LIMIT = 1024;

export type FailureReason = 'Unschedulable' | 'SchedulerError';

export interface Failure {
  readonly message: string;
  readonly reason: FailureReason;
  /** '' ends the nomination that the pod has, undefined leaves it. */
  readonly nomination: string | undefined;
}

export interface FailureReportOptions {
  readonly recorder: EventsV1Recorder;
  readonly pods: ResourceClient<Pod>;
  readonly tasks: TaskGroup;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nominator: Nominator;
  /** The pod as the API has it now; undefined once it is gone. */
  latest(pod: PodInfo): Pod | undefined;
}

export function reportFailure(
  options: FailureReportOptions,
  pod: PodInfo,
  { message, reason, nomination }: Failure,
): void {
  const { recorder, clock, logger, nominator } = options;
  logger.debug({ namespace: pod.namespace, name: pod.name, message }, 'Pod was not scheduled');
  const current = options.latest(pod);
  if (nomination === '') nominator.delete(pod.uid);
  else if (nomination === undefined && current?.status?.nominatedNodeName)
    nominator.set(pod, current.status.nominatedNodeName);
  recorder.event(
    referenceTo(PODS, pod.pod),
    undefined,
    'Warning',
    'FailedScheduling',
    'Scheduling',
    truncated(message),
  );
  if (!current) return;
  const before = current.status?.conditions?.find((c) => c.type === 'PodScheduled');
  const nominate =
    nomination !== undefined && (current.status?.nominatedNodeName ?? '') !== nomination;
  const same = before?.status === 'False' && before.reason === reason && before.message === message;
  if (same && !nominate) return;
  const condition = {
    type: 'PodScheduled',
    status: 'False',
    reason,
    message,
    lastProbeTime: null,
    lastTransitionTime:
      before?.status === 'False' && before.lastTransitionTime
        ? before.lastTransitionTime
        : formatTime(new Date(clock.now())),
    ...(current.metadata?.generation ? { observedGeneration: current.metadata.generation } : {}),
  };
  write(options, pod, {
    conditions: [condition],
    ...(nominate ? { nominatedNodeName: nomination || null } : {}),
  });
}

function write({ tasks, pods, logger }: FailureReportOptions, pod: PodInfo, status: object): void {
  const { namespace, name, uid } = pod;
  tasks.spawn(`status ${namespace}/${name}`, async (signal) => {
    try {
      await pods.patch(
        namespace,
        name,
        'strategic',
        { metadata: { uid }, status },
        { subresource: 'status', signal },
      );
    } catch (err) {
      if (signal.aborted || isNotFound(err)) return;
      logger.warn({ namespace, name, err }, 'Pod condition was not written');
    }
  });
}

/** As much as an Event may say. */
function truncated(message: string): string {
  return message.length <= NOTE_LIMIT ? message : `${message.slice(0, NOTE_LIMIT - 4)} ...`;
}
