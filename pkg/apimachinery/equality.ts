/**
 * Equality of JSON values. `deepEqual` is exact but for keys whose value is undefined, which JSON does not
 * have. `semanticDeepEqual` is `apiequality.Semantic`: absent, null and empty maps and lists are one.
 */

export function deepEqual(a: unknown, b: unknown): boolean {
  return equal(a, b, false);
}

/** Quantities are texts here and compare as texts: the server stores them in canonical form. */
export function semanticDeepEqual(a: unknown, b: unknown): boolean {
  return equal(a, b, true);
}

/** Whether two objects are the same but for these fields. */
export function equalBut(a: object, b: object, ...fields: string[]): boolean {
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const field in left) {
    if (fields.includes(field)) continue;
    const other = Object.hasOwn(right, field) ? right[field] : undefined;
    if (!equal(left[field], other, false)) return false;
  }
  for (const field in right) {
    if (right[field] === undefined || fields.includes(field)) continue;
    if (!Object.hasOwn(left, field) || left[field] === undefined) return false;
  }
  return true;
}

function equal(a: unknown, b: unknown, semantic: boolean): boolean {
  if (a === b) return true;
  if (semantic && isEmpty(a) && isEmpty(b)) return true;
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false;
  if (Array.isArray(a)) {
    if (!Array.isArray(b) || a.length !== b.length) return false;
    for (let i = 0; i < a.length; i++) if (!equal(a[i], b[i], semantic)) return false;
    return true;
  }
  if (Array.isArray(b)) return false;
  const left = a as Record<string, unknown>;
  const right = b as Record<string, unknown>;
  for (const key in left) {
    const other = Object.hasOwn(right, key) ? right[key] : undefined;
    if (!equal(left[key], other, semantic)) return false;
  }
  for (const key in right) {
    if (Object.hasOwn(left, key) && left[key] !== undefined) continue;
    if (right[key] !== undefined && !(semantic && isEmpty(right[key]))) return false;
  }
  return true;
}

function isEmpty(value: unknown): boolean {
  if (value === undefined || value === null) return true;
  if (Array.isArray(value)) return value.length === 0;
  if (typeof value !== 'object') return false;
  for (const key in value) {
    if ((value as Record<string, unknown>)[key] !== undefined) return false;
  }
  return true;
}
