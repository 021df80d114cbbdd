import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validateEndpointSlice(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateEndpointSliceUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
