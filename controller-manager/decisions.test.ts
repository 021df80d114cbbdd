import { readdirSync, readFileSync } from 'node:fs';
import t from 'tap';
import type {
  Deployment,
  Endpoint,
  EndpointSlice,
  Node,
  Pod,
  ReplicaSet,
  Service,
} from '../pkg/api/types.js';
import { selectorFromObject } from '../pkg/apimachinery/labels.js';
import { PODS, REPLICA_SETS } from '../pkg/client/resources.js';
import { RestClient } from '../pkg/client/rest.js';
import { BY_NAMESPACE, BY_OWNER, namespaceIndex, ownerIndex, Store } from '../pkg/client/store.js';
import { FakeClock } from '../pkg/component/clock.js';
import { subsetsOf } from './controllers/endpoints.js';
import { CONTROLLERS } from './controllers/index.js';
import { timingOf } from './cron-job/timing.js';
import { compareForDeletion, podsToDelete } from './deletion-ranking.js';
import * as math from './deployment/math.js';
import {
  calculateStatus,
  isComplete,
  rolloutStatus,
  untilProgressCheck,
} from './deployment/status.js';
import { untilStale } from './disruption/stale-conditions.js';
import { stillDisrupted } from './disruption/status.js';
import { planSlices } from './endpoints/slice-plan.js';
import { Expectations } from './expectations.js';
import { OwnerGraph } from './garbage/graph.js';
import { CidrSet } from './nodes/cidr.js';
import { observeHealth, silentConditions } from './nodes/health.js';
import { toleratedSeconds } from './nodes/taints.js';
import { evictionRate, zoneState } from './nodes/zones.js';
import { checkControllers, isEnabled, parseOptions } from './options.js';
import { Ownership } from './ownership.js';
import { slowStartBatch } from './pod-control.js';

const NOW = Date.UTC(2026, 0, 1, 12);
const ago = (seconds: number) => `${new Date(NOW - seconds * 1000).toISOString().slice(0, 19)}Z`;

const selector = { matchLabels: { app: 'x' } };
const deploymentOf = (
  replicas: number,
  maxSurge: number | string,
  maxUnavailable: number | string,
): Deployment => ({
  metadata: { name: 'd', generation: 1 },
  spec: {
    replicas,
    selector,
    template: {},
    progressDeadlineSeconds: 600,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge, maxUnavailable } },
  },
});
const setOf = (
  name: string,
  replicas: number,
  available = replicas,
  annotations: Record<string, string> = {},
): ReplicaSet => ({
  metadata: {
    name,
    uid: name,
    creationTimestamp: `2026-01-01T00:00:0${name.length}Z`,
    annotations,
  },
  spec: { replicas, selector },
  status: { replicas, availableReplicas: available, readyReplicas: available },
});

t.test('rolling update: surge and unavailable', async (t) => {
  const rows: [
    string,
    number,
    number | string,
    number | string,
    { surge: number; unavailable: number },
  ][] = [
    ['defaults of 10', 10, '25%', '25%', { surge: 3, unavailable: 2 }],
    ['defaults of 3', 3, '25%', '25%', { surge: 1, unavailable: 0 }],
    ['both round to nothing', 2, 0, '1%', { surge: 0, unavailable: 1 }],
    ['numbers', 5, 2, 1, { surge: 2, unavailable: 1 }],
    ['all at once', 4, '100%', '100%', { surge: 4, unavailable: 4 }],
  ];
  for (const [name, replicas, surge, unavailable, wanted] of rows) {
    t.same(math.resolveFenceposts(deploymentOf(replicas, surge, unavailable)), wanted, name);
  }
});

t.test('rolling update: how far the new set may grow', async (t) => {
  const rows: [string, number, number | string, number, number, number][] = [
    ['from nothing', 3, 1, 0, 0, 3],
    ['beside a full old set', 3, 1, 3, 0, 1],
    ['no room left', 3, 1, 3, 1, 1],
    ['room for the rest', 10, '50%', 8, 5, 7],
    ['never beyond what is wanted', 3, '100%', 1, 2, 3],
  ];
  for (const [name, replicas, surge, old, current, wanted] of rows) {
    const newSet = setOf('new', current);
    t.equal(
      math.newSetReplicas(deploymentOf(replicas, surge, 0), [setOf('o', old), newSet], newSet),
      wanted,
      name,
    );
  }
});

