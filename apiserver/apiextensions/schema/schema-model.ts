/** A custom resource's schema in the model that server-side apply reads. */
import type { Schema, SchemaType } from '../../../pkg/api/schema/model.js';
import {
  isEmbedded,
  isIntOrString,
  itemsOf,
  type JsonSchema,
  keepsUnknown,
  valuesOf,
} from './structural.js';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';
const TYPES: readonly string[] = ['object', 'array', 'string', 'integer', 'number', 'boolean'];

/** The whole object: its metadata is the API's own. */
export function objectModel(schema: JsonSchema): Schema {
  const { properties, additionalProperties: _, ...model } = schemaModel(schema);
  return {
    ...model,
    type: 'object',
    properties: {
      ...properties,
      apiVersion: { type: 'string' },
      kind: { type: 'string' },
      metadata: { ref: META },
    },
  };
}

export function schemaModel(schema: JsonSchema): Schema {
  if (isIntOrString(schema)) return { format: 'int-or-string', ...defaultOf(schema) };
  const items = itemsOf(schema);
  const values = valuesOf(schema);
  const listType = schema['x-kubernetes-list-type'];
  const mapType = schema['x-kubernetes-map-type'];
  const type = TYPES.includes(schema.type ?? '') ? (schema.type as SchemaType) : undefined;
  const properties = Object.entries(schema.properties ?? {}).map(
    ([name, property]) => [name, schemaModel(property)] as const,
  );
  if (isEmbedded(schema)) {
    const text = { type: 'string' } as const;
    properties.push(['apiVersion', text], ['kind', text], ['metadata', { ref: META }]);
  }
  return {
    ...(type ? { type } : {}),
    ...(properties.length > 0 ? { properties: Object.fromEntries(properties) } : {}),
    ...(items ? { items: schemaModel(items) } : {}),
    ...(values ? { additionalProperties: schemaModel(values) } : {}),
    ...(listType === 'set' || listType === 'map' || listType === 'atomic' ? { listType } : {}),
    ...(schema['x-kubernetes-list-map-keys']
      ? { listMapKeys: schema['x-kubernetes-list-map-keys'] }
      : {}),
    ...(mapType === 'atomic' || mapType === 'granular' ? { mapType } : {}),
    ...(keepsUnknown(schema) || schema.additionalProperties === true
      ? { preserveUnknownFields: true }
      : {}),
    ...defaultOf(schema),
  };
}

function defaultOf(schema: JsonSchema): { default?: unknown } {
  return schema.default === undefined ? {} : { default: schema.default };
}
