/**
 * The API under load: creates, GETs, LISTs and watches over TLS with client certificates, on drydock, on
 * drydock's apiserver with Debian's etcd, and on a real kube-apiserver, as far as these are installed.
 */
import type { Row, Section } from './report.js';
import { isInstalled, Rig, type RigOptions } from './rig.js';

const NAMESPACE = 'bench';
const PODS = `/api/v1/namespaces/${NAMESPACE}/pods`;
const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
const CREATES: readonly { clients: number; count: number; aim: number }[] = [
  { clients: 1, count: 300, aim: 484 },
  { clients: 16, count: 1500, aim: 1490 },
  { clients: 64, count: 3000, aim: 1846 },
];
/** Not measured; with the creates it makes up the 5,000 pods that are listed. */
const WARM_UP = 200;
const SECONDS = 4;
const WATCHERS = 1000;
const EVENTS = 20;
const MIB = 2 ** 20;
/** Of apiserver and store together: what a busy machine changes least. */
const PROCESSOR_TIME = 'creates, 64 clients: processor time each';
const PROTOBUF = 'application/vnd.kubernetes.protobuf';
const GET_RATIO = 'GET of a pod in protobuf, 32 clients';
const LIST_RATIO = 'LIST of 5,000 pods in protobuf, 1 client';
const ON_ETCD = 'on etcd';
const KUBE = 'kube-apiserver';

/** Name of a figure → figure. */
type Figures = Map<string, number>;

export async function benchHttp(say: (text: string) => void): Promise<Section> {
  const drydock = await measure({ store: 'drydock', apiserver: 'drydock' }, say);
  const others: Record<string, Figures | string> = { [ON_ETCD]: 'not installed' };
  others[KUBE] = 'not installed';
  if (isInstalled('etcd')) {
    others[ON_ETCD] = await measure({ store: 'etcd', apiserver: 'drydock' }, say);
    if (isInstalled('kube-apiserver')) {
      others[KUBE] = await measure({ store: 'etcd', apiserver: 'kube-apiserver' }, say);
    }
  }
  const row = (what: string, unit: string, aim?: Row['aim']): Row => ({
    what,
    unit,
    drydock: drydock.get(what) ?? Number.NaN,
    others: Object.fromEntries(
      Object.entries(others).map(([name, figures]) => [
        name,
        typeof figures === 'string' ? figures : (figures.get(what) ?? ''),
      ]),
    ),
    ...(aim ? { aim } : {}),
  });
  return {
    part: 'http',
    title: 'The API under load',
    method: `An apiserver and a store, nothing else. Pods (3.7 KB as the server shows them) are created by 1, 16 and 64 clients, each
with its own TLS connection and client certificate, out of one process on the same machine; then 5,000
pods are there to be read. A LIST at 4 clients is asked for with \`resourceVersion=0\`. Protobuf is measured against JSON in the same run. For the watches, one
ConfigMap after the other is created, each when all ${WATCHERS} watchers have the one before. Debian 12 has no
kube-apiserver; where one is on the PATH it gets the same load. The aims are twice (creates, GETs) and five times
(LIST, watches) what kube-apiserver 1.20.2 on etcd 3.4.23 reached at best on two such cores.`,
    rows: [
      ...CREATES.flatMap(({ clients, aim }) => [
        row(creates(clients), 'per s', { value: aim, better: 'higher' }),
        row(`${creates(clients)}: p50`, 'ms'),
        row(`${creates(clients)}: p99`, 'ms'),
      ]),
      row(PROCESSOR_TIME, 'ms'),
      row('GET of a pod, 32 clients', 'per s', { value: 4520, better: 'higher' }),
      row('LIST of 5,000 pods, 1 client', 'per s', { value: 12, better: 'higher' }),
      row('LIST of 5,000 pods, 4 clients', 'per s', { value: 26.5, better: 'higher' }),
      row('LIST of 5,000 pods, 4 clients: data', 'MiB/s'),
      row(GET_RATIO, 'times JSON'),
      row(LIST_RATIO, 'times JSON'),
      row('one event to 1,000 watchers', 'per s', { value: 50_000, better: 'higher' }),
      row('memory of apiserver and store after the load', 'MiB'),
    ],
  };
}

