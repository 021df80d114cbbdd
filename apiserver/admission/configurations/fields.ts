/** What the plugins' own configurations have in common: objects of YAML, read field by field. */

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Throws unless it is an object of this kind in one of these versions. */
export function ofKind(
  value: unknown,
  kind: string,
  group: string,
  versions: readonly string[],
): Fields {
  const { kind: found, apiVersion } = isFields(value) ? value : {};
  if (isFields(value) && found === kind && versions.some((one) => `${group}/${one}` === apiVersion))
    return value;
  throw new Error(
    `no kind ${JSON.stringify(found ?? '')} is registered for version ${JSON.stringify(apiVersion ?? '')}: must be ${kind} of ${group}/${versions[0]}`,
  );
}

/** A whole number, 0 where it is absent. Throws, naming the field. */
export function integerAt(fields: Fields, field: string, at = field): number {
  const value = fields[field] ?? 0;
  if (typeof value === 'number' && Number.isSafeInteger(value)) return value;
  throw new Error(`${at}: Invalid value: ${JSON.stringify(value)}: must be an integer`);
}

/** The objects of a list, none where it is absent. Throws, naming the field. */
export function listAt(fields: Fields, field: string): readonly Fields[] {
  const value = fields[field] ?? [];
  if (Array.isArray(value) && value.every(isFields)) return value;
  throw new Error(`${field}: Invalid value: must be a list of objects`);
}
