/** The condition DisruptionTarget, which says why a pod was taken away (`pkg/controller` and podgc). */
import type { Pod } from '../pkg/api/types.js';
import type { ResourceClient } from '../pkg/client/resource-client.js';
import { withPodCondition } from './pods.js';

export interface Disruption {
  readonly reason: string;
  readonly message: string;
  readonly now: string;
  /** Also end the pod: nobody else is left to do it. */
  readonly phase?: 'Failed';
  readonly signal: AbortSignal;
}

/** Written by a strategic patch on status, so that the kubelet's own conditions are not touched. */
export async function markDisrupted(
  client: ResourceClient<Pod>,
  pod: Pod,
  disruption: Disruption,
): Promise<void> {
  const { namespace = '', name = '', uid } = pod.metadata ?? {};
  const { reason, message, now, phase, signal } = disruption;
  const condition = { type: 'DisruptionTarget', status: 'True', reason, message };
  const [made] = withPodCondition(pod, condition, now).filter((c) => c.type === 'DisruptionTarget');
  const status = { conditions: [made], ...(phase ? { phase } : {}) };
  await client.patch(
    namespace,
    name,
    'strategic',
    { metadata: { uid }, status },
    { subresource: 'status', signal },
  );
}
