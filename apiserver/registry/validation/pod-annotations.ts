import type { Pod } from '../../../pkg/api/types.js';
import type { FieldError } from '../../../pkg/apimachinery/field-error.js';
export const MIRROR_ANNOTATION = 'kubernetes.io/config.mirror';
export function validatePodAnnotationUpdates(_pod: Pod, _old: Pod): FieldError[] {
  return [];
}
