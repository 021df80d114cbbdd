/** Kubernetes' conformance clauses about quotas, ownership, namespaces and kinds that are only data. */
import t from 'tap';
import { hold } from '../support/clause.js';
import { Cluster } from '../support/cluster.js';
import { garbage, namespaces } from './conformance/ownership.js';
import { quotas } from './conformance/quota.js';

t.setTimeout(300_000);

t.test('conformance: machinery', async (t) => {
  const cluster = await Cluster.start(t);
  await hold(t, cluster, [...garbage, ...namespaces, ...quotas]);
});
