/** What a pod says of itself and what may be asked of it while it is there: classes, generations, deadlines, helpers. */
import {
  type KubernetesObject,
  PatchStrategy,
  type V1Container,
  type V1Pod,
  type V1RuntimeClass,
} from '@kubernetes/client-node';
import { type Clause, conditionOf, has, podSpec, type World } from '../../support/clause.js';
import { failureOf, isReady, nameOf } from '../../support/kube.js';
import type { Resource } from '../../support/objects.js';

const UPDATES = 499;

function pod(name: string, spec: Partial<V1Pod['spec']> = {}, labels = {}): V1Pod {
  return { metadata: { name, labels }, spec: podSpec(spec) };
}

function isPhase(w: World, name: string, phase: string): Promise<V1Pod> {
  return w.until(`${name} is ${phase}`, async () => {
    const found = await w.pods.get(name);
    return found.status?.phase === phase && found;
  });
}

const classes = (w: World): Resource<V1RuntimeClass> => w.all('node.k8s.io/v1', 'runtimeclasses');

async function runtimeClass(w: World, more: Partial<V1RuntimeClass> = {}): Promise<string> {
  const name = `${w.namespace}-class`;
  await classes(w).create({ metadata: { name }, handler: 'handler', ...more });
  w.t.teardown(async () => {
    if (await classes(w).find(name)) await classes(w).delete(name);
  });
  return name;
}

async function rejectsClass(w: World, runtimeClassName: string): Promise<void> {
  const create = w.pods.create(pod('one', { runtimeClassName }));
  const message = new RegExp(`RuntimeClass "${runtimeClassName}" not found`);
  w.t.match(await failureOf(create), { code: 403, reason: 'Forbidden', message });
  w.t.equal(await w.pods.find('one'), undefined);
}

async function isScheduled(w: World, name: string): Promise<V1Pod> {
  return w.until(`${name} is scheduled`, async () => {
    const found = await w.pods.get(name);
    return (
      has({ status: found.status ?? {} }, 'PodScheduled') &&
      found.spec?.nodeName !== undefined &&
      found
    );
  });
}

interface Helper {
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
}

async function addHelper(w: World, ...helpers: Helper[]): Promise<void> {
  await w.pods.patch(
    'one',
    { spec: { ephemeralContainers: helpers } },
    { subresource: 'ephemeralcontainers', as: PatchStrategy.StrategicMergePatch },
  );
}

function helperRuns(w: World, name: string): Promise<unknown> {
  return w.until(`${name} runs`, async () => {
    const { ephemeralContainerStatuses = [] } = (await w.pods.get('one')).status ?? {};
    return ephemeralContainerStatuses.find((each) => each.name === name)?.state?.running;
  });
}

const generationOf = ({ metadata }: V1Pod) => metadata?.generation;

function observes(w: World, name: string, generation: number): Promise<unknown> {
  return w.until(`${name} observes ${generation}`, async () => {
    return (await w.pods.get(name)).status?.observedGeneration === generation;
  });
}

