/**
 * When a volume that no pod of a node wants any more may be detached from it: once the node says that it is
 * not in use. A node that is not Ready says nothing true, so it is waited for six minutes; one that is marked
 * as out of service is not waited for. Pure.
 */
import type { Node } from '../../pkg/api/types.js';

const MAX_UNMOUNT_WAIT_MS = 360_000;
const OUT_OF_SERVICE = 'node.kubernetes.io/out-of-service';

/** Milliseconds until it may go, when it was not wanted for `waited` of them; infinite: only the node can say. */
export function waitForUnmount(node: Node, volume: string, waited: number): number {
  const inUse = node.status?.volumesInUse ?? [];
  if (!inUse.includes(volume) || isOutOfService(node)) return 0;
  return isReady(node) ? Number.POSITIVE_INFINITY : Math.max(0, MAX_UNMOUNT_WAIT_MS - waited);
}

export function isReady(node: Node): boolean {
  return node.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True') === true;
}

export function isOutOfService(node: Node): boolean {
  return node.spec?.taints?.some(({ key }) => key === OUT_OF_SERVICE) === true;
}
