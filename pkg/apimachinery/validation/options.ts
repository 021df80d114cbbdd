/**
 * The options of a request, from its query or its DeleteOptions body: checked before anything else is
 * done, and answered with 422 as upstream does. Paths stand at the root: `fieldManager: Too long: …`.
 */
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  path,
  required,
  tooLong,
} from '../field-error.js';

/** Bytes. */
export const FIELD_MANAGER_MAX_LENGTH = 128;

export type PropagationPolicy = 'Foreground' | 'Background' | 'Orphan';

export interface DeleteOptions {
  apiVersion?: string;
  kind?: string;
  gracePeriodSeconds?: number;
  preconditions?: { uid?: string; resourceVersion?: string };
  orphanDependents?: boolean;
  propagationPolicy?: string;
  dryRun?: string[];
  ignoreStoreReadErrorWithClusterBreakingPotential?: boolean;
}

export interface WriteOptions {
  fieldManager?: string;
  dryRun?: readonly string[];
  fieldValidation?: string;
}

export interface PatchOptions extends WriteOptions {
  force?: boolean;
}

export interface ListOptions {
  resourceVersion?: string;
  resourceVersionMatch?: string;
  continue?: string;
  watch?: boolean;
  sendInitialEvents?: boolean;
}

/** Create and update share these. */
export function validateWriteOptions(options: WriteOptions): FieldError[] {
  return [
    ...validateFieldManager(options.fieldManager ?? '', path('fieldManager')),
    ...validateDryRun(options.dryRun, path('dryRun')),
    ...validateFieldValidation(options.fieldValidation ?? '', path('fieldValidation')),
  ];
}

export function validatePatchOptions(options: PatchOptions, apply: boolean): FieldError[] {
  const errors: FieldError[] = [];
  if (apply) {
    if (!options.fieldManager) {
      errors.push(required('fieldManager', 'is required for apply patch'));
    }
  } else if (options.force !== undefined) {
    errors.push(forbidden('force', 'may not be specified for non-apply patch'));
  }
  return errors.concat(validateWriteOptions(options));
}

export function validateDeleteOptions(options: DeleteOptions): FieldError[] {
  const errors: FieldError[] = [];
  const { propagationPolicy } = options;
  if (options.orphanDependents !== undefined && propagationPolicy !== undefined) {
    errors.push(
      invalid(
        'propagationPolicy',
        propagationPolicy,
        'orphanDependents and deletionPropagation cannot be both set',
      ),
    );
  }
  if (propagationPolicy !== undefined) {
    const known = ['Foreground', 'Background', 'Orphan'];
    if (!known.includes(propagationPolicy)) {
      errors.push(notSupported('propagationPolicy', propagationPolicy, [...known, 'nil']));
    }
  }
  errors.push(...validateDryRun(options.dryRun, path('dryRun')));
  if (options.ignoreStoreReadErrorWithClusterBreakingPotential === true) {
    const at = 'ignoreStoreReadErrorWithClusterBreakingPotential';
    for (const other of [
      'propagationPolicy',
      'orphanDependents',
      'gracePeriodSeconds',
      'preconditions',
    ] as const) {
      if (options[other] !== undefined) {
        errors.push(invalid(at, true, `cannot be set together with .${other}`));
      }
    }
  }
  return errors;
}

/** List and watch; `resourceVersionMatch` needs a version, and each value allows only some of the others. */
export function validateListOptions(options: ListOptions): FieldError[] {
  if (options.watch) return validateWatchOptions(options);
  const errors: FieldError[] = [];
  const { resourceVersion = '', resourceVersionMatch = '' } = options;
  const at = 'resourceVersionMatch';
  if (resourceVersionMatch !== '') {
    if (resourceVersion === '') {
      errors.push(
        forbidden(at, 'resourceVersionMatch is forbidden unless resourceVersion is provided'),
      );
    }
    if (options.continue) {
      errors.push(forbidden(at, 'resourceVersionMatch is forbidden when continue is provided'));
    }
    if (resourceVersionMatch !== 'Exact' && resourceVersionMatch !== 'NotOlderThan') {
      errors.push(notSupported(at, resourceVersionMatch, ['Exact', 'NotOlderThan', '']));
    }
    if (resourceVersionMatch === 'Exact' && resourceVersion === '0') {
      errors.push(
        forbidden(at, 'resourceVersionMatch "exact" is forbidden for resourceVersion "0"'),
      );
    }
  }
  if (options.sendInitialEvents !== undefined) {
    errors.push(forbidden('sendInitialEvents', 'sendInitialEvents is forbidden for list'));
  }
  return errors;
}

function validateWatchOptions(options: ListOptions): FieldError[] {
  const errors: FieldError[] = [];
  const { resourceVersionMatch = '' } = options;
  const at = 'resourceVersionMatch';
  if (options.sendInitialEvents !== undefined && resourceVersionMatch !== 'NotOlderThan') {
    errors.push(
      forbidden(at, 'sendInitialEvents requires setting resourceVersionMatch to NotOlderThan'),
    );
  }
  if (resourceVersionMatch !== '') {
    if (options.sendInitialEvents === undefined) {
      errors.push(
        forbidden(
          at,
          'resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
        ),
      );
    }
    if (resourceVersionMatch !== 'NotOlderThan') {
      errors.push(notSupported(at, resourceVersionMatch, ['NotOlderThan']));
    }
    if (options.continue) {
      errors.push(forbidden(at, 'resourceVersionMatch is forbidden when continue is provided'));
    }
  }
  return errors;
}

/** Short and printable: it is shown to people. */
export function validateFieldManager(manager: string, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (Buffer.byteLength(manager) > FIELD_MANAGER_MAX_LENGTH) {
    errors.push(tooLong(at, FIELD_MANAGER_MAX_LENGTH));
  }
  let position = 0;
  for (const ch of manager) {
    // As Go's unicode.IsPrint: of all the blanks only the ASCII space prints.
    if (/[^\P{C}]|\p{Z}/u.test(ch) && ch !== ' ') {
      const code = (ch.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(4, '0');
      errors.push(invalid(at, manager, `invalid character U+${code} (at position ${position})`));
    }
    position += Buffer.byteLength(ch);
  }
  return errors;
}

export function validateDryRun(dryRun: readonly string[] | undefined, at: Path): FieldError[] {
  const values = dryRun ?? [];
  return values.every((value) => value === 'All') ? [] : [notSupported(at, values, ['All'])];
}

export function validateFieldValidation(value: string, at: Path): FieldError[] {
  const known = ['', 'Ignore', 'Strict', 'Warn'];
  return known.includes(value) ? [] : [notSupported(at, value, known)];
}
