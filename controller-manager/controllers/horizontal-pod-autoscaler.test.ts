import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type {
  APIService,
  Deployment,
  Event,
  HorizontalPodAutoscaler,
  MetricSpec,
  Pod,
  Service,
} from '../../pkg/api/types.js';
import {
  CORE_EVENTS,
  DEPLOYMENTS,
  HORIZONTAL_POD_AUTOSCALERS,
  PODS,
  SERVICES,
} from '../../pkg/client/resources.js';
import { ensurePki } from '../../pkg/component/pki.js';
import { eventually } from '../../test/support/eventually.js';
import { ExtensionServer } from '../../test/support/extension-server.js';
import { ControlPlane } from '../testing/control-plane.js';
import { HandNodes } from '../testing/hand-nodes.js';

t.setTimeout(300_000);

const NAMESPACE = 'default';
const API_SERVICES = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  resource: 'apiservices',
  kind: 'APIService',
  namespaced: false,
};
const CUSTOM = '/apis/custom.metrics.k8s.io/v1beta2';
const EXTERNAL = '/apis/external.metrics.k8s.io/v1beta1';

const pki = mkdtempSync(join(tmpdir(), 'drydock-pki-'));
await ensurePki(pki, { apiserverNames: ['127.0.0.1'], nodes: [], now: Date.now() });
const read = (file: string) => readFileSync(join(pki, file), 'utf8');
const plane = await ControlPlane.start({
  args: [
    '--horizontal-pod-autoscaler-sync-period=200ms',
    '--horizontal-pod-autoscaler-downscale-stabilization=0s',
  ],
  proxyClient: { cert: read('front-proxy-client.crt'), key: read('front-proxy-client.key') },
});
const { client } = plane;
const nodes = await HandNodes.start(client, ['n1']);
const extension = await ExtensionServer.start(pki, 'metrics.default.svc');
t.teardown(async () => {
  await nodes.stop();
  await plane.stop();
  await extension.stop();
  rmSync(pki, { recursive: true });
});

const autoscalers = client.resource<HorizontalPodAutoscaler>(HORIZONTAL_POD_AUTOSCALERS);
const deployments = client.resource<Deployment>(DEPLOYMENTS);

/** `name` runs, with so many pods, and is scaled by these metrics. */
async function scaled(
  name: string,
  metrics: MetricSpec[],
  { replicas = 1, max = 10, target = name } = {},
): Promise<void> {
  const labels = { app: target };
  if (name === target) {
    await deployments.create({
      metadata: { namespace: NAMESPACE, name },
      spec: {
        replicas,
        selector: { matchLabels: labels },
        template: { metadata: { labels }, spec: { containers: [{ name: 'c', image: 'i' }] } },
      },
    });
    await eventually(`${name} runs`, async () => {
      const { status } = await deployments.get(NAMESPACE, name);
      return (status?.readyReplicas ?? 0) === replicas;
    });
  }
  await autoscalers.create({
    metadata: { namespace: NAMESPACE, name },
    spec: {
      scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: target },
      maxReplicas: max,
      metrics,
    },
  });
}

type Status = NonNullable<HorizontalPodAutoscaler['status']>;

function until(name: string, what: string, is: (status: Status) => boolean): Promise<Status> {
  return eventually(`${name}: ${what}`, async () => {
    const { status } = await autoscalers.get(NAMESPACE, name);
    if (status && is(status)) return status;
    throw new Error(JSON.stringify(status));
  });
}

const conditionOf = (status: Status, type: string) =>
  status.conditions?.find((condition) => condition.type === type);

const because = (type: string, reason: string) => (status: Status) =>
  conditionOf(status, type)?.reason === reason;

function told(name: string, reason: string): Promise<Event> {
  return eventually(`${name}: Event ${reason}`, async () => {
    const { items } = await client.resource<Event>(CORE_EVENTS).list({ namespace: NAMESPACE });
    return items.find(
      (event) =>
        event.reason === reason &&
        event.involvedObject.name === name &&
        event.involvedObject.kind === 'HorizontalPodAutoscaler',
    );
  });
}

const valuesOf = (...values: readonly { name?: string; value: string }[]) => ({
  kind: 'MetricValueList',
  apiVersion: 'custom.metrics.k8s.io/v1beta2',
  metadata: {},
  items: values.map(({ name, value }) => ({
    describedObject: { kind: 'Pod', namespace: NAMESPACE, name },
    metric: { name: 'm' },
    timestamp: new Date().toISOString(),
    value,
  })),
});

