/** JSON objects as patches and merges build them: every key an own one, `__proto__` among them. */

export type JsonObject = Record<string, unknown>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Assigning `__proto__` would set the prototype instead of the key. */
export function define(to: JsonObject, key: string, value: unknown): void {
  if (key !== '__proto__') to[key] = value;
  else {
    Object.defineProperty(to, key, {
      value,
      enumerable: true,
      configurable: true,
      writable: true,
    });
  }
}

/** A copy in which no object has a member that is null or absent; in lists, too. */
export function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isObject(value)) return value;
  const out: JsonObject = {};
  for (const key of Object.keys(value)) {
    const child = value[key];
    if (child !== null && child !== undefined) define(out, key, withoutNulls(child));
  }
  return out;
}
