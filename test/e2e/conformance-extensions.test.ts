/** Kubernetes' conformance clauses about what extends the API, and what the API says of itself. */
import t from 'tap';
import { hold } from '../support/clause.js';
import { Cluster } from '../support/cluster.js';
import { admissionPolicies } from './conformance/admission-policies.js';
import { customDefinitions } from './conformance/definitions.js';
import { discovery } from './conformance/discovery.js';
import { fieldValidation } from './conformance/field-validation.js';
import { webhookConfigurations } from './conformance/webhook-configurations.js';
import { webhooks } from './conformance/webhooks.js';

t.setTimeout(300_000);

t.test('conformance: extensions', async (t) => {
  // Long lists must see what they began with compacted away, and soon.
  const cluster = await Cluster.start(t, ['--apiserver-arg', 'etcd-compaction-interval=10s']);
  await hold(t, cluster, [
    ...discovery,
    ...customDefinitions,
    ...fieldValidation,
    ...admissionPolicies,
    ...webhookConfigurations,
    ...webhooks,
  ]);
});
