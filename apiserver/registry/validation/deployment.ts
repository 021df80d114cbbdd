import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validateDeployment(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateDeploymentStatusUpdate(..._args: unknown[]): FieldError[] {
  return [];
}

export function validateDeploymentUpdate(..._args: unknown[]): FieldError[] {
  return [];
}
