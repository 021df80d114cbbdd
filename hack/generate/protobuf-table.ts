/**
 * The table of protobuf fields that the server uses: the descriptors' and our own facts, under the names that
 * JSON has, for the definitions that are served and what they refer to.
 */
import type { FieldTable, ProtobufField } from '../../pkg/api/protobuf/table.js';
import type { Definition } from './definitions.js';
import { protobufFacts } from './protobuf-facts.js';
import { protobufFields } from './protobuf-fields.js';

/** Served, too, though no body of a request: discovery, metrics, and what every answer may be. */
const FURTHER =
  /^io\.k8s\.(apimachinery\.|api\.apidiscovery\.v2|metrics\.pkg\.apis\.metrics\.v1beta1\.)/;
/** The answer says so, and no table needs to. */
const TYPE_FIELDS = new Set(['kind', 'apiVersion']);

export function protobufTable(definitions: readonly Definition[]): FieldTable {
  const known: Record<string, readonly ProtobufField[]> = { ...protobufFields() };
  for (const [name, fields] of Object.entries(protobufFacts())) {
    known[name] = [...(known[name] ?? []), ...fields];
  }
  const properties = new Map(
    definitions.map(({ name, schema }) => [name, Object.keys(schema.properties ?? {})]),
  );
  const table: Record<string, readonly ProtobufField[]> = {};
  const add = (name: string): void => {
    const fields = known[name];
    if (!fields || table[name]) return;
    const inJson = asInJson(fields, properties.get(name) ?? []);
    table[name] = [...inJson].sort((a, b) => a.number - b.number);
    for (const { type } of inJson) if (typeof type === 'object') add(type.message);
  };
  for (const name of properties.keys()) add(name);
  for (const name of Object.keys(known)) if (FURTHER.test(name)) add(name);
  for (const [name, names] of properties) complain(name, names, table);
  return table;
}

/** A few names are written otherwise (`Webhooks`), and embedded structs have none in JSON. */
function asInJson(
  fields: readonly ProtobufField[],
  properties: readonly string[],
): readonly ProtobufField[] {
  if (properties.length === 0) return fields;
  const byLowerCase = new Map(properties.map((name) => [name.toLowerCase(), name]));
  return fields.map((field) => {
    if (properties.includes(field.name)) return field;
    const name = byLowerCase.get(field.name.toLowerCase());
    if (name !== undefined) return { ...field, name };
    const single = typeof field.type === 'object' && !field.repeated && !field.map;
    return single ? { ...field, inline: true } : field;
  });
}

/** A property without a number would be lost on its way, so it is an error. */
function complain(name: string, properties: readonly string[], table: FieldTable): void {
  const fields = table[name];
  if (!fields) return;
  const names = new Set(fieldNames(fields, table));
  const lost = properties.filter((property) => !names.has(property) && !TYPE_FIELDS.has(property));
  if (lost.length > 0) throw new Error(`${name} has no protobuf field for ${lost.join(', ')}`);
}

function fieldNames(fields: readonly ProtobufField[], table: FieldTable): string[] {
  return fields.flatMap((field) =>
    field.inline && typeof field.type === 'object'
      ? fieldNames(table[field.type.message] ?? [], table)
      : [field.name],
  );
}
