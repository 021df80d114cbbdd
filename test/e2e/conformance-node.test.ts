/** Kubernetes' conformance clauses about pods on nodes: their containers, their environment, their fields. */
import t from 'tap';
import { hold } from '../support/clause.js';
import { Cluster } from '../support/cluster.js';
import { configObjects } from './conformance/config-objects.js';
import { containers } from './conformance/containers.js';
import { devices } from './conformance/data-kinds.js';
import { environment } from './conformance/environment.js';
import { podFields } from './conformance/pod-fields.js';
import { podResize } from './conformance/pod-resize.js';

t.setTimeout(300_000);

t.test('conformance: nodes', async (t) => {
  const cluster = await Cluster.start(t);
  await hold(
    t,
    cluster,
    [...containers, ...podFields, ...podResize, ...environment, ...configObjects, ...devices],
    12,
  );
});
