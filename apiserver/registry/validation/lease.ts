/** Leases: a holder, if any, has a name, and a lease, if it runs out, runs for some time. */
import type { Lease } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  path,
} from '../../../pkg/apimachinery/field-error.js';
import { qualifiedName } from './fields.js';

const SPEC = path('spec');
const STRATEGIES = ['OldestEmulationVersion'];

export function validateLease(obj: Lease): FieldError[] {
  const { leaseDurationSeconds, leaseTransitions, strategy, preferredHolder } = obj.spec ?? {};
  const errors: FieldError[] = [];
  if (leaseDurationSeconds !== undefined && leaseDurationSeconds <= 0) {
    errors.push(
      invalid(SPEC.child('leaseDurationSeconds'), leaseDurationSeconds, 'must be greater than 0'),
    );
  }
  if (leaseTransitions !== undefined && leaseTransitions < 0) {
    errors.push(
      invalid(
        SPEC.child('leaseTransitions'),
        leaseTransitions,
        'must be greater than or equal to 0',
      ),
    );
  }
  if (strategy !== undefined) errors.push(...validateStrategy(strategy));
  if (preferredHolder && !strategy) {
    errors.push(
      forbidden(SPEC.child('preferredHolder'), 'may only be specified if `strategy` is defined'),
    );
  }
  return errors;
}

/** One of Kubernetes' own, or somebody's with a domain. */
function validateStrategy(strategy: string): FieldError[] {
  // As upstream, which names the field twice.
  const at = SPEC.child('strategy', 'strategy');
  if (strategy.includes('/')) return qualifiedName(strategy, at);
  return STRATEGIES.includes(strategy) ? [] : [notSupported(at, strategy, STRATEGIES)];
}
