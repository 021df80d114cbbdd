/** Kubernetes' conformance clauses about quotas, ownership, namespaces, watches, nodes, and kinds that are data. */
import t from 'tap';
import { hold } from '../support/clause.js';
import { Cluster } from '../support/cluster.js';
import { apiOperations } from './conformance/api-operations.js';
import { garbage, namespaces } from './conformance/ownership.js';
import { podsAndNodes, watches } from './conformance/pods-and-nodes.js';
import { quotas } from './conformance/quota.js';

t.setTimeout(300_000);

t.test('conformance: machinery', async (t) => {
  const cluster = await Cluster.start(t);
  await hold(t, cluster, [
    ...garbage,
    ...namespaces,
    ...quotas,
    ...apiOperations,
    ...watches,
    ...podsAndNodes,
  ]);
});
