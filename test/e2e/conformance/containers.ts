/** Containers from their start to their end: hooks, phases, last words, restarts, and what comes before them. */
import type { V1Container, V1ContainerStatus, V1Pod } from '@kubernetes/client-node';
import { type Clause, has, podSpec, type World } from '../../support/clause.js';
import { eventually, remains } from '../../support/eventually.js';
import { isReady, nameOf } from '../../support/kube.js';
import { ran } from './environment.js';

const IMAGE = 'busybox:1.36';
/** Restarts wait longer and longer. */
const RESTARTS_MS = 100_000;

function sh(script: string, more: Partial<V1Container> = {}): V1Container {
  return { name: 'main', image: IMAGE, command: ['sh', '-c', script], ...more };
}

function pod(name: string, containers: V1Container[], more: Partial<V1Pod['spec']> = {}): V1Pod {
  return { metadata: { name }, spec: podSpec({ ...more, containers }) };
}

const statusOf = ({ status }: V1Pod, name = 'main'): V1ContainerStatus | undefined =>
  [...(status?.containerStatuses ?? []), ...(status?.initContainerStatuses ?? [])].find(
    (each) => each.name === name,
  );
const restartsOf = (pod: V1Pod, name = 'main') => statusOf(pod, name)?.restartCount ?? 0;

function whenPhase(w: World, name: string, phase: string): Promise<V1Pod> {
  return w.until(`${name} is ${phase}`, async () => {
    const found = await w.pods.get(name);
    return found.status?.phase === phase && found;
  });
}

/** The pod that ends with this script, and the last words of its container. */
async function lastWords(w: World, script: string, more: Partial<V1Container>, code: number) {
  await w.pods.create(pod('one', [sh(script, more)], { restartPolicy: 'Never' }));
  const found = await whenPhase(w, 'one', code === 0 ? 'Succeeded' : 'Failed');
  const { terminated } = statusOf(found)?.state ?? {};
  w.t.equal(terminated?.exitCode, code);
  return terminated?.message ?? '';
}

const FALLBACK = { terminationMessagePolicy: 'FallbackToLogsOnError' };
const FILES = { volumes: [{ name: 'files', emptyDir: {} }] };
const UNTIL_HOOKED = 'until [ "$(cat /files/hook)" = hooked ]; do sleep 1; done; cat /files/hook';
const MOUNTS = { volumeMounts: [{ name: 'files', mountPath: '/files' }] };

/** Fails, or succeeds, at first; a second time it does `then`. */
function twice(first: string, then: string): V1Container {
  const before = '"$(cat /files/ran)" = yes';
  return sh(`if [ ${before} ]; then ${then}; else echo yes > /files/ran; ${first}; fi`, MOUNTS);
}

const INIT = (first: string, second: string) => [
  { ...sh(first), name: 'init1' },
  { ...sh(second), name: 'init2' },
];

function initialized(w: World, { metadata, spec, status }: V1Pod): void {
  w.t.ok(has({ status: status ?? {} }, 'Initialized'), metadata?.name ?? '');
  w.t.equal(status?.initContainerStatuses?.length, spec?.initContainers?.length);
  for (const { ready, state } of status?.initContainerStatuses ?? []) {
    w.t.equal(ready, true);
    w.t.equal(state?.terminated?.exitCode, 0);
  }
}

