/** Writing the status of an object that others write too. */
import type { KubeObject } from '../pkg/apimachinery/meta.js';
import { isConflict, isNotFound } from '../pkg/client/errors.js';
import type { ResourceClient } from '../pkg/client/resource-client.js';

/**
 * Writes what `statusOf` makes of the object; after a conflict, of the object as it is then, `retries` times
 * at the most. One that is gone, or was made anew, is left alone: the status is of the former one.
 */
export async function writeStatus<T extends KubeObject & { status?: object }>(
  client: ResourceClient<T>,
  object: T,
  statusOf: (current: T) => T['status'],
  retries: number,
  signal: AbortSignal,
): Promise<void> {
  const { namespace = '', name = '', uid } = object.metadata ?? {};
  let current = object;
  for (let tries = 0; ; tries++) {
    try {
      await client.updateStatus({ ...current, status: statusOf(current) }, { signal });
      return;
    } catch (err) {
      if (isNotFound(err)) return;
      if (!isConflict(err) || tries >= retries) throw err;
    }
    current = await client.get(namespace, name, { signal });
    if (current.metadata?.uid !== uid) return;
  }
}
