import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function podTemplateWarnings(..._args: unknown[]): string[] {
  return [];
}

export function podWarnings(..._args: unknown[]): string[] {
  return [];
}
