/**
 * Field selectors (`metadata.name=x,status.phase!=Running`), the grammar of
 * `k8s.io/apimachinery/pkg/fields`. In values `\`, `,` and `=` are escaped with a backslash.
 * Which fields may be selected is the resource's to say; see `check`.
 */

export type FieldOperator = '=' | '!=';

export interface FieldRequirement {
  readonly field: string;
  readonly operator: FieldOperator;
  readonly value: string;
}

/** Text that is no field selector; a client's fault (400). */
export class FieldSelectorError extends Error {
  override name = 'FieldSelectorError';
}

export class FieldSelector {
  constructor(readonly requirements: readonly FieldRequirement[]) {}

  get empty(): boolean {
    return this.requirements.length === 0;
  }

  /** A field that is absent has the value `''`. */
  matches(fields: Readonly<Record<string, string>>): boolean {
    for (const { field, operator, value } of this.requirements) {
      if (((fields[field] ?? '') === value) !== (operator === '=')) return false;
    }
    return true;
  }

  requiresExactMatch(field: string): string | undefined {
    return this.requirements.find((r) => r.field === field && r.operator === '=')?.value;
  }

  /** The first field that the resource has no index for; undefined when all are supported. */
  unsupported(supported: (field: string) => boolean): string | undefined {
    return this.requirements.find((r) => !supported(r.field))?.field;
  }

  toString(): string {
    return this.requirements
      .map((r) => `${r.field}${r.operator}${escapeFieldValue(r.value)}`)
      .join(',');
  }
}

const EVERYTHING = Object.freeze(new FieldSelector([]));

export function everyField(): FieldSelector {
  return EVERYTHING;
}

/** Throws FieldSelectorError with upstream's text. */
export function parseFieldSelector(text: string): FieldSelector {
  const requirements: FieldRequirement[] = [];
  for (const term of splitTerms(text).sort()) {
    if (term === '') continue;
    // The first operator splits: fields cannot be escaped.
    const found = /!=|==|=/.exec(term);
    if (!found) {
      throw new FieldSelectorError(`invalid selector: '${text}'; can't understand '${term}'`);
    }
    const value = unescapeFieldValue(term.slice(found.index + found[0].length));
    const field = term.slice(0, found.index);
    if (field === '' && value === '') continue;
    requirements.push({ field, operator: found[0] === '!=' ? '!=' : '=', value });
  }
  return requirements.length === 0 ? EVERYTHING : new FieldSelector(requirements);
}

export function escapeFieldValue(value: string): string {
  return value.replace(/[\\,=]/g, '\\$&');
}

export function unescapeFieldValue(text: string): string {
  if (!/[\\,=]/.test(text)) return text;
  let value = '';
  let escaped = false;
  for (const ch of text) {
    if (escaped) {
      if (!'\\,='.includes(ch)) throw badEscape(`\\${ch}`);
      value += ch;
      escaped = false;
    } else if (ch === '\\') {
      escaped = true;
    } else if (ch === ',' || ch === '=') {
      // Upstream prints the character as its code point.
      throw new FieldSelectorError(
        `invalid field selector: unescaped character in value: ${ch.charCodeAt(0)}`,
      );
    } else {
      value += ch;
    }
  }
  if (escaped) throw badEscape('\\');
  return value;
}

function badEscape(sequence: string): FieldSelectorError {
  return new FieldSelectorError(`invalid field selector: invalid escape sequence: ${sequence}`);
}

/** At commas that no backslash precedes; escapes stay in the terms. */
function splitTerms(text: string): string[] {
  return text === '' ? [] : (text.match(/(?:\\[\s\S]|[^\\,]|\\$)+|(?<=,|^)(?=,|$)/g) ?? []);
}
