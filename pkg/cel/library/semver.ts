/** Semantic versions (`library/semverlib.go`): `semver('1.2.3').isLessThan(semver('2.0.0'))`. */
import { asText } from '../equality.js';
import { define, type Library } from '../function.js';
import { CelFailure, int, noSuchOverload, Opaque, type Value } from '../values.js';

const TYPE = 'kubernetes.Semver';
const FORM =
  /^(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(?:-((?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(?:\.(?:0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*))?(?:\+([0-9a-zA-Z-]+(?:\.[0-9a-zA-Z-]+)*))?$/;

class Semver extends Opaque {
  readonly type = TYPE;
  constructor(
    readonly numbers: readonly [bigint, bigint, bigint],
    readonly prerelease: readonly string[],
  ) {
    super();
  }

  static parse(text: string): Semver | undefined {
    const [, major, minor, patch, prerelease] = FORM.exec(text) ?? [];
    if (major === undefined || minor === undefined || patch === undefined) return undefined;
    const numbers = [BigInt(major), BigInt(minor), BigInt(patch)] as const;
    if (numbers.some((number) => number >= 1n << 64n)) return undefined;
    return new Semver(numbers, prerelease === undefined ? [] : prerelease.split('.'));
  }

  equals(other: Opaque): boolean {
    return other instanceof Semver && this.compare(other) === 0;
  }

  compare(other: Semver): number {
    for (const i of [0, 1, 2] as const) {
      if (this.numbers[i] !== other.numbers[i]) return this.numbers[i] < other.numbers[i] ? -1 : 1;
    }
    const [a, b] = [this.prerelease, other.prerelease];
    // A release comes after all of its pre-releases.
    if (a.length === 0 || b.length === 0) return Math.sign(b.length - a.length);
    for (let i = 0; i < Math.max(a.length, b.length); i++) {
      const order = comparePart(a[i], b[i]);
      if (order !== 0) return order;
    }
    return 0;
  }
}

/** Undefined for what is no version. */
export function semverOf(text: string): Opaque | undefined {
  return Semver.parse(text);
}

function comparePart(a: string | undefined, b: string | undefined): number {
  if (a === b) return 0;
  if (a === undefined) return -1;
  if (b === undefined) return 1;
  const [numberA, numberB] = [/^\d+$/.test(a), /^\d+$/.test(b)];
  if (numberA && numberB) return BigInt(a) < BigInt(b) ? -1 : 1;
  if (numberA !== numberB) return numberA ? -1 : 1;
  return a < b ? -1 : 1;
}

/** `v1.02` → `1.2.0`: no prefix, no leading zeros, all three numbers. */
function normalized(text: string): string {
  const [core = '', ...rest] = text.replace(/^v/, '').split(/(?=[-+])/);
  const numbers = core.split('.').map((part) => part.replace(/^0+(?=\d)/, ''));
  while (numbers.length < 3) numbers.push('0');
  return numbers.join('.') + rest.join('');
}

function of(value: Value | undefined): Semver {
  if (!(value instanceof Semver)) throw noSuchOverload();
  return value;
}

function read(text: Value | undefined, normalize: Value | undefined): Semver | undefined {
  return Semver.parse(normalize === true ? normalized(asText(text)) : asText(text));
}

export const semvers: Library = [
  define(
    'semver',
    [`string_to_semver: (string) -> ${TYPE}`, `string_bool_to_semver: (string, bool) -> ${TYPE}`],
    ([text, normalize]) => {
      const version = read(text, normalize);
      if (!version) throw new CelFailure(`Invalid semantic version "${asText(text)}"`);
      return version;
    },
  ),
  define(
    'isSemver',
    ['is_semver_string: (string) -> bool', 'is_semver_string_bool: (string, bool) -> bool'],
    ([text, normalize]) => read(text, normalize) !== undefined,
  ),
  define(
    'isGreaterThan',
    [`semver_is_greater_than: ${TYPE}.(${TYPE}) -> bool`],
    ([a, b]) => of(a).compare(of(b)) > 0,
  ),
  define(
    'isLessThan',
    [`semver_is_less_than: ${TYPE}.(${TYPE}) -> bool`],
    ([a, b]) => of(a).compare(of(b)) < 0,
  ),
  define('compareTo', [`semver_compare_to: ${TYPE}.(${TYPE}) -> int`], ([a, b]) =>
    of(a).compare(of(b)),
  ),
  define('major', [`semver_major: ${TYPE}.() -> int`], ([value]) => int(of(value).numbers[0])),
  define('minor', [`semver_minor: ${TYPE}.() -> int`], ([value]) => int(of(value).numbers[1])),
  define('patch', [`semver_patch: ${TYPE}.() -> int`], ([value]) => int(of(value).numbers[2])),
];
