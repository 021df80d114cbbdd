/** Leases: a holder, if any, has a name, and a lease, if it runs out, runs for some time. */
import type { Lease } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  path,
} from '../../../pkg/apimachinery/field-error.js';

const SPEC = path('spec');

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

  if (preferredHolder && !strategy) {
    errors.push(
      forbidden(SPEC.child('preferredHolder'), 'may only be specified when `strategy` is defined'),
    );
  }
  return errors;
}
