import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validateStatefulSet(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateStatefulSetStatusUpdate(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateStatefulSetUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
