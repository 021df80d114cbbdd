import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validateReplicaSet(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateReplicaSetStatusUpdate(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateReplicaSetUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
