import type { FieldError } from '../../../pkg/apimachinery/field-error.js';

export function validatePod(..._args: unknown[]): FieldError[] {
  return [];
}

export function validatePodMetadataAndSpec(..._args: unknown[]): FieldError[] {
  return [];
}
