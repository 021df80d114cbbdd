import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validateService(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateServiceStatusUpdate(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateServiceUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
