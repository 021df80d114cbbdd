import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validateReplicationController(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateReplicationControllerStatusUpdate(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateReplicationControllerUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
