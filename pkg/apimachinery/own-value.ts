/**
 * The value that a map of user's names has under one of them. `constructor`, `toString` and `__proto__` are names
 * as good as any: what every object inherits under them is no value of the map.
 */
export function ownValue<T>(
  map: Readonly<Record<string, T>> | undefined,
  key: string,
): T | undefined {
  return map !== undefined && Object.hasOwn(map, key) ? map[key] : undefined;
}
