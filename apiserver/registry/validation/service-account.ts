import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function serviceAccountWarnings(..._args: unknown[]): string[] {
  return [];
}
