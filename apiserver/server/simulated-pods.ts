/** Pods of nodes that only simulate containers: nothing listens at their addresses, and nobody may dial them. */
import type { ObjectReference, Pod } from '../../pkg/api/types.js';
import { isReason } from '../../pkg/apimachinery/status.js';
import type { ServerAccess } from './request-context.js';

/** How the container ids of such nodes begin. */
const SIMULATED = 'simulated://';

/** Whether an endpoint is such a pod, or one that has gone. Read from the store, not only from the cache. */
export async function isSimulated(
  server: ServerAccess,
  namespace: string,
  target: ObjectReference | undefined,
): Promise<boolean> {
  if (target?.kind !== 'Pod' || !target.name) return false;
  try {
    const pod: Pod = await server.store('', 'pods').get(namespace, target.name);
    const statuses = pod.status?.containerStatuses ?? [];
    return statuses.some(({ containerID }) => containerID?.startsWith(SIMULATED));
  } catch (err) {
    if (!isReason(err, 'NotFound')) throw err;
    return true;
  }
}
