import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validatePodTemplate(..._args: unknown[]): FieldError[] {
  return [];
}
