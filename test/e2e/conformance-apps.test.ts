/** Kubernetes' conformance clauses about workloads, each by its own name, on one cluster of real processes. */
import t from 'tap';
import { hold } from '../support/clause.js';
import { Cluster } from '../support/cluster.js';
import { cronJobs } from './conformance/cron-job.js';
import { daemonSets } from './conformance/daemon-set.js';
import { deployments } from './conformance/deployment.js';
import { disruptions } from './conformance/disruption.js';
import { jobs } from './conformance/job.js';
import { replicaSets, replicationControllers } from './conformance/replica-set.js';
import { statefulSets } from './conformance/stateful-set.js';

t.setTimeout(300_000);

t.test('conformance: apps', async (t) => {
  const cluster = await Cluster.start(t);
  await hold(t, cluster, [
    ...statefulSets,
    ...deployments,
    ...jobs,
    ...cronJobs,
    ...disruptions,
    ...daemonSets,
    ...replicaSets,
    ...replicationControllers,
  ]);
});
