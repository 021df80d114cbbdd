/** Kubernetes' conformance clauses about accounts, Services, and all that needs the real kubectl. */
import t from 'tap';
import { binaries } from '../support/binaries.js';
import { hold } from '../support/clause.js';
import { Cluster } from '../support/cluster.js';
import { accounts } from './conformance/accounts.js';
import { kubectlClauses } from './conformance/kubectl.js';
import { cluster as clusterClauses } from './conformance/pods-and-nodes.js';
import { publishedSchemas } from './conformance/published-schemas.js';
import { servicesClauses } from './conformance/services.js';

const missing = binaries();

t.setTimeout(300_000);

t.test('conformance: accounts, Services and kubectl', async (t) => {
  // What the API says of its own address must be where it is found.
  const cluster = await Cluster.start(t, ['--bind-address', '0.0.0.0']);
  const isThere = typeof missing !== 'string';
  if (!isThere) t.comment(`no clauses that need kubectl: ${missing}`);
  await hold(t, cluster, [
    ...clusterClauses,
    ...accounts,
    ...servicesClauses,
    ...(isThere ? [...kubectlClauses, ...publishedSchemas] : []),
  ]);
});
