/**
 * A `SchemaSet` over definitions held in memory. A definition is frozen, with all below it, when it is
 * first handed out.
 */
import type { Schema, SchemaSet } from './model.js';

export function schemaSet(definitions: Readonly<Record<string, Schema>>): SchemaSet {
  const all = new Map(Object.entries(definitions));
  const frozen = new Set<string>();
  const get = (name: string): Schema => {
    const schema = all.get(name);
    if (!schema) throw new Error(`no definition ${name} in the schema`);
    if (!frozen.has(name)) {
      deepFreeze(schema);
      frozen.add(name);
    }
    return schema;
  };
  return {
    get,
    has: (name) => all.has(name),
    names: () => all.keys(),
    resolve: (schema) => (schema.ref === undefined ? schema : get(schema.ref)),
  };
}

function deepFreeze(value: object): void {
  Object.freeze(value);
  for (const part of Object.values(value)) {
    if (typeof part === 'object' && part !== null && !Object.isFrozen(part)) deepFreeze(part);
  }
}