t.test('rolling update: what old sets give up', async (t) => {
  const d = deploymentOf(10, 0, 2);
  const old = [setOf('o', 8, 3), setOf('ol', 2, 2)];
  const newSet = setOf('new', 0);
  t.equal(math.maxScaledDown(d, [...old, newSet], newSet), 2);
  t.same(
    math.cleanupUnhealthy(old, 2).map(({ set, to }) => [set.metadata?.name, to]),
    [['o', 6]],
    'unhealthy ones first, of the oldest set',
  );
  t.same(
    math.shrinkOld(d, [...old, newSet], old),
    [],
    'too few are available to give up a healthy one',
  );
  const healthy = [setOf('o', 8), setOf('ol', 2)];
  t.same(
    math.shrinkOld(d, healthy, healthy).map(({ set, to }) => [set.metadata?.name, to]),
    [['o', 6]],
  );
});

t.test('scaling in the middle of a rollout is in proportion', async (t) => {
  const noted = (max: number) => ({ [math.MAX_REPLICAS]: String(max) });
  const rows: [string, Deployment, ReplicaSet[], Record<string, number>][] = [
    [
      'up',
      deploymentOf(20, 0, 1),
      [setOf('n', 5, 5, noted(10)), setOf('ol', 5, 5, noted(10))],
      { n: 10, ol: 10 },
    ],
    [
      'down',
      deploymentOf(5, 0, 1),
      [setOf('n', 6, 6, noted(10)), setOf('ol', 4, 4, noted(10))],
      { n: 3, ol: 2 },
    ],
    [
      'the rest goes to the largest',
      deploymentOf(12, 0, 1),
      [setOf('n', 7, 7, noted(10)), setOf('ol', 3, 3, noted(10))],
      { n: 8, ol: 4 },
    ],
    [
      'to nothing',
      deploymentOf(0, 0, 1),
      [setOf('n', 6, 6, noted(10)), setOf('ol', 4, 4, noted(10))],
      { n: 0, ol: 0 },
    ],
  ];
  for (const [name, d, sets, wanted] of rows) {
    const result = Object.fromEntries(
      math.scaleProportionally(d, sets).map(({ set, to }) => [set.metadata?.name, to]),
    );
    t.same(result, wanted, name);
  }
});

t.test('which set is the new one', async (t) => {
  const template = {
    metadata: { labels: { app: 'x' } },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  };
  const hashed = { ...template, metadata: { labels: { app: 'x', [math.TEMPLATE_HASH]: 'h' } } };
  const d: Deployment = { spec: { selector, template } };
  const same: ReplicaSet = { metadata: { name: 'same' }, spec: { selector, template: hashed } };
  const other: ReplicaSet = { metadata: { name: 'other' }, spec: { selector, template: {} } };
  t.equal(math.findNewSet(d, [other, same]), same, 'the hash label does not count');
  t.equal(math.findNewSet(d, [other]), undefined);
  t.equal(
    math.activeOrLatest(undefined, [setOf('o', 0), setOf('ol', 0)])?.metadata?.name,
    'ol',
    'the newest',
  );
  t.equal(math.activeOrLatest(setOf('n', 1), [setOf('ol', 1)]), undefined, 'two are active');
});

t.test('the status of a Deployment', async (t) => {
  const d = deploymentOf(2, 1, 0);
  const status = calculateStatus(d, [setOf('n', 2, 0)], setOf('n', 2, 0), NOW);
  t.same(
    { ...status, conditions: undefined },
    {
      observedGeneration: 1,
      replicas: 2,
      updatedReplicas: 2,
      unavailableReplicas: 2,
      conditions: undefined,
    },
    'counts of zero are absent',
  );
  t.match(status.conditions, [
    { type: 'Available', status: 'False', reason: 'MinimumReplicasUnavailable' },
  ]);
  const newSet = setOf('n', 2);
  const done = rolloutStatus({ ...d, status }, [newSet], newSet, NOW);
  t.ok(isComplete(d, done));
  t.match(done.conditions, [
    { type: 'Available', status: 'True' },
    {
      type: 'Progressing',
      reason: 'NewReplicaSetAvailable',
      message: 'ReplicaSet "n" has successfully progressed.',
    },
  ]);
  const stuckSet = setOf('n', 2, 0);
  const since = (seconds: number) => ({
    ...d,
    status: {
      ...status,
      conditions: [
        {
          type: 'Progressing',
          status: 'True',
          reason: 'ReplicaSetUpdated',
          lastUpdateTime: ago(seconds),
          lastTransitionTime: ago(seconds),
        },
      ],
    },
  });
  const progressing = (seconds: number) =>
    rolloutStatus(since(seconds), [stuckSet], stuckSet, NOW).conditions?.find(
      (c) => c.type === 'Progressing',
    )?.reason;
  t.equal(progressing(599), 'ReplicaSetUpdated');
  t.equal(progressing(601), 'ProgressDeadlineExceeded');
  t.equal(untilProgressCheck(since(100), status, NOW), 500_000);
  t.equal(
    untilProgressCheck(
      { ...d, spec: { ...d.spec, selector, template: {}, progressDeadlineSeconds: 2 ** 31 - 1 } },
      status,
      NOW,
    ),
    undefined,
  );
});

