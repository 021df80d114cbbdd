/** What a container finds in its environment, and what becomes of it in its command. */
import type { V1Container, V1Pod, V1Service } from '@kubernetes/client-node';
import { type Clause, podSpec, type World } from '../../support/clause.js';
import { secrets } from './config-objects.js';

const base64 = (text: string) => Buffer.from(text).toString('base64');

/** Runs one container to its end; resolves to the pod and what it printed. */
export async function ran(
  w: World,
  container: Partial<V1Container>,
  spec: Partial<V1Pod['spec']> = {},
  name = 'one',
): Promise<{ pod: V1Pod; text: string }> {
  const main = { name: 'main', image: 'busybox:1.36', command: ['env'], ...container };
  const body = podSpec({ restartPolicy: 'Never', ...spec, containers: [main] });
  await w.pods.create({ metadata: { name }, spec: body });
  const pod = await w.until(`${name} has ended`, async () => {
    const found = await w.pods.get(name);
    const { phase } = found.status ?? {};
    return (phase === 'Succeeded' || phase === 'Failed') && found;
  });
  w.t.equal(pod.status?.phase, 'Succeeded');
  return { pod, text: await w.logs(name, 'main') };
}

/** Its environment has these lines, among others. */
async function has(w: World, container: Partial<V1Container>, lines: readonly string[]) {
  const { text, pod } = await ran(w, container);
  const found = new Set(text.split('\n'));
  for (const line of lines) w.t.ok(found.has(line), `${line} is in:\n${text}`);
  return { pod, found };
}

const PREFIXES = ['p_', '1-', 'a.b-', '$_', '@#%', 'CONFIG_'];
const DATA = { 'data-1': 'value-1', 'data-2': 'value-2', 'data-3': 'value-3' };
const pairs = (prefix = '') =>
  Object.entries(DATA).map(([key, value]) => `${prefix}${key}=${value}`);
const encoded = Object.fromEntries(Object.entries(DATA).map(([k, v]) => [k, base64(v)]));

const field = (name: string, fieldPath: string) => ({
  name,
  valueFrom: { fieldRef: { fieldPath } },
});
const resource = (name: string, resource: string) => ({
  name,
  valueFrom: { resourceFieldRef: { resource } },
});
const RESOURCES = [
  resource('CPU_LIMIT', 'limits.cpu'),
  resource('MEMORY_LIMIT', 'limits.memory'),
  resource('CPU_REQUEST', 'requests.cpu'),
  resource('MEMORY_REQUEST', 'requests.memory'),
];

/** Whole units, rounded up, of what the pod's node offers to pods. */
export async function allocatable(w: World, pod: V1Pod): Promise<{ cpu: string; memory: string }> {
  const { cpu = '', memory = '' } =
    (await w.nodes.get(pod.spec?.nodeName ?? '')).status?.allocatable ?? {};
  const cores = cpu.endsWith('m') ? Number(cpu.slice(0, -1)) / 1000 : Number(cpu);
  const [, count = '', unit = ''] = /^(\d+)(Ki|Mi|Gi|)$/.exec(memory) ?? [];
  const bytes = Number(count) * 1024 ** ['', 'Ki', 'Mi', 'Gi'].indexOf(unit);
  return { cpu: String(Math.ceil(cores)), memory: String(bytes) };
}

