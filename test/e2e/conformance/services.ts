/** Services and their endpoints as the API and the controllers keep them. */
import {
  PatchStrategy,
  type V1EndpointSlice,
  type V1Endpoints,
  type V1Pod,
  type V1Service,
} from '@kubernetes/client-node';
import { type Clause, has, podSpec, type World } from '../../support/clause.js';
import { nameOf } from '../../support/kube.js';
import type { Resource } from '../../support/objects.js';

const NAME = 'kubernetes.io/service-name';
const SLICES = 'discovery.k8s.io/v1';

const services = (w: World): Resource<V1Service> => w.at('v1', 'services');
const endpoints = (w: World): Resource<V1Endpoints> => w.at('v1', 'endpoints');

async function slices(w: World, service: string): Promise<V1EndpointSlice[]> {
  return w.at<V1EndpointSlice>(SLICES, 'endpointslices').list(`${NAME}=${service}`);
}

function service(name: string, more: Partial<V1Service['spec']> = {}, labels = {}): V1Service {
  return {
    metadata: { name, labels },
    spec: { selector: { app: name }, ports: [{ port: 80, targetPort: 8080 }], ...more },
  };
}

function pod(name: string, labels: Record<string, string>, ports: Record<string, number>): V1Pod {
  const list = Object.entries(ports).map(([name, containerPort]) => ({ name, containerPort }));
  const main = { name: 'main', image: 'nginx:1', ports: list };
  return { metadata: { name, labels }, spec: podSpec({ containers: [main] }) };
}

/** `10.0.0.1:80`, of all that are ready, sorted. */
async function sliceAddresses(w: World, name: string): Promise<string[]> {
  return (await slices(w, name))
    .flatMap(({ endpoints = [], ports = [] }) =>
      endpoints
        .filter(({ conditions }) => conditions?.ready === true)
        .flatMap(({ addresses }) => addresses.flatMap((ip) => ports.map((p) => `${ip}:${p.port}`))),
    )
    .sort();
}

async function endpointAddresses(w: World, name: string): Promise<string[] | undefined> {
  const found = await endpoints(w).find(name);
  return found?.subsets
    ?.flatMap(({ addresses = [], ports = [] }) =>
      addresses.flatMap(({ ip }) => ports.map(({ port }) => `${ip}:${port}`)),
    )
    .sort();
}

async function leadsTo(w: World, name: string, addresses: readonly string[]): Promise<void> {
  const wanted = [...addresses].sort().join();
  await w.until(`${name} leads to ${wanted || 'nothing'}`, async () => {
    const [own, mirrored] = [await sliceAddresses(w, name), await endpointAddresses(w, name)];
    return own.join() === wanted && (mirrored ?? []).join() === wanted;
  });
}

async function ipOf(w: World, name: string): Promise<string> {
  return w.until(`${name} is ready`, async () => {
    const found = await w.pods.get(name);
    return has(found, 'Ready') && found.status?.podIP;
  });
}

/** Both of them are there for a Service without pods, empty, and go with it. */
async function emptyOnes(w: World): Promise<void> {
  await services(w).create(service('empty'));
  await w.until('both are there', async () => {
    const [own] = await slices(w, 'empty');
    return (await endpoints(w).find('empty')) !== undefined && own !== undefined;
  });
  for (const { endpoints = [] } of await slices(w, 'empty')) w.t.same(endpoints, []);
  w.t.same((await endpoints(w).get('empty')).subsets ?? [], []);
  await services(w).delete('empty');
  await w.until('both are gone', async () => {
    const left = await slices(w, 'empty');
    return (await endpoints(w).find('empty')) === undefined && left.length === 0;
  });
}

