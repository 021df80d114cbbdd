/** What the webhook plugins need of the rest of the server, put together. */
import type { Registry } from 'prom-client';
import type { SchemaSet } from '../../../pkg/api/schema/model.js';
import { ObjectDecoder } from '../../endpoints/object-decoder.js';
import type { Stores } from '../../registry/stores.js';
import type { ServiceResolver } from '../../server/service-resolver.js';
import type { WebhookOptions } from '../plugins/webhooks.js';
import { WebhookCaller } from './caller.js';
import type { CompileMatchConditions } from './hooks.js';
import { WebhookMetrics } from './metrics.js';
import { servedVersions } from './served-versions.js';

export interface WebhookSetup {
  readonly schemas: SchemaSet;
  /** Made after the admission chain. */
  readonly stores: () => Stores;
  readonly resolver: ServiceResolver;
  readonly registry: Registry;
  readonly compileMatchConditions?: CompileMatchConditions;
}

export function webhookOptions(setup: WebhookSetup): WebhookOptions {
  const decoder = new ObjectDecoder(setup.schemas);
  return {
    caller: new WebhookCaller({
      resolver: setup.resolver,
      metrics: new WebhookMetrics(setup.registry),
    }),
    versionsOf: servedVersions(() => setup.stores().definitions, {
      decode: (kind, value) => decoder.decodeValue(kind, value, 'Ignore', () => undefined),
      setDefaults: (definition, obj) => setup.stores().of(definition).setDefaults(obj),
    }),
    compileMatchConditions: setup.compileMatchConditions ?? unsupportedConditions,
  };
}

/** A server without CEL does not guess what a condition would say. */
const unsupportedConditions: CompileMatchConditions = (conditions, failurePolicy) => ({
  matches() {
    if (failurePolicy === 'Ignore') return false;
    throw new Error(
      `matchConditions cannot be evaluated by this server: ${conditions.map(({ name }) => name).join(', ')}`,
    );
  },
});
