/** The same owner twice is one owner: taken out on every write, with upstream's warning to who sent it. */
import { deepEqual } from '../../pkg/apimachinery/equality.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';

export function dedupOwnerReferences(obj: KubeObject, warn: (text: string) => void): void {
  const references = obj.metadata?.ownerReferences;
  if (!references || references.length < 2) return;
  const doubles: string[] = [];
  const kept = references.filter((reference, i) => {
    const first = references.findIndex((other) => deepEqual(other, reference));
    if (first !== i) doubles.push(reference.uid);
    return first === i;
  });
  if (doubles.length === 0 || !obj.metadata) return;
  obj.metadata.ownerReferences = kept;
  warn(
    `.metadata.ownerReferences contains duplicate entries; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${[...new Set(doubles)].join(', ')}`,
  );
}
