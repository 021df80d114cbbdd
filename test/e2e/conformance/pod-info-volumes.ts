/** Volumes that hold what a pod says of itself: its name, and what its containers may use. */
import type { V1Container } from '@kubernetes/client-node';
import type { Clause, World } from '../../support/clause.js';
import { allocatable, ran } from './environment.js';
import { makeMap, makeSecret, mounted, type Source } from './volumes.js';

/** A file of the pod itself; resolves to what a container reads there. */
async function field(
  w: World,
  item: object,
  container: Partial<V1Container>,
  isProjected: boolean,
) {
  const downwardAPI = { items: [{ path: 'file', ...item }] };
  const source: Source = isProjected
    ? { projected: { sources: [{ downwardAPI }] } }
    : { downwardAPI };
  const { volumes, volumeMounts } = mounted({ info: source });
  const command = ['cat', '/etc/info/file'];
  return ran(w, { command, volumeMounts, ...container }, { volumes });
}

const AMOUNTS = {
  requests: { cpu: '250m', memory: '32Mi' },
  limits: { cpu: '1250m', memory: '64Mi' },
};

function amount(resource: string, divisor: string, wanted: string, isProjected: boolean) {
  return async (w: World) => {
    const item = { resourceFieldRef: { containerName: 'main', resource, divisor } };
    const { text } = await field(w, item, { resources: AMOUNTS }, isProjected);
    w.t.equal(text, wanted);
  };
}

function offered(resource: 'cpu' | 'memory', isProjected: boolean) {
  return async (w: World) => {
    const item = { resourceFieldRef: { containerName: 'main', resource: `limits.${resource}` } };
    const { text, pod } = await field(w, item, {}, isProjected);
    w.t.equal(text, (await allocatable(w, pod))[resource]);
  };
}

function podName(isProjected: boolean) {
  return async (w: World) => {
    const item = { fieldRef: { fieldPath: 'metadata.name' } };
    w.t.equal((await field(w, item, {}, isProjected)).text, 'one');
  };
}

export const podInfoVolumes: readonly Clause[] = [
  { title: 'DownwardAPI volume, CPU limits', run: amount('limits.cpu', '1m', '1250', false) },
  { title: 'DownwardAPI volume, CPU request', run: amount('requests.cpu', '1m', '250', false) },
  {
    title: 'DownwardAPI volume, memory limits',
    run: amount('limits.memory', '1', '67108864', false),
  },
  {
    title: 'DownwardAPI volume, memory request',
    run: amount('requests.memory', '1Mi', '32', false),
  },
  { title: 'DownwardAPI volume, CPU limit, default node allocatable', run: offered('cpu', false) },
  {
    title: 'DownwardAPI volume, memory limit, default node allocatable',
    run: offered('memory', false),
  },
  { title: 'DownwardAPI volume, pod name', run: podName(false) },
  {
    title: 'Projected Volume, DownwardAPI, CPU limits',
    run: amount('limits.cpu', '1m', '1250', true),
  },
  {
    title: 'Projected Volume, DownwardAPI, CPU request',
    run: amount('requests.cpu', '1m', '250', true),
  },
  {
    title: 'Projected Volume, DownwardAPI, memory limits',
    run: amount('limits.memory', '1', '67108864', true),
  },
  {
    title: 'Projected Volume, DownwardAPI, memory request',
    run: amount('requests.memory', '1Mi', '32', true),
  },
  {
    title: 'Projected Volume, DownwardAPI, CPU limit, node allocatable',
    run: offered('cpu', true),
  },
  {
    title: 'Projected Volume, DownwardAPI, memory limit, node allocatable',
    run: offered('memory', true),
  },
  { title: 'Projected Volume, DownwardAPI, pod name', run: podName(true) },
  {
    title: 'Projected Volume, multiple projections',
    run: async (w) => {
      await makeMap(w, 'map');
      await makeSecret(w, 'secret');
      const amountOf = (path: string, resource: string) => ({
        path,
        resourceFieldRef: { containerName: 'main', resource },
      });
      const items = [
        { path: 'name', fieldRef: { fieldPath: 'metadata.name' } },
        amountOf('cpu_limit', 'limits.cpu'),
        amountOf('cpu_request', 'requests.cpu'),
        amountOf('memory_limit', 'limits.memory'),
        amountOf('memory_request', 'requests.memory'),
      ];
      const sources = [
        { configMap: { name: 'map', items: [{ key: 'data-1', path: 'of-map' }] } },
        { secret: { name: 'secret', items: [{ key: 'data-2', path: 'of-secret' }] } },
        { downwardAPI: { items } },
      ];
      const { volumes, volumeMounts } = mounted({ all: { projected: { sources } } });
      const files = ['of-map', 'of-secret', ...items.map(({ path }) => path)];
      const script = files.map((file) => `cat /etc/all/${file}; echo`).join('; ');
      const { text } = await ran(
        w,
        { command: ['sh', '-c', script], volumeMounts, resources: AMOUNTS },
        { volumes },
      );
      w.t.equal(text, 'value-1\n\nvalue-2\n\none\n2\n1\n67108864\n33554432\n');
    },
  },
];
