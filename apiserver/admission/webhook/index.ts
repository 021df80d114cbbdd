/** What the webhook plugins need of the rest of the server, put together. */
import type { Registry } from 'prom-client';
import type { SchemaSet } from '../../../pkg/api/schema/model.js';
import { apiVersionOf } from '../../../pkg/apimachinery/meta.js';
import { ObjectDecoder } from '../../endpoints/object-decoder.js';
import type { Stores } from '../../registry/stores.js';
import type { ServiceResolver } from '../../server/service-resolver.js';
import type { WebhookOptions } from '../plugins/webhooks.js';
import { compileMatchConditions } from '../policy/match-conditions.js';
import { WebhookCaller } from './caller.js';
import { WebhookMetrics } from './metrics.js';
import { servedVersions } from './served-versions.js';

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
      decode: (kind, value) => decoder.decodeValue(kind, value, 'Ignore', () => undefined),
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
