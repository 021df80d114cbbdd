/** ServiceAccounts have nothing to validate besides their metadata; some of what they say no longer does anything. */
import type { ServiceAccount } from '../../../pkg/api/types.js';

const ENFORCE_SECRETS = 'kubernetes.io/enforce-mountable-secrets';

export function serviceAccountWarnings(obj: ServiceAccount): string[] {
  if (obj.metadata?.annotations?.[ENFORCE_SECRETS] === undefined) return [];
  return [
    `metadata.annotations[${ENFORCE_SECRETS}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
  ];
}
