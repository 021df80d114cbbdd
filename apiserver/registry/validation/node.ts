import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validateNode(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateNodeStatusUpdate(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateNodeUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