const externalOf = (...values: readonly string[]) => ({
  kind: 'ExternalMetricValueList',
  apiVersion: 'external.metrics.k8s.io/v1beta1',
  metadata: {},
  items: values.map((value) => ({
    metricName: 'm',
    metricLabels: {},
    timestamp: new Date().toISOString(),
    value,
  })),
});

const refusal = (message: string) => ({
  kind: 'Status',
  apiVersion: 'v1',
  status: 'Failure',
  reason: 'NotFound',
  message,
  code: 404,
});

const podsMetric = (name: string, averageValue: string): MetricSpec => ({
  type: 'Pods',
  pods: { metric: { name }, target: { type: 'AverageValue', averageValue } },
});
const externalMetric = (name: string, target: { value?: string; averageValue?: string }) => ({
  type: 'External',
  external: {
    metric: { name, selector: { matchLabels: { queue: 'q' } } },
    target: { type: target.value === undefined ? 'AverageValue' : 'Value', ...target },
  },
});

t.test('without an API for the metric, the autoscaler says which one is missing', async (t) => {
  await scaled('early', [podsMetric('requests', '10')]);
  const status = await until('early', 'fails', because('ScalingActive', 'FailedGetPodsMetric'));
  t.match(conditionOf(status, 'ScalingActive'), {
    status: 'False',
    message:
      'the HPA was unable to compute the replica count: unable to get metric requests: unable to fetch metrics from custom metrics API: no custom metrics API (custom.metrics.k8s.io) registered',
  });
  t.match(conditionOf(status, 'AbleToScale'), { status: 'True', reason: 'SucceededGetScale' });
  await autoscalers.delete(NAMESPACE, 'early');
});

t.test('an extension server has the metrics', async () => {
  const list = { kind: 'APIResourceList', apiVersion: 'v1', resources: [] };
  extension.further.set(CUSTOM, { ...list, groupVersion: 'custom.metrics.k8s.io/v1beta2' });
  await client.resource<Service>(SERVICES).create({
    metadata: { namespace: NAMESPACE, name: 'metrics' },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  });
  const services = client.resource<APIService>(API_SERVICES);
  for (const [group, version] of [
    ['custom.metrics.k8s.io', 'v1beta2'],
    ['external.metrics.k8s.io', 'v1beta1'],
  ] as const) {
    const name = `${version}.${group}`;
    await services.create({
      metadata: { name },
      spec: {
        group,
        version,
        groupPriorityMinimum: 100,
        versionPriority: 100,
        caBundle: extension.caBundle,
        service: { namespace: NAMESPACE, name: 'metrics', port: extension.port },
      },
    });
    await eventually(`${name} is available`, async () => {
      const { status } = await services.get('', name);
      return status?.conditions?.some((c) => c.type === 'Available' && c.status === 'True');
    });
  }
});

t.test('by an own metric of its pods', async (t) => {
  const path = `${CUSTOM}/namespaces/${NAMESPACE}/pods/*/requests`;
  extension.further.set(path, valuesOf());
  await scaled('front', [podsMetric('requests', '10')]);
  const noValues = await until('front', 'fails', because('ScalingActive', 'FailedGetPodsMetric'));
  t.match(
    conditionOf(noValues, 'ScalingActive')?.message,
    /unable to get metric requests: no metrics returned from custom metrics API$/,
  );
  const { items } = await client
    .resource<Pod>(PODS)
    .list({ namespace: NAMESPACE, labelSelector: 'app=front' });
  extension.further.set(
    path,
    valuesOf(...items.map(({ metadata }) => ({ name: metadata?.name ?? '', value: '40' }))),
  );
  const status = await until('front', 'has four', (now) => now.currentReplicas === 4);
  t.match(status.currentMetrics, [
    { type: 'Pods', pods: { metric: { name: 'requests' }, current: { averageValue: '40' } } },
  ]);
  t.match(conditionOf(status, 'ScalingActive'), {
    status: 'True',
    reason: 'ValidMetricFound',
    message: 'the HPA was able to successfully calculate a replica count from pods metric requests',
  });
  t.equal(
    (await told('front', 'SuccessfulRescale')).message,
    'New size: 4; reason: pods metric requests above target',
  );
  const asked = extension.asked.find(({ url }) => url.startsWith(path));
  t.match(asked?.url, /\?labelSelector=app%3Dfront/);

  await t.test('when the metric is gone, the replicas stay, and it is told why', async (t) => {
    extension.further.set(path, refusal('the server could not find the metric requests for pods'));
    const failed = await until('front', 'fails', because('ScalingActive', 'FailedGetPodsMetric'));
    const why =
      'unable to get metric requests: unable to fetch metrics from custom metrics API: the server could not find the metric requests for pods';
    t.match(failed, { currentReplicas: 4, desiredReplicas: 4, currentMetrics: [{ type: '' }] });
    t.match(conditionOf(failed, 'ScalingActive'), {
      status: 'False',
      message: `the HPA was unable to compute the replica count: ${why}`,
    });
    t.match(conditionOf(failed, 'AbleToScale'), { status: 'True' });
    await eventually('the Event', async () => {
      const { items } = await client.resource<Event>(CORE_EVENTS).list({ namespace: NAMESPACE });
      return items.some((e) => e.reason === 'FailedGetPodsMetric' && e.message === why);
    });
    await eventually('the Event of the whole', async () => {
      const { items } = await client.resource<Event>(CORE_EVENTS).list({ namespace: NAMESPACE });
      return items.some(
        (e) =>
          e.reason === 'FailedComputeMetricsReplicas' &&
          e.message ===
            `invalid metrics (1 invalid out of 1), first error is: failed to get pods metric value: ${why}`,
      );
    });
    t.equal((await deployments.get(NAMESPACE, 'front')).spec?.replicas, 4);
  });
  await autoscalers.delete(NAMESPACE, 'front');
});