t.test('the order in which pods are deleted', async (t) => {
  interface Facts {
    node?: string;
    phase?: string;
    readySeconds?: number;
    cost?: string;
    restarts?: number;
    age?: number;
    uid?: string;
  }
  const podOf = (f: Facts): Pod => ({
    metadata: {
      name: f.uid ?? 'p',
      uid: f.uid ?? 'p',
      creationTimestamp: ago(f.age ?? 1000),
      ...(f.cost ? { annotations: { 'controller.kubernetes.io/pod-deletion-cost': f.cost } } : {}),
    },
    spec: { containers: [], ...(f.node === '' ? {} : { nodeName: f.node ?? 'n' }) },
    status: {
      phase: f.phase ?? 'Running',
      ...(f.readySeconds === undefined
        ? {}
        : {
            conditions: [
              { type: 'Ready', status: 'True', lastTransitionTime: ago(f.readySeconds) },
            ],
          }),
      containerStatuses: [
        { name: 'c', image: '', imageID: '', ready: true, restartCount: f.restarts ?? 0 },
      ],
    },
  });
  const ready = 1000;
  const rows: [string, Facts, Facts][] = [
    ['without a node before with one', { node: '' }, {}],
    ['pending before running', { phase: 'Pending' }, {}],
    ['unknown before running', { phase: 'Unknown' }, {}],
    ['not ready before ready', {}, { readySeconds: ready }],
    ['cheap before dear', { cost: '-5', readySeconds: ready }, { cost: '3', readySeconds: ready }],
    [
      'a bad cost counts as none',
      { cost: '-1', readySeconds: ready },
      { cost: 'x', readySeconds: ready },
    ],
    ['ready for a short time first', { readySeconds: 10 }, { readySeconds: ready }],
    ['restarted often first', { restarts: 3, readySeconds: ready }, { readySeconds: ready }],
    ['young before old', { age: 10, readySeconds: ready }, { age: 5000, readySeconds: ready }],
    [
      'of like age, by uid',
      { uid: 'a', age: 1000, readySeconds: ready },
      { uid: 'b', age: 1001, readySeconds: ready },
    ],
  ];
  for (const [name, first, second] of rows) {
    t.ok(compareForDeletion(podOf(first), podOf(second), 1, 1, NOW) < 0, name);
    t.ok(compareForDeletion(podOf(second), podOf(first), 1, 1, NOW) > 0, `${name}, the other way`);
  }
  const crowded = [
    podOf({ uid: 'alone', node: 'a', readySeconds: ready }),
    podOf({ uid: 'two-1', node: 'b', readySeconds: ready }),
    podOf({ uid: 'two-2', node: 'b', readySeconds: ready }),
  ];
  t.equal(podsToDelete(crowded, crowded, 1, NOW)[0]?.spec?.nodeName, 'b', 'doubled up first');
});

t.test('expectations', async (t) => {
  const clock = new FakeClock();
  const e = new Expectations(clock);
  t.ok(e.satisfied('k'), 'nothing was ever expected');
  e.expectCreations('k', 2);
  e.creationObserved('k');
  t.notOk(e.satisfied('k'));
  e.creationObserved('k');
  t.ok(e.satisfied('k'));
  e.expectDeletions('k', ['a', 'b']);
  e.deletionObserved('k', 'a');
  e.deletionObserved('k', 'a');
  t.notOk(e.satisfied('k'), 'one deletion seen twice counts once');
  await clock.advance(5 * 60_000 + 1);
  t.ok(e.satisfied('k'), 'what is never seen does not stop a controller for ever');
});

