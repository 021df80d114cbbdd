/** Kubernetes' conformance clauses about kubectl and about accounts. */
import t from 'tap';
import { binaries } from '../support/binaries.js';
import { hold } from '../support/clause.js';
import { Cluster } from '../support/cluster.js';
import { accounts } from './conformance/accounts.js';
import { kubectlClauses } from './conformance/kubectl.js';

const missing = binaries();

t.setTimeout(300_000);

t.test('conformance: accounts and kubectl', async (t) => {
  const cluster = await Cluster.start(t);
  if (typeof missing === 'string') t.comment(`no clauses of kubectl: ${missing}`);
  await hold(t, cluster, [...accounts, ...(typeof missing === 'string' ? [] : kubectlClauses)]);
});
