import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validateNamespace(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateNamespaceFinalizeUpdate(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateNamespaceStatusUpdate(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateNamespaceUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
