import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function serviceWarnings(..._args: unknown[]): string[] {
  return [];
}
