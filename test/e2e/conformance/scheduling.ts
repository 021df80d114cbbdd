/**
 * What the scheduler promises. Each clause about what fits has a node of its own, with a resource that only it
 * has: full or empty, it is in nobody's way.
 */
import type { V1LimitRange, V1Pod, V1PriorityClass, V1ReplicaSet } from '@kubernetes/client-node';
import {
  type Clause,
  conditionOf,
  has,
  podSpec,
  podTemplate,
  type World,
} from '../../support/clause.js';
import { failureOf, isReady, nameOf } from '../../support/kube.js';

/** Of each node, as much as fits of it. */
const RESOURCE = 'example.com/seats';
const SEATS = 10;

/** Gives the node so many seats, and takes them away when the clause has ended. */
async function seats(w: World, node: string, count = SEATS): Promise<void> {
  const capacity = { [RESOURCE]: String(count) };
  await w.nodes.patch(
    node,
    { status: { capacity, allocatable: capacity } },
    { subresource: 'status' },
  );
  await w.until('the node has them', async () => {
    return (await w.nodes.get(node)).status?.allocatable?.[RESOURCE] === String(count);
  });
}

async function nodeAt(w: World, i: number): Promise<string> {
  const names = (await w.liveNodes()).map(nameOf).sort();
  const name = names[i];
  if (name === undefined) throw new Error(`there are ${names.length} nodes`);
  return name;
}

function sitting(name: string, node: string, count: number, priorityClassName = ''): V1Pod {
  const amount = { [RESOURCE]: String(count) };
  return {
    metadata: { name },
    spec: podSpec({
      nodeSelector: { 'kubernetes.io/hostname': node },
      containers: [
        { name: 'main', image: 'nginx:1', resources: { requests: amount, limits: amount } },
      ],
      ...(priorityClassName === '' ? {} : { priorityClassName }),
    }),
  };
}

const isScheduled = (pod: V1Pod) => has(pod, 'PodScheduled');

function unschedulable(w: World, name: string, message: RegExp): Promise<unknown> {
  return w.until(`${name} is found not to fit`, async () => {
    const condition = conditionOf(await w.pods.get(name), 'PodScheduled');
    const { reason, message: text = '' } = { message: '', ...condition };
    return reason === 'Unschedulable' && message.test(text);
  });
}

async function priorities(w: World, ...values: number[]): Promise<string[]> {
  const classes = w.all<V1PriorityClass>('scheduling.k8s.io/v1', 'priorityclasses');
  const names = values.map((value) => `${w.namespace}-p${value}`);
  await Promise.all(
    values.map((value, i) => classes.create({ metadata: { name: names[i] ?? '' }, value })),
  );
  w.t.teardown(async () => {
    for (const name of names) await classes.delete(name);
  });
  return names;
}

/** A full node; a pod of `more` importance gets the place of the least important one. */
async function preempts(w: World, node: string, priorityClassName: string, namespace?: string) {
  const [low = '', mid = ''] = await priorities(w, 1, 100);
  await seats(w, node);
  await w.pods.create(sitting('low', node, 6, low));
  await w.pods.create(sitting('mid', node, 4, mid));
  await w.ready(2);
  const pods = namespace === undefined ? w.pods : w.objects.at<V1Pod>('v1', 'pods', namespace);
  const name = `${w.namespace}-high`;
  await pods.create(sitting(name, node, 6, priorityClassName || mid));
  await w.until('it has its place', async () => isScheduled(await pods.get(name)));
  await w.gone(w.pods, 'low');
  w.t.ok(isReady(await w.pods.get('mid')), 'the more important one stays');
  await pods.delete(name);
}

