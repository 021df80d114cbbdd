/** What the webhook plugins need of the rest of the server, put together. */
import type { Registry } from 'prom-client';
import type { SchemaSet } from '../../../pkg/api/schema/model.js';
import {
  type FieldType,
  fieldTypeOf,
} from '../../../pkg/apimachinery/managed-fields/field-type.js';
import { apiVersionOf } from '../../../pkg/apimachinery/meta.js';
import { ObjectDecoder } from '../../endpoints/object-decoder.js';
import type { Stores } from '../../registry/stores.js';
import type { ServiceResolver } from '../../server/service-resolver.js';
import type { WebhookOptions } from '../plugins/webhooks.js';
import { compileMatchConditions } from '../policy/match-conditions.js';
import { WebhookCaller } from './caller.js';
import { WebhookMetrics } from './metrics.js';
import { type GroupVersionKind, servedVersions } from './served-versions.js';

export interface WebhookSetup {
  readonly schemas: SchemaSet;
  /** Made after the admission chain. */
  readonly stores: () => Stores;
  readonly resolver: ServiceResolver;
  readonly registry: Registry;
}

export function webhookOptions(setup: WebhookSetup): WebhookOptions {
  const decoder = new ObjectDecoder(setup.schemas);
  return {
    caller: new WebhookCaller({
      resolver: setup.resolver,
      metrics: new WebhookMetrics(setup.registry),
    }),
    versionsOf: servedVersions(() => setup.stores().definitions, {
      decode: (kind, value, strict) =>
        decoder.decodeValue(kind, value, strict ? 'Strict' : 'Ignore', () => undefined),
      fieldType: (kind) => typeOfKind(setup.schemas, kind),
      setDefaults: (definition, obj) => setup.stores().of(definition).setDefaults(obj),
    }),
    compileMatchConditions,
    resourceOfKind: (apiVersion, kind) =>
      setup
        .stores()
        .definitions.find(
          (definition) => definition.kind === kind && apiVersionOf(definition) === apiVersion,
        ),
  };
}

const types = new WeakMap<SchemaSet, Map<string, FieldType>>();

/** Of a kind that the built-in definitions describe. */
function typeOfKind(
  schemas: SchemaSet,
  { group, version, kind }: GroupVersionKind,
): FieldType | undefined {
  let known = types.get(schemas);
  if (!known) {
    known = new Map();
    for (const name of schemas.names()) {
      const schema = schemas.get(name);
      for (const of of schema.groupVersionKinds ?? [])
        known.set(`${of.group}/${of.version}/${of.kind}`, fieldTypeOf(schema, schemas));
    }
    types.set(schemas, known);
  }
  return known.get(`${group}/${version}/${kind}`);
}