export const podFields: readonly Clause[] = [
  {
    title: 'Pods, QOS',
    run: async (w) => {
      const amounts = { cpu: '100m', memory: '100Mi' };
      const resources = { requests: amounts, limits: amounts };
      const main = { name: 'main', image: 'nginx:1', resources };
      const { status } = await w.pods.create(pod('one', { containers: [main] }));
      w.t.equal(status?.qosClass, 'Guaranteed');
      w.t.equal((await w.pods.get('one')).status?.qosClass, 'Guaranteed');
    },
  },
  {
    title: 'Pods, assigned hostip',
    run: async (w) => {
      await w.pods.create(pod('one'));
      const [found] = await w.ready(1);
      w.t.match(found?.status?.hostIP, /^\d+\.\d+\.\d+\.\d+$/);
      const node = await w.nodes.get(found?.spec?.nodeName ?? '');
      w.t.ok(node.status?.addresses?.some(({ address }) => address === found?.status?.hostIP));
    },
  },
  {
    title: 'Pods, ActiveDeadlineSeconds',
    run: async (w) => {
      await w.pods.create(pod('one', {}, { time: 'now' }));
      await w.ready(1);
      w.t.same((await w.pods.list('time=now')).map(nameOf), ['one']);
      await w.change(w.pods, 'one', ({ spec }) => {
        if (spec) spec.activeDeadlineSeconds = 5;
      });
      const found = await isPhase(w, 'one', 'Failed');
      w.t.equal(found.status?.reason, 'DeadlineExceeded');
    },
  },
  {
    title: 'Pods, completes the lifecycle of a Pod and the PodStatus',
    run: async (w) => {
      const seen = await w.record(w.pods, 'static=yes');
      await w.pods.create(pod('one', {}, { static: 'yes' }));
      await w.ready(1);
      w.t.equal(seen.changes[0]?.type, 'ADDED');
      const patch = {
        metadata: { labels: { patched: 'yes' } },
        spec: { containers: [{ name: 'main', image: 'httpd:2.4' }] },
      };
      await w.pods.patch('one', patch, { as: PatchStrategy.StrategicMergePatch });
      const patched = await w.pods.get('one');
      w.t.match(patched.metadata?.labels, { static: 'yes', patched: 'yes' });
      w.t.equal(patched.spec?.containers[0]?.image, 'httpd:2.4');
      w.t.equal(nameOf(await w.pods.get('one', 'status')), 'one');
      await w.change(
        w.pods,
        'one',
        ({ status }) => {
          status?.conditions?.push({ type: 'example.com/seen', status: 'True', reason: 'Tested' });
        },
        'status',
      );
      const { status } = await w.pods.get('one', 'status');
      w.t.match(conditionOf({ status: status ?? {} }, 'example.com/seen'), { reason: 'Tested' });
      await w.pods.delete('one');
      await w.until('its deletion is told', async () => seen.changes.at(-1)?.type === 'DELETED');
      w.t.ok(seen.changes.some(({ type }) => type === 'MODIFIED'));
      w.t.equal(await w.pods.find('one'), undefined);
    },
  },
  {
    title: 'Pods Generation, updates',
    run: async (w) => {
      w.t.equal(generationOf(await w.pods.create(pod('one'))), 1);
      await w.ready(1);
      await observes(w, 'one', 1);
      const steps: readonly [string, (found: V1Pod) => void, number][] = [
        [
          'an image',
          ({ spec }) => Object.assign(spec?.containers[0] ?? {}, { image: 'nginx:2' }),
          2,
        ],
        [
          'a toleration',
          ({ spec }) => {
            if (spec) spec.tolerations = [...(spec.tolerations ?? []), { operator: 'Exists' }];
          },
          3,
        ],
        [
          'a deadline',
          ({ spec }) => {
            if (spec) spec.activeDeadlineSeconds = 3600;
          },
          4,
        ],
        [
          'a label',
          ({ metadata }) => {
            if (metadata) metadata.labels = { a: 'b' };
          },
          4,
        ],
        ['nothing', () => undefined, 4],
        [
          'a generation of its own',
          ({ metadata }) => {
            if (metadata) metadata.generation = 100;
          },
          4,
        ],
      ];
      for (const [what, edit, generation] of steps) {
        w.t.equal(generationOf(await w.change(w.pods, 'one', edit)), generation, what);
        await observes(w, 'one', generation);
      }
      const ready = (await w.pods.get('one')).status?.conditions?.find(
        ({ type }) => type === 'Ready',
      );
      w.t.ok((ready?.observedGeneration ?? 0) >= 1);
    },
  },
  {
    title: 'Pods Generation, graceful delete',
    run: async (w) => {
      const body = pod('one', { terminationGracePeriodSeconds: 30 });
      const own = {
        ...body,
        metadata: { ...body.metadata, generation: 100, finalizers: ['example.com/kept'] },
      };
      w.t.equal(generationOf(await w.pods.create(own)), 1, 'what the client says does not count');
      await w.ready(1);
      await w.pods.delete('one', { gracePeriodSeconds: 30 });
      const leaving = await w.pods.get('one');
      w.t.ok(leaving.metadata?.deletionTimestamp);
      w.t.equal(generationOf(leaving), 2);
      await w.pods.patch('one', { metadata: { finalizers: null } });
      await w.gone(w.pods, 'one');
    },
  },
  {
    title: 'Pods Generation, 500 updates',
    run: async (w) => {
      await w.pods.create(pod('one', { activeDeadlineSeconds: 10_000 }));
      await w.ready(1);
      for (let n = 1; n <= UPDATES; n++) {
        await w.pods.patch('one', { spec: { activeDeadlineSeconds: 10_000 - n } });
      }
      w.t.equal(generationOf(await w.pods.get('one')), UPDATES + 1);
      await observes(w, 'one', UPDATES + 1);
    },
  },
  {
    title: 'Pod with the non-existing RuntimeClass is rejected.',
    run: (w) => rejectsClass(w, `${w.namespace}-nonexistent`),
  },
  {
    title: 'Pod with the deleted RuntimeClass is rejected.',
    run: async (w) => {
      const name = await runtimeClass(w);
      await classes(w).delete(name);
      await w.gone(classes(w), name);
      await w.until('the pod is rejected', async () => {
        const body = pod('early', { runtimeClassName: name });
        return w.pods.create(body, { dryRun: 'All' }).then(
          () => false,
          () => true,
        );
      });
      await rejectsClass(w, name);
    },
  },
  {
    title: 'Can schedule a pod requesting existing RuntimeClass.',
    run: async (w) => {
      const name = await runtimeClass(w);
      await made(w, pod('one', { runtimeClassName: name }));
      const found = await isScheduled(w, 'one');
      w.t.equal(found.spec?.runtimeClassName, name);
      w.t.equal(found.spec?.overhead, undefined);
    },
  },
  {
    title: 'RuntimeClass Overhead field must be respected.',
    run: async (w) => {
      const podFixed = { cpu: '10m', memory: '1Mi' };
      const name = await runtimeClass(w, { overhead: { podFixed } });
      await made(w, pod('one', { runtimeClassName: name }));
      w.t.same((await isScheduled(w, 'one')).spec?.overhead, podFixed);
    },
  },
  {
    title: 'Ephemeral Container Creation',
    run: async (w) => {
      await w.pods.create(pod('one'));
      await w.ready(1);
      const command = ['sh', '-c', 'echo polo; sleep 600'];
      await addHelper(w, { name: 'debugger', image: 'busybox', command });
      await helperRuns(w, 'debugger');
      await w.until('it speaks', async () => (await w.logs('one', 'debugger')) === 'polo\n');
      w.t.ok(isReady(await w.pods.get('one')));
    },
  },
  {
    title: 'Ephemeral Container, update ephemeral containers',
    run: async (w) => {
      await w.pods.create(pod('one'));
      await w.ready(1);
      const helper = (name: string) => ({ name, image: 'busybox', command: ['sleep', '600'] });
      await addHelper(w, helper('first'));
      await helperRuns(w, 'first');
      const names = async () =>
        ((await w.pods.get('one')).spec?.ephemeralContainers ?? []).map(({ name }) => name);
      w.t.same(await names(), ['first']);
      await w.change(
        w.pods,
        'one',
        ({ spec }) => spec?.ephemeralContainers?.push(helper('second')),
        'ephemeralcontainers',
      );
      await helperRuns(w, 'second');
      w.t.same(await names(), ['first', 'second']);
    },
  },
  {
    title: 'Sysctls, reject invalid sysctls',
    run: async (w) => {
      const sysctls = [
        { name: 'foo-', value: 'bar' },
        { name: 'kernel.shmmax', value: '100000000' },
        { name: 'safe-and-unsafe', value: '100000000' },
        { name: 'bar..', value: '42' },
      ];
      const body = pod('one', { securityContext: { sysctls } });
      const { code, message } = await failureOf(w.pods.create(body));
      w.t.equal(code, 422);
      w.t.match(message, 'Invalid value: "foo-"');
      w.t.match(message, 'Invalid value: "bar.."');
      w.t.notMatch(message, 'safe-and-unsafe');
      w.t.notMatch(message, 'kernel.shmmax');
      w.t.equal(await w.pods.find('one'), undefined);
    },
  },
  {
    title: 'Security Context, readOnlyRootFilesystem=false.',
    run: async (w) => {
      const main: V1Container = {
        name: 'main',
        image: 'busybox',
        command: ['sh', '-c', 'echo written > /checkfile && cat /checkfile'],
        securityContext: { readOnlyRootFilesystem: false },
      };
      await w.pods.create(pod('one', { containers: [main], restartPolicy: 'Never' }));
      await isPhase(w, 'one', 'Succeeded');
      w.t.equal(await w.logs('one'), 'written\n');
    },
  },
];

/** The API server hears of a class a moment after it is made. */
function made(w: World, body: V1Pod): Promise<KubernetesObject> {
  return w.until('the pod is admitted', async () => {
    try {
      return await w.pods.create(body);
    } catch {
      return undefined;
    }
  });
}
