import t from 'tap';
import type {
  Device,
  DeviceClass,
  DeviceRequest,
  Pod,
  ResourceClaim,
  ResourceClaimSpec,
  ResourceSlice,
} from '../../pkg/api/types.js';
import { podInfoOf } from '../framework/pod-info.js';
import { Cluster, devicesOf, nodeOf, podOf } from '../testing/builders.js';
import { type AllocatorInput, allocate } from './allocator.js';
import { Offers } from './pools.js';

const DRIVER = 'gpu.example.com';
const CLASSES: DeviceClass[] = [
  {
    metadata: { name: 'gpu' },
    spec: { selectors: [{ cel: { expression: `device.driver == '${DRIVER}'` } }] },
  },
];

const gpu = (name: string, model: string, memory: string, root = 'a'): Device => ({
  name,
  attributes: { model: { string: model }, 'example.com/root': { string: root } },
  capacity: { memory: { value: memory } },
});

function sliceOf(node: string, devices: Device[], pool: Partial<ResourceSlice['spec']> = {}) {
  return {
    metadata: { name: `${node}-slice` },
    spec: {
      driver: DRIVER,
      nodeName: node,
      pool: { name: node, generation: 1, resourceSliceCount: 1 },
      devices,
      ...pool,
    },
  };
}

const wants = (expression?: string, more: Partial<DeviceRequest['exactly']> = {}) => ({
  deviceClassName: 'gpu',
  ...(expression ? { selectors: [{ cel: { expression } }] } : {}),
  ...more,
});

function claimOf(name: string, devices: ResourceClaimSpec['devices']): ResourceClaim {
  return {
    metadata: { name, namespace: 'default', uid: name },
    spec: { ...(devices ? { devices } : {}) },
  };
}

const single = (expression?: string, more: Partial<DeviceRequest['exactly']> = {}) => ({
  requests: [{ name: 'gpu', exactly: wants(expression, more) }],
});

const NODE = { name: 'n1', labels: {} };
const SLICE = sliceOf('n1', [
  gpu('g0', 'A', '40Gi', 'a'),
  gpu('g1', 'A', '80Gi', 'b'),
  gpu('g2', 'B', '80Gi', 'b'),
]);

function found(
  claims: ResourceClaim[],
  slices: ResourceSlice[] = [SLICE],
  inUse: string[] = [],
): string[] | undefined {
  const input: AllocatorInput = {
    claims,
    pools: new Offers(slices).on(NODE),
    inUse: new Set(inUse.map((name) => `${DRIVER}/n1/${name}`)),
    deviceClass: (name) => CLASSES.find(({ metadata }) => metadata?.name === name),
  };
  return allocate(input)?.map((one) =>
    (one.devices?.results ?? []).map(({ request, device }) => `${request}=${device}`).join(' '),
  );
}

t.test('devices are found for claims', async (t) => {
  const both = (first: string, second: string, more: object = {}) => ({
    requests: [
      { name: 'x', exactly: wants(first) },
      { name: 'y', exactly: wants(second) },
    ],
    ...more,
  });
  const ofB = "device.attributes['gpu.example.com'].model == 'B'";
  const large = "device.capacity['gpu.example.com'].memory.compareTo(quantity('80Gi')) >= 0";
  const any = 'true';
  const sameRoot = { constraints: [{ matchAttribute: 'example.com/root' }] };
  const rows: {
    row: string;
    devices: ResourceClaimSpec['devices'];
    inUse?: string[];
    found: string | undefined;
  }[] = [
    { row: 'the first that is free', devices: single(), inUse: ['g0'], found: 'gpu=g1' },
    { row: 'by attribute', devices: single(ofB), found: 'gpu=g2' },
    { row: 'by capacity', devices: single(large), found: 'gpu=g1' },
    { row: 'more than there are', devices: single(any, { count: 4 }), found: undefined },
    { row: 'some', devices: single(any, { count: 2 }), found: 'gpu=g0 gpu=g1' },
    {
      row: 'all that match',
      devices: single(large, { allocationMode: 'All' }),
      found: 'gpu=g1 gpu=g2',
    },
    {
      row: 'not all where one is in use',
      devices: single(large, { allocationMode: 'All' }),
      inUse: ['g2'],
      found: undefined,
    },
    {
      row: 'one who only looks does not mind',
      devices: single(large, { allocationMode: 'All', adminAccess: true }),
      inUse: ['g2'],
      found: 'gpu=g1 gpu=g2',
    },
    {
      row: 'an earlier choice is taken back',
      devices: both(large, `device.attributes['gpu.example.com'].model == 'A' && ${large}`),
      found: 'x=g2 y=g1',
    },
    { row: 'of one root', devices: both(any, ofB, sameRoot), found: 'x=g1 y=g2' },
    {
      row: 'a domain that nobody has is empty',
      devices: single("'x' in device.attributes['other.example.com']"),
      found: undefined,
    },
    {
      row: 'the first alternative that works',
      devices: {
        requests: [
          {
            name: 'gpu',
            firstAvailable: [
              { name: 'many', ...wants(ofB, { count: 2 }) },
              { name: 'one', ...wants(ofB) },
            ],
          },
        ],
      },
      found: 'gpu/one=g2',
    },
  ];
  for (const { row, devices, inUse, found: expected } of rows) {
    t.same(
      found([claimOf('c', devices)], [SLICE], inUse),
      expected === undefined ? undefined : [expected],
      row,
    );
  }
  t.same(
    found([claimOf('c', single()), claimOf('d', single())]),
    ['gpu=g0', 'gpu=g1'],
    'two claims',
  );
});

