/** Service addresses, bindings, evictions and logs, over a real store. */
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import {
  addressAt,
  canonicalAddress,
  contains,
  parseRange,
} from '../../../pkg/apimachinery/cidr.js';
import { generateSelfSigned } from '../../../pkg/component/pki.js';
import { KubeletConnection } from '../../endpoints/kubelet-proxy.js';
import { TestApi } from '../../testing/test-api.js';
import { TestStore } from '../../testing/test-store.js';
import { builtInResources } from '../resources/index.js';

const PODS = '/api/v1/namespaces/default/pods';
const SERVICES = '/api/v1/namespaces/default/services';
const BUDGETS = '/apis/policy/v1/namespaces/default/poddisruptionbudgets';
const ADDRESSES = '/apis/networking.k8s.io/v1/ipaddresses';

interface SeenService {
  spec?: {
    clusterIP?: string;
    clusterIPs?: string[];
    ipFamilies?: string[];
    ipFamilyPolicy?: string;
    healthCheckNodePort?: number;
    ports?: { port: number; nodePort?: number }[];
  };
}

async function start(store: TestStore, ranges = ['10.0.0.0/28']) {
  const kubelet = new KubeletConnection({ clientCertificate: '', clientKey: '' });
  const definitions = builtInResources({
    serviceClusterIPRanges: ranges,
    serviceNodePortRange: { from: 30000, to: 30009 },
    etcd: await store.client(),
    kubelet,
  });
  return { api: await TestApi.start({ definitions, store }), kubelet };
}

const serviceOf = (name: string, spec: object = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name },
  spec: { ports: [{ port: 80 }], ...spec },
});
const podOf = (name: string, spec: object = {}, labels = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, labels },
  spec: { containers: [{ name: 'c', image: 'nginx' }], ...spec },
});
const bindingTo = (name: string, node: string) => ({
  apiVersion: 'v1',
  kind: 'Binding',
  metadata: { name },
  target: { kind: 'Node', name: node },
});

