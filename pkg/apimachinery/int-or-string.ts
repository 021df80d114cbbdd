/**
 * `intstr.IntOrString`: a JSON number or string, as for ports, maxSurge and maxUnavailable.
 * On the wire and here it is simply `number | string`.
 */

export type IntOrString = number | string;

export class IntOrStringError extends Error {
  override name = 'IntOrStringError';
}

/**
 * The number itself, or `percent%` of `total`, rounded as asked. Throws IntOrStringError for any other
 * string. `maxSurge` rounds up, `maxUnavailable` down.
 */
export function scaledValue(value: IntOrString, total: number, roundUp: boolean): number {
  if (typeof value === 'number') return value;
  const percent = percentOf(value);
  const scaled = (percent * total) / 100;
  return roundUp ? Math.ceil(scaled) : Math.floor(scaled);
}

/** The number before the percent sign. Throws IntOrStringError where the text is no percentage. */
export function percentOf(text: string): number {
  if (!text.endsWith('%')) {
    throw new IntOrStringError(
      'invalid value for IntOrString: invalid type: string is not a percentage',
    );
  }
  const digits = text.slice(0, -1);
  if (!/^[+-]?[0-9]+$/.test(digits)) {
    const shown = JSON.stringify(digits);
    throw new IntOrStringError(
      `invalid value for IntOrString: invalid value ${JSON.stringify(text)}: strconv.Atoi: parsing ${shown}: invalid syntax`,
    );
  }
  return Number(digits);
}

export function isPercent(value: IntOrString): boolean {
  return typeof value === 'string' && /^[0-9]+%$/.test(value);
}

/** `80` → 80, `http` → `http`: how text from a command line or URL becomes one. */
export function parseIntOrString(text: string): IntOrString {
  if (!/^[+-]?[0-9]+$/.test(text)) return text;
  const value = Number(text);
  return value >= -(2 ** 31) && value < 2 ** 31 ? value : text;
}

/** The number, or that of numeric text; 0 for any other text. */
export function intValue(value: IntOrString): number {
  if (typeof value === 'number') return value;
  return /^[+-]?[0-9]+$/.test(value) ? Number(value) : 0;
}