t.test('a search that finds no end is given up on the node', async (t) => {
  const many = Array.from({ length: 14 }, (_, i) => gpu(`g${i}`, 'A', '1Gi'));
  const puzzle = {
    requests: [
      { name: 'some', exactly: wants('true', { count: 6 }) },
      { name: 'none', exactly: wants('false') },
    ],
  };
  const input: AllocatorInput = {
    claims: [claimOf('c', puzzle)],
    pools: new Offers([sliceOf('n1', many)]).on(NODE),
    inUse: new Set(),
    deviceClass: () => CLASSES[0],
  };
  t.equal(allocate(input), undefined, 'with time to the end');
  t.throws(() => allocate({ ...input, expired: () => true }), {
    message: 'timed out trying to allocate devices',
  });
});

t.test('what a driver has not finished saying is not given out', async (t) => {
  const old = sliceOf('n1', [gpu('old', 'A', '1Gi')]);
  const pool = { name: 'n1', generation: 2, resourceSliceCount: 2 };
  const fresh = { ...sliceOf('n1', [gpu('new', 'A', '1Gi')], { pool }), metadata: { name: 'f' } };
  t.equal(found([claimOf('c', single())], [old, fresh]), undefined, 'half of the new generation');
  const rest = { ...sliceOf('n1', [gpu('rest', 'A', '1Gi')], { pool }), metadata: { name: 'g' } };
  t.same(found([claimOf('c', single())], [old, fresh, rest]), ['gpu=new']);
  t.throws(
    () => found([claimOf('c', single('true', { allocationMode: 'All' }))], [fresh]),
    /request gpu: asks for all devices, but resource pool gpu.example.com\/n1 is currently being updated/,
  );
  t.throws(
    () => found([claimOf('c', single("device.attributes['gpu.example.com'].none == 'x'"))]),
    /claim default\/c: selector #0: CEL runtime error: no such key: none/,
  );
});

t.test('an allocation says where it can be used and how it is configured', async (t) => {
  const parameters = { a: 1 };
  const opaque = { driver: DRIVER, parameters };
  const network = {
    ...sliceOf('net', [gpu('far', 'A', '1Gi')], {
      nodeSelector: {
        nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['z'] }] }],
      },
    }),
  };
  const { nodeName: _, ...spec } = network.spec;
  const ask = (slices: ResourceSlice[]) =>
    allocate({
      claims: [
        claimOf('c', {
          ...single(),
          config: [
            { requests: ['gpu'], opaque },
            { requests: ['other'], opaque },
          ],
        }),
      ],
      pools: new Offers(slices).on({ name: 'n1', labels: { zone: 'z' } }),
      inUse: new Set(),
      deviceClass: () => ({ spec: { config: [{ opaque }] } }),
    })?.[0];
  t.same(ask([SLICE]), {
    devices: {
      results: [{ request: 'gpu', driver: DRIVER, pool: 'n1', device: 'g0' }],
      config: [
        { source: 'FromClass', requests: ['gpu'], opaque },
        { source: 'FromClaim', requests: ['gpu'], opaque },
      ],
    },
    nodeSelector: {
      nodeSelectorTerms: [
        { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n1'] }] },
      ],
    },
  });
  t.same(ask([{ ...network, spec }])?.nodeSelector, {
    nodeSelectorTerms: [{ matchExpressions: [{ key: 'zone', operator: 'In', values: ['z'] }] }],
  });
});

