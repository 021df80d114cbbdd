/** Carries a preemption out: victims are marked, told why, and deleted; lesser nominations on the node end. */
import type { Pod, PodCondition } from '../pkg/api/types.js';
import { formatTime } from '../pkg/apimachinery/meta.js';
import { isNotFound } from '../pkg/client/errors.js';
import { referenceTo } from '../pkg/client/event-recorder.js';
import type { EventsV1Recorder } from '../pkg/client/events-v1-recorder.js';
import type { ResourceClient } from '../pkg/client/resource-client.js';
import { PODS } from '../pkg/client/resources.js';
import type { Clock } from '../pkg/component/clock.js';
import type { Logger } from '../pkg/component/logger.js';
import type { PodInfo } from './framework/pod-info.js';
import type { Preemption } from './preemption.js';
import type { Nominator } from './queue/nominator.js';

export interface EvictOptions {
  readonly pods: ResourceClient<Pod>;
  readonly recorder: EventsV1Recorder;
  readonly nominator: Nominator;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Resolves when every victim has been asked to go; what failed is logged, and the pod tries again later. */
export async function evict(
  options: EvictOptions,
  pod: PodInfo,
  { node, victims }: Preemption,
  signal: AbortSignal,
): Promise<void> {
  const lesser = options.nominator.lowerOnNode(node, pod);
  for (const other of lesser) options.nominator.delete(other.uid);
  await Promise.all([
    ...victims.map((victim) =>
      attempt(options, victim, signal, () => remove(options, pod, victim, node, signal)),
    ),
    ...lesser.map((other) =>
      attempt(options, other, signal, () =>
        options.pods.patch(
          other.namespace,
          other.name,
          'strategic',
          { metadata: { uid: other.uid }, status: { nominatedNodeName: null } },
          { subresource: 'status', signal },
        ),
      ),
    ),
  ]);
}

async function remove(
  { pods, recorder, clock }: EvictOptions,
  pod: PodInfo,
  victim: PodInfo,
  node: string,
  signal: AbortSignal,
): Promise<void> {
  // On its way out already.
  if (victim.pod.metadata?.deletionTimestamp !== undefined) return;
  const condition: PodCondition = {
    type: 'DisruptionTarget',
    status: 'True',
    reason: 'PreemptionByScheduler',
    message: `${pod.pod.spec?.schedulerName ?? 'default-scheduler'}: preempting to accommodate a higher priority pod`,
    lastTransitionTime: formatTime(new Date(clock.now())),
    ...(victim.pod.metadata?.generation
      ? { observedGeneration: victim.pod.metadata.generation }
      : {}),
  };
  await pods.patch(
    victim.namespace,
    victim.name,
    'strategic',
    { metadata: { uid: victim.uid }, status: { conditions: [condition] } },
    { subresource: 'status', signal },
  );
  await pods.delete(victim.namespace, victim.name, { preconditions: { uid: victim.uid }, signal });
  recorder.event(
    referenceTo(PODS, victim.pod),
    referenceTo(PODS, pod.pod),
    'Normal',
    'Preempted',
    'Preempting',
    `Preempted by pod ${pod.uid} on node ${node}`,
  );
}

async function attempt(
  { logger }: EvictOptions,
  { namespace, name }: PodInfo,
  signal: AbortSignal,
  run: () => Promise<unknown>,
): Promise<void> {
  try {
    await run();
  } catch (err) {
    if (signal.aborted || isNotFound(err)) return;
    logger.warn({ namespace, name, err }, 'Preemption failed');
  }
}