t.test('addresses and ports of Services', async (t) => {
  const store = await TestStore.start();
  const { api } = await start(store);
  const { api: other } = await start(store);
  t.teardown(async () => {
    await api.stop();
    await other.stop();
    await store.remove();
  });
  const specOf = (body: object) => (body as SeenService).spec ?? {};

  await t.test(
    'two servers never give out one address or port twice, and stop when there is none left',
    async (t) => {
      const answers = await Promise.all(
        Array.from({ length: 12 }, (_, i) =>
          (i % 2 ? api : other).post(
            SERVICES,
            serviceOf(`many-${i}`, i < 10 ? { type: 'NodePort' } : {}),
          ),
        ),
      );
      t.strictSame(new Set(answers.map((answer) => answer.code)), new Set([201]));
      const addresses = answers.map(({ body }) => specOf(body).clusterIP);
      t.equal(new Set(addresses).size, 12);
      t.ok(addresses.every((address) => address?.startsWith('10.0.0.')));
      const ports = answers
        .flatMap(({ body }) => specOf(body).ports ?? [])
        .flatMap((port) => port.nodePort ?? []);
      t.equal(new Set(ports).size, 10);
      t.match(answers[0]?.body, {
        spec: {
          clusterIPs: [addresses[0]],
          ipFamilies: ['IPv4'],
          ipFamilyPolicy: 'SingleStack',
          internalTrafficPolicy: 'Cluster',
        },
        status: { loadBalancer: {} },
      });
      const full = await api.post(SERVICES, serviceOf('one-more', { type: 'NodePort' }));
      t.equal(full.code, 500);
      t.match(full.body.message, 'failed to allocate a nodePort: range is full');
      for (const i of answers.keys()) await api.delete(`${SERVICES}/many-${i}`);
      const left = await api.get(ADDRESSES);
      t.strictSame(
        left.body.items,
        [],
        'addresses are given back, also those of the write that failed',
      );
    },
  );

  await t.test('an address in an old spelling is the same address', async (t) => {
    for (const [i, [spelled, canonical, warning]] of [
      ['10.000.0.07', '10.0.0.7', 'non-standard IP address "10.000.0.07" will be considered'],
      ['::ffff:10.0.0.8', '10.0.0.8', 'non-standard IP address "::ffff:10.0.0.8" will be'],
    ].entries()) {
      const name = `old-${i}`;
      const made = await api.post(SERVICES, serviceOf(name, { clusterIP: spelled }));
      t.equal(made.code, 201, made.text);
      t.match(specOf(made.body), { clusterIP: spelled, ipFamilies: ['IPv4'] }, 'it stays as it is');
      t.match(String(made.headers['warning']), warning?.replaceAll('"', '\\"'));
      t.equal((await api.get(`${ADDRESSES}/${canonical}`)).code, 200, 'taken in one form');
      const again = await api.post(SERVICES, serviceOf('again', { clusterIP: canonical }));
      t.match(again.body.message, `failed to allocate IP ${canonical}: provided IP is already`);
      await api.delete(`${SERVICES}/${name}`);
      t.equal((await api.get(`${ADDRESSES}/${canonical}`)).code, 404, 'and given back');
    }
  });

  await t.test('what is asked for is given, once', async (t) => {
    const mine = await api.post(
      SERVICES,
      serviceOf('mine', {
        type: 'NodePort',
        clusterIP: '10.0.0.5',
        ports: [{ port: 80, nodePort: 30005 }],
      }),
    );
    t.equal(mine.code, 201);
    const rows: readonly (readonly [string, object, string])[] = [
      [
        'an address that is taken',
        { clusterIP: '10.0.0.5' },
        'spec.clusterIPs: Invalid value: ["10.0.0.5"]: failed to allocate IP 10.0.0.5: provided IP is already allocated',
      ],
      [
        'an address of somewhere else',
        { clusterIP: '1.2.3.4' },
        'spec.clusterIPs: Invalid value: ["1.2.3.4"]: failed to allocate IP 1.2.3.4: the provided network does not match the current range',
      ],
      [
        'a port that is taken',
        { type: 'NodePort', ports: [{ port: 80, nodePort: 30005 }] },
        'spec.ports[0].nodePort: Invalid value: 30005: provided port is already allocated',
      ],
      [
        'a port out of range',
        { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] },
        'spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-30009',
      ],
      [
        'a second family',
        { ipFamilyPolicy: 'RequireDualStack' },
        'spec.ipFamilyPolicy: Invalid value: "RequireDualStack": this cluster is not configured for dual-stack services',
      ],
    ];
    for (const [name, spec, text] of rows) {
      const { code, body } = await other.post(SERVICES, serviceOf('theirs', spec));
      t.equal(code, 422, name);
      t.equal(body.message, `Service "theirs" is invalid: ${text}`, name);
    }
    const again = await api.post(SERVICES, serviceOf('mine'));
    t.equal(again.code, 409);
    t.equal(
      ((await api.get(ADDRESSES)).body.items as unknown[]).length,
      1,
      'a refused create leaves nothing taken',
    );
  });

  await t.test('a change of type takes and gives back', async (t) => {
    const { body } = await api.post(
      SERVICES,
      serviceOf('moving', { type: 'LoadBalancer', externalTrafficPolicy: 'Local' }),
    );
    const spec = specOf(body);
    t.match(spec, { healthCheckNodePort: Number, ports: [{ nodePort: Number }] });
    const inward = await api.patch(`${SERVICES}/moving`, {
      spec: { type: 'ClusterIP', externalTrafficPolicy: null },
    });
    t.equal(inward.code, 200, String(inward.body.message));
    t.strictSame(specOf(inward.body).ports?.[0]?.nodePort, undefined);
    t.equal(specOf(inward.body).clusterIP, spec.clusterIP, 'the address stays');
    const named = await api.patch(`${SERVICES}/moving`, {
      spec: { type: 'ExternalName', externalName: 'example.com' },
    });
    t.equal(named.code, 200, String(named.body.message));
    t.equal(specOf(named.body).clusterIP, undefined);
    t.equal((await api.get(`${ADDRESSES}/${spec.clusterIP ?? ''}`)).code, 404);
    const back = await api.patch(`${SERVICES}/moving`, {
      spec: { type: 'ClusterIP', externalName: null },
    });
    t.match(specOf(back.body).clusterIP, /^10\.0\.0\.\d+$/);
    const headless = await api.post(
      SERVICES,
      serviceOf('headless', { clusterIP: 'None', selector: { a: '1' } }),
    );
    t.match(headless.body, {
      spec: { clusterIP: 'None', clusterIPs: ['None'], ipFamilies: ['IPv4'] },
    });
    const fixed = await api.patch(`${SERVICES}/mine`, { spec: { clusterIP: '10.0.0.7' } });
    t.match(
      fixed.body.message,
      'spec.clusterIPs[0]: Invalid value: ["10.0.0.7"]: may not change once set',
    );
  });
});

