/**
 * A small schema for tests, with one of everything that merging and field ownership tell apart: lists
 * with keys, sets, atomic lists and maps, maps of scalars and of objects, retained keys, untyped parts.
 * Shaped after Deployment and Service; spelled as the generated schema is.
 */
import type { Schema, SchemaSet } from '../../api/schema/model.js';

const text: Schema = { type: 'string' };
const count: Schema = { type: 'integer', format: 'int32' };
const texts: Schema = { type: 'object', additionalProperties: text };

export const DEFINITIONS: Readonly<Record<string, Schema>> = {
  Meta: {
    type: 'object',
    properties: {
      name: text,
      namespace: text,
      uid: text,
      resourceVersion: text,
      generation: { type: 'integer', format: 'int64' },
      creationTimestamp: { type: 'string', format: 'date-time' },
      labels: texts,
      annotations: texts,
      finalizers: { type: 'array', items: text, listType: 'set', patchStrategy: ['merge'] },
    },
  },
  Selector: { type: 'object', mapType: 'atomic', properties: { matchLabels: texts } },
  Strategy: {
    type: 'object',
    properties: {
      type: text,
      rollingUpdate: { type: 'object', properties: { maxSurge: { format: 'int-or-string' } } },
    },
  },
  Port: {
    type: 'object',
    properties: {
      containerPort: count,
      protocol: { type: 'string', default: 'TCP' },
      name: text,
      hostPort: count,
    },
  },
  Env: { type: 'object', properties: { name: text, value: text } },
  Container: {
    type: 'object',
    properties: {
      name: { type: 'string', zero: 'fill' },
      image: text,
      args: { type: 'array', items: text, listType: 'atomic' },
      env: {
        type: 'array',
        items: { ref: 'Env' },
        listType: 'map',
        listMapKeys: ['name'],
        patchStrategy: ['merge'],
        patchMergeKey: 'name',
      },
      ports: {
        type: 'array',
        items: { ref: 'Port' },
        listType: 'map',
        listMapKeys: ['containerPort', 'protocol'],
        patchStrategy: ['merge'],
        patchMergeKey: 'containerPort',
      },
      resources: {
        type: 'object',
        byValue: true,
        properties: {
          limits: {
            type: 'object',
            additionalProperties: { type: 'string', format: 'quantity' },
          },
        },
      },
    },
  },
  Spec: {
    type: 'object',
    properties: {
      replicas: count,
      paused: { type: 'boolean' },
      selector: { ref: 'Selector' },
      strategy: { ref: 'Strategy', byValue: true, patchStrategy: ['retainKeys'] },
      containers: {
        type: 'array',
        items: { ref: 'Container' },
        listType: 'map',
        listMapKeys: ['name'],
        patchStrategy: ['merge'],
        patchMergeKey: 'name',
        zero: 'fill',
      },
      tolerations: { type: 'array', items: { type: 'object', properties: { key: text } } },
      legacy: {
        type: 'array',
        items: { ref: 'Env' },
        patchStrategy: ['merge'],
        patchMergeKey: 'name',
      },
      nodes: { type: 'object', additionalProperties: { ref: 'Env' } },
      extra: { type: 'object', preserveUnknownFields: true },
    },
  },
  Thing: {
    type: 'object',
    properties: {
      apiVersion: text,
      kind: text,
      metadata: { ref: 'Meta', byValue: true },
      spec: { ref: 'Spec', byValue: true },
      status: {
        type: 'object',
        byValue: true,
        properties: { phase: text, ready: count },
      },
    },
  },
};

export const SCHEMAS: SchemaSet = {
  get: definition,
  has: (name) => Object.hasOwn(DEFINITIONS, name),
  names: () => Object.keys(DEFINITIONS),
  resolve: (schema) => (schema.ref === undefined ? schema : definition(schema.ref)),
};

function definition(name: string): Schema {
  const found = DEFINITIONS[name];
  if (found === undefined) throw new Error(`no definition ${name}`);
  return found;
}
