/**
 * The schema of the built-in kinds, as generated. Loaded once, and only by the process that asks for it:
 * the apiserver. Descriptions are half of the size and are wanted by OpenAPI alone, so they are apart.
 */
import { METRICS_DEFINITIONS } from './metrics.js';
import type { Schema, SchemaSet } from './model.js';
import { schemaSet } from './schema-set.js';

let loading: Promise<SchemaSet> | undefined;

/** All definitions of v1.35 by their OpenAPI names, without descriptions. */
export function loadBuiltinSchemas(): Promise<SchemaSet> {
  loading ??= import('../generated/schema.js').then(({ SCHEMA }) => {
    const definitions: Record<string, Schema> = JSON.parse(SCHEMA);
    return schemaSet({ ...METRICS_DEFINITIONS, ...definitions });
  });
  return loading;
}

/** Definition → field → what it means; the field `''` is the definition itself. */
export type Descriptions = Readonly<Record<string, Readonly<Record<string, string>>>>;

/** Not cached: the caller makes its documents from it and lets it go. */
export async function loadDescriptions(): Promise<Descriptions> {
  const { DESCRIPTIONS } = await import('../generated/descriptions.js');
  const descriptions: Descriptions = JSON.parse(DESCRIPTIONS);
  return descriptions;
}