t.test('a cluster of both families', async (t) => {
  const store = await TestStore.start();
  const { api } = await start(store, ['10.0.0.0/24', 'fd00:10::/112']);
  t.teardown(async () => {
    await api.stop();
    await store.remove();
  });
  const { body } = await api.post(
    SERVICES,
    serviceOf('both', { ipFamilyPolicy: 'PreferDualStack' }),
  );
  t.match(body, {
    spec: { ipFamilies: ['IPv4', 'IPv6'], clusterIPs: [/^10\.0\.0\./, /^fd00:10::/] },
  });
  const one = await api.patch(`${SERVICES}/both`, {
    spec: {
      ipFamilyPolicy: 'SingleStack',
      ipFamilies: ['IPv4'],
      clusterIPs: [(body as SeenService).spec?.clusterIP],
    },
  });
  t.equal(one.code, 200, String(one.body.message));
  t.equal(
    ((await api.get(ADDRESSES)).body.items as unknown[]).length,
    1,
    'the second address is given back',
  );
});

t.test('pods', async (t) => {
  const store = await TestStore.start();
  const { api, kubelet } = await start(store);
  t.teardown(async () => {
    kubelet.close();
    await api.stop();
    await store.remove();
  });

  await t.test('a new pod is pending, with its class', async (t) => {
    const { body } = await api.post(PODS, { ...podOf('new'), status: { phase: 'Running' } });
    t.match(body, {
      metadata: { generation: 1 },
      status: { phase: 'Pending', qosClass: 'BestEffort' },
    });
    const gated = await api.post(PODS, podOf('gated', { schedulingGates: [{ name: 'a/b' }] }));
    t.match(gated.body, {
      status: {
        conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }],
      },
    });
    const refused = await api.post(`${PODS}/gated/binding`, bindingTo('gated', 'n'));
    t.match(refused.body.message, 'pod gated has non-empty .spec.schedulingGates');
  });

  await t.test('is bound to one node, once', async (t) => {
    await api.post(PODS, podOf('bound'));
    const done = await api.post(`${PODS}/bound/binding`, bindingTo('bound', 'node-1'));
    t.equal(done.code, 201);
    t.match(done.body, { kind: 'Status', status: 'Success' });
    const { body } = await api.get(`${PODS}/bound`);
    t.match(body, {
      metadata: { generation: 1 },
      spec: { nodeName: 'node-1' },
      status: {
        phase: 'Pending',
        qosClass: 'BestEffort',
        conditions: [{ type: 'PodScheduled', status: 'True', lastProbeTime: null }],
      },
    });
    t.same(
      (body.metadata?.managedFields ?? []).filter((entry) => entry.subresource),
      [],
      'who binds a pod manages none of its fields',
    );
    const twice = await api.post(
      '/api/v1/namespaces/default/bindings',
      bindingTo('bound', 'node-2'),
    );
    t.equal(twice.code, 409);
    t.equal(
      twice.body.message,
      'Operation cannot be fulfilled on pods/binding "bound": pod bound is already assigned to node "node-1"',
    );
    const racing = await Promise.all([api.post(PODS, podOf('raced')).then(() => undefined)]).then(
      () =>
        Promise.all(
          ['a', 'b', 'c'].map((node) =>
            api.post(`${PODS}/raced/binding`, bindingTo('raced', node)),
          ),
        ),
    );
    t.strictSame(racing.map((answer) => answer.code).sort(), [201, 409, 409]);
  });

  await t.test('goes at once where nothing runs, else with grace', async (t) => {
    const rows: readonly (readonly [string, string, object | undefined, number | undefined])[] = [
      ['unscheduled', '', undefined, undefined],
      ['scheduled', 'node-1', undefined, 30],
      ['shortened', 'node-1', { gracePeriodSeconds: 5 }, 5],
      ['forced', 'node-1', { gracePeriodSeconds: 0 }, undefined],
    ];
    for (const [name, node, options, grace] of rows) {
      await api.post(PODS, podOf(name));
      if (node) await api.post(`${PODS}/${name}/binding`, bindingTo(name, node));
      await api.delete(`${PODS}/${name}`, options);
      const { code, body } = await api.get(`${PODS}/${name}`);
      if (grace === undefined) t.equal(code, 404, name);
      else
        t.match(
          body,
          { metadata: { deletionGracePeriodSeconds: grace, deletionTimestamp: String } },
          name,
        );
    }
  });

  await t.test('is evicted only while its budget allows', async (t) => {
    const labels = { app: 'web' };
    await api.post(BUDGETS, {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: 'web' },
      spec: { minAvailable: 1, selector: { matchLabels: labels } },
    });
    for (const name of ['web-1', 'web-2']) {
      await api.post(PODS, podOf(name, {}, labels));
      await api.post(`${PODS}/${name}/binding`, bindingTo(name, 'node-1'));
      await api.patch(`${PODS}/${name}/status`, {
        status: { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] },
      });
    }
    const evict = (name: string) =>
      api.post(`${PODS}/${name}/eviction`, {
        apiVersion: 'policy/v1',
        kind: 'Eviction',
        metadata: { name },
      });
    const evictAs = (apiVersion: string) =>
      api.post(`${PODS}/none/eviction`, {
        apiVersion,
        kind: 'Eviction',
        metadata: { name: 'none' },
      });
    t.equal((await evictAs('policy/v1beta1')).code, 404, 'an older version is read, too');
    t.match((await evictAs('policy/v1alpha1')).body, {
      code: 400,
      message:
        'the API version in the data (policy/v1alpha1) does not match the expected API version (policy/v1)',
    });
    const early = await evict('web-1');
    t.equal(early.code, 429);
    t.match(early.body, {
      message: "Cannot evict pod as it would violate the pod's disruption budget.",
      details: {
        causes: [
          {
            reason: 'DisruptionBudget',
            message: 'The disruption budget web is still being processed by the server.',
          },
        ],
      },
    });
    await api.patch(`${BUDGETS}/web/status`, {
      status: {
        observedGeneration: 1,
        disruptionsAllowed: 1,
        currentHealthy: 2,
        desiredHealthy: 1,
        expectedPods: 2,
      },
    });
    t.strictSame(
      (await Promise.all([evict('web-1'), evict('web-2')])).map((answer) => answer.code).sort(),
      [201, 429],
      'one disruption is spent once',
    );
    const { body } = await api.get(`${BUDGETS}/web`);
    t.equal((body.status as { disruptionsAllowed?: number }).disruptionsAllowed, 0);
    const late = await evict('web-2');
    const first = await evict('web-1');
    t.match([late, first].find((answer) => answer.code === 429)?.body, {
      details: {
        causes: [{ message: 'The disruption budget web needs 1 healthy pods and has 2 currently' }],
      },
    });
  });

  await t.test("its log is its kubelet's", async (t) => {
    const { cert, key } = await generateSelfSigned('127.0.0.1', Date.now());
    const asked: string[] = [];
    const server = createServer({ cert, key }, (req, res) => {
      asked.push(req.url ?? '');
      if (req.url?.includes('sinceSeconds')) {
        res.writeHead(404).end('no such thing');
      } else if (req.url?.includes('previous')) {
        res.writeHead(400).end('previous terminated container "a" in pod "logged" not found');
      } else {
        res.write('one\n');
        setImmediate(() => res.end('two\n'));
      }
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    t.teardown(() => server.close());
    const { port } = server.address() as AddressInfo;
    await api.post('/api/v1/nodes', {
      apiVersion: 'v1',
      kind: 'Node',
      metadata: { name: 'node-9' },
      status: {
        addresses: [
          { type: 'Hostname', address: 'node-9' },
          { type: 'InternalIP', address: '127.0.0.1' },
        ],
        daemonEndpoints: { kubeletEndpoint: { Port: port } },
      },
    });
    await api.post(
      PODS,
      podOf('logged', {
        containers: [
          { name: 'a', image: 'x' },
          { name: 'b', image: 'x' },
        ],
        initContainers: [{ name: 'i', image: 'x' }],
      }),
    );
    const log = (query: string) => api.get(`${PODS}/logged/log${query}`);
    t.strictSame(
      [(await log('?container=a')).code, (await log('?container=a')).text],
      [200, ''],
      'not scheduled yet',
    );
    await api.post(`${PODS}/logged/binding`, bindingTo('logged', 'node-9'));
    const rows: readonly (readonly [string, string, number, string])[] = [
      [
        'no choice',
        '',
        400,
        'a container name must be specified for pod logged, choose one of: [a b] or one of the init containers: [i]',
      ],
      ['a wrong choice', '?container=z', 400, 'container z is not valid for pod logged'],
      [
        'a bad number',
        '?container=a&tailLines=x',
        400,
        'strconv.ParseInt: parsing "x": invalid syntax',
      ],
      [
        'a negative one',
        '?container=a&tailLines=-1',
        422,
        'PodLogOptions "logged" is invalid: tailLines: Invalid value: -1: must be greater than or equal to 0',
      ],
      [
        'two starts',
        '?container=a&sinceSeconds=1&sinceTime=2026-01-01T00:00:00Z',
        422,
        'PodLogOptions "logged" is invalid: : Forbidden: at most one of `sinceTime` or `sinceSeconds` may be specified',
      ],
      [
        'what the kubelet does not know',
        '?container=a&sinceSeconds=5',
        404,
        'the server could not find the requested resource ( pods logged)',
      ],
      [
        'what the kubelet refuses',
        '?container=a&previous=true',
        400,
        'previous terminated container "a" in pod "logged" not found',
      ],
    ];
    for (const [name, query, code, message] of rows) {
      const answer = await log(query);
      t.equal(answer.code, code, name);
      t.equal(answer.body.message, message, name);
    }
    const whole = await log('?container=b&tailLines=5&follow=true&timestamps=true');
    t.equal(whole.text, 'one\ntwo\n');
    t.equal(
      asked.at(-1),
      '/containerLogs/default/logged/b?follow=true&timestamps=true&tailLines=5',
    );
    const exec = await api.post(`${PODS}/logged/exec?command=ls`, undefined);
    t.equal(exec.code, 501);
    const missing = await api.get(`${PODS}/nobody/log`);
    t.equal(missing.code, 404);
  });
});

