/** What volumes, claims and their classes have in common: access modes, modes, drivers. */
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isQualifiedName } from '../../../pkg/apimachinery/validation/names.js';

const ACCESS_MODES = ['ReadOnlyMany', 'ReadWriteMany', 'ReadWriteOnce', 'ReadWriteOncePod'];
const SHORT_MODES: Readonly<Record<string, string>> = {
  ReadWriteOnce: 'RWO',
  ReadOnlyMany: 'ROX',
  ReadWriteMany: 'RWX',
  ReadWriteOncePod: 'RWOP',
};

export const BETA_STORAGE_CLASS = 'volume.beta.kubernetes.io/storage-class';

/** `RWO,ROX`: each once, in Kubernetes' order. */
export function accessModesText(modes: readonly string[] | undefined): string {
  return Object.keys(SHORT_MODES)
    .filter((mode) => modes?.includes(mode))
    .map((mode) => SHORT_MODES[mode])
    .join(',');
}

export function validateAccessModes(
  modes: readonly string[] | undefined,
  at: Path,
  whyRequired: string,
): FieldError[] {
  if (!modes || modes.length === 0) return [required(at, whyRequired)];
  const errors = modes
    .filter((mode) => !ACCESS_MODES.includes(mode))
    .map((mode) => notSupported(at, mode, ACCESS_MODES));
  if (modes.includes('ReadWriteOncePod') && modes.length > 1) {
    errors.push(forbidden(at, 'may not use ReadWriteOncePod with other access modes'));
  }
  return errors;
}

export function validateVolumeMode(mode: string | undefined, at: Path): FieldError[] {
  if (mode === undefined || mode === 'Block' || mode === 'Filesystem') return [];
  return [notSupported(at, mode, ['Block', 'Filesystem'])];
}

/** Drivers and provisioners are compared without regard to case. */
export function validateQualifiedDriverName(name: string, at: Path): FieldError[] {
  return isQualifiedName(name.toLowerCase()).map((why) => invalid(at, name, why));
}