export const containers: readonly Clause[] = [
  {
    title: 'Container Runtime, TerminationMessage, from log output of succeeding container',
    run: async (w) => {
      w.t.equal(await lastWords(w, 'echo DONE', FALLBACK, 0), '');
    },
  },
  {
    title: 'Container Runtime, TerminationMessage, from file of succeeding container',
    run: async (w) => {
      const script = 'echo -n OK > /dev/termination-log; echo DONE';
      w.t.equal(await lastWords(w, script, FALLBACK, 0), 'OK');
    },
  },
  {
    title:
      "Container Runtime, TerminationMessage, from container's log output of failing container",
    run: async (w) => {
      w.t.equal(await lastWords(w, 'echo -n DONE; exit 1', FALLBACK, 1), 'DONE');
    },
  },
  {
    title: 'Container Runtime, TerminationMessagePath, non-root user and non-default path',
    run: async (w) => {
      const more = {
        terminationMessagePath: '/dev/termination-custom-log',
        securityContext: { runAsUser: 10000 },
      };
      const script = 'echo -n DONE > /dev/termination-custom-log';
      w.t.equal(await lastWords(w, script, more, 0), 'DONE');
    },
  },
  {
    title: 'Container Runtime, Restart Policy, Pod Phases',
    run: async (w) => {
      const rows = [
        ['always', 'Always', twice('exit 0', 'sleep 600'), 'Running', 1],
        ['on-failure', 'OnFailure', twice('exit 1', 'exit 0'), 'Succeeded', 1],
        ['never', 'Never', twice('exit 1', 'sleep 600'), 'Failed', 0],
      ] as const;
      for (const [name, restartPolicy, container] of rows) {
        await w.pods.create(pod(name, [container], { restartPolicy, ...FILES }));
      }
      for (const [name, , , phase, restarts] of rows) {
        const found = await w.until(`${name} is ${phase}, restarts: ${restarts}`, async () => {
          const one = await w.pods.get(name);
          return one.status?.phase === phase && restartsOf(one) === restarts && one;
        });
        const { state } = statusOf(found) ?? {};
        w.t.equal(state?.running !== undefined, phase === 'Running', name);
        if (phase === 'Running')
          await w.until('ready', async () => isReady(await w.pods.get(name)));
        else w.t.notOk(isReady(found), name);
      }
      w.t.equal(statusOf(await w.pods.get('never'))?.state?.terminated?.exitCode, 1);
    },
  },
  {
    title: 'Kubelet, log output, default',
    run: async (w) => {
      const script = 'echo to stdout; echo to stderr >&2';
      const { text } = await ran(w, { command: ['sh', '-c', script] });
      w.t.equal(text, 'to stdout\nto stderr\n');
    },
  },
  {
    title: 'Kubelet, failed pod, terminated reason',
    run: async (w) => {
      const main = { name: 'main', image: IMAGE, command: ['/bin/false'] };
      await w.pods.create(pod('one', [main], { restartPolicy: 'Never' }));
      const { status } = await whenPhase(w, 'one', 'Failed');
      const [only, ...more] = status?.containerStatuses ?? [];
      w.t.same(more, []);
      w.t.match(only?.state?.terminated, { exitCode: 1, reason: 'Error' });
    },
  },
  {
    title: 'Kubelet, failed pod, delete',
    run: async (w) => {
      await w.pods.create(pod('one', [{ name: 'main', image: IMAGE, command: ['/bin/false'] }]));
      await w.until('it has failed', async () => {
        const { state, lastState } = statusOf(await w.pods.get('one')) ?? {};
        return state?.terminated !== undefined || lastState?.terminated !== undefined;
      });
      await w.pods.delete('one');
      await w.gone(w.pods, 'one');
    },
  },
  {
    title: 'init-container-starts-app-restartnever-pod',
    run: async (w) => {
      const initContainers = INIT('true', 'true');
      await w.pods.create(pod('one', [sh('true')], { initContainers, restartPolicy: 'Never' }));
      const found = await whenPhase(w, 'one', 'Succeeded');
      initialized(w, found);
      w.t.match(statusOf(found)?.state?.terminated, { exitCode: 0, reason: 'Completed' });
      for (const name of ['main', 'init1', 'init2']) w.t.equal(restartsOf(found, name), 0);
    },
  },
  {
    title: 'init-container-starts-app-restartalways-pod',
    run: async (w) => {
      const initContainers = INIT('true', 'true');
      await w.pods.create(pod('one', [sh('sleep 600')], { initContainers }));
      const found = await whenPhase(w, 'one', 'Running');
      initialized(w, found);
      w.t.ok(statusOf(found)?.state?.running);
    },
  },
  {
    title: 'init-container-fails-stops-app-restartnever-pod',
    run: async (w) => {
      const initContainers = INIT('true', 'false');
      await w.pods.create(pod('one', [sh('true')], { initContainers, restartPolicy: 'Never' }));
      const found = await whenPhase(w, 'one', 'Failed');
      w.t.ok(has({ status: found.status ?? {} }, 'Initialized', 'False'));
      w.t.equal(statusOf(found, 'init1')?.state?.terminated?.exitCode, 0);
      w.t.equal(statusOf(found, 'init2')?.state?.terminated?.exitCode, 1);
      w.t.ok(statusOf(found)?.state?.waiting, 'it was not started');
      w.t.equal(restartsOf(found, 'init2'), 0);
    },
  },
  {
    title: 'init-container-fails-stops-app-restartalways-pod',
    run: async (w) => {
      const initContainers = INIT('false', 'true');
      await w.pods.create(pod('one', [sh('true')], { initContainers }));
      const wanted = async () => restartsOf(await w.pods.get('one'), 'init1') >= 3;
      await eventually('three restarts', wanted, RESTARTS_MS);
      const found = await w.pods.get('one');
      w.t.equal(found.status?.phase, 'Pending');
      w.t.ok(has({ status: found.status ?? {} }, 'Initialized', 'False'));
      for (const name of ['init2', 'main']) {
        w.t.ok(statusOf(found, name)?.state?.waiting, name);
        w.t.equal(restartsOf(found, name), 0);
        w.t.notOk(statusOf(found, name)?.containerID, `${name} was not started`);
      }
    },
  },
  {
    title: 'Pod Lifecycle, post start exec hook',
    run: async (w) => {
      const exec = { command: ['sh', '-c', 'echo hooked > /files/hook'] };
      const script = `${UNTIL_HOOKED}; sleep 600`;
      const main = sh(script, { ...MOUNTS, lifecycle: { postStart: { exec } } });
      await w.pods.create(pod('one', [main], FILES));
      await w.ready(1);
      await w.until('the hook ran', async () => (await w.logs('one')) === 'hooked\n');
    },
  },
  {
    title: 'Pod Lifecycle, prestop exec hook',
    run: async (w) => {
      const [node] = await w.liveNodes();
      const path = `/mnt/${w.namespace}`;
      const onNode = {
        nodeSelector: { 'kubernetes.io/hostname': nameOf(node ?? {}) },
        volumes: [{ name: 'files', hostPath: { path } }],
      };
      const watcher = sh(UNTIL_HOOKED, MOUNTS);
      await w.pods.create(pod('watcher', [watcher], { ...onNode, restartPolicy: 'Never' }));
      const exec = { command: ['sh', '-c', 'echo hooked > /files/hook'] };
      const main = sh('sleep 600', { ...MOUNTS, lifecycle: { preStop: { exec } } });
      await w.pods.create(pod('one', [main], { ...onNode, terminationGracePeriodSeconds: 30 }));
      await w.ready(2);
      await w.pods.delete('one');
      await whenPhase(w, 'watcher', 'Succeeded');
      w.t.equal(await w.logs('watcher'), 'hooked\n');
      await w.gone(w.pods, 'one');
    },
  },
  {
    title: 'Pod liveness probe, using local file, restart',
    run: async (w) => {
      const livenessProbe = {
        exec: { command: ['cat', '/tmp/health'] },
        initialDelaySeconds: 1,
        periodSeconds: 1,
        failureThreshold: 1,
      };
      const script = 'echo ok > /tmp/health; sleep 10; rm -f /tmp/health; sleep 600';
      await w.pods.create(pod('one', [sh(script, { livenessProbe })]));
      await w.ready(1);
      w.t.equal(restartsOf(await w.pods.get('one')), 0);
      await w.until('it is restarted', async () => restartsOf(await w.pods.get('one')) === 1);
    },
  },
  {
    title: 'Pod liveness probe, using local file, no restart',
    run: async (w) => {
      const livenessProbe = {
        exec: { command: ['cat', '/tmp/health'] },
        initialDelaySeconds: 1,
        periodSeconds: 1,
        failureThreshold: 1,
      };
      await w.pods.create(pod('one', [sh('echo ok > /tmp/health; sleep 600', { livenessProbe })]));
      await w.ready(1);
      await staysUp(w);
    },
  },
  {
    title: 'Pod liveness probe, using http endpoint, failure',
    run: async (w) => {
      await w.pods.create(pod('one', [probed({ httpGet: { path: '/', port: 80 } })]));
      await w.ready(1);
      await staysUp(w);
    },
  },
  {
    title: 'Pod liveness probe, using tcp socket, no restart',
    run: async (w) => {
      await w.pods.create(pod('one', [probed({ tcpSocket: { port: 80 } })]));
      await w.ready(1);
      await staysUp(w);
    },
  },
  {
    title: 'Pod liveness probe, using http endpoint, restart',
    run: async (w) => {
      const one = pod('one', [
        {
          ...probed({ httpGet: { path: '/healthz', port: 8080 } }),
          image: 'agnhost',
          args: ['liveness'],
        },
      ]);
      await w.pods.create(one);
      await w.ready(1);
      w.t.equal(restartsOf(await w.pods.get('one')), 0);
      await w.until('it is restarted', async () => restartsOf(await w.pods.get('one')) === 1);
    },
  },
  {
    title: 'Pod readiness probe, with initial delay',
    run: async (w) => {
      const initialDelaySeconds = 8;
      const readinessProbe = {
        httpGet: { path: '/', port: 80 },
        initialDelaySeconds,
        periodSeconds: 1,
      };
      await w.pods.create(pod('one', [{ name: 'main', image: 'nginx:1', readinessProbe }]));
      const [ready] = await w.ready(1);
      const started = statusOf(ready ?? {})?.state?.running?.startedAt?.getTime() ?? 0;
      const condition = ready?.status?.conditions?.find(({ type }) => type === 'Ready');
      const after = (condition?.lastTransitionTime?.getTime() ?? 0) - started;
      w.t.ok(after >= initialDelaySeconds * 1000, `ready after ${after} ms`);
      w.t.equal(restartsOf(ready ?? {}), 0);
    },
  },
  {
    title: 'Pod readiness probe, failure',
    run: async (w) => {
      const readinessProbe = { exec: { command: ['/bin/false'] }, periodSeconds: 1 };
      await w.pods.create(pod('one', [sh('sleep 600', { readinessProbe })]));
      await w.until(
        'it has started',
        async () => statusOf(await w.pods.get('one'))?.state?.running,
      );
      await remains(
        'it is not ready',
        async () => {
          const found = await w.pods.get('one');
          return !isReady(found) && restartsOf(found) === 0;
        },
        8000,
      );
    },
  },
];

function probed(handler: object): V1Container {
  const livenessProbe = {
    ...handler,
    initialDelaySeconds: 1,
    periodSeconds: 1,
    failureThreshold: 1,
  };
  return { name: 'main', image: 'nginx:1', livenessProbe };
}

/** For ten probes, at least. */
async function staysUp(w: World): Promise<void> {
  await remains('it runs', async () => restartsOf(await w.pods.get('one')) === 0, 12_000);
}
