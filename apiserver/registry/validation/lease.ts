import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validateLease(..._args: unknown[]): FieldError[] {
  return [];
}