t.test('slow start stops at the first batch that fails', async (t) => {
  let calls = 0;
  const { successes, error } = await slowStartBatch(100, async () => {
    if (++calls > 3) throw new Error('quota');
  });
  t.equal(successes, 3);
  t.equal(calls, 7, 'one, two, four');
  t.match(error, /quota/);
  t.same(await slowStartBatch(5, async () => undefined), { successes: 5 });
  t.same(await slowStartBatch(0, async () => undefined), { successes: 0 });
});

t.test('endpoint slices keep what they can', async (t) => {
  const endpoint = (i: number, ready = true): Endpoint => ({
    addresses: [`10.0.0.${i}`],
    conditions: { ready },
    targetRef: { uid: `u${i}` },
  });
  const range = (from: number, to: number) =>
    Array.from({ length: to - from }, (_, i) => endpoint(from + i));
  const slice = (name: string, endpoints: Endpoint[]): EndpointSlice => ({
    metadata: { namespace: 'n', name },
    addressType: 'IPv4',
    endpoints,
  });
  const sizes = (plan: ReturnType<typeof planSlices>) => ({
    create: plan.create.map((e) => e.length),
    update: plan.update.map((u) => [u.slice.metadata?.name, u.endpoints.length]),
    remove: plan.remove.map((s) => s.metadata?.name),
    keep: plan.keep.map((s) => s.metadata?.name),
  });
  const rows: [string, EndpointSlice[], Endpoint[], ReturnType<typeof sizes>][] = [
    ['none yet', [], range(0, 5), { create: [3, 2], update: [], remove: [], keep: [] }],
    [
      'nothing changed',
      [slice('a', range(0, 3))],
      range(0, 3),
      { create: [], update: [], remove: [], keep: ['a'] },
    ],
    [
      'one goes',
      [slice('a', range(0, 3)), slice('b', range(3, 5))],
      range(1, 5),
      { create: [], update: [['a', 2]], remove: [], keep: ['b'] },
    ],
    [
      'one goes, one comes',
      [slice('a', range(0, 3))],
      range(1, 4),
      { create: [], update: [['a', 3]], remove: [], keep: [] },
    ],
    [
      'one comes, where there is room',
      [slice('a', range(0, 3)), slice('b', range(3, 4))],
      range(0, 5),
      { create: [], update: [['b', 2]], remove: [], keep: ['a'] },
    ],
    [
      'all are new',
      [slice('a', range(0, 2))],
      range(2, 4),
      { create: [], update: [['a', 2]], remove: [], keep: [] },
    ],
    ['all go', [slice('a', range(0, 2))], [], { create: [], update: [], remove: ['a'], keep: [] }],
  ];
  for (const [name, existing, wanted, plan] of rows)
    t.same(sizes(planSlices(existing, wanted, 3)), plan, name);
  const turned = planSlices([slice('a', [endpoint(1)])], [endpoint(1, false)], 3);
  t.equal(turned.update[0]?.endpoints[0]?.conditions?.ready, false, 'a condition is a change');
});