export const limitRanges: readonly Clause[] = [
  {
    title: 'LimitRange, resources',
    run: async (w) => {
      const ranges = w.at<V1LimitRange>('v1', 'limitranges');
      const min = { cpu: '50m', memory: '100Mi', 'ephemeral-storage': '100Gi' };
      const max = { cpu: '500m', memory: '500Mi', 'ephemeral-storage': '500Gi' };
      const limits = { cpu: '300m', memory: '300Mi', 'ephemeral-storage': '300Gi' };
      const defaultRequest = { cpu: '100m', memory: '200Mi', 'ephemeral-storage': '200Gi' };
      const item = { type: 'Container', min, max, defaultRequest };
      // As on the wire: the client calls this field `_default` where it decodes it.
      const onWire = { limits: [{ ...item, default: limits }] };
      const seen = await w.record(ranges);
      const body: V1LimitRange = { metadata: { name: 'range' }, spec: onWire };
      await ranges.create(body);
      w.t.match((await ranges.get('range')).spec?.limits, [{ ...item, _default: limits }]);
      await w.until('it is told', async () => seen.changes[0]?.type === 'ADDED');

      const asking = (name: string, resources: object): V1Pod => ({
        metadata: { name },
        spec: podSpec({ containers: [{ name: 'main', image: 'nginx:1', resources }] }),
      });
      const given = (pod: V1Pod) => pod.spec?.containers[0]?.resources;
      w.t.match(given(await w.pods.create(asking('none', {}))), {
        requests: defaultRequest,
        limits,
      });
      const partly = { requests: { cpu: '150m' }, limits: { cpu: '150m', memory: '250Mi' } };
      w.t.match(given(await w.pods.create(asking('partly', partly))), {
        requests: { cpu: '150m', memory: '250Mi', 'ephemeral-storage': '200Gi' },
        limits: { cpu: '150m', memory: '250Mi', 'ephemeral-storage': '300Gi' },
      });
      const less = failureOf(w.pods.create(asking('less', { requests: { cpu: '10m' } })));
      w.t.match(await less, { code: 403, message: /minimum cpu usage per Container is 50m/ });
      const more = failureOf(w.pods.create(asking('more', { limits: { cpu: '600m' } })));
      w.t.match(await more, { code: 403, message: /maximum cpu usage per Container is 500m/ });

      const lower = { ...onWire.limits[0], min: { ...min, cpu: '9m' } };
      await ranges.patch('range', { spec: { limits: [lower] } });
      w.t.equal((await ranges.get('range')).spec?.limits[0]?.min?.['cpu'], '9m');
      await w.until('what was too little is enough', async () => {
        const made = w.pods.create(asking('less', { requests: { cpu: '10m' } }));
        return made.then(
          () => true,
          () => false,
        );
      });
      const still = failureOf(w.pods.create(asking('more', { limits: { cpu: '600m' } })));
      w.t.equal((await still).code, 403);
      await ranges.delete('range');
      await w.gone(ranges, 'range');
      w.t.same(given(await w.pods.create(asking('free', {}))), {});
    },
  },
  {
    title: 'LimitRange, list, patch and delete a LimitRange by collection',
    run: async (w) => {
      const other = `${w.namespace}-other`;
      await w.namespaces.create({ metadata: { name: other } });
      const ranges = w.at<V1LimitRange>('v1', 'limitranges');
      const elsewhere = w.objects.at<V1LimitRange>('v1', 'limitranges', other);
      const label = `of=${w.namespace}`;
      const body: V1LimitRange = {
        metadata: { name: 'range', labels: { of: w.namespace } },
        spec: { limits: [{ type: 'Container', max: { cpu: '500m' }, min: { cpu: '50m' } }] },
      };
      await ranges.create(body);
      await elsewhere.create(body);
      const everywhere = w.all<V1LimitRange>('v1', 'limitranges');
      w.t.equal((await everywhere.list(label)).length, 2);
      const patched = await ranges.patch('range', {
        metadata: { labels: { stage: 'patched' } },
        spec: { limits: [{ type: 'Container', max: { cpu: '500m' }, min: { cpu: '9m' } }] },
      });
      w.t.equal(patched.spec?.limits[0]?.min?.['cpu'], '9m');
      await ranges.deleteCollection('stage=patched');
      await w.gone(ranges, 'range');
      const left = await everywhere.list(label);
      w.t.same(
        left.map(({ metadata }) => metadata?.namespace),
        [other],
      );
      await w.namespaces.delete(other);
    },
  },
];

