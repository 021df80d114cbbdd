/** Kubernetes' conformance clauses about scheduling, one after the other where they share a node. */
import t from 'tap';
import { hold } from '../support/clause.js';
import { Cluster } from '../support/cluster.js';
import { limitRanges, scheduling } from './conformance/scheduling.js';

t.setTimeout(300_000);

t.test('conformance: scheduling', async (t) => {
  const cluster = await Cluster.start(t);
  await hold(t, cluster, [...limitRanges, ...scheduling], 1);
});
