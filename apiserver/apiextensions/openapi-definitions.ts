/**
 * A custom resource and its list as OpenAPI definitions. Version 3 says all that the schema says; version 2
 * leaves out what its readers stumble over: alternatives, values that may be null, parts of any shape.
 */
import type { ResourceDefinition } from '../registry/resource.js';
import {
  isEmbedded,
  isIntOrString,
  isMap,
  type JsonSchema,
  keepsUnknown,
} from './schema/structural.js';

type Json = Record<string, unknown>;

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
const PREFIX = { 2: '#/definitions/', 3: '#/components/schemas/' } as const;
const CONVENTIONS =
  'More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md';
const API_VERSION = {
  description: `APIVersion defines the versioned schema of this representation of an object. Servers should convert recognized schemas to the latest internal value, and may reject unrecognized values. ${CONVENTIONS}#resources`,
  type: 'string',
};
const KIND = {
  description: `Kind is a string value representing the REST resource this object represents. Servers may infer this from the endpoint the client submits requests to. Cannot be updated. In CamelCase. ${CONVENTIONS}#types-kinds`,
  type: 'string',
};
const RESTRICTIONS = ['allOf', 'anyOf', 'oneOf', 'not'];

export function openApiDefinitions(
  of: Pick<
    ResourceDefinition,
    'group' | 'version' | 'kind' | 'listKind' | 'resource' | 'definition'
  >,
  schema: JsonSchema,
  version: 2 | 3,
): Record<string, Json> {
  const { group, version: v, kind, listKind = `${kind}List`, definition } = of;
  const gvk = (name: string) => [{ group, kind: name, version: v }];
  const own = convert(schema, version);
  const object = {
    ...own,
    type: 'object',
    properties: {
      ...(isMap(own['properties']) ? own['properties'] : {}),
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: reference(
        version,
        `${META}ObjectMeta`,
        `Standard object's metadata. ${CONVENTIONS}#metadata`,
      ),
    },
    'x-kubernetes-group-version-kind': gvk(kind),
  };
  const list = {
    description: `${listKind} is a list of ${kind}`,
    type: 'object',
    required: ['items'],
    properties: {
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: reference(
        version,
        `${META}ListMeta`,
        `Standard list metadata. ${CONVENTIONS}#types-kinds`,
      ),
      items: {
        description: `List of ${of.resource}. ${CONVENTIONS}`,
        type: 'array',
        items: { $ref: `${PREFIX[version]}${definition}` },
      },
    },
    'x-kubernetes-group-version-kind': gvk(listKind),
  };
  return { [definition]: object, [`${definition}List`]: list };
}

function reference(version: 2 | 3, name: string, description: string): Json {
  const ref = { $ref: PREFIX[version] + name };
  return version === 2 ? { description, ...ref } : { description, allOf: [ref] };
}

function convert(schema: JsonSchema, version: 2 | 3): Json {
  const out: Json = {};
  const any = version === 2 && schema.nullable === true;
  const loose = version === 2 && keepsUnknown(schema);
  for (const [field, value] of Object.entries(schema)) {
    if (version === 2 && (RESTRICTIONS.includes(field) || field === 'nullable')) continue;
    if (any && field !== 'description' && !field.startsWith('x-')) continue;
    if (loose && ['items', 'properties', 'additionalProperties'].includes(field)) continue;
    if (version === 2 && field === 'type' && isIntOrString(schema)) continue;
    out[field] = convertPart(field, value, version);
  }
  if (isEmbedded(schema) && !any && !loose) {
    out['properties'] = {
      ...(isMap(out['properties']) ? out['properties'] : {}),
      apiVersion: API_VERSION,
      kind: KIND,
      metadata: reference(
        version,
        `${META}ObjectMeta`,
        `Standard object's metadata. ${CONVENTIONS}#metadata`,
      ),
    };
  }
  return out;
}

function convertPart(field: string, value: unknown, version: 2 | 3): unknown {
  if (field === 'properties' && isMap(value)) {
    return Object.fromEntries(
      Object.entries(value).map(([name, part]) => [name, convert(part as JsonSchema, version)]),
    );
  }
  const isSchema = field === 'items' || field === 'additionalProperties' || field === 'not';
  if (isSchema && isMap(value)) return convert(value, version);
  if (RESTRICTIONS.includes(field) && Array.isArray(value))
    return value.map((part) => convert(part as JsonSchema, version));
  return value;
}
