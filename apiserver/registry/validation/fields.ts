/** Small checks that many kinds make of one field, each with Kubernetes' own text. All are pure. */
import {
  type FieldError,
  invalid,
  notSupported,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isValidPortName, isValidPortNum } from '../../../pkg/apimachinery/validation/formats.js';
import {
  isDNS1123Label,
  isDNS1123Subdomain,
  isQualifiedName,
} from '../../../pkg/apimachinery/validation/names.js';
import { canonicalIP, validateIP } from './addresses.js';

/** One error a message, as checks of a text return them. */
export function invalidEach(at: Path, value: unknown, messages: readonly string[]): FieldError[] {
  return messages.map((message) => invalid(at, value, message));
}

export function dnsLabel(value: string, at: Path): FieldError[] {
  return invalidEach(at, value, isDNS1123Label(value));
}

export function dnsSubdomain(value: string, at: Path): FieldError[] {
  return invalidEach(at, value, isDNS1123Subdomain(value));
}

export function qualifiedName(value: string, at: Path): FieldError[] {
  return invalidEach(at, value, isQualifiedName(value));
}

/** Required when absent or empty, else one of a list in the order that the message shows. */
export function oneOf(
  value: string | undefined,
  values: readonly string[],
  at: Path,
): FieldError[] {
  if (!value) return [required(at)];
  return values.includes(value) ? [] : [notSupported(at, value, values)];
}

/** One of a list, when it is there at all. */
export function optionalOneOf(
  value: string | undefined,
  values: readonly string[],
  at: Path,
): FieldError[] {
  return value === undefined || values.includes(value) ? [] : [notSupported(at, value, values)];
}

export function ipAddress(value: string | undefined, at: Path): FieldError[] {
  return validateIP(value ?? '', at);
}

/** Addresses that no client could mean from where it is: unspecified, loopback, link-local. */
export function nonSpecialIP(value: string | undefined, at: Path): FieldError[] {
  const text = value ?? '';
  const address = canonicalIP(text);
  if (address === undefined) return [invalid(at, text, 'must be a valid IP address')];
  const errors: FieldError[] = [];
  if (address === '0.0.0.0' || address === '::')
    errors.push(invalid(at, text, `may not be unspecified (${text})`));
  if (address.startsWith('127.') || address === '::1') {
    errors.push(invalid(at, text, 'may not be in the loopback range (127.0.0.0/8, ::1/128)'));
  }
  if (address.startsWith('169.254.') || /^fe[89ab][0-9a-f]:/.test(address)) {
    errors.push(
      invalid(at, text, 'may not be in the link-local range (169.254.0.0/16, fe80::/10)'),
    );
  }
  if (address.startsWith('224.0.0.') || /^ff.2:/.test(address)) {
    errors.push(
      invalid(at, text, 'may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)'),
    );
  }
  return errors;
}

export function portNumber(value: number | undefined, at: Path): FieldError[] {
  return invalidEach(at, value ?? 0, isValidPortNum(value ?? 0));
}

export function portNumberOrName(value: number | string | undefined, at: Path): FieldError[] {
  if (typeof value === 'string') return invalidEach(at, value, isValidPortName(value));
  return portNumber(value, at);
}

/** No element may be `..`. */
export function pathNoBacksteps(value: string, at: Path): FieldError[] {
  return value.split('/').includes('..') ? [invalid(at, value, "must not contain '..'")] : [];
}

export function localDescendingPath(value: string, at: Path): FieldError[] {
  const errors = value.startsWith('/') ? [invalid(at, value, 'must be a relative path')] : [];
  return [...errors, ...pathNoBacksteps(value, at)];
}

/** A descending path that also does not begin with `..`, which is where files are swapped in. */
export function localNonReservedPath(value: string, at: Path): FieldError[] {
  const errors = localDescendingPath(value, at);
  if (value.startsWith('..') && !value.startsWith('../')) {
    errors.push(invalid(at, value, "must not start with '..'"));
  }
  return errors;
}

/** `must be in the range …` is not how Kubernetes says it: these are permission bits, shown in octal. */
export function fileMode(value: number | undefined, at: Path): FieldError[] {
  if (value === undefined || (value >= 0 && value <= 0o777)) return [];
  return [invalid(at, value, 'must be a number between 0 and 0777 (octal), both inclusive')];
}

export function nonEmpty(value: string | undefined, at: Path, detail = ''): FieldError[] {
  return value ? [] : [required(at, detail)];
}
