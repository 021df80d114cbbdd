/** What persistent volumes, their claims and their drivers have in common. */
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isQualifiedName } from '../../../pkg/apimachinery/validation/names.js';

/** Where a claim said its class before there was a field for it. */
export const BETA_STORAGE_CLASS = 'volume.beta.kubernetes.io/storage-class';

/** In the order in which kubectl shows them. */
const SHORT_MODES = [
  ['ReadWriteOnce', 'RWO'],
  ['ReadOnlyMany', 'ROX'],
  ['ReadWriteMany', 'RWX'],
  ['ReadWriteOncePod', 'RWOP'],
] as const;
const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];

/** `RWO,ROX` */
export function accessModesText(modes: readonly string[] | undefined): string {
  return SHORT_MODES.filter(([mode]) => modes?.includes(mode))
    .map(([, short]) => short)
    .join(',');
}

/** `detail` explains why an empty list is wrong. */
export function validateAccessModes(
  modes: readonly string[] | undefined,
  at: Path,
  detail: string,
): FieldError[] {
  if (!modes || modes.length === 0) return [required(at, detail)];
  const errors = modes
    .filter((mode) => !ACCESS_MODES.includes(mode))
    .map((mode) => notSupported(at, mode, ACCESS_MODES));
  const others = modes.some((mode) => mode !== 'ReadWriteOncePod' && ACCESS_MODES.includes(mode));
  if (modes.includes('ReadWriteOncePod') && others) {
    errors.push(forbidden(at, 'may not use ReadWriteOncePod with other access modes'));
  }
  return errors;
}

export function validateVolumeMode(mode: string | undefined, at: Path): FieldError[] {
  if (mode === undefined || mode === 'Block' || mode === 'Filesystem') return [];
  return [notSupported(at, mode, ['Block', 'Filesystem'])];
}

/** A driver's or provisioner's name: capitals are let pass, as they always were. */
export function validateQualifiedDriverName(name: string, at: Path): FieldError[] {
  return isQualifiedName(name.toLowerCase()).map((message) => invalid(at, name, message));
}
