/** The index of pods by the keys of the claims that they name. */
import type { Pod } from '../../pkg/api/types.js';
import { claimsOfPod } from '../../pkg/api/volumes/claims.js';

export const BY_CLAIM = 'claim';

export function claimIndex(pod: Pod): readonly string[] {
  return claimsOfPod(pod).map(({ claim }) => `${pod.metadata?.namespace ?? ''}/${claim}`);
}
