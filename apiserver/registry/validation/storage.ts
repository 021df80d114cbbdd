/** What volumes, claims and their classes have in common: access modes, modes, drivers. */
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  required,
  tooLong,
} from '../../../pkg/apimachinery/field-error.js';
import { isQualifiedName, nameIsDNSSubdomain } from '../../../pkg/apimachinery/validation/names.js';

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

/** Of a StorageClass or a VolumeAttributesClass, where one is named. */
export function validateClassName(name: string | undefined, at: Path): FieldError[] {
  if (!name) return [];
  return nameIsDNSSubdomain(name, false).map((why) => invalid(at, name, why));
}

const MAX_PARAMETERS = 512;
const MAX_PARAMETER_BYTES = 256 * 1024;

/** What a class hands to its provisioner or driver. */
export function validateParameters(
  parameters: Readonly<Record<string, string>> | undefined,
  at: Path,
): FieldError[] {
  const entries = Object.entries(parameters ?? {});
  if (entries.length > MAX_PARAMETERS) return [tooLong(at, MAX_PARAMETERS)];
  const errors = entries
    .filter(([key]) => key === '')
    .map(([key]) => invalid(at, key, 'field can not be empty.'));
  const bytes = entries.reduce((n, [k, v]) => n + Buffer.byteLength(k) + Buffer.byteLength(v), 0);
  return bytes > MAX_PARAMETER_BYTES ? [...errors, tooLong(at, MAX_PARAMETER_BYTES)] : errors;
}

/** Drivers and provisioners are compared without regard to case. */
export function validateQualifiedDriverName(name: string, at: Path): FieldError[] {
  return isQualifiedName(name.toLowerCase()).map((why) => invalid(at, name, why));
}