t.test('endpoints by readiness and ports', async (t) => {
  const service: Service = {
    metadata: { name: 's' },
    spec: { selector: { app: 'x' }, ports: [{ name: 'http', port: 80, targetPort: 'web' }] },
  };
  const pod = (name: string, ip: string, ready: boolean, portName = 'web', port = 8080): Pod => ({
    metadata: { namespace: 'n', name, uid: name },
    spec: {
      nodeName: 'node',
      containers: [{ name: 'c', ports: [{ name: portName, containerPort: port }] }],
    },
    status: {
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  });
  const pods = [
    pod('b', '10.0.0.2', true),
    pod('a', '10.0.0.1', true),
    pod('c', '10.0.0.3', false),
    pod('d', '10.0.0.4', true, 'web', 9090),
    pod('e', '10.0.0.5', true, 'other'),
  ];
  const { subsets } = subsetsOf(service, pods);
  t.match(subsets, [
    {
      addresses: [{ ip: '10.0.0.1' }, { ip: '10.0.0.2' }],
      notReadyAddresses: [{ ip: '10.0.0.3' }],
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    },
    { addresses: [{ ip: '10.0.0.4' }], ports: [{ port: 9090 }] },
  ]);
  t.equal(subsets.length, 2, 'a pod without the named port has no endpoint');
});

t.test('how long a pod may stay on a tainted node', async (t) => {
  const taints = [
    { key: 'a', effect: 'NoExecute' },
    { key: 'b', value: 'v', effect: 'NoExecute' },
  ];
  const rows: [string, Parameters<typeof toleratedSeconds>[1], number][] = [
    ['nothing tolerated', [], 0],
    ['only one of two', [{ key: 'a', operator: 'Exists' }], 0],
    ['everything', [{ operator: 'Exists' }], Number.POSITIVE_INFINITY],
    [
      'the shortest counts',
      [
        { operator: 'Exists' },
        { key: 'a', operator: 'Exists', tolerationSeconds: 300 },
        { key: 'b', value: 'v', tolerationSeconds: 5 },
      ],
      5,
    ],
    ['less than nothing is nothing', [{ operator: 'Exists', tolerationSeconds: -3 }], 0],
    ['another effect', [{ operator: 'Exists', effect: 'NoSchedule' }], 0],
    [
      'another value',
      [
        { key: 'a', operator: 'Exists' },
        { key: 'b', value: 'w' },
      ],
      0,
    ],
  ];
  for (const [name, tolerations, wanted] of rows)
    t.equal(toleratedSeconds(taints, tolerations), wanted, name);
});

t.test('zones', async (t) => {
  const rates = {
    nodeEvictionRate: 0.1,
    secondaryNodeEvictionRate: 0.01,
    unhealthyZoneThreshold: 0.55,
    largeClusterSizeThreshold: 50,
  };
  t.equal(zoneState(1, 2, 0.55), 'Normal', 'two nodes down are never a disruption');
  t.equal(zoneState(2, 3, 0.55), 'PartialDisruption');
  t.equal(zoneState(0, 1, 0.55), 'FullDisruption');
  t.equal(evictionRate('Normal', 3, false, rates), 0.1);
  t.equal(evictionRate('PartialDisruption', 10, false, rates), 0);
  t.equal(evictionRate('PartialDisruption', 51, false, rates), 0.01);
  t.equal(evictionRate('FullDisruption', 3, false, rates), 0.1);
  t.equal(evictionRate('FullDisruption', 3, true, rates), 0, 'when all is down, it is us');
});

t.test('signs of life', async (t) => {
  const node = (heartbeat: string): Node => ({
    metadata: { creationTimestamp: ago(100) },
    status: { conditions: [{ type: 'Ready', status: 'True', lastHeartbeatTime: heartbeat }] },
  });
  const first = observeHealth(undefined, node('1'), undefined, NOW);
  t.equal(first.seenAt, NOW);
  t.equal(
    observeHealth(first, node('1'), undefined, NOW + 5).seenAt,
    NOW,
    'the same heartbeat is no sign',
  );
  t.equal(observeHealth(first, node('2'), undefined, NOW + 5).seenAt, NOW + 5);
  const lease = { spec: { renewTime: 'later' } };
  t.equal(
    observeHealth(first, node('1'), lease, NOW + 9).seenAt,
    NOW + 9,
    'a renewed lease is one',
  );
  const never = observeHealth(
    undefined,
    { metadata: { creationTimestamp: ago(100) } },
    undefined,
    NOW,
  );
  t.equal(never.seenAt, NOW - 100_000, 'a node that never reported counts from its creation');
  const silent = silentConditions(node('1'), 'now') ?? [];
  t.match(silent[0], {
    reason: 'NodeStatusUnknown',
    message: 'Kubelet stopped posting node status.',
  });
  t.match(silent[1], {
    type: 'MemoryPressure',
    reason: 'NodeStatusNeverUpdated',
    message: 'Kubelet never posted node status.',
  });
  t.equal(silentConditions({ status: { conditions: silent } }, 'now'), undefined);
});

t.test('parts of the pod network', async (t) => {
  const set = new CidrSet('10.244.0.0/22', 24);
  set.occupy('10.244.1.0/24');
  set.occupy('192.168.0.0/24');
  t.same(
    [set.allocate(), set.allocate(), set.allocate(), set.allocate()],
    ['10.244.0.0/24', '10.244.2.0/24', '10.244.3.0/24', undefined],
  );
  set.release('10.244.2.0/24');
  t.equal(set.allocate(), '10.244.2.0/24');
  t.throws(() => new CidrSet('10.0.0.0/24', 16), /does not fit/);
  t.throws(() => new CidrSet('nonsense', 24), /not an IPv4 network/);
});

t.test('the owner graph', async (t) => {
  const pods = { group: '', version: 'v1', resource: 'pods', kind: 'Pod', namespaced: true };
  const obj = (uid: string, owners: string[] = [], more: object = {}) => ({
    metadata: {
      namespace: 'n',
      name: uid,
      uid,
      ownerReferences: owners.map((o) => ({
        apiVersion: 'v1',
        kind: 'Pod',
        name: o,
        uid: o,
        blockOwnerDeletion: true,
      })),
      ...more,
    },
  });
  const suspects: string[] = [];
  const orphans: string[] = [];
  const graph = new OwnerGraph({
    suspect: (uid) => suspects.push(uid),
    orphan: (uid) => orphans.push(uid),
  });
  const take = () => suspects.splice(0).sort();
  graph.observe(pods, obj('child', ['owner']));
  t.same(take(), ['owner'], 'an owner that nobody has seen is asked about');
  t.equal(graph.get('owner')?.virtual, true);
  graph.observe(pods, obj('owner'));
  t.same(take(), []);
  t.equal(graph.get('owner')?.virtual, false);
  graph.observe(
    pods,
    obj('owner', [], { deletionTimestamp: 'x', finalizers: ['foregroundDeletion'] }),
  );
  t.same(take(), ['child', 'owner'], 'foreground: both are looked at');
  const owner = graph.get('owner');
  t.equal(owner && graph.blockingDependents(owner).length, 1);
  graph.remove('child');
  t.same(take(), ['owner'], 'the last dependent went');
  graph.observe(pods, obj('late', ['owner']));
  take();
  graph.remove('owner');
  t.same(take(), ['late']);
  t.ok(graph.isAbsent('owner', 'n'));
  graph.observe(pods, obj('o', [], { deletionTimestamp: 'x', finalizers: ['orphan'] }));
  t.same(orphans, ['o']);
  graph.remove('late');
  graph.remove('o');
  t.equal(graph.size, 0, 'nothing is left behind');
});

t.test('when a CronJob is due', async (t) => {
  const at = (text: string) => Date.parse(text);
  const cj = (schedule: string, last: string, more: object = {}) => ({
    metadata: { creationTimestamp: '2026-01-01T00:00:00Z' },
    spec: { schedule, jobTemplate: {}, ...more },
    status: { lastScheduleTime: last },
  });
  const now = at('2026-03-10T12:00:30Z');
  const rows: [string, ReturnType<typeof cj>, string | undefined, number, string][] = [
    [
      'the minute that came',
      cj('* * * * *', '2026-03-10T11:59:00Z'),
      '2026-03-10T12:00:00Z',
      1,
      '2026-03-10T12:01:00Z',
    ],
    ['nothing yet', cj('0 * * * *', '2026-03-10T12:00:00Z'), undefined, 0, '2026-03-10T13:00:00Z'],
    [
      'the latest of several',
      cj('*/5 * * * *', '2026-03-10T11:40:00Z'),
      '2026-03-10T12:00:00Z',
      4,
      '2026-03-10T12:05:00Z',
    ],
    [
      'more than a hundred',
      cj('* * * * *', '2026-03-10T08:00:00Z'),
      '2026-03-10T12:00:00Z',
      240,
      '2026-03-10T12:01:00Z',
    ],
    [
      'no further back than its deadline',
      cj('* * * * *', '2026-03-10T08:00:00Z', { startingDeadlineSeconds: 120 }),
      '2026-03-10T12:00:00Z',
      2,
      '2026-03-10T12:01:00Z',
    ],
    [
      'in its time zone',
      cj('0 13 * * *', '2026-03-09T12:00:00Z', { timeZone: 'Europe/Berlin' }),
      '2026-03-10T12:00:00Z',
      1,
      '2026-03-11T12:00:00Z',
    ],
    [
      'a day of month or of week',
      cj('0 12 1 * 2', '2026-03-03T12:00:00Z'),
      '2026-03-10T12:00:00Z',
      1,
      '2026-03-17T12:00:00Z',
    ],
    [
      'by name',
      cj('@hourly', '2026-03-10T11:00:00Z'),
      '2026-03-10T12:00:00Z',
      1,
      '2026-03-10T13:00:00Z',
    ],
  ];
  for (const [name, obj, wanted, missed, next] of rows) {
    t.same(timingOf(obj, now), { at: wanted && at(wanted), missed, next: at(next) }, name);
  }
  const uneven = timingOf(cj('0 8,9 * * 1-5', '2026-03-06T07:00:00Z'), at('2026-03-09T07:30:00Z'));
  t.match(uneven, { at: at('2026-03-06T09:00:00Z') }, 'the last of times that are far between');
  const faults: [string, ReturnType<typeof cj>, string, string][] = [
    [
      'no schedule',
      cj('every minute', '2026-03-10T11:00:00Z'),
      'UnparseableSchedule',
      'unparseable schedule: "every minute" : expected exactly 5 fields, found 2: [every minute]',
    ],
    [
      'no such day',
      cj('0 0 31 2 *', '2026-03-10T11:00:00Z'),
      'InvalidSchedule',
      'invalid schedule: 0 0 31 2 * : time difference between two schedules is less than 1 second',
    ],
    [
      'no such zone',
      cj('* * * * *', '2026-03-10T11:00:00Z', { timeZone: 'Mars/One' }),
      'UnknownTimeZone',
      'invalid timeZone: "Mars/One": unknown time zone Mars/One',
    ],
  ];
  for (const [name, obj, reason, message] of faults)
    t.same(timingOf(obj, now), { reason, message }, name);
});

t.test('flags', async (t) => {
  const options = parseOptions(
    [
      '--node-monitor-grace-period=1m30s',
      '--controllers=*,-podgc',
      '--concurrent-gc-syncs=3',
      '--leader-elect=false',
    ],
    'me',
  );
  t.match(options, {
    nodeMonitorGracePeriodMs: 90_000,
    leaderElect: false,
    leaderElectIdentity: 'me',
    nodeMonitorPeriodMs: 5000,
  });
  t.equal(options.concurrency['gc'], 3);
  t.equal(
    isEnabled(options.controllers, {
      name: 'pod-garbage-collector-controller',
      aliases: ['podgc'],
    }),
    false,
  );
  const deployment = { name: 'deployment-controller', aliases: ['deployment'] };
  t.equal(isEnabled(options.controllers, deployment), true);
  t.equal(isEnabled(['deployment'], { name: 'replicaset-controller' }), false);
  const signer = { name: 'bootstrap-signer-controller', offByDefault: true };
  t.equal(isEnabled(['*'], signer), false);
  t.equal(isEnabled(['*', 'bootstrap-signer-controller'], signer), true);
  t.throws(() => checkControllers(['*', '-deploy'], [deployment]), {
    message: '"deploy" is not in the list of known controllers',
  });
});

t.test('every file of controllers/ is registered, under a name of its own', async (t) => {
  const folder = new URL('./controllers/', import.meta.url);
  const index = readFileSync(
    new URL(import.meta.url.endsWith('.ts') ? 'index.ts' : 'index.js', folder),
    'utf8',
  );
  const files = readdirSync(folder).filter(
    (f) => /\.(ts|js)$/.test(f) && !/^index\.|\.test\./.test(f),
  );
  for (const file of files)
    t.ok(
      index.includes(`./${file.replace(/\.(ts|js)$/, '.js')}'`) || index.includes(`./${file}"`),
      file,
    );
  t.equal(files.length, CONTROLLERS.length);
  t.equal(new Set(CONTROLLERS.map((c) => c.name)).size, CONTROLLERS.length);
});

t.test('which owners a changed pod wakes', async (t) => {
  const owners = new Store<ReplicaSet>({ [BY_NAMESPACE]: namespaceIndex });
  const ownerOf = (name: string, uid = name, matchLabels: Record<string, string> = { app: name }) =>
    owners.set({ metadata: { namespace: 'ns', name, uid }, spec: { selector: { matchLabels } } });
  for (const name of ['a', 'b']) ownerOf(name);
  ownerOf('all', 'all', {});
  ownerOf('reborn', 'second');
  const client = new RestClient({ config: { server: 'http://127.0.0.1:1' }, userAgent: 'test' });
  t.teardown(() => client.close());
  const expectations = new Expectations(new FakeClock());
  const woken: string[] = [];
  const { handler } = new Ownership<ReplicaSet, Pod>({
    ref: REPLICA_SETS,
    owners,
    ownerClient: client.resource<ReplicaSet>(REPLICA_SETS),
    dependents: new Store<Pod>({ [BY_OWNER]: ownerIndex }),
    dependentClient: client.resource<Pod>(PODS),
    selectorOf: (rs) => selectorFromObject(rs.spec?.selector),
    wake: (rs) => woken.push(rs.metadata?.name ?? ''),
    expectations,
  });
  const pod = (
    owner: string | undefined,
    more: { app?: string; going?: boolean; uid?: string; kind?: string } = {},
  ): Pod => ({
    metadata: {
      namespace: 'ns',
      name: 'p',
      ...(more.app ? { labels: { app: more.app } } : {}),
      ...(more.going ? { deletionTimestamp: ago(1) } : {}),
      ...(owner === undefined
        ? {}
        : {
            ownerReferences: [
              {
                apiVersion: 'apps/v1',
                kind: more.kind ?? 'ReplicaSet',
                name: owner,
                uid: more.uid ?? owner,
                controller: true,
              },
            ],
          }),
    },
  });
  const rows: [string, () => void, string[]][] = [
    ['a pod of a comes', () => handler.add(pod('a'), false), ['a']],
    ['one that is going already', () => handler.add(pod('a', { going: true }), false), ['a']],
    ['one of the former a', () => handler.add(pod('reborn', { uid: 'first' }), false), []],
    ['one of another kind', () => handler.add(pod('a', { kind: 'Job' }), false), []],
    ['an orphan that fits b', () => handler.add(pod(undefined, { app: 'b' }), false), ['b']],
    ['an orphan that fits nobody', () => handler.add(pod(undefined, { app: 'z' }), false), []],
    [
      'an orphan on its way',
      () => handler.add(pod(undefined, { app: 'b', going: true }), false),
      [],
    ],
    ['it changes hands', () => handler.update(pod('a'), pod('b')), ['a', 'b']],
    ['it is let go', () => handler.update(pod('a'), pod(undefined, { app: 'b' })), ['a', 'b']],
    [
      'an orphan gets another label',
      () => handler.update(pod(undefined, { app: 'a' }), pod(undefined, { app: 'b' })),
      ['b'],
    ],
    [
      'an orphan of which nothing changes',
      () => handler.update(pod(undefined, { app: 'b' }), pod(undefined, { app: 'b' })),
      [],
    ],
    ['it is going', () => handler.update(pod('a'), pod('a', { going: true })), ['a']],
    ['it is gone', () => handler.delete(pod('a'), false), ['a']],
    ['an orphan is gone', () => handler.delete(pod(undefined, { app: 'b' }), false), []],
  ];
  for (const [name, happens, wanted] of rows) {
    woken.length = 0;
    happens();
    t.same(woken, wanted, name);
  }
  expectations.expectCreations('ns/a', 1);
  handler.add(pod('a'), false);
  t.ok(expectations.satisfied('ns/a'), 'a creation is counted off');
  expectations.expectDeletions('ns/a', ['ns/p']);
  handler.update(pod('a'), pod('a'));
  t.notOk(expectations.satisfied('ns/a'));
  handler.update(pod('a'), pod('a', { going: true }));
  t.ok(expectations.satisfied('ns/a'), 'so is a deletion, when it begins');
});

t.test('how long a pod is said to be disrupted', async (t) => {
  const of = (condition: object, more: Partial<Pod> = {}): Pod => ({
    ...more,
    status: {
      phase: 'Running',
      conditions: [
        { type: 'DisruptionTarget', status: 'True', lastTransitionTime: ago(30), ...condition },
      ],
      ...more.status,
    },
  });
  const going = { metadata: { deletionTimestamp: ago(1) } };
  const rows: [string, Pod, number | undefined][] = [
    ['for two minutes', of({}), 90_000],
    ['which are over', of({ lastTransitionTime: ago(121) }), 0],
    ['no more', of({ status: 'False' }), undefined],
    ['by its kubelet, for as long as it says', of({ reason: 'TerminationByKubelet' }), undefined],
    ['to its end', of({}, { status: { phase: 'Failed' } }), undefined],
    ['as it goes', of({}, going), undefined],
  ];
  for (const [name, pod, wanted] of rows) t.equal(untilStale(pod, NOW), wanted, name);
});

t.test('evictions that a budget allowed and that did not come', async (t) => {
  const pods: Pod[] = ['soon', 'late', 'going'].map((name) => ({
    metadata: { name, ...(name === 'going' ? { deletionTimestamp: ago(1) } : {}) },
  }));
  const disruptedPods = { soon: ago(30), late: ago(121), going: ago(5), gone: ago(5) };
  const status = { currentHealthy: 0, desiredHealthy: 0, disruptionsAllowed: 0, expectedPods: 0 };
  const { disrupted, recheckMs, notDeleted } = stillDisrupted(
    { status: { ...status, disruptedPods } },
    pods,
    NOW,
  );
  t.same(disrupted, { soon: ago(30) });
  t.equal(recheckMs, 90_000);
  t.same(
    notDeleted.map(({ metadata }) => metadata?.name),
    ['late'],
  );
});