t.test('by a metric of another object', async (t) => {
  const described = { apiVersion: 'networking.k8s.io/v1', kind: 'Ingress', name: 'main' };
  const objectMetric = (target: { value?: string; averageValue?: string }): MetricSpec => ({
    type: 'Object',
    object: {
      metric: { name: 'rps' },
      describedObject: described,
      target: { type: target.value === undefined ? 'AverageValue' : 'Value', ...target },
    },
  });
  const path = `${CUSTOM}/namespaces/${NAMESPACE}/ingresses.networking.k8s.io/main/rps`;
  extension.further.set(path, valuesOf({ name: 'main', value: '2k' }));

  t.test('its value, for all pods together', async (t) => {
    await scaled('ingress', [objectMetric({ value: '1k' })], { max: 3 });
    const status = await until('ingress', 'has three', (now) => now.currentReplicas === 3);
    t.match(status.currentMetrics, [
      {
        type: 'Object',
        object: { metric: { name: 'rps' }, describedObject: described, current: { value: '2k' } },
      },
    ]);
    const limited = await until('ingress', 'more', because('ScalingLimited', 'TooManyReplicas'));
    t.match(conditionOf(limited, 'ScalingLimited'), {
      status: 'True',
      message: 'the desired replica count is more than the maximum replica count',
    });
    t.match(
      (await told('ingress', 'SuccessfulRescale')).message,
      /New size: \d; reason: Ingress metric rps above target/,
    );
    await autoscalers.delete(NAMESPACE, 'ingress');
  });

  t.test('a share of it for each pod', async (t) => {
    await scaled('shared', [objectMetric({ averageValue: '500' })]);
    await until('shared', 'has four', (now) => now.currentReplicas === 4);
    await until(
      'shared',
      'has a quarter each',
      ({ currentMetrics: [own] = [] }) => own?.object?.current.averageValue === '500',
    );
    t.equal(
      (await told('shared', 'SuccessfulRescale')).message,
      'New size: 4; reason: external metric rps(nil) above target',
    );
    await autoscalers.delete(NAMESPACE, 'shared');
  });

  t.test('more values than one are none', async (t) => {
    extension.further.set(path, valuesOf({ value: '1' }, { value: '2' }));
    await scaled('doubt', [objectMetric({ value: '1k' })]);
    const status = await until('doubt', 'fails', because('ScalingActive', 'FailedGetObjectMetric'));
    t.match(
      conditionOf(status, 'ScalingActive')?.message,
      /unable to get metric rps: Ingress on default main\/.*returned 2 results when we asked for exactly one/,
    );
    await autoscalers.delete(NAMESPACE, 'doubt');
  });
});

