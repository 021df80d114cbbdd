/** Named formats (`library/format.go`): `!format.dns1123Label().validate(self.name).hasValue()`. */
import * as names from '../../apimachinery/validation/names.js';
import { REGEX_FACTOR, STRING_FACTOR } from '../cost-range.js';
import { asText } from '../equality.js';
import { type CelFunction, define, type Library } from '../function.js';
import { noSuchOverload, Opaque, Optional, sizeOf, type Value } from '../values.js';
import { parseTimestamp } from './time.js';
import { urls } from './urls.js';

const TYPE = 'kubernetes.NamedFormat';

class Format extends Opaque {
  readonly type = TYPE;
  constructor(
    readonly name: string,
    /** Characters of the longest pattern that a text is tried against: what makes trying dear. */
    readonly patternSize: number,
    readonly validate: (text: string) => readonly string[],
  ) {
    super();
  }
  equals(other: Opaque): boolean {
    return other instanceof Format && other.name === this.name;
  }
}

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const BASE64 = /^([A-Za-z0-9+/]{4})*([A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;

function expect(holds: (text: string) => boolean, otherwise: string) {
  return (text: string) => (holds(text) ? [] : [otherwise]);
}

const isUrl = (text: string): boolean => {
  const check = urls.find(({ name }) => name === 'isURL');
  return check?.call([text], { work: () => undefined }) === true;
};

/** A generated name ends in a suffix, so its prefix may end in a dash. */
const prefix = (check: (text: string) => string[]) => (text: string) =>
  check(text.replace(/-$/, 'a'));

const FORMATS: readonly Format[] = [
  new Format('dns1123Label', 30, names.isDNS1123Label),
  new Format('dns1123Subdomain', 60, names.isDNS1123Subdomain),
  new Format('dns1035Label', 30, names.isDNS1035Label),
  new Format('qualifiedName', 60, names.isQualifiedName),
  new Format('dns1123LabelPrefix', 30, prefix(names.isDNS1123Label)),
  new Format('dns1123SubdomainPrefix', 60, prefix(names.isDNS1123Subdomain)),
  new Format('dns1035LabelPrefix', 30, prefix(names.isDNS1035Label)),
  new Format('labelValue', 40, names.isValidLabelValue),
  new Format('uri', 0, expect(isUrl, 'must be a valid URI')),
  new Format(
    'uuid',
    50,
    expect((text) => UUID.test(text), 'does not match the UUID format'),
  ),
  new Format(
    'byte',
    30,
    expect((text) => BASE64.test(text), 'invalid base64'),
  ),
  new Format(
    'date',
    50,
    expect((text) => parseTimestamp(`${text}T00:00:00Z`) !== undefined, 'invalid date'),
  ),
  new Format(
    'datetime',
    50,
    expect((text) => parseTimestamp(text) !== undefined, 'invalid datetime'),
  ),
];

function of(value: Value | undefined): Format {
  if (!(value instanceof Format)) throw noSuchOverload();
  return value;
}

function constant(format: Format): CelFunction {
  return define(`format.${format.name}`, [`format-${format.name}: () -> ${TYPE}`], () => format);
}

export const formats: Library = [
  ...FORMATS.map(constant),
  define('format.named', [`format-named: (string) -> optional(${TYPE})`], ([name]) => {
    const found = FORMATS.find((format) => format.name === asText(name));
    return found ? new Optional(found) : Optional.none;
  }),
  define(
    'validate',
    [`format-validate: ${TYPE}.(string) -> optional(list(string))`],
    ([format, text]) => {
      const wrong = of(format).validate(asText(text));
      return wrong.length === 0 ? Optional.none : new Optional(wrong);
    },
    ([format, text]) =>
      Math.ceil((1 + sizeOf(text ?? null)) * STRING_FACTOR) *
      Math.ceil(of(format).patternSize * REGEX_FACTOR),
  ),
];
