/** Deep copies of JSON values: several times faster than structuredClone, for that is all they copy. */

/** A copy that shares nothing with `value`. Keys whose value is undefined are left out, as in JSON. */
export function clone<T>(value: T): T {
  return copy(value) as T;
}

function copy(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) {
    const list: unknown[] = new Array(value.length);
    for (let i = 0; i < value.length; i++) list[i] = copy(value[i]);
    return list;
  }
  const from = value as Record<string, unknown>;
  const to: Record<string, unknown> = {};
  for (const key in from) {
    const child = from[key];
    if (child === undefined) continue;
    // Assigning `__proto__` would set the prototype instead of the key.
    if (key === '__proto__') define(to, key, copy(child));
    else to[key] = typeof child === 'object' ? copy(child) : child;
  }
  return to;
}

function define(to: Record<string, unknown>, key: string, value: unknown): void {
  Object.defineProperty(to, key, { value, enumerable: true, configurable: true, writable: true });
}