t.test('by a metric of something outside', async (t) => {
  const path = (name: string) => `${EXTERNAL}/namespaces/${NAMESPACE}/${name}`;

  t.test('a share of the sum for each pod, down again too', async (t) => {
    extension.further.set(path('jobs'), externalOf('50', '40'));
    await scaled('worker', [externalMetric('jobs', { averageValue: '30' })]);
    await until('worker', 'has three', (now) => now.currentReplicas === 3);
    const status = await until(
      'worker',
      'has a third each',
      ({ currentMetrics: [own] = [] }) => own?.external?.current.averageValue === '30',
    );
    t.match(status.currentMetrics, [
      {
        type: 'External',
        external: {
          metric: { name: 'jobs', selector: { matchLabels: { queue: 'q' } } },
          current: { averageValue: '30' },
        },
      },
    ]);
    t.match(
      extension.asked.find(({ url }) => url.startsWith(path('jobs')))?.url,
      /\?labelSelector=queue%3Dq/,
    );
    const name =
      'external metric jobs(&LabelSelector{MatchLabels:map[string]string{queue: q,},MatchExpressions:[]LabelSelectorRequirement{},})';
    t.equal(
      (await told('worker', 'SuccessfulRescale')).message,
      `New size: 3; reason: ${name} above target`,
    );
    extension.further.set(path('jobs'), externalOf('20'));
    await until('worker', 'has one', (now) => now.currentReplicas === 1);
    await autoscalers.delete(NAMESPACE, 'worker');
  });

  t.test('its value, for all pods together', async (t) => {
    extension.further.set(path('lag'), externalOf('200'));
    await scaled('lagging', [externalMetric('lag', { value: '100' })], { max: 2 });
    const status = await until('lagging', 'has two', (now) => now.currentReplicas === 2);
    t.match(status.currentMetrics, [{ external: { current: { value: '200' } } }]);
    await autoscalers.delete(NAMESPACE, 'lagging');
  });

  t.test('of two metrics one fails: the other may add replicas, but take none away', async (t) => {
    const metrics = [
      externalMetric('none', { value: '1' }),
      externalMetric('two', { value: '10' }),
    ];
    extension.further.set(path('none'), externalOf());
    extension.further.set(path('two'), externalOf('20'));
    await scaled('half', metrics, { replicas: 2, max: 4 });
    const status = await until('half', 'has four', (now) => now.currentReplicas === 4);
    t.match(status.currentMetrics, [{ type: '' }, { type: 'External' }]);
    t.match(conditionOf(status, 'ScalingActive'), { status: 'True', reason: 'ValidMetricFound' });
    t.match(
      (await told('half', 'FailedGetExternalMetric')).message,
      /failed to get external metric none: unable to get external metric default\/none\/&LabelSelector.*: no metrics returned from external metrics API/,
    );
    extension.further.set(path('two'), externalOf('1'));
    const held = await until('half', 'stays', because('ScalingActive', 'FailedGetExternalMetric'));
    t.match(held, { currentReplicas: 4, desiredReplicas: 4 });
    await autoscalers.delete(NAMESPACE, 'half');
  });
});

t.test('what keeps an autoscaler from scaling', async (t) => {
  extension.further.set(`${EXTERNAL}/namespaces/${NAMESPACE}/steady`, externalOf('10'));
  const steady = [externalMetric('steady', { averageValue: '10' })];

  t.test('a target that is not there', async (t) => {
    await scaled('lost', steady, { target: 'nothing' });
    const status = await until('lost', 'fails', because('AbleToScale', 'FailedGetScale'));
    t.match(conditionOf(status, 'AbleToScale'), {
      status: 'False',
      message:
        'the HPA controller was unable to get the target\'s current scale: deployments.apps "nothing" not found',
    });
    t.equal((await told('lost', 'FailedGetScale')).message, 'deployments.apps "nothing" not found');
    await autoscalers.delete(NAMESPACE, 'lost');
  });

  t.test('a target of none', async (t) => {
    await scaled('off', steady, { replicas: 0 });
    const status = await until('off', 'rests', because('ScalingActive', 'ScalingDisabled'));
    t.equal(status.desiredReplicas, 0);
    await autoscalers.delete(NAMESPACE, 'off');
  });

  t.test('too many, or too few, to begin with: metrics are not asked', async (t) => {
    await scaled('large', [externalMetric('absent', { value: '1' })], { replicas: 4, max: 2 });
    await until('large', 'has two', (now) => now.currentReplicas === 2);
    t.equal(
      (await told('large', 'SuccessfulRescale')).message,
      'New size: 2; reason: Current number of replicas above Spec.MaxReplicas',
    );
    await autoscalers.delete(NAMESPACE, 'large');
  });

  t.test('another autoscaler for the same pods', async (t) => {
    await scaled('one', steady);
    await until('one', 'works', because('ScalingActive', 'ValidMetricFound'));
    await scaled('other', steady, { target: 'one' });
    const message =
      'pods by selector app=one are controlled by multiple HPAs: [default/one default/other]';
    for (const name of ['one', 'other']) {
      const status = await until(name, 'stops', because('ScalingActive', 'AmbiguousSelector'));
      t.equal(conditionOf(status, 'ScalingActive')?.message, message);
    }
    t.equal((await told('other', 'AmbiguousSelector')).message, message);
    await autoscalers.delete(NAMESPACE, 'other');
    await until('one', 'works again', because('ScalingActive', 'ValidMetricFound'));
  });
});
