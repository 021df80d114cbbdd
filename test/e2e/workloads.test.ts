/** The kinds that keep pods running, as kubectl sees them: every story on one cluster of real processes. */
import t from 'tap';
import { binaries } from '../support/binaries.js';
import { Cluster } from '../support/cluster.js';
import { daemonSets } from './workloads/daemon-set.js';
import { statefulSets } from './workloads/stateful-set.js';
import { tell } from './workloads/story.js';

const missing = binaries();
const skip = typeof missing === 'string' ? missing : false;

t.test('workloads', { skip }, async (t) => {
  const cluster = await Cluster.start(t);
  for (const story of [...statefulSets, ...daemonSets]) {
    await t.test(story.title, (t) => tell(t, cluster, story));
  }
});
