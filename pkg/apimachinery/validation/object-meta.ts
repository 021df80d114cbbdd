/**
 * `metadata` of every kind: what it may be when created and how it may change, with the paths and texts
 * of `k8s.io/apimachinery/pkg/api/validation`. Changes nothing; reports everything.
 *
 * Expects that name generation is done and that the server's own fields are filled in.
 */
import { semanticDeepEqual } from '../equality.js';
import {
  type FieldError,
  forbidden,
  internalFieldError,
  invalid,
  notSupported,
  type Path,
  required,
  tooLong,
} from '../field-error.js';
import type { ManagedFieldsEntry, ObjectMeta, OwnerReference } from '../meta.js';
import { validateLabels } from './label-selector.js';
import { isQualifiedName, type NameCheck, nameIsDNSLabel } from './names.js';
import { validateFieldManager } from './options.js';

export const FIELD_IMMUTABLE = 'field is immutable';
export const NOT_NEGATIVE = 'must be greater than or equal to 0';

/** All keys and values together, in bytes. */
export const TOTAL_ANNOTATION_SIZE_LIMIT = 256 * 1024;
const MAX_SUBRESOURCE_NAME_LENGTH = 256;
const FINALIZER_ORPHAN = 'orphan';
const FINALIZER_FOREGROUND = 'foregroundDeletion';

export interface ObjectMetaRules {
  readonly namespaced: boolean;
  readonly validateName: NameCheck;
}

/** For create. */
export function validateObjectMeta(
  meta: ObjectMeta,
  { namespaced, validateName }: ObjectMetaRules,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  if (meta.generateName) {
    for (const message of validateName(meta.generateName, true)) {
      errors.push(invalid(at.child('generateName'), meta.generateName, message));
    }
  }
  if (!meta.name) {
    errors.push(required(at.child('name'), 'name or generateName is required'));
  } else {
    for (const message of validateName(meta.name, false)) {
      errors.push(invalid(at.child('name'), meta.name, message));
    }
  }
  if (namespaced) {
    if (!meta.namespace) errors.push(required(at.child('namespace')));
    else {
      for (const message of nameIsDNSLabel(meta.namespace, false)) {
        errors.push(invalid(at.child('namespace'), meta.namespace, message));
      }
    }
  } else if (meta.namespace) {
    errors.push(forbidden(at.child('namespace'), 'not allowed on this type'));
  }
  errors.push(
    ...validateNonnegative(meta.generation ?? 0, at.child('generation')),
    ...validateLabels(meta.labels, at.child('labels')),
    ...validateAnnotations(meta.annotations, at.child('annotations')),
    ...validateOwnerReferences(meta.ownerReferences, at.child('ownerReferences')),
    ...validateFinalizers(meta.finalizers, at.child('finalizers')),
    ...validateManagedFields(meta.managedFields, at.child('managedFields')),
  );
  return errors;
}

/** For update; `meta` carries the resourceVersion that the update is bound to. */
export function validateObjectMetaUpdate(
  meta: ObjectMeta,
  old: ObjectMeta,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  if (old.deletionTimestamp) {
    errors.push(
      ...validateNoNewFinalizers(meta.finalizers, old.finalizers, at.child('finalizers')),
    );
  }
  if (!meta.resourceVersion) {
    errors.push(invalid(at.child('resourceVersion'), '', 'must be specified for an update'));
  }
  const generation = meta.generation ?? 0;
  errors.push(...validateNonnegative(generation, at.child('generation')));
  if (generation < (old.generation ?? 0)) {
    errors.push(invalid(at.child('generation'), generation, 'must not be decremented'));
  }
  errors.push(
    ...validateImmutable(meta.name ?? '', old.name ?? '', at.child('name')),
    ...validateImmutable(meta.namespace ?? '', old.namespace ?? '', at.child('namespace')),
    ...validateImmutable(meta.uid ?? '', old.uid ?? '', at.child('uid')),
    ...validateImmutable(
      meta.creationTimestamp,
      old.creationTimestamp,
      at.child('creationTimestamp'),
    ),
    ...validateImmutable(
      meta.deletionTimestamp,
      old.deletionTimestamp,
      at.child('deletionTimestamp'),
    ),
    ...validateImmutable(
      meta.deletionGracePeriodSeconds,
      old.deletionGracePeriodSeconds,
      at.child('deletionGracePeriodSeconds'),
    ),
    ...validateLabels(meta.labels, at.child('labels')),
    ...validateAnnotations(meta.annotations, at.child('annotations')),
    ...validateOwnerReferences(meta.ownerReferences, at.child('ownerReferences')),
    ...validateManagedFields(meta.managedFields, at.child('managedFields')),
  );
  return errors;
}

