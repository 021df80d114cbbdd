/** Objects in caches are shared by all readers: frozen, so that a change throws where it is made. */

/** Freezes a JSON value in place, to the bottom; what is frozen already is taken as frozen to the bottom. */
export function deepFreeze<T>(value: T): T {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  for (const child of Object.values(value)) deepFreeze(child);
  return Object.freeze(value);
}
