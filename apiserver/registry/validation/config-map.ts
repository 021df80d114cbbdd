import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validateConfigMap(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateConfigMapUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