export const environment: readonly Clause[] = [
  {
    title: 'ConfigMap, from environment field',
    run: async (w) => {
      await w.configMaps.create({ metadata: { name: 'map' }, data: DATA });
      const configMapKeyRef = { name: 'map', key: 'data-1' };
      await has(w, { env: [{ name: 'ONE', valueFrom: { configMapKeyRef } }] }, ['ONE=value-1']);
    },
  },
  {
    title: 'ConfigMap, from environment variables',
    run: async (w) => {
      await w.configMaps.create({ metadata: { name: 'map' }, data: DATA });
      const configMapRef = { name: 'map' };
      const envFrom = [{ configMapRef }, { prefix: 'p_', configMapRef }];
      await has(w, { envFrom }, [...pairs(), ...pairs('p_')]);
    },
  },
  {
    title: 'ConfigMap, from environment field with various prefixes',
    run: async (w) => {
      await w.configMaps.create({ metadata: { name: 'map' }, data: DATA });
      const envFrom = PREFIXES.map((prefix) => ({ prefix, configMapRef: { name: 'map' } }));
      await has(w, { envFrom }, PREFIXES.flatMap(pairs));
    },
  },
  {
    title: 'Secrets, pod environment field',
    run: async (w) => {
      await secrets(w).create({ metadata: { name: 'secret' }, data: encoded });
      const secretKeyRef = { name: 'secret', key: 'data-1' };
      await has(w, { env: [{ name: 'ONE', valueFrom: { secretKeyRef } }] }, ['ONE=value-1']);
    },
  },
  {
    title:
      '[sig-node] Secrets should be consumable via the environment [NodeConformance] [Conformance]',
    run: async (w) => {
      await secrets(w).create({ metadata: { name: 'secret' }, data: encoded });
      const secretRef = { name: 'secret' };
      const envFrom = [{ secretRef }, { prefix: 'p_', secretRef }];
      await has(w, { envFrom }, [...pairs(), ...pairs('p_')]);
    },
  },
  {
    title:
      '[sig-node] Secrets should be consumable as environment variable names variable names with various prefixes [Conformance]',
    run: async (w) => {
      await secrets(w).create({ metadata: { name: 'secret' }, data: encoded });
      const envFrom = PREFIXES.map((prefix) => ({ prefix, secretRef: { name: 'secret' } }));
      await has(w, { envFrom }, PREFIXES.flatMap(pairs));
    },
  },
  {
    title: 'DownwardAPI, environment for name, namespace and ip',
    run: async (w) => {
      const env = [
        field('POD_NAME', 'metadata.name'),
        field('POD_NAMESPACE', 'metadata.namespace'),
        field('POD_IP', 'status.podIP'),
      ];
      const { pod, found } = await has(w, { env }, [
        'POD_NAME=one',
        `POD_NAMESPACE=${w.namespace}`,
      ]);
      w.t.match(pod.status?.podIP, /^\d+\.\d+\.\d+\.\d+$/);
      w.t.ok(found.has(`POD_IP=${pod.status?.podIP}`));
    },
  },
  {
    title: 'DownwardAPI, environment for host ip',
    run: async (w) => {
      const { pod, found } = await has(w, { env: [field('HOST_IP', 'status.hostIP')] }, []);
      w.t.match(pod.status?.hostIP, /^\d+\.\d+\.\d+\.\d+$/);
      w.t.ok(found.has(`HOST_IP=${pod.status?.hostIP}`));
    },
  },
  {
    title: 'DownwardAPI, environment for hostIPs',
    run: async (w) => {
      const env = [field('HOST_IP', 'status.hostIP'), field('HOST_IPS', 'status.hostIPs')];
      const { pod, found } = await has(w, { env }, []);
      const ips = pod.status?.hostIPs?.map(({ ip }) => ip) ?? [];
      w.t.equal(ips[0], pod.status?.hostIP);
      w.t.ok(found.has(`HOST_IPS=${ips}`));
      w.t.ok(found.has(`HOST_IP=${ips[0]}`));
    },
  },
  {
    title: 'DownwardAPI, environment for Pod UID',
    run: async (w) => {
      const { pod, found } = await has(w, { env: [field('POD_UID', 'metadata.uid')] }, []);
      w.t.match(pod.metadata?.uid, /^[0-9a-f-]{36}$/);
      w.t.ok(found.has(`POD_UID=${pod.metadata?.uid}`));
    },
  },
  {
    title: 'DownwardAPI, environment for CPU and memory limits and requests',
    run: async (w) => {
      const resources = {
        requests: { cpu: '250m', memory: '32Mi' },
        limits: { cpu: '1250m', memory: '64Mi' },
      };
      await has(w, { env: RESOURCES, resources }, [
        'CPU_LIMIT=2',
        'MEMORY_LIMIT=67108864',
        'CPU_REQUEST=1',
        'MEMORY_REQUEST=33554432',
      ]);
    },
  },
  {
    title: 'DownwardAPI, environment for default CPU and memory limits and requests',
    run: async (w) => {
      const { pod, found } = await has(w, { env: RESOURCES.slice(0, 2) }, []);
      const { cpu, memory } = await allocatable(w, pod);
      w.t.ok(found.has(`CPU_LIMIT=${cpu}`), cpu);
      w.t.ok(found.has(`MEMORY_LIMIT=${memory}`), memory);
    },
  },
  {
    title: 'Pods, service environment variables',
    run: async (w) => {
      const services = w.at<V1Service>('v1', 'services');
      const server = podSpec({
        containers: [{ name: 'main', image: 'nginx:1', ports: [{ containerPort: 9376 }] }],
      });
      await w.pods.create({
        metadata: { name: 'server', labels: { app: 'server' } },
        spec: server,
      });
      await w.ready(1);
      const { spec } = await services.create({
        metadata: { name: 'fooservice' },
        spec: { selector: { app: 'server' }, ports: [{ port: 8765, targetPort: 8080 }] },
      });
      const ip = spec?.clusterIP;
      const tcp = 'FOOSERVICE_PORT_8765_TCP';
      // A kubelet hears of a Service a moment after it is made.
      await w.until('a pod finds the Service', async () => {
        const name = `early-${Math.random().toString(36).slice(2, 8)}`;
        const { text } = await ran(w, {}, {}, name);
        return text.includes('FOOSERVICE_');
      });
      await has(w, {}, [
        `FOOSERVICE_SERVICE_HOST=${ip}`,
        'FOOSERVICE_SERVICE_PORT=8765',
        `FOOSERVICE_PORT=tcp://${ip}:8765`,
        `${tcp}_PORT=8765`,
        `${tcp}_PROTO=tcp`,
        `${tcp}=tcp://${ip}:8765`,
        `${tcp}_ADDR=${ip}`,
      ]);
    },
  },
  {
    title: 'Environment variables, expansion',
    run: async (w) => {
      const env = [
        { name: 'FOO', value: 'foo-value' },
        { name: 'BAR', value: 'bar-value' },
        { name: 'FOOBAR', value: '$(FOO);;$(BAR)' },
      ];
      await has(w, { env }, ['FOO=foo-value', 'BAR=bar-value', 'FOOBAR=foo-value;;bar-value']);
    },
  },
  {
    title: 'Environment variables, command expansion',
    run: async (w) => {
      const env = [{ name: 'TEST_VAR', value: 'test-value' }];
      const command = ['sh', '-c', 'TEST_VAR=wrong echo "$(TEST_VAR)"'];
      w.t.equal((await ran(w, { env, command })).text, 'test-value\n');
    },
  },
  {
    title: 'Environment variables, command argument expansion',
    run: async (w) => {
      const env = [{ name: 'TEST_VAR', value: 'test-value' }];
      const args = ['TEST_VAR=wrong echo "$(TEST_VAR)"'];
      w.t.equal((await ran(w, { env, command: ['sh', '-c'], args })).text, 'test-value\n');
    },
  },
  {
    title: 'Containers, with command',
    run: async (w) => {
      const { text } = await ran(w, { image: 'nginx:1', command: ['echo', 'overridden'] });
      w.t.equal(text, 'overridden\n');
    },
  },
  {
    title: 'Containers, with command and arguments',
    run: async (w) => {
      const command = ['echo'];
      const { text } = await ran(w, { image: 'nginx:1', command, args: ['override', 'arguments'] });
      w.t.equal(text, 'override arguments\n');
    },
  },
];
