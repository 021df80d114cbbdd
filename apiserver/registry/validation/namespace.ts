/** Namespaces: their finalizers have known or qualified names, and their phase goes with their deletion. */
import type { Namespace } from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid,
  type Path,
  path,
} from '../../../pkg/apimachinery/field-error.js';
import { qualifiedName } from './fields.js';

const STANDARD_FINALIZERS = new Set(['kubernetes', 'orphan', 'foregroundDeletion']);

export function validateNamespace(obj: Namespace): FieldError[] {
  return (obj.spec?.finalizers ?? []).flatMap((name) =>
    validateFinalizer(name, path('spec', 'finalizers')),
  );
}

/** The finalizers are the old ones, and nothing else of the spec is there to change. */
export function validateNamespaceUpdate(): FieldError[] {
  return [];
}

export function validateNamespaceStatusUpdate(obj: Namespace): FieldError[] {
  const phase = obj.status?.phase ?? '';
  const at = path('status', 'Phase');
  if (!obj.metadata?.deletionTimestamp) {
    if (phase === 'Active') return [];
    return [invalid(at, phase, "may only be 'Active' if `deletionTimestamp` is empty")];
  }
  if (phase === 'Terminating') return [];
  return [invalid(at, phase, "may only be 'Terminating' if `deletionTimestamp` is not empty")];
}

export function validateNamespaceFinalizeUpdate(obj: Namespace): FieldError[] {
  const at = path('spec', 'finalizers');
  return (obj.spec?.finalizers ?? []).flatMap((name, i) => validateFinalizer(name, at.index(i)));
}

function validateFinalizer(name: string, at: Path): FieldError[] {
  const errors = qualifiedName(name, at);
  if (!name.includes('/') && !STANDARD_FINALIZERS.has(name)) {
    errors.push(
      invalid(at, name, 'name is neither a standard finalizer name nor is it fully qualified'),
    );
  }
  return errors;
}
