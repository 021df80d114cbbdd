import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function cronJobWarnings(..._args: unknown[]): string[] {
  return [];
}

export function validateCronJob(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateCronJobUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
