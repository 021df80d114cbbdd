/** `runAsNonRoot`: whether a container may run as the user that its pod or its image names. Pure. */
import type { Container, Pod } from '../../pkg/api/types.js';
import { formatPod } from './pod.js';

/** Why it may not; `imageUser` is an id, a name, or not known. */
export function rootFault(
  pod: Pod,
  container: Container,
  imageUser: number | string | undefined,
): string | undefined {
  const [own, ofPod] = [container.securityContext, pod.spec?.securityContext];
  if ((own?.runAsNonRoot ?? ofPod?.runAsNonRoot) !== true) return undefined;
  const where = `(pod: ${JSON.stringify(formatPod(pod))}, container: ${container.name})`;
  const user = own?.runAsUser ?? ofPod?.runAsUser;
  if (user !== undefined) {
    return user === 0 ? `container's runAsUser breaks non-root policy ${where}` : undefined;
  }
  if (imageUser === 0) return `container has runAsNonRoot and image will run as root ${where}`;
  return typeof imageUser === 'string'
    ? `container has runAsNonRoot and image has non-numeric user (${imageUser}), cannot verify user is non-root ${where}`
    : undefined;
}
