import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validateEvent(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateEventUpdate(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateEventV1(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateEventV1Update(..._args: unknown[]): FieldError[] {
  return [];
}
