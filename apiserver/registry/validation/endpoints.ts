import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validateEndpoints(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateEndpointsUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