export function validateAnnotations(
  annotations: Readonly<Record<string, string>> | undefined,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  let size = 0;
  for (const [key, value] of Object.entries(annotations ?? {})) {
    // Case does not matter in annotation keys.
    for (const message of isQualifiedName(key.toLowerCase())) {
      errors.push(invalid(at, key, message));
    }
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (size > TOTAL_ANNOTATION_SIZE_LIMIT) errors.push(tooLong(at, TOTAL_ANNOTATION_SIZE_LIMIT));
  return errors;
}

export function validateOwnerReferences(
  references: readonly OwnerReference[] | undefined,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  let controller = '';
  (references ?? []).forEach((reference, i) => {
    errors.push(...validateOwnerReference(reference, at.index(i)));
    if (reference.controller !== true) return;
    const name = `${reference.kind}/${reference.name}`;
    if (controller === '') controller = name;
    else {
      errors.push(
        invalid(
          at,
          references,
          `Only one reference can have Controller set to true. Found "true" in references for ${controller} and ${name}`,
        ),
      );
    }
  });
  return errors;
}

function validateOwnerReference(reference: OwnerReference, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const { apiVersion, kind } = reference;
  if (!apiVersion) {
    errors.push(required(at.child('apiVersion'), 'must not be empty'));
  } else if (apiVersion.split('/').length > 2 || apiVersion.endsWith('/')) {
    errors.push(
      invalid(at.child('apiVersion'), apiVersion, 'must be <group>/<version> or <version>'),
    );
  }
  if (!kind) errors.push(required(at.child('kind'), 'must not be empty'));
  if (!reference.name) errors.push(required(at.child('name'), 'must not be empty'));
  if (!reference.uid) errors.push(required(at.child('uid'), 'must not be empty'));
  // Events come and go too quickly to own anything.
  if (apiVersion === 'v1' && kind === 'Event') {
    errors.push(invalid(at, reference, '/v1, Kind=Event is disallowed from being an owner'));
  }
  return errors;
}

export function validateFinalizers(
  finalizers: readonly string[] | undefined,
  at: Path,
): FieldError[] {
  const list = finalizers ?? [];
  const errors = list.flatMap((name) => validateFinalizerName(name, at));
  if (list.includes(FINALIZER_ORPHAN) && list.includes(FINALIZER_FOREGROUND)) {
    errors.push(
      invalid(
        at,
        list,
        `finalizer ${FINALIZER_ORPHAN} and ${FINALIZER_FOREGROUND} cannot be both set`,
      ),
    );
  }
  return errors;
}

export function validateFinalizerName(name: string, at: Path): FieldError[] {
  return isQualifiedName(name).map((message) => invalid(at, name, message));
}

export function validateNoNewFinalizers(
  finalizers: readonly string[] | undefined,
  old: readonly string[] | undefined,
  at: Path,
): FieldError[] {
  const extra = [...new Set(finalizers ?? [])].filter((name) => !old?.includes(name)).sort();
  if (extra.length === 0) return [];
  // Upstream prints the list in Go's syntax.
  const list = `[]string{${extra.map((name) => JSON.stringify(name)).join(', ')}}`;
  return [
    forbidden(
      at,
      `no new finalizers can be added if the object is being deleted, found new finalizers ${list}`,
    ),
  ];
}

export function validateManagedFields(
  entries: readonly ManagedFieldsEntry[] | undefined,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  (entries ?? []).forEach((entry, i) => {
    const here = at.index(i);
    const operation: string = entry.operation ?? '';
    if (operation === '') errors.push(required(here.child('operation'), 'must not be empty'));
    else if (operation !== 'Apply' && operation !== 'Update') {
      errors.push(notSupported(here.child('operation'), operation, ['Apply', 'Update']));
    }
    const fieldsType: string = entry.fieldsType ?? '';
    if (fieldsType !== '' && fieldsType !== 'FieldsV1') {
      errors.push(invalid(here.child('fieldsType'), fieldsType, 'must be `FieldsV1`'));
    }
    errors.push(...validateFieldManager(entry.manager ?? '', here.child('manager')));
    if (Buffer.byteLength(entry.subresource ?? '') > MAX_SUBRESOURCE_NAME_LENGTH) {
      errors.push(tooLong(here.child('subresource'), MAX_SUBRESOURCE_NAME_LENGTH));
    }
  });
  return errors;
}

/** `spec.selector: Invalid value: …: field is immutable` where the two differ semantically. */
export function validateImmutable(value: unknown, old: unknown, at: Path): FieldError[] {
  return semanticDeepEqual(value, old) ? [] : [invalid(at, value, FIELD_IMMUTABLE)];
}

export function validateNonnegative(value: number, at: Path): FieldError[] {
  return value < 0 ? [invalid(at, value, NOT_NEGATIVE)] : [];
}

/** What a generator that gave no name would be: a broken invariant, told as upstream tells it. */
export function nameNotGenerated(generateName: string, at: Path): FieldError {
  return internalFieldError(
    at.child('name'),
    `generateName was specified (${JSON.stringify(generateName)}), but no name was generated`,
  );
}
