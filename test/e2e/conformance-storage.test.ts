/** Kubernetes' conformance clauses about volumes: what stands in them, and the objects that they are. */
import t from 'tap';
import { hold } from '../support/clause.js';
import { Cluster } from '../support/cluster.js';
import { volumeKinds } from './conformance/data-kinds.js';
import { persistentVolumes } from './conformance/persistent-volumes.js';
import { podInfoVolumes } from './conformance/pod-info-volumes.js';
import { volumes } from './conformance/volumes.js';

/** Most of them wait: for a container to end, for a volume to follow. */
const AT_ONCE = 20;

t.setTimeout(300_000);

t.test('conformance: storage', async (t) => {
  const cluster = await Cluster.start(t);
  await hold(
    t,
    cluster,
    [...volumes, ...podInfoVolumes, ...persistentVolumes, ...volumeKinds],
    AT_ONCE,
  );
});