export const scheduling: readonly Clause[] = [
  {
    title: 'Scheduler, resource limits',
    run: async (w) => {
      const node = await nodeAt(w, 0);
      await seats(w, node);
      await w.pods.create(sitting('filler', node, SEATS - 1));
      await w.ready(1);
      await w.pods.create(sitting('too-much', node, 2));
      await unschedulable(w, 'too-much', new RegExp(`Insufficient ${RESOURCE}`));
      await w.pods.create(sitting('just-fits', node, 1));
      await w.until('what fits is placed', async () => isScheduled(await w.pods.get('just-fits')));
      w.t.notOk(isScheduled(await w.pods.get('too-much')));
      const huge: V1Pod = {
        metadata: { name: 'huge' },
        spec: podSpec({
          containers: [
            { name: 'main', image: 'nginx:1', resources: { requests: { cpu: '100000' } } },
          ],
        }),
      };
      await w.pods.create(huge);
      await unschedulable(w, 'huge', /Insufficient cpu/);
    },
  },
  {
    title: 'Scheduler, node selector matching',
    run: async (w) => {
      const node = await nodeAt(w, 1);
      const label = `clause/${w.namespace}`;
      await w.nodes.patch(node, { metadata: { labels: { [label]: '42' } } });
      const spec = podSpec({ nodeSelector: { [label]: '42' } });
      await w.pods.create({ metadata: { name: 'picky' }, spec });
      const [pod] = await w.ready(1);
      w.t.equal(pod?.spec?.nodeName, node);
      await w.nodes.patch(node, { metadata: { labels: { [label]: null } } });
    },
  },
  {
    title: 'Scheduler, node selector not matching',
    run: async (w) => {
      const spec = podSpec({ nodeSelector: { label: 'nonempty' } });
      await w.pods.create({ metadata: { name: 'picky' }, spec });
      await unschedulable(w, 'picky', /didn't match Pod's node affinity\/selector/);
      w.t.notOk(isScheduled(await w.pods.get('picky')));
    },
  },
  {
    title:
      'Scheduling, HostPort and Protocol match, HostIPs different but one is default HostIP (0.0.0.0)',
    run: async (w) => {
      const node = await nodeAt(w, 2);
      const withPort = (name: string, hostIP: string): V1Pod => {
        const ports = [{ containerPort: 8080, hostPort: 54322, protocol: 'TCP', hostIP }];
        return {
          metadata: { name },
          spec: podSpec({
            nodeSelector: { 'kubernetes.io/hostname': node },
            containers: [{ name: 'main', image: 'nginx:1', ports }],
          }),
        };
      };
      await w.pods.create(withPort('everywhere', '0.0.0.0'));
      await w.ready(1);
      await w.pods.create(withPort('one-address', '127.0.0.1'));
      await unschedulable(w, 'one-address', /didn't have free ports for the requested pod ports/);
      await w.pods.delete('everywhere');
      const [pod] = await w.ready(1);
      w.t.equal(pod && nameOf(pod), 'one-address');
    },
  },
  {
    title: 'Scheduler, Basic Preemption',
    run: async (w) => {
      const [high = ''] = await priorities(w, 1000);
      await preempts(w, await nodeAt(w, 0), high);
    },
  },
  {
    title: 'Scheduler, Preemption for critical pod',
    run: async (w) => {
      await preempts(w, await nodeAt(w, 1), 'system-cluster-critical', 'kube-system');
    },
  },
  {
    title: 'Verify the DisruptionTarget condition is added to the preempted pod',
    run: async (w) => {
      const node = await nodeAt(w, 2);
      const [low = '', high = ''] = await priorities(w, 1, 1000);
      await seats(w, node);
      const victim = sitting('victim', node, SEATS, low);
      await w.pods.create({
        ...victim,
        metadata: { name: 'victim', finalizers: ['example.com/held'] },
      });
      await w.ready(1);
      await w.pods.create(sitting('high', node, SEATS, high));
      const preempted = await w.until('it is told to go', async () => {
        const pod = await w.pods.get('victim');
        return pod.metadata?.deletionTimestamp !== undefined && pod;
      });
      w.t.match(conditionOf(preempted, 'DisruptionTarget'), {
        status: 'True',
        reason: 'PreemptionByScheduler',
      });
      await w.pods.patch('victim', { metadata: { finalizers: null } });
      await w.gone(w.pods, 'victim');
      await w.until('the other is placed', async () => isScheduled(await w.pods.get('high')));
    },
  },
  {
    title: 'Pod preemption verification',
    run: async (w) => {
      const node = await nodeAt(w, 0);
      const names = await priorities(w, 1, 2, 3, 4);
      await seats(w, node);
      const setOf = (i: number, replicas: number, count: number): V1ReplicaSet => {
        const app = `rs-${i}`;
        const spec = sitting(app, node, count, names[i - 1]).spec ?? podSpec();
        return {
          metadata: { name: app },
          spec: {
            replicas,
            selector: { matchLabels: { app } },
            template: { ...podTemplate(app), spec },
          },
        };
      };
      // 5 of one seat, 4 of one, 1 of one: full. The fourth takes the places of the least important.
      for (const [i, replicas] of [
        [1, 5],
        [2, 4],
        [3, 1],
      ] as const) {
        await w.replicaSets.create(setOf(i, replicas, 1));
        await w.ready(replicas, `app=rs-${i}`);
      }
      await w.replicaSets.create(setOf(4, 1, 5));
      await w.ready(1, 'app=rs-4');
      const sizes = await Promise.all(
        [1, 2, 3, 4].map(async (i) => {
          const pods = await w.pods.list(`app=rs-${i}`);
          return pods.filter(isScheduled).filter(isReady).length;
        }),
      );
      w.t.same(sizes, [0, 4, 1, 1]);
      const [first] = await w.replicaSets.list();
      w.t.equal(first?.spec?.replicas, 5);
      await w.until('those that went are made again, and wait', async () => {
        const pods = await w.pods.list('app=rs-1');
        return pods.length === 5 && !pods.some(isScheduled);
      });
    },
  },
  {
    title: 'Scheduler, Verify PriorityClass endpoints',
    run: async (w) => {
      const classes = w.all<V1PriorityClass>('scheduling.k8s.io/v1', 'priorityclasses');
      const [one = '', two = ''] = await priorities(w, 1, 2);
      const all = (await classes.list()).map(nameOf);
      w.t.ok([one, two, 'system-cluster-critical'].every((name) => all.includes(name)));
      const patched = await classes.patch(one, { description: 'patched' });
      w.t.equal(patched.description, 'patched');
      const updated = await w.change(classes, two, (each) => {
        each.description = 'updated';
        each.metadata = { ...each.metadata, labels: { updated: 'true' } };
      });
      w.t.equal(updated.description, 'updated');
      for (const call of [
        () => classes.patch(one, { value: 7 }),
        () =>
          w.change(classes, two, (each) => {
            each.value = 7;
          }),
        () => classes.patch(one, { preemptionPolicy: 'Never' }),
      ]) {
        w.t.match(await failureOf(call()), { code: 422, reason: 'Invalid' });
      }
      w.t.equal((await classes.get(one)).value, 1);
    },
  },
];
