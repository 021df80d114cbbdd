import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function secretWarnings(..._args: unknown[]): string[] {
  return [];
}

export function validateSecret(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateSecretUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