t.test('a pod goes where the best of its alternatives is to be had', async (t) => {
  const alternatives = {
    requests: [
      {
        name: 'gpu',
        firstAvailable: [
          { name: 'b', ...wants("device.attributes['gpu.example.com'].model == 'B'") },
          { name: 'a', ...wants("device.attributes['gpu.example.com'].model == 'A'") },
        ],
      },
    ],
  };
  const slices = ['A', 'B', 'A'].map((model, i) => sliceOf(`n${i}`, [gpu('g', model, '1Gi')]));
  const devices = devicesOf([claimOf('c', alternatives)], slices, CLASSES);
  const nodes = ['n0', 'n1', 'n2'].map((name) => nodeOf(name));
  const cluster = new Cluster(nodes, [], { devices });
  const pod = podOf('p', { spec: { resourceClaims: [{ name: 'g', resourceClaimName: 'c' }] } });
  t.equal(cluster.schedule(pod), 'n1');
  const plugin = cluster.framework.plugins.find(({ name }) => name === 'DynamicResources');
  const outcome = cluster.algorithm.schedule(podInfoOf(pod));
  const scores = cluster.cache.nodeList().map((node) => ({
    node,
    score: plugin?.score?.(outcome.state, podInfoOf(pod), node) ?? 0,
  }));
  plugin?.normalize?.(outcome.state, podInfoOf(pod), scores);
  const found = Object.fromEntries(scores.map(({ node, score }) => [node.name, score]));
  t.same(found, { n0: 87, n1: 100, n2: 87 });
});

t.test('a claim that no node can make sense of is an error, and no refusal', async (t) => {
  const broken = single("device.attributes['gpu.example.com'].none == 'x'");
  const devices = devicesOf([claimOf('c', broken)], [SLICE], CLASSES);
  const cluster = new Cluster([nodeOf('n1')], [], { devices });
  const pod = podOf('p', { spec: { resourceClaims: [{ name: 'g', resourceClaimName: 'c' }] } });
  t.throws(() => cluster.schedule(pod), {
    message:
      'running "DynamicResources" filter plugin: claim default/c: selector #0: CEL runtime error: no such key: none',
  });
});

t.test('a pod goes where its devices are', async (t) => {
  const withClaim = (name: string, resourceClaimName: string): Pod =>
    podOf(name, { spec: { resourceClaims: [{ name: 'gpu', resourceClaimName }] } });
  const allocated: ResourceClaim = {
    ...claimOf('taken', single()),
    status: {
      allocation: {
        devices: { results: [{ request: 'gpu', driver: DRIVER, pool: 'n2', device: 'g0' }] },
        nodeSelector: {
          nodeSelectorTerms: [
            { matchFields: [{ key: 'metadata.name', operator: 'In', values: ['n2'] }] },
          ],
        },
      },
    },
  };
  const many = {
    ...claimOf('lost', single()),
    spec: { devices: { requests: [{ name: 'x', exactly: { deviceClassName: 'none' } }] } },
  };
  const book = devicesOf(
    [
      claimOf('free', single()),
      claimOf('b', single("device.attributes['gpu.example.com'].model == 'B'")),
      allocated,
      many,
    ],
    [sliceOf('n1', [gpu('g0', 'A', '1Gi')]), sliceOf('n2', [gpu('g0', 'A', '1Gi')])],
    CLASSES,
  );
  const cluster = new Cluster([nodeOf('n1'), nodeOf('n2'), nodeOf('n3')], [], { devices: book });
  t.equal(cluster.schedule(withClaim('p', 'free')), 'n1', "the other node's is taken");
  t.equal(cluster.schedule(withClaim('p', 'taken')), 'n2', 'who has devices goes to them');
  t.match(
    cluster.schedule(withClaim('p', 'b')),
    '0/3 nodes are available: 3 cannot allocate all claims.',
  );
  t.match(
    cluster.schedule(withClaim('p', 'lost')),
    '0/3 nodes are available: request x: device class none does not exist.',
  );
  const preEnqueue = (pod: Pod) => cluster.framework.preEnqueue(pod)?.reasons[0];
  t.equal(preEnqueue(withClaim('p', 'gone')), 'could not find ResourceClaim "default/gone"');
  const fromTemplate = podOf('q', {
    spec: { resourceClaims: [{ name: 'gpu', resourceClaimTemplateName: 't' }] },
  });
  t.equal(preEnqueue(fromTemplate), 'pod "default/q": ResourceClaim not created yet');
  t.equal(preEnqueue(withClaim('p', 'free')), undefined);

  const pod = podInfoOf(withClaim('p', 'free'));
  const outcome = cluster.algorithm.schedule(pod);
  if (!('node' in outcome)) throw new Error(outcome.diagnosis.message());
  t.equal(cluster.framework.reserve(outcome.state, pod, outcome.node), undefined);
  t.match(
    cluster.schedule(withClaim('r', 'free')),
    /resource claim default\/free is in the process of being allocated/,
  );
  cluster.framework.unreserve(outcome.state, pod, outcome.node);
  t.equal(cluster.schedule(withClaim('r', 'free')), 'n1', 'the promise is taken back');
  const { signal } = new AbortController();
  const postFilter = () => cluster.framework.postFilter(outcome.state, pod, signal);
  t.equal(await postFilter(), 'still not schedulable');
});
