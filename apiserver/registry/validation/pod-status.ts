import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validatePodStatusUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