async function measure(options: RigOptions, say: (text: string) => void): Promise<Figures> {
  say(`http: ${options.apiserver === 'drydock' ? 'drydock' : KUBE} on ${options.store} …`);
  const figures: Figures = new Map();
  const rig = await Rig.start(options);
  try {
    const metadata = { name: NAMESPACE };
    await rig.create('/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata });
    // No controller makes the default one here, and a pod is refused without.
    const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'bench' } };
    await rig.create(`/api/v1/namespaces/${NAMESPACE}/serviceaccounts`, account);
    const body = JSON.stringify(pod());
    const create = (prefix: string, clients: number, count: number) =>
      rig.load({ kind: 'create', path: PODS, body, prefix, clients, count });
    await create('warm-up', 8, WARM_UP);
    for (const { clients, count } of CREATES) {
      const cpu = rig.cpuSeconds();
      const { done, seconds, p50Ms, p99Ms } = await create(`pod-${clients}`, clients, count);
      figures.set(PROCESSOR_TIME, ((rig.cpuSeconds() - cpu) / done) * 1000);
      figures.set(creates(clients), done / seconds);
      figures.set(`${creates(clients)}: p50`, p50Ms);
      figures.set(`${creates(clients)}: p99`, p99Ms);
    }
    const paths = Array.from({ length: 1500 }, (_, i) => `${PODS}/pod-16-${i}`);
    const got = await rig.load({ kind: 'get', paths, clients: 32, seconds: SECONDS });
    figures.set('GET of a pod, 32 clients', got.done / got.seconds);
    const list = (path: string, clients: number, accept?: string) =>
      rig.load({
        kind: 'get',
        paths: [path],
        clients,
        seconds: SECONDS,
        ...(accept === undefined ? {} : { accept }),
      });
    const one = await list(PODS, 1);
    figures.set('LIST of 5,000 pods, 1 client', one.done / one.seconds);
    const binaryList = await list(PODS, 1, PROTOBUF);
    figures.set(LIST_RATIO, binaryList.done / binaryList.seconds / (one.done / one.seconds));
    // After the list, which has made every object's bytes.
    const binary = await rig.load({
      kind: 'get',
      paths,
      clients: 32,
      seconds: SECONDS,
      accept: PROTOBUF,
    });
    figures.set(GET_RATIO, binary.done / binary.seconds / (got.done / got.seconds));
    const four = await list(`${PODS}?resourceVersion=0`, 4);
    figures.set('LIST of 5,000 pods, 4 clients', four.done / four.seconds);
    figures.set('LIST of 5,000 pods, 4 clients: data', four.bytes / MIB / four.seconds);
    const watched = await rig.load({
      kind: 'watch',
      watch: `${CONFIG_MAPS}?watch=true`,
      create: CONFIG_MAPS,
      body: JSON.stringify(configMap()),
      watchers: WATCHERS,
      events: EVENTS,
    });
    figures.set('one event to 1,000 watchers', watched.done / watched.seconds);
    figures.set('memory of apiserver and store after the load', rig.residentBytes() / MIB);
    return figures;
  } finally {
    await rig.stop();
  }
}

function creates(clients: number): string {
  return `creates, ${clients} client${clients === 1 ? '' : 's'}`;
}

/** What a Deployment's pod looks like: a container with environment, probes and volumes. */
function pod() {
  const container = (name: string) => ({
    name,
    image: `registry.example.com/shop/${name}:1.27.3`,
    args: ['--config=/etc/app/config.yaml', '--listen=:8080', '--log-format=json'],
    ports: [{ name: 'http', containerPort: 8080 }],
    env: Array.from({ length: 6 }, (_, i) => ({ name: `SETTING_${i}`, value: `value-${i}` })),
    resources: {
      requests: { cpu: '100m', memory: '128Mi' },
      limits: { cpu: '500m', memory: '256Mi' },
    },
    readinessProbe: { httpGet: { path: '/ready', port: 'http' }, periodSeconds: 5 },
    livenessProbe: { httpGet: { path: '/live', port: 'http' }, initialDelaySeconds: 10 },
    volumeMounts: [
      { name: 'config', mountPath: '/etc/app', readOnly: true },
      { name: 'cache', mountPath: '/var/cache/app' },
    ],
    securityContext: { allowPrivilegeEscalation: false, runAsNonRoot: true },
  });
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: '%',
      namespace: NAMESPACE,
      labels: {
        app: 'shop',
        'app.kubernetes.io/component': 'frontend',
        'pod-template-hash': '7c5ddbdf54',
      },
      annotations: { 'example.com/checksum': '3b1f0c1f2a7d4f6f9ce0a1d5b2e8c7a4' },
    },
    spec: {
      serviceAccountName: 'bench',
      automountServiceAccountToken: false,
      containers: [container('web')],
      volumes: [
        { name: 'config', configMap: { name: 'shop-config' } },
        { name: 'cache', emptyDir: {} },
      ],
    },
  };
}

function configMap() {
  const data = { text: 'x'.repeat(512) };
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: '%' }, data };
}
