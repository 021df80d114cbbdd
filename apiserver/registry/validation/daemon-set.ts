import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validateDaemonSet(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateDaemonSetStatusUpdate(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateDaemonSetUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