/** Two pods, one of two Services: both kinds of endpoints name each pod that matches, with what it is. */
async function matchingPods(w: World): Promise<void> {
  await w.pods.create(pod('one', { role: 'a', both: 'yes' }, { http: 3000 }));
  await w.pods.create(pod('two', { role: 'b', both: 'yes' }, { http: 3001 }));
  const [one, two] = [await ipOf(w, 'one'), await ipOf(w, 'two')];
  const named = { ports: [{ name: 'web', port: 80, targetPort: 'http' }] };
  await services(w).create(service('first', { selector: { role: 'a' } }));
  await services(w).create(service('all', { selector: { both: 'yes' }, ...named }));
  await leadsTo(w, 'first', [`${one}:8080`]);
  await leadsTo(w, 'all', [`${one}:3000`, `${two}:3001`]);
  const [slice] = await slices(w, 'first');
  w.t.match(slice, {
    addressType: 'IPv4',
    metadata: {
      labels: { 'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io' },
      ownerReferences: [{ kind: 'Service', name: 'first', controller: true }],
    },
    endpoints: [{ targetRef: { kind: 'Pod', name: 'one', namespace: w.namespace } }],
  });
  const node = (await w.pods.get('one')).spec?.nodeName;
  w.t.equal(slice?.endpoints[0]?.nodeName, node);
  const { subsets = [] } = await endpoints(w).get('first');
  w.t.match(subsets[0]?.addresses, [{ ip: one, targetRef: { kind: 'Pod', name: 'one' } }]);
  await w.pods.delete('one');
  await leadsTo(w, 'first', []);
  await leadsTo(w, 'all', [`${two}:3001`]);
  for (const name of ['first', 'all']) {
    await services(w).delete(name);
    await w.until(`what ${name} had is gone`, async () => {
      const left = await slices(w, name);
      return (await endpoints(w).find(name)) === undefined && left.length === 0;
    });
  }
}

