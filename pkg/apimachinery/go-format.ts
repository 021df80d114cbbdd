/**
 * Decoded JSON as Go prints it: upstream's messages show values with `%v`, `%#v` and types with `%T`,
 * and clients see them.
 */

/** `%v`: `map[image:nginx ports:[80 443]]`. */
export function goText(value: unknown): string {
  if (value === null || value === undefined) return '<nil>';
  if (Array.isArray(value)) return `[${value.map(goText).join(' ')}]`;
  if (typeof value !== 'object') return String(value);
  const parts = Object.entries(value)
    .sort(byKey)
    .map(([key, child]) => `${key}:${goText(child)}`);
  return `map[${parts.join(' ')}]`;
}

/** `%#v`. */
export function goSyntax(value: unknown): string {
  if (value === null || value === undefined) return 'interface {}(nil)';
  if (typeof value !== 'object') return JSON.stringify(value) ?? '';
  const parts = Array.isArray(value)
    ? value.map(goSyntax)
    : Object.entries(value)
        .sort(byKey)
        .map(([key, child]) => `${JSON.stringify(key)}:${goSyntax(child)}`);
  return `${goType(value)}{${parts.join(', ')}}`;
}

/** `%q` of a text. */
export function goQuote(text: string): string {
  return JSON.stringify(text).replace(
    /\\\\|\\u00([0-9a-f]{2})|\x7f/g,
    (found, code: string | undefined) => {
      if (found === '\\\\') return found;
      if (code === '07') return '\\a';
      return code === '0b' ? '\\v' : `\\x${code ?? '7f'}`;
    },
  );
}

/** `%T`. */
export function goType(value: unknown): string {
  if (Array.isArray(value)) return '[]interface {}';
  if (value === null || value === undefined) return '%!s(<nil>)';
  switch (typeof value) {
    case 'object':
      return 'map[string]interface {}';
    case 'boolean':
      return 'bool';
    case 'number':
      return Number.isInteger(value) ? 'int64' : 'float64';
    default:
      return typeof value;
  }
}

function byKey([a]: [string, unknown], [b]: [string, unknown]): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
