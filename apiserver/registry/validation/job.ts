import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function jobWarnings(..._args: unknown[]): string[] {
  return [];
}

export function validateJob(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateJobStatusUpdate(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateJobUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
