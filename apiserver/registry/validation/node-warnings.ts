import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function nodeWarnings(..._args: unknown[]): string[] {
  return [];
}