t.test('addresses are numbers, and one text each', async (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['10.96.0.1', '10.96.0.1'],
    ['::', '::'],
    ['::1', '::1'],
    ['FD00:0:0:1::', 'fd00:0:0:1::'],
    ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1'],
    ['1:2:3:4:5:6:7:8', '1:2:3:4:5:6:7:8'],
    ['::ffff:10.0.0.1', '10.0.0.1'],
    ['010.096.0.01', '10.96.0.1'],
  ];
  for (const [text, canonical] of rows) t.equal(canonicalAddress(text), canonical, text);
  const range = parseRange('10.96.0.9/29');
  t.match(range, { family: 'IPv4', size: 8n });
  t.equal(addressAt(range, 1n), '10.96.0.9');
  t.strictSame(
    ['10.96.0.8', '10.96.0.9', '10.96.0.14', '10.96.0.15', '::1', '010.096.0.011'].map((address) =>
      contains(range, address),
    ),
    [false, true, true, false, false, true],
    'neither the first nor the last is given out',
  );
  for (const bad of ['10.0.0.0', '10.0.0.0/33', 'x/8', 'fd00::/129'])
    t.throws(() => parseRange(bad), { message: bad });
});

t.test('what drivers said of devices goes with the devices', async (t) => {
  const store = await TestStore.start();
  const { api } = await start(store);
  t.teardown(async () => {
    await api.stop();
    await store.remove();
  });
  const CLAIMS = '/apis/resource.k8s.io/v1/namespaces/default/resourceclaims';
  const requests = [{ name: 'r', exactly: { deviceClassName: 'gpu' } }];
  const made = await api.post(CLAIMS, {
    apiVersion: 'resource.k8s.io/v1',
    kind: 'ResourceClaim',
    metadata: { name: 'c' },
    spec: { devices: { requests } },
  });
  const device = { driver: 'd', pool: 'p', device: 'x' };
  const given = { allocation: { devices: { results: [{ request: 'r', ...device }] } } };
  const told = await api.put(`${CLAIMS}/c/status`, {
    ...(made.body as object),
    status: { ...given, devices: [device] },
  });
  t.match(told, { code: 200, body: { status: { devices: [device] } } });
  const returned = await api.put(`${CLAIMS}/c/status`, {
    ...(told.body as object),
    status: { devices: [device] },
  });
  t.equal(returned.code, 200);
  t.same((returned.body as { status?: object }).status, {});
});