export const servicesClauses: readonly Clause[] = [
  {
    title: 'Find Kubernetes Service in default Namespace',
    run: async (w) => {
      const all = await w.all<V1Service>('v1', 'services').list();
      w.t.ok(
        all.some((each) => nameOf(each) === 'kubernetes' && each.metadata?.namespace === 'default'),
      );
    },
  },
  {
    title: 'Kubernetes Service',
    run: async (w) => {
      const found = await w.objects.at<V1Service>('v1', 'services', 'default').get('kubernetes');
      w.t.match(found.spec?.ports, [{ name: 'https', port: 443 }]);
      w.t.ok(found.spec?.clusterIP);
    },
  },
  {
    title: 'kubernetes.default Endpoints and EndpointSlices',
    run: async (w) => {
      const { port } = new URL(await w.cluster.apiUrl());
      const place = w.objects.at<V1Endpoints>('v1', 'endpoints', 'default');
      const { subsets = [] } = await place.get('kubernetes');
      const addresses = subsets.flatMap(({ addresses = [] }) => addresses.map(({ ip }) => ip));
      w.t.equal(addresses.length, 1, 'one API server runs');
      w.t.match(subsets[0]?.ports, [{ name: 'https', port: Number(port) }]);
      const found = await w.objects
        .at<V1EndpointSlice>(SLICES, 'endpointslices', 'default')
        .list(`${NAME}=kubernetes`);
      w.t.same(
        found.flatMap(({ endpoints }) => endpoints.flatMap((each) => each.addresses)),
        addresses,
      );
      w.t.match(found[0]?.ports, [{ name: 'https', port: Number(port) }]);
      const answer = await fetch(`https://${addresses[0]}:${port}/livez`).catch((err) => err.cause);
      w.t.not(answer?.code, 'ECONNREFUSED', 'somebody listens there');
    },
  },
  { title: 'EndpointSlice, "empty" Service', run: emptyOnes },
  { title: 'Endpoints, "empty" Service', run: emptyOnes },
  { title: 'EndpointSlice, creation/deletion', run: matchingPods },
  { title: 'Endpoints, creation/deletion', run: matchingPods },
  {
    title: 'EndpointSlice Mirroring',
    run: async (w) => {
      type Group = { name: string; versions: { groupVersion: string }[] };
      const { groups } = await w.objects.get<{ groups: Group[] }>('/apis');
      w.t.ok(groups.some(({ name }) => name === 'discovery.k8s.io'));
      w.t.match(await w.objects.get('/apis/discovery.k8s.io'), {
        versions: [{ groupVersion: SLICES }],
      });
      const { resources } = await w.objects.get<{ resources: { name: string }[] }>(
        `/apis/${SLICES}`,
      );
      w.t.ok(resources.some(({ name }) => name === 'endpointslices'));

      const ports = [{ name: 'example', port: 80, protocol: 'TCP' }];
      await services(w).create({ metadata: { name: 'own' }, spec: { ports } });
      const at = (ip: string) => [{ addresses: [{ ip }], ports }];
      await endpoints(w).create({ metadata: { name: 'own' }, subsets: at('10.1.2.3') });
      const mirrored = (ip: string) =>
        w.until(`a slice of ${ip}`, async () => {
          const [slice, ...more] = await slices(w, 'own');
          return more.length === 0 && slice?.endpoints[0]?.addresses.join() === ip && slice;
        });
      const slice = await mirrored('10.1.2.3');
      w.t.match(slice.metadata?.labels, {
        'endpointslice.kubernetes.io/managed-by': 'endpointslicemirroring-controller.k8s.io',
      });
      w.t.match(slice.ports, ports);
      await w.change(endpoints(w), 'own', (found) => {
        found.subsets = at('10.2.3.4');
      });
      await mirrored('10.2.3.4');
      await endpoints(w).delete('own');
      await w.until('no slice is left', async () => (await slices(w, 'own')).length === 0);
    },
  },
  {
    title: 'Endpoint resource lifecycle',
    run: async (w) => {
      const labels = { of: 'mine' };
      const seen = await w.record(endpoints(w), 'of=mine');
      const subset = (ip: string, port: number) => ({
        addresses: [{ ip }],
        ports: [{ name: 'http', port, protocol: 'TCP' }],
      });
      await endpoints(w).create({
        metadata: { name: 'e', labels },
        subsets: [subset('10.0.0.24', 80)],
      });
      w.t.ok(await endpoints(w).find('e'));
      await w.change(endpoints(w), 'e', ({ metadata }) => {
        if (metadata?.labels) metadata.labels['updated'] = 'yes';
      });
      w.t.equal((await endpoints(w).get('e')).metadata?.labels?.['updated'], 'yes');
      const patch = {
        metadata: { labels: { patched: 'yes' } },
        subsets: [subset('10.0.0.25', 8080)],
      };
      await endpoints(w).patch('e', patch, { as: PatchStrategy.StrategicMergePatch });
      const patched = await endpoints(w).get('e');
      w.t.equal(patched.metadata?.labels?.['patched'], 'yes');
      w.t.match(patched.subsets, [subset('10.0.0.25', 8080)]);
      await endpoints(w).deleteCollection('of=mine');
      await w.until('its deletion is told', async () => seen.changes.at(-1)?.type === 'DELETED');
      w.t.equal(seen.changes[0]?.type, 'ADDED');
      w.t.equal(await endpoints(w).find('e'), undefined);
    },
  },
  {
    title: 'Service, complete ServiceStatus lifecycle',
    run: async (w) => {
      const labels = { of: 'mine' };
      const seen = await w.record(services(w), 'of=mine');
      await services(w).create(service('s', { type: 'LoadBalancer' }, labels));
      w.t.same((await services(w).list('of=mine')).map(nameOf), ['s']);
      const conditionsOf = ({ status }: V1Service) => status?.conditions ?? [];
      const read = await services(w).get('s', 'status');
      w.t.equal(nameOf(read), 's');
      w.t.ok(read.status?.loadBalancer);

      const ingress = [{ ip: '203.0.113.1' }];
      const status = { loadBalancer: { ingress } };
      const body = { metadata: { annotations: { patched: 'yes' } }, status };
      const patched = await services(w).patch('s', body, { subresource: 'status' });
      w.t.match(patched.status, status);
      w.t.match((await services(w).get('s')).status, status);
      w.t.equal((await services(w).get('s')).metadata?.annotations?.['patched'], 'yes');

      const condition = {
        type: 'StatusUpdate',
        status: 'True',
        reason: 'E2E',
        message: 'by PUT',
        lastTransitionTime: new Date(),
      };
      await w.change(
        services(w),
        's',
        (found) => {
          found.status = { ...found.status, conditions: [condition] };
        },
        'status',
      );
      w.t.match(conditionsOf(await services(w).get('s')), [
        { type: 'StatusUpdate', reason: 'E2E' },
      ]);
      w.t.match((await services(w).get('s')).status?.loadBalancer, { ingress }, 'the rest stays');

      await services(w).patch('s', { metadata: { labels: { 'test-service': 'patched' } } });
      w.t.equal((await services(w).get('s')).metadata?.labels?.['test-service'], 'patched');
      await services(w).delete('s');
      await w.until('its deletion is told', async () => seen.changes.at(-1)?.type === 'DELETED');
      w.t.ok(seen.changes.some(({ object }) => conditionsOf(object).length > 0));
      w.t.ok(
        seen.changes.some(({ object }) => object.metadata?.labels?.['test-service'] === 'patched'),
      );
    },
  },
  {
    title: 'Service, deletes a collection of services',
    run: async (w) => {
      for (const name of ['a', 'b']) await services(w).create(service(name, {}, { set: 'mine' }));
      await services(w).create(service('c', {}, { set: 'other' }));
      w.t.same((await services(w).list()).map(nameOf), ['a', 'b', 'c']);
      await services(w).deleteCollection('set=mine');
      await w.until('one is left', async () => (await services(w).list()).length === 1);
      w.t.same((await services(w).list()).map(nameOf), ['c']);
    },
  },
  {
    title: 'Service endpoint latency, thresholds',
    run: async (w) => {
      await w.pods.create(pod('one', { app: 'all' }, { http: 80 }));
      const ip = await ipOf(w, 'one');
      const times: number[] = [];
      const seen = await w.record(endpoints(w));
      const isTold = (name: string) =>
        seen.changes.some(
          ({ object }) => nameOf(object) === name && object.subsets?.[0]?.addresses?.[0]?.ip === ip,
        );
      const one = async (i: number) => {
        const name = `s-${i}`;
        const began = performance.now();
        await services(w).create(service(name, { selector: { app: 'all' } }));
        await w.until(`endpoints of ${name}`, async () => isTold(name));
        times.push(performance.now() - began);
      };
      for (let i = 0; i < 100; i += 10) {
        await Promise.all(Array.from({ length: 10 }, (_, n) => one(i + n)));
      }
      times.sort((a, b) => a - b);
      const percentile = (share: number) =>
        (times[Math.ceil(times.length * share) - 1] ?? 0) / 1000;
      w.t.comment(`seconds: ${percentile(0.5)}, ${percentile(0.9)}, ${percentile(0.99)}`);
      w.t.equal(times.length, 100);
      w.t.ok(percentile(0.5) < 20);
      w.t.ok(percentile(0.9) < 50);
    },
  },
  {
    title: 'Service, endpoints',
    run: async (w) => {
      await services(w).create(service('s'));
      await leadsTo(w, 's', []);
      const one = pod('one', { app: 's' }, { http: 8080 });
      await w.pods.create(one);
      const first = await ipOf(w, 'one');
      await leadsTo(w, 's', [`${first}:8080`]);
      await w.pods.create(pod('two', { app: 's' }, { http: 8080 }));
      const second = await ipOf(w, 'two');
      await leadsTo(w, 's', [`${first}:8080`, `${second}:8080`]);
      await w.pods.delete('two');
      await leadsTo(w, 's', [`${first}:8080`]);
      await w.pods.delete('one');
      await leadsTo(w, 's', []);
    },
  },
  {
    title: 'Service, endpoints with multiple ports',
    run: async (w) => {
      const ports = [
        { name: 'p1', port: 80, targetPort: 'svc1' },
        { name: 'p2', port: 81, targetPort: 'svc2' },
      ];
      await services(w).create(service('s', { ports }));
      await leadsTo(w, 's', []);
      await w.pods.create(pod('one', { app: 's' }, { svc1: 100 }));
      const first = await ipOf(w, 'one');
      await leadsTo(w, 's', [`${first}:100`]);
      await w.pods.create(pod('two', { app: 's' }, { svc2: 101 }));
      const second = await ipOf(w, 'two');
      await leadsTo(w, 's', [`${first}:100`, `${second}:101`]);
      await w.pods.delete('one');
      await leadsTo(w, 's', [`${second}:101`]);
      await w.pods.delete('two');
      await leadsTo(w, 's', []);
    },
  },
  {
    title: 'Scheduling, HostPort matching and HostIP and Protocol not-matching',
    run: async (w) => {
      const [node] = await w.liveNodes();
      const hostPort = 54323;
      const rows = [
        { name: 'one', hostIP: '127.0.0.1', protocol: 'TCP' },
        { name: 'two', hostIP: '127.0.0.2', protocol: 'TCP' },
        { name: 'three', hostIP: '127.0.0.2', protocol: 'UDP' },
      ];
      for (const { name, ...port } of rows) {
        const ports = [{ containerPort: 8080, hostPort, ...port }];
        const containers = [{ name: 'main', image: 'nginx:1', ports }];
        const nodeSelector = { 'kubernetes.io/hostname': nameOf(node ?? {}) };
        await w.pods.create({ metadata: { name }, spec: podSpec({ containers, nodeSelector }) });
        await ipOf(w, name);
      }
      const placed = (await w.pods.list()).map(({ spec }) => spec?.nodeName);
      w.t.same(placed, [nameOf(node ?? {}), nameOf(node ?? {}), nameOf(node ?? {})]);
    },
  },
];
