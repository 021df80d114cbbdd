/** The two PriorityClasses that the system keeps for itself. */
import type { PriorityClass } from '../../../pkg/api/types.js';
import type { RequestContext } from '../request-context.js';
import { ensure } from './ensure.js';

const GROUP = 'scheduling.k8s.io';

const CLASSES = [
  {
    name: 'system-node-critical',
    value: 2_000_001_000,
    description: 'Used for system critical pods that must not be moved from their current node.',
  },
  {
    name: 'system-cluster-critical',
    value: 2_000_000_000,
    description:
      'Used for system critical pods that must run in the cluster, but can be moved to another node if necessary.',
  },
];

export async function ensurePriorityClasses(ctx: RequestContext): Promise<void> {
  await Promise.all(
    CLASSES.map(({ name, value, description }) => {
      const wanted: PriorityClass = {
        apiVersion: `${GROUP}/v1`,
        kind: 'PriorityClass',
        metadata: { name },
        value,
        description,
      };
      return ensure(ctx, GROUP, 'priorityclasses', wanted);
    }),
  );
}