t.test(
  'access to devices that others use is for namespaces that are labelled for it',
  async (t) => {
    const store = await TestStore.start();
    const { api } = await start(store);
    t.teardown(async () => {
      await api.stop();
      await store.remove();
    });
    const CLAIMS = '/apis/resource.k8s.io/v1/namespaces';
    const label = { 'resource.kubernetes.io/admin-access': 'true' };
    for (const [name, labels] of [
      ['plain', {}],
      ['admins', label],
    ] as const)
      await api.post('/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name, labels },
      });
    const exactly = { deviceClassName: 'gpu', adminAccess: true };
    const spec = { devices: { requests: [{ name: 'r', exactly }] } };
    const named = (kind: string, name: string) => ({
      apiVersion: 'resource.k8s.io/v1',
      kind,
      metadata: { name },
    });
    const claim = { ...named('ResourceClaim', 'c'), spec };
    const template = { ...named('ResourceClaimTemplate', 't'), spec: { spec } };
    const text =
      'spec.devices.requests[0].adminAccess: Forbidden: admin access to devices requires the `resource.kubernetes.io/admin-access: true` label on the containing namespace';
    for (const [resource, body] of [
      ['resourceclaims', claim],
      ['resourceclaimtemplates', template],
    ] as const) {
      t.match(await api.post(`${CLAIMS}/plain/${resource}`, body), {
        code: 422,
        body: { message: new RegExp(`${body.kind}.* is invalid: ${escaped(text)}$`) },
      });
      t.match(await api.post(`${CLAIMS}/admins/${resource}`, body), { code: 201 });
    }
    const ordinary = {
      ...claim,
      spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'gpu' } }] } },
    };
    const made = await api.post(`${CLAIMS}/plain/resourceclaims`, ordinary);
    const results = [{ request: 'r', driver: 'd', pool: 'p', device: 'x', adminAccess: true }];
    const given = { ...(made.body as object), status: { allocation: { devices: { results } } } };
    t.match(await api.put(`${CLAIMS}/plain/resourceclaims/c/status`, given), {
      code: 422,
      body: { message: /status.allocation.devices.results\[0\].adminAccess: Forbidden: / },
    });
  },
);

function escaped(text: string): string {
  return text.replace(/[.[\]]/g, '\\$&');
}
