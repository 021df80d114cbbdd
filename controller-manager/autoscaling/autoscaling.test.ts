import t from 'tap';
import type { HPAScalingRules, Pod, Service } from '../../pkg/api/types.js';
import { sharesOf } from '../controllers/simulated-load.js';
import type { PodMetricMap } from './metrics-client.js';
import {
  byAverage,
  byUtilization,
  byValue,
  byValuePerPod,
  groupPods,
} from './replica-calculator.js';
import { type Rules, ScalingHistory } from './scaling-rules.js';

const NOW = Date.UTC(2026, 0, 1, 12);
const ago = (seconds: number) => `${new Date(NOW - seconds * 1000).toISOString().slice(0, 19)}Z`;
const readiness = { cpuInitializationMs: 300_000, initialReadinessDelayMs: 30_000, now: NOW };
const tolerances = { scaleDown: 0.1, scaleUp: 0.1 };

interface PodShape {
  readonly request?: string;
  readonly phase?: string;
  readonly ready?: boolean;
  readonly startedAgo?: number;
  readonly readySince?: number;
  readonly deleted?: boolean;
}

function podOf(name: string, shape: PodShape = {}): Pod {
  const { request = '1', phase = 'Running', ready = true, startedAgo = 600 } = shape;
  return {
    metadata: {
      name,
      labels: { app: 'x' },
      ...(shape.deleted ? { deletionTimestamp: ago(1) } : {}),
    },
    spec: {
      containers: [
        { name: 'main', ...(request ? { resources: { requests: { cpu: request } } } : {}) },
      ],
    },
    status: {
      phase,
      startTime: ago(startedAgo),
      conditions: [
        {
          type: 'Ready',
          status: ready ? 'True' : 'False',
          lastTransitionTime: ago(shape.readySince ?? startedAgo - 1),
        },
      ],
    },
  };
}

function metricsOf(...milli: readonly (number | undefined)[]): PodMetricMap {
  return new Map(
    milli.flatMap((value, i) =>
      value === undefined ? [] : [[`p${i}`, { milli: value, at: NOW, windowMs: 5000 }]],
    ),
  );
}

t.test('replicas by utilization of requests', async (t) => {
  const rows: {
    row: string;
    target: number;
    current?: number;
    usage: (number | undefined)[];
    pods?: PodShape[];
    replicas: number;
    utilization?: number;
  }[] = [
    { row: 'up', target: 30, usage: [300, 500, 700], replicas: 5, utilization: 50 },
    { row: 'down', target: 50, usage: [100, 300, 500, 250, 250], replicas: 3, utilization: 28 },
    { row: 'within the tolerance', target: 100, usage: [1010, 1030, 1020], replicas: 3 },
    {
      row: 'a pod that is not ready counts as idle on the way up',
      target: 30,
      usage: [400, 500, 700],
      pods: [{ startedAgo: 60, ready: false }, {}, {}],
      replicas: 4,
    },
    {
      row: 'and is left out on the way down',
      target: 50,
      usage: [100, 100, 100],
      pods: [{ startedAgo: 60, ready: false }, {}, {}],
      replicas: 1,
    },
    {
      row: 'a pod without metrics counts as idle on the way up',
      target: 50,
      current: 3,
      usage: [1000, 950, undefined],
      replicas: 4,
    },
    {
      row: 'and as one at its request on the way down',
      target: 50,
      current: 4,
      usage: [100, 100, 100, undefined],
      replicas: 3,
    },
    {
      row: 'a guess that turns the direction is not followed',
      target: 50,
      current: 2,
      usage: [450, undefined],
      pods: [{}, {}],
      replicas: 2,
    },
    {
      row: 'pods that go, and failed ones, are not counted',
      target: 50,
      usage: [1000, 1000, 1000],
      pods: [{}, { deleted: true }, { phase: 'Failed' }],
      replicas: 2,
    },
  ];
  for (const { row, target, usage, pods: shapes, current = usage.length, ...wanted } of rows) {
    const pods = usage.map((_, i) => podOf(`p${i}`, shapes?.[i]));
    const metrics = metricsOf(...usage);
    const input = { currentReplicas: current, pods, metrics, tolerances, ...readiness };
    t.match(byUtilization({ ...input, resource: 'cpu', container: '', target }), wanted, row);
    t.equal(
      metrics.size,
      usage.filter((value) => value !== undefined).length,
      'nothing is changed',
    );
  }
});

