import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validatePodUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