t.test('what keeps replicas from being computed', async (t) => {
  const input = { currentReplicas: 1, tolerances, ...readiness };
  const of = (pods: Pod[], metrics: PodMetricMap, container = '') =>
    byUtilization({ ...input, pods, metrics, resource: 'cpu', container, target: 50 });
  t.throws(() => of([], new Map()), {
    message: 'no pods returned by selector while calculating replica count',
  });
  t.throws(() => of([podOf('p0', { request: '' })], metricsOf(1)), {
    message: 'missing request for cpu in container main of Pod p0',
  });
  t.throws(() => of([podOf('p0', { phase: 'Pending' })], metricsOf(1)), {
    message: 'did not receive metrics for targeted pods (pods might be unready)',
  });
  t.throws(
    () => of([podOf('p0')], new Map([['other', { milli: 1, at: NOW, windowMs: 0 }]]), 'none'),
    {
      message: 'no metrics returned matched known pods',
    },
  );
});

t.test('which pods count', async (t) => {
  const rows: [string, PodShape, string, string][] = [
    ['ready', {}, 'cpu', 'ready'],
    ['pending', { phase: 'Pending' }, 'memory', 'unready'],
    ['young and not ready', { startedAgo: 60, ready: false }, 'cpu', 'unready'],
    ['young, ready since less than a window', { startedAgo: 60, readySince: 2 }, 'cpu', 'unready'],
    ['young, ready for longer', { startedAgo: 60, readySince: 10 }, 'cpu', 'ready'],
    ['old and never ready', { ready: false, readySince: 590 }, 'cpu', 'unready'],
    ['old, ready before', { ready: false, readySince: 100 }, 'cpu', 'ready'],
    ['not ready, by memory', { startedAgo: 60, ready: false }, 'memory', 'ready'],
    ['going', { deleted: true }, 'cpu', 'ignored'],
  ];
  for (const [row, shape, resource, wanted] of rows) {
    const groups = groupPods([podOf('p0', shape)], metricsOf(1), resource, readiness);
    const is = groups.ready === 1 ? 'ready' : groups.unready.size > 0 ? 'unready' : 'ignored';
    t.equal(is, wanted, row);
  }
});

t.test('replicas by averages and by single values', async (t) => {
  const pods = [podOf('p0'), podOf('p1')];
  const input = { currentReplicas: 2, pods, tolerances, ...readiness };
  const average = { ...input, metrics: metricsOf(1000, 2001), resource: '' };
  t.same(byAverage({ ...average, targetMilli: 500 }), { replicas: 6, milli: 1500 });
  const value = { currentReplicas: 2, milli: 9000, pods, tolerances };
  t.same(byValue({ ...value, targetMilli: 3000 }), { replicas: 6, milli: 9000 });
  t.same(byValue({ ...value, targetMilli: 9500 }), { replicas: 2, milli: 9000 }, 'tolerated');
  t.same(byValue({ ...value, currentReplicas: 0, targetMilli: 4000 }).replicas, 3, 'from zero');
  const perPod = { statusReplicas: 2, milli: 9000, tolerances };
  t.same(byValuePerPod({ ...perPod, targetMilli: 3000 }), { replicas: 3, milli: 4500 });
  t.same(byValuePerPod({ ...perPod, targetMilli: 4400 }).replicas, 2, 'tolerated');
});

const up: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [
    { type: 'Pods', value: 4, periodSeconds: 15 },
    { type: 'Percent', value: 100, periodSeconds: 15 },
  ],
};
const down: HPAScalingRules = {
  stabilizationWindowSeconds: 0,
  selectPolicy: 'Max',
  policies: [{ type: 'Percent', value: 100, periodSeconds: 15 }],
};

t.test('how fast replicas may change', async (t) => {
  const rows: {
    row: string;
    current: number;
    desired: number;
    rules?: Partial<Rules>;
    replicas: number;
    limit: string;
    max?: number;
    min?: number;
  }[] = [
    { row: 'within', current: 3, desired: 5, replicas: 5, limit: 'DesiredWithinRange' },
    { row: 'at most double', current: 3, desired: 50, replicas: 6, limit: 'ScaleUpLimit' },
    { row: 'or four', current: 1, desired: 50, replicas: 4, limit: 'ScaleUpLimit' },
    {
      row: 'at most max',
      current: 8,
      desired: 50,
      max: 10,
      replicas: 10,
      limit: 'TooManyReplicas',
    },
    { row: 'by rules', current: 10, desired: 50, rules: {}, replicas: 20, limit: 'ScaleUpLimit' },
    {
      row: 'the policy that changes least',
      current: 10,
      desired: 50,
      rules: { scaleUp: { ...up, selectPolicy: 'Min' } },
      replicas: 14,
      limit: 'ScaleUpLimit',
    },
    {
      row: 'not at all',
      current: 10,
      desired: 50,
      rules: { scaleUp: { ...up, selectPolicy: 'Disabled' } },
      replicas: 10,
      limit: 'ScaleUpLimit',
    },
    {
      row: 'down by a policy',
      current: 10,
      desired: 1,
      rules: { scaleDown: { ...down, policies: [{ type: 'Pods', value: 2, periodSeconds: 60 }] } },
      replicas: 8,
      limit: 'ScaleDownLimit',
    },
    {
      row: 'no lower than min',
      current: 10,
      desired: 1,
      min: 3,
      rules: {},
      replicas: 3,
      limit: 'TooFewReplicas',
    },
  ];
  for (const { row, current, desired, rules, max = 100, min = 1, replicas, limit } of rows) {
    const history = new ScalingHistory(current, NOW - 3_600_000);
    const decision = history.normalize({
      current,
      desired,
      min,
      max,
      now: NOW,
      downscaleStabilizationMs: 300_000,
      rules: rules && { scaleUp: up, scaleDown: down, ...rules },
    });
    t.match(decision, { replicas, limit: { reason: limit }, limited: replicas !== desired }, row);
  }
});

t.test('what was scaled within a period counts against its policy', async (t) => {
  const rules: Rules = {
    scaleUp: { ...up, policies: [{ type: 'Pods', value: 4, periodSeconds: 60 }] },
    scaleDown: down,
  };
  const history = new ScalingHistory(2, NOW);
  const wish = { min: 1, max: 100, downscaleStabilizationMs: 0, rules };
  t.equal(history.normalize({ ...wish, current: 2, desired: 50, now: NOW }).replicas, 6);
  history.scaled(2, 6, NOW, rules);
  const soon = { ...wish, current: 6, desired: 50, now: NOW + 30_000 };
  t.match(history.normalize(soon), { replicas: 6, limit: { reason: 'ScaleUpLimit' } });
  t.equal(history.normalize({ ...soon, now: NOW + 61_000 }).replicas, 10);
});

t.test('recommendations are stabilised', async (t) => {
  const wish = { current: 5, min: 1, max: 100, downscaleStabilizationMs: 300_000 };
  const plain = new ScalingHistory(5, NOW);
  t.match(plain.normalize({ ...wish, desired: 2, now: NOW + 1000 }), {
    replicas: 5,
    able: { reason: 'ScaleDownStabilized' },
  });
  t.match(plain.normalize({ ...wish, desired: 2, now: NOW + 301_000 }), {
    replicas: 2,
    able: { reason: 'ReadyForNewScale' },
  });
  const rules = { scaleUp: { ...up, stabilizationWindowSeconds: 60 }, scaleDown: down };
  const careful = new ScalingHistory(5, NOW);
  t.match(careful.normalize({ ...wish, rules, desired: 9, now: NOW + 1000 }), {
    replicas: 5,
    able: { reason: 'ScaleUpStabilized' },
  });
  t.equal(careful.normalize({ ...wish, rules, desired: 9, now: NOW + 62_000 }).replicas, 9);
});

t.test('a load is shared by the pods that are ready', async (t) => {
  const pods = [podOf('a'), podOf('b'), podOf('c', { ready: false })];
  const of = (annotations: Record<string, string>): Service => ({
    metadata: { name: 's', annotations },
    spec: { selector: { app: 'x' } },
  });
  const share = (services: Service[]) =>
    [...sharesOf(pods, services)].map(([pod, own]) => [pod.metadata?.name, own]);
  t.same(share([of({ 'drydock.dev/load.cpu': '1', 'drydock.dev/load.memory': '1Gi' })]), [
    ['a', { 'drydock.dev/main.load.cpu': '500m', 'drydock.dev/main.load.memory': '512Mi' }],
    ['b', { 'drydock.dev/main.load.cpu': '500m', 'drydock.dev/main.load.memory': '512Mi' }],
  ]);
  t.same(share([of({})]), [], 'none said');
  t.same(share([of({ 'drydock.dev/load.cpu': 'much' })]), [], 'no quantity');
  t.match(
    share([of({ 'drydock.dev/load.cpu': '1' }), of({ 'drydock.dev/load.cpu': '100m' })])[0],
    ['a', { 'drydock.dev/main.load.cpu': '550m' }],
    'of two Services',
  );
  const owned = pods.map(
    (pod): Pod => ({
      ...pod,
      metadata: { ...pod.metadata, annotations: { 'drydock.dev/load.cpu': '300m' } },
    }),
  );
  const single = sharesOf(owned.slice(0, 1), []);
  t.match([...single.values()], [{ 'drydock.dev/main.load.cpu': '300m' }], 'of a pod template');
});
