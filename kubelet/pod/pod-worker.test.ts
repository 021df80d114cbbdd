import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import type {
  ConfigMap,
  Container,
  ContainerState,
  CSINode,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodStatus,
  ResourceClaim,
  VolumeAttachment,
} from '../../pkg/api/types.js';
import { notFound } from '../../pkg/apimachinery/status.js';
import { FakeClock } from '../../pkg/component/clock.js';
import { silentLogger } from '../../pkg/component/logger.js';
import { TaskGroup } from '../../pkg/component/task-group.js';
import { Backoff } from '../backoff.js';
import { KubeletEvents } from '../events.js';
import { ImageManager } from '../images/image-manager.js';
import { admit, refuseResize } from '../node/admission.js';
import { SimulatedRuntime } from '../runtime/simulated/simulated-runtime.js';
import { StatusManager, statusPatch } from '../status-manager.js';
import { expand } from '../volumes/environment.js';
import type { PodObjects } from '../volumes/object-cache.js';
import { VolumesInUse } from '../volumes/volumes-in-use.js';
import { PodContainers } from './pod-containers.js';
import { podPhase } from './pod-status.js';
import { PodWorker } from './pod-worker.js';

const rootDir = mkdtempSync(join(tmpdir(), 'drydock-pods-'));
t.teardown(() => rmSync(rootDir, { recursive: true, force: true }));

function podOf(spec: Partial<Pod['spec']> & object, over: Partial<Pod> = {}): Pod {
  return {
    metadata: { name: 'web', namespace: 'default', uid: 'u1', generation: 1, ...over.metadata },
    spec: { containers: [{ name: 'main', image: 'nginx' }], restartPolicy: 'Always', ...spec },
    status: { phase: 'Pending', qosClass: 'BestEffort', ...over.status },
  };
}

/** One node with one pod, a runtime that is simulated and an API that remembers what it was told. */
class Node {
  readonly clock = new FakeClock();
  readonly events: string[] = [];
  readonly deleted: unknown[] = [];
  readonly configMaps = new Map<string, ConfigMap>();
  others: Pod[] = [];
  finished = false;
  writes = 0;
  readonly claims = new Map<string, PersistentVolumeClaim>();
  resourceClaim: ResourceClaim | undefined;
  attachment: VolumeAttachment | undefined;
  csiNode: CSINode | undefined;
  /** Times that the node's status was to be sent, for volumes in use. */
  wishes = 0;
  readonly inUse = new VolumesInUse(() => this.wishes++);
  readonly volumes = new Map<string, PersistentVolume>();
  readonly runtime = new SimulatedRuntime({ nodeName: 'n', clock: this.clock });
  private readonly stopping = new AbortController();
  readonly tasks = new TaskGroup(this.stopping.signal, (_, err) => {
    throw err;
  });
  readonly statuses: StatusManager;
  worker: PodWorker;

  constructor(
    private pod: Pod,
    rejected?: { reason: string; message: string },
  ) {
    this.runtime.configureNetwork('10.244.0.0/24');
    const { clock, runtime, tasks } = this;
    const events = new KubeletEvents(
      {
        event: (about, _, reason, message) =>
          this.events.push(`${about.fieldPath ?? 'pod'} ${reason} ${message}`),
      },
      'n',
    );
    const logger = silentLogger();
    const objects: PodObjects = {
      configMap: async (_, name) => this.configMaps.get(name),
      secret: async () => undefined,
      claim: async (_, name) => this.claims.get(name),
      updateClaimStatus: async (claim) => {
        this.claims.set(claim.metadata?.name ?? '', claim);
        return claim;
      },
      volume: async (name) => this.volumes.get(name),
      attachment: async () => this.attachment,
      csiDriver: async () => undefined,
      csiNode: async () => this.csiNode,
      resourceClaim: async () => this.resourceClaim,
      services: () => [],
    };
    this.statuses = new StatusManager({
      clock,
      logger,
      tasks,
      client: {
        patchUnread: async () => {
          this.writes++;
        },
        delete: async (_namespace, name, options) => {
          this.deleted.push(options?.preconditions);
          if (options?.gracePeriodSeconds !== 0)
            throw notFound({ group: '', resource: 'pods' }, name);
          return this.pod;
        },
      },
    });
    const containers = new PodContainers({
      runtime,
      images: new ImageManager({ runtime, clock, events }),
      objects,
      events,
      clock,
      node: { hostIP: '127.0.0.1', rootDir, allocatable: () => ({ cpu: '4' }) },
      signal: this.stopping.signal,
    });
    this.worker = new PodWorker({
      pod,
      runtime,
      containers,
      statuses: this.statuses,
      objects,
      inUse: this.inUse,
      events,
      clock,
      logger,
      hostIP: '127.0.0.1',
      signal: this.stopping.signal,
      refusesResize: (wanted) => refuseResize(wanted, this.others, { cpu: '4', memory: '8Gi' }),
      ...(rejected ? { rejected } : {}),
      spawn: (run) => tasks.spawn('pod', run),
      finished: () => {
        this.finished = true;
      },
    });
    runtime.subscribe((event) => this.worker.notice(event));
    this.worker.wake();
  }

  get status(): PodStatus {
    return this.statuses.get('u1') ?? {};
  }

  container(name = 'main') {
    return this.status.containerStatuses?.find((s) => s.name === name);
  }

  condition(type: string) {
    return this.status.conditions?.find((c) => c.type === type);
  }

  /** Lets time pass, in steps small enough for chains of work to go on. */
  async pass(ms: number, step = 50): Promise<void> {
    for (let left = ms; left > 0; left -= step) {
      await this.clock.advance(Math.min(step, left));
      for (let i = 0; i < 5; i++) await this.clock.advance(0);
    }
  }

  async until(what: () => boolean, limitMs = 60_000, step = 50): Promise<boolean> {
    for (let spent = 0; spent <= limitMs; spent += step) {
      if (what()) return true;
      await this.pass(step, step);
    }
    return what();
  }

  update(change: (pod: Pod) => Pod): void {
    this.pod = change(this.pod);
    this.worker.update(this.pod);
  }

  deletePod(graceSeconds: number): void {
    this.update((pod) => ({
      ...pod,
      metadata: {
        ...pod.metadata,
        deletionTimestamp: '2026-01-01T00:00:00Z',
        deletionGracePeriodSeconds: graceSeconds,
      },
    }));
  }

  async stop(): Promise<void> {
    this.stopping.abort();
    await this.runtime.close();
    await this.tasks.done();
  }
}

t.test('a pod becomes Running and Ready in some tens of milliseconds', async (t) => {
  const node = new Node(podOf({}));
  t.ok(await node.until(() => node.status.phase === 'Running', 200));
  t.match(node.status, {
    observedGeneration: 1,
    hostIP: '127.0.0.1',
    podIP: '10.244.0.2',
    podIPs: [{ ip: '10.244.0.2' }],
    qosClass: 'BestEffort',
    containerStatuses: [
      {
        name: 'main',
        ready: true,
        started: true,
        restartCount: 0,
        image: 'docker.io/library/nginx:latest',
        imageID: /^docker\.io\/library\/nginx@sha256:[0-9a-f]{64}$/,
        containerID: /^simulated:\/\/[0-9a-f]{64}$/,
      },
    ],
  });
  t.same(
    node.status.conditions?.map((c) => `${c.type}=${c.status}`),
    [
      'PodReadyToStartContainers=True',
      'Initialized=True',
      'Ready=True',
      'ContainersReady=True',
      'PodScheduled=True',
    ],
  );
  t.match(node.events, [
    'spec.containers{main} Pulling Pulling image "nginx"',
    /Pulled Successfully pulled image "nginx" in \d+ms \(\d+ms including waiting\)\. Image size: \d+ bytes\./,
    'spec.containers{main} Created Container created',
    'spec.containers{main} Started Container started',
  ]);
  await node.stop();
});

t.test('a deleted pod ends its containers, reports it and is deleted for good', async (t) => {
  const node = new Node(podOf({}));
  await node.until(() => node.status.phase === 'Running');
  node.deletePod(30);
  t.ok(await node.until(() => node.deleted.length > 0, 500));
  t.same(node.deleted, [{ uid: 'u1' }]);
  t.match(node.container()?.state?.terminated, { exitCode: 0, reason: 'Completed' });
  t.equal(node.condition('PodReadyToStartContainers')?.status, 'False');
  t.ok(node.events.includes('spec.containers{main} Killing Stopping container main'));
  node.worker.remove();
  t.ok(await node.until(() => node.finished));
  t.same(await node.runtime.podUids(), []);
  await node.stop();
});

t.test('a pod that stops slowly uses its grace, and a shorter one when asked again', async (t) => {
  const node = new Node(
    podOf(
      {},
      {
        metadata: {
          name: 'web',
          namespace: 'default',
          uid: 'u1',
          annotations: { 'drydock.dev/stop-after': '1h' },
        },
      },
    ),
  );
  await node.until(() => node.status.phase === 'Running');
  node.deletePod(600);
  await node.pass(5000, 500);
  t.equal(node.worker.state, 'terminating');
  node.deletePod(0);
  t.ok(await node.until(() => node.worker.state === 'terminated', 1000));
  t.match(node.container()?.state?.terminated, { exitCode: 137, reason: 'Error' });
  await node.stop();
});

t.test('a container that fails is restarted: at once, then after 10 s, 20 s', async (t) => {
  const node = new Node(
    podOf({ containers: [{ name: 'main', image: 'busybox', command: ['sh', '-c', 'exit 1'] }] }),
  );
  t.ok(
    await node.until(() => node.container()?.restartCount === 1, 500),
    'the first restart is at once',
  );
  t.ok(
    await node.until(() => node.container()?.state?.waiting?.reason === 'CrashLoopBackOff', 500),
  );
  t.match(node.container(), {
    ready: false,
    state: {
      waiting: {
        reason: 'CrashLoopBackOff',
        message: 'back-off 10s restarting failed container=main pod=web_default(u1)',
      },
    },
    lastState: { terminated: { exitCode: 1, reason: 'Error' } },
  });
  t.equal(node.status.phase, 'Running');
  t.match(node.condition('Ready'), {
    status: 'False',
    reason: 'ContainersNotReady',
    message: 'containers with unready status: [main]',
  });
  await node.pass(9000, 500);
  t.equal(node.container()?.restartCount, 1);
  await node.pass(2000, 500);
  t.equal(node.container()?.restartCount, 2);
  t.match(node.container()?.state?.waiting?.message, /^back-off 20s /);
  t.ok(
    node.events.includes(
      'spec.containers{main} BackOff Back-off restarting failed container main in pod web_default(u1)',
    ),
  );
  await node.stop();
});

t.test('how pods end', async (t) => {
  const sh = (script: string): Container => ({
    name: 'main',
    image: 'busybox',
    command: ['sh', '-c', script],
  });
  const rows: [string, Partial<Pod['spec']> & object, object][] = [
    [
      'Never, good',
      { restartPolicy: 'Never', containers: [sh('echo hi')] },
      { phase: 'Succeeded' },
    ],
    ['Never, bad', { restartPolicy: 'Never', containers: [sh('exit 3')] }, { phase: 'Failed' }],
    [
      'OnFailure, good',
      { restartPolicy: 'OnFailure', containers: [sh('sleep 2')] },
      { phase: 'Succeeded' },
    ],
    [
      'an unknown command',
      {
        restartPolicy: 'Never',
        containers: [{ name: 'main', image: 'perl', command: ['perl', '-v'] }],
      },
      { phase: 'Succeeded' },
    ],
    [
      'the deadline',
      { activeDeadlineSeconds: 3 },
      {
        phase: 'Failed',
        reason: 'DeadlineExceeded',
        message: 'Pod was active on the node longer than the specified deadline',
      },
    ],
    [
      'an init container that fails',
      { restartPolicy: 'Never', initContainers: [{ ...sh('exit 1'), name: 'init' }] },
      { phase: 'Failed' },
    ],
  ];
  for (const [name, spec, expected] of rows) {
    const node = new Node(podOf(spec));
    await node.until(() => node.worker.state === 'terminated', 6000);
    t.match(node.status, expected, name);
    t.equal(node.worker.state, 'terminated', name);
    if (node.status.phase === 'Succeeded')
      t.equal(node.condition('Ready')?.reason, 'PodCompleted', name);
    await node.stop();
  }
});

t.test(
  'an init container with a command nobody knows ends, also where the pod always restarts',
  async (t) => {
    const node = new Node(
      podOf({ initContainers: [{ name: 'init', image: 'migrate', command: ['migrate', 'up'] }] }),
    );
    await node.until(() => node.condition('Ready')?.status === 'True', 6000);
    t.match(node.status, {
      phase: 'Running',
      initContainerStatuses: [
        { name: 'init', state: { terminated: { exitCode: 0, reason: 'Completed' } } },
      ],
    });
    await node.stop();
  },
);

t.test('init containers run in order, a sidecar stays, and the others follow', async (t) => {
  const node = new Node(
    podOf({
      initContainers: [
        { name: 'first', image: 'busybox', command: ['sleep', '1'] },
        { name: 'side', image: 'busybox', command: ['sleep', 'infinity'], restartPolicy: 'Always' },
        { name: 'second', image: 'busybox', command: ['sleep', '1'] },
      ],
    }),
  );
  await node.pass(500);
  t.equal(node.status.phase, 'Pending');
  t.match(node.container()?.state, { waiting: { reason: 'PodInitializing' } });
  t.match(node.condition('Initialized'), {
    status: 'False',
    reason: 'ContainersNotInitialized',
    message: 'containers with incomplete status: [first side second]',
  });
  t.ok(await node.until(() => node.status.phase === 'Running', 4000));
  t.match(node.status.initContainerStatuses, [
    { name: 'first', ready: true, state: { terminated: { reason: 'Completed' } } },
    { name: 'side', ready: true, started: true, state: { running: {} } },
    { name: 'second', ready: true },
  ]);
  const started = node.events.filter((e) => e.includes('Started'));
  t.match(started, [/first/, /side/, /second/, /main/]);
  await node.stop();
});

t.test(
  'sidecars end when those they serve have ended for good, and the pod with them',
  async (t) => {
    const side = { image: 'envoy', command: ['sleep', 'infinity'], restartPolicy: 'Always' };
    const node = new Node(
      podOf({
        restartPolicy: 'Never',
        initContainers: [
          { name: 'first', ...side },
          { name: 'second', ...side },
        ],
        containers: [{ name: 'main', image: 'busybox', command: ['sleep', '2'] }],
      }),
    );
    t.ok(await node.until(() => node.status.phase === 'Running', 2000));
    t.ok(await node.until(() => node.status.phase === 'Succeeded', 5000));
    t.match(node.status.initContainerStatuses, [
      { name: 'first', restartCount: 0, state: { terminated: {} } },
      { name: 'second', restartCount: 0, state: { terminated: {} } },
    ]);
    t.same(
      node.events.filter((e) => e.includes('Killing')),
      [
        'spec.initContainers{second} Killing Stopping container second',
        'spec.initContainers{first} Killing Stopping container first',
      ],
    );
    await node.stop();
  },
);

t.test('a container whose turn never came goes on waiting when its pod has failed', async (t) => {
  const node = new Node(
    podOf({
      restartPolicy: 'Never',
      initContainers: [{ name: 'first', image: 'busybox', command: ['false'] }],
    }),
  );
  t.ok(await node.until(() => node.status.phase === 'Failed', 3000));
  await node.pass(1000);
  t.match(node.status.initContainerStatuses, [{ state: { terminated: { exitCode: 1 } } }]);
  t.match(node.container(), { ready: false, state: { waiting: { reason: 'PodInitializing' } } });
  await node.stop();
});

t.test('a volume that cannot be mounted is tried less and less often', async (t) => {
  const node = new Node(podOf({ volumes: [{ name: 's', secret: { secretName: 'nope' } }] }));
  await node.pass(20_000);
  const tries = node.events.filter((e) => e.includes('FailedMount')).length;
  t.ok(tries >= 4 && tries <= 7, `${tries} times in 20 s`);
  await node.stop();
});

t.test('a ConfigMap that changes is seen in its volume a minute later', async (t) => {
  const node = new Node(
    podOf({
      volumes: [{ name: 'v', configMap: { name: 'settings' } }],
      containers: [
        { name: 'main', image: 'nginx', volumeMounts: [{ name: 'v', mountPath: '/etc/app' }] },
      ],
    }),
  );
  node.configMaps.set('settings', { data: { level: 'low' } });
  await node.pass(5000);
  const [container] = (await node.runtime.podStatus('u1')).containers;
  const seen = async () =>
    (await node.runtime.exec(container?.id ?? '', ['cat', '/etc/app/level'], 1000)).stdout;
  t.equal(await seen(), 'low');
  node.configMaps.set('settings', { data: { level: 'high' } });
  await node.pass(30_000);
  t.equal(await seen(), 'low', 'not at once');
  await node.pass(40_000);
  t.equal(await seen(), 'high');
  await node.stop();
});

t.test('a pod waits for its devices', async (t) => {
  const node = new Node(podOf({ resourceClaims: [{ name: 'gpu', resourceClaimName: 'gpus' }] }));
  const tells = (why: string) =>
    node.events.some((event) =>
      event.includes(
        `pod FailedPrepareDynamicResources Failed to prepare dynamic resources: prepare dynamic resources: ${why}`,
      ),
    );
  await node.pass(1000);
  t.ok(
    tells('failed to fetch ResourceClaim gpus: resourceclaims.resource.k8s.io "gpus" not found'),
  );
  node.resourceClaim = { metadata: { name: 'gpus', uid: 'c' }, spec: {}, status: {} };
  await node.pass(3000);
  t.ok(tells('ResourceClaim default/gpus is not allocated'));
  t.equal(node.container()?.state?.running, undefined);
  const user = { resource: 'pods', name: 'p', uid: podOf({}).metadata?.uid ?? '' };
  node.resourceClaim = {
    ...node.resourceClaim,
    status: { allocation: {}, reservedFor: [user] },
  };
  await node.pass(10_000);
  t.ok(node.container()?.state?.running);
  await node.stop();
});

t.test('a pod waits for its claim, and gives a claim that has grown its size', async (t) => {
  const persistentVolumeClaim = { claimName: 'data' };
  const node = new Node(podOf({ volumes: [{ name: 'v', persistentVolumeClaim }] }));
  const waits = (why: string) =>
    `pod FailedMount Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[v]: error processing PVC default/data: ${why}`;
  await node.pass(1000);
  t.ok(
    node.events.includes(
      waits('failed to fetch PVC from API server: persistentvolumeclaims "data" not found'),
    ),
  );
  const claim: PersistentVolumeClaim = {
    metadata: { namespace: 'default', name: 'data', uid: 'c1' },
    spec: { volumeName: 'pv1' },
    status: { phase: 'Pending' },
  };
  node.claims.set('data', claim);
  await node.pass(2000);
  t.ok(node.events.includes(waits('PVC is not bound')));
  node.volumes.set('pv1', { metadata: { name: 'pv1' }, spec: { claimRef: { uid: 'c1' } } });
  const capacity = { storage: '1Gi' };
  node.claims.set('data', { ...claim, status: { phase: 'Bound', capacity } });
  t.ok(await node.until(() => node.status.phase === 'Running', 20_000));
  const pending = { type: 'FileSystemResizePending', status: 'True' };
  node.claims.set('data', {
    ...claim,
    status: {
      phase: 'Bound',
      capacity,
      allocatedResources: { storage: '2Gi' },
      allocatedResourceStatuses: { storage: 'NodeResizePending' },
      conditions: [pending],
    },
  });
  await node.pass(11_000);
  t.same(node.claims.get('data')?.status, {
    phase: 'Bound',
    capacity: { storage: '2Gi' },
    allocatedResources: { storage: '2Gi' },
  });
  t.match(
    node.events.find((event) => event.includes('FileSystemResizeSuccessful')),
    'MountVolume.NodeExpandVolume succeeded for volume "pv1"',
  );
  await node.stop();
});

t.test(
  'a volume of a driver is mounted when the node shows that it is in use, until its pod has ended',
  async (t) => {
    const persistentVolumeClaim = { claimName: 'data' };
    const node = new Node(podOf({ volumes: [{ name: 'v', persistentVolumeClaim }] }));
    node.claims.set('data', {
      metadata: { namespace: 'default', name: 'data', uid: 'c1' },
      spec: { volumeName: 'pv1' },
      status: { phase: 'Bound' },
    });
    const csi = { driver: 'example.com', volumeHandle: 'h' };
    node.volumes.set('pv1', { metadata: { name: 'pv1' }, spec: { csi, claimRef: { uid: 'c1' } } });
    await node.pass(1000);
    t.same(node.inUse.names, ['kubernetes.io/csi/example.com^h'], 'before it is attached');
    t.ok(node.wishes > 0, 'the status is to be sent');
    node.attachment = {
      spec: { attacher: 'example.com', nodeName: 'n', source: { persistentVolumeName: 'pv1' } },
      status: { attached: true },
    };
    node.csiNode = { spec: { drivers: [{ name: 'example.com', nodeID: 'n' }] } };
    await node.pass(60_000);
    t.equal(node.status.phase, 'Pending', 'attached, but not shown');
    t.same(node.inUse.shown(node.inUse.names), ['u1']);
    node.worker.wake();
    await node.pass(1000);
    t.equal(node.status.phase, 'Running');
    t.ok(node.inUse.allShown);
    const wishes = node.wishes;
    node.worker.remove();
    await node.pass(1000);
    t.ok(node.finished);
    t.same(node.inUse.names, [], 'let go');
    t.equal(node.wishes, wishes + 1);
    t.notOk(node.inUse.allShown, 'which the status is to say');
    await node.stop();
  },
);

t.test('a volume of a driver waits to be attached', async (t) => {
  const persistentVolumeClaim = { claimName: 'data' };
  const node = new Node(podOf({ volumes: [{ name: 'v', persistentVolumeClaim }] }));
  node.claims.set('data', {
    metadata: { namespace: 'default', name: 'data', uid: 'c1' },
    spec: { volumeName: 'pv1' },
    status: { phase: 'Bound' },
  });
  const csi = { driver: 'example.com', volumeHandle: 'h' };
  node.volumes.set('pv1', { metadata: { name: 'pv1' }, spec: { csi, claimRef: { uid: 'c1' } } });
  await node.pass(100_000);
  t.notOk(node.events.some((event) => event.includes('FailedMount')));
  await node.pass(60_000);
  t.ok(
    node.events.includes(
      'pod FailedMount Unable to attach or mount volumes: unmounted volumes=[v], unattached volumes=[], failed to process volumes=[]: context deadline exceeded',
    ),
  );
  await node.stop();
});

t.test('probes: ready after, and restarted when liveness fails', async (t) => {
  const httpGet = { path: '/', port: 80 };
  const annotations = {
    'drydock.dev/ready-after': '5s',
    'drydock.dev/fail-probes': 'liveness',
    'drydock.dev/fail-probes-after': '20s',
  };
  const node = new Node(
    podOf(
      {
        containers: [
          {
            name: 'main',
            image: 'nginx',
            readinessProbe: { httpGet, periodSeconds: 2 },
            livenessProbe: {
              httpGet,
              periodSeconds: 5,
              failureThreshold: 2,
              initialDelaySeconds: 6,
            },
          },
        ],
      },
      { metadata: { name: 'web', namespace: 'default', uid: 'u1', annotations } },
    ),
  );
  await node.pass(3000);
  t.match(node.container(), { ready: false, started: true });
  t.ok(
    node.events.includes(
      'spec.containers{main} Unhealthy Readiness probe failed: Get "http://10.244.0.2:80/": dial tcp 10.244.0.2:80: connect: connection refused',
    ),
  );
  await node.pass(4000);
  t.equal(node.container()?.ready, true);
  t.equal(node.condition('Ready')?.status, 'True');
  await node.pass(22_000, 100);
  t.ok(
    node.events.includes(
      'spec.containers{main} Killing Container main failed liveness probe, will be restarted',
    ),
  );
  t.equal(node.container()?.restartCount, 1);
  await node.stop();
});

t.test('a startup probe holds the others back', async (t) => {
  const httpGet = { path: '/', port: 80 };
  const container = {
    name: 'main',
    image: 'nginx',
    startupProbe: { httpGet, periodSeconds: 1, failureThreshold: 30 },
    readinessProbe: { httpGet, periodSeconds: 10 },
  };
  const annotations = { 'drydock.dev/ready-after': '4s' };
  const node = new Node(
    podOf(
      { containers: [container] },
      { metadata: { name: 'web', namespace: 'default', uid: 'u1', annotations } },
    ),
  );
  await node.pass(3000);
  t.match(node.container(), { ready: false, started: false });
  t.notOk(node.events.some((e) => e.includes('Readiness')));
  await node.pass(2500);
  t.match(node.container(), { ready: true, started: true });
  await node.stop();
});

t.test('images that cannot be had keep a container waiting', async (t) => {
  const rows: [string, Partial<Container>, string, RegExp][] = [
    [
      'missing',
      { image: 'x.invalid/app' },
      'ImagePullBackOff',
      /^Back-off pulling image "x\.invalid\/app": ErrImagePull: rpc error/,
    ],
    [
      'a bad name',
      { image: 'Bad' },
      'InvalidImageName',
      /^Failed to apply default image tag "Bad": couldn't parse image name "Bad"/,
    ],
    [
      'never pulled',
      { image: 'nginx', imagePullPolicy: 'Never' },
      'ErrImageNeverPull',
      /is not present with pull policy of Never$/,
    ],
  ];
  for (const [name, over, reason, message] of rows) {
    const node = new Node(podOf({ containers: [{ name: 'main', image: '', ...over }] }));
    t.ok(
      await node.until(() => node.container()?.state?.waiting?.reason === reason, 11_000, 500),
      name,
    );
    t.match(node.container()?.state?.waiting?.message, message, name);
    t.equal(node.status.phase, 'Pending', name);
    t.ok(
      node.events.some((e) => e.endsWith(`Failed Error: ${reason}`)),
      name,
    );
    await node.stop();
  }
});

t.test('a volume waits for its ConfigMap, an environment says that it is missing', async (t) => {
  const volumes = [{ name: 'config', configMap: { name: 'settings' } }];
  const node = new Node(podOf({ volumes }));
  await node.pass(1000);
  t.match(node.container()?.state, { waiting: { reason: 'ContainerCreating' } });
  t.equal(
    node.events[0],
    'pod FailedMount MountVolume.SetUp failed for volume "config" : configmap "settings" not found',
  );
  node.configMaps.set('settings', { metadata: { name: 'settings' }, data: { a: '1' } });
  t.ok(await node.until(() => node.status.phase === 'Running', 5000));
  await node.stop();

  const env = [{ name: 'A', valueFrom: { configMapKeyRef: { name: 'settings', key: 'a' } } }];
  const other = new Node(podOf({ containers: [{ name: 'main', image: 'nginx', env }] }));
  t.ok(
    await other.until(
      () => other.container()?.state?.waiting?.reason === 'CreateContainerConfigError',
      1000,
    ),
  );
  t.equal(other.container()?.state?.waiting?.message, 'configmap "settings" not found');
  t.ok(other.events.includes('spec.containers{main} Failed Error: configmap "settings" not found'));
  await other.pass(500);
  const said = other.events.length;
  await other.pass(8000, 500);
  t.equal(other.events.length, said, 'said every ten seconds');
  other.configMaps.set('settings', { metadata: { name: 'settings' }, data: { a: '1' } });
  t.ok(await other.until(() => other.status.phase === 'Running', 11_000));
  await other.stop();
});

t.test('a container that must not run as root does not', async (t) => {
  type Context = NonNullable<Container['securityContext']>;
  const rows: [string, string, Context, string | undefined][] = [
    ['an image of root', 'nginx', {}, 'container has runAsNonRoot and image will run as root'],
    [
      'an image of a name',
      'memcached',
      {},
      'container has runAsNonRoot and image has non-numeric user (memcache), cannot verify user is non-root',
    ],
    ['root by the pod', 'acme/a', { runAsUser: 0 }, "container's runAsUser breaks non-root policy"],
    ['another user', 'nginx', { runAsUser: 1000 }, undefined],
    ['the container may', 'nginx', { runAsNonRoot: false }, undefined],
    ['an image that nobody knows', 'acme/a', {}, undefined],
  ];
  for (const [name, image, securityContext, why] of rows) {
    const node = new Node(
      podOf({
        securityContext: { runAsNonRoot: true },
        containers: [{ name: 'main', image, securityContext }],
      }),
    );
    if (why === undefined) {
      t.ok(await node.until(() => node.status.phase === 'Running', 1000), name);
    } else {
      const text = `${why} (pod: "web_default(u1)", container: main)`;
      const waiting = { reason: 'CreateContainerConfigError', message: text };
      t.ok(await node.until(() => node.container()?.state?.waiting?.reason !== undefined), name);
      await node.pass(100);
      t.match(node.container()?.state, { waiting }, name);
      t.ok(node.events.includes(`spec.containers{main} Failed Error: ${text}`), name);
    }
    await node.stop();
  }
});

t.test('a command before the end takes its time, within the grace', async (t) => {
  const rows: [string, string[], number, number][] = [
    ['that it needs', ['sh', '-c', 'sleep 4; nginx -s quit'], 30, 4],
    ['and no longer than the grace, and two seconds', ['sleep', '100'], 10, 10],
    [
      'the server has quit when it is asked for',
      ['sh', '-c', 'nginx -s quit; while killall -0 nginx; do sleep 1; done'],
      30,
      0,
    ],
  ];
  for (const [name, command, grace, takes] of rows) {
    const lifecycle = { preStop: { exec: { command } } };
    const node = new Node(podOf({ containers: [{ name: 'main', image: 'nginx', lifecycle }] }));
    await node.until(() => node.status.phase === 'Running');
    node.deletePod(grace);
    await node.pass(Math.max(300, takes * 1000 - 200), 100);
    t.equal(node.deleted.length > 0, takes === 0, name);
    await node.pass(1000, 50);
    t.equal(node.deleted.length, 1, name);
    await node.stop();
  }
});

t.test('a probe that takes too long fails', async (t) => {
  const readinessProbe = { exec: { command: ['sleep', '5'] }, periodSeconds: 3 };
  const node = new Node(podOf({ containers: [{ name: 'main', image: 'nginx', readinessProbe }] }));
  await node.pass(2000, 100);
  const text =
    'spec.containers{main} Unhealthy Readiness probe failed: command "sleep 5" timed out';
  t.ok(node.events.includes(text));
  await node.stop();
});

t.test('what a container says of its end', async (t) => {
  const rows: [string, string, Partial<Container>, string | undefined][] = [
    ['its message', 'echo bye > /dev/termination-log', {}, 'bye\n'],
    ['nothing of its log', 'echo boom; exit 7', {}, undefined],
    [
      'its log, where it failed',
      'echo boom; exit 7',
      { terminationMessagePolicy: 'FallbackToLogsOnError' },
      'boom\n',
    ],
    [
      'not its log, where it did not',
      'echo fine',
      { terminationMessagePolicy: 'FallbackToLogsOnError' },
      undefined,
    ],
    [
      'of a long log the last 80 lines',
      'i=0; while [ $i -lt 100 ]; do i=$((i+1)); echo $i; done; exit 1',
      { terminationMessagePolicy: 'FallbackToLogsOnError' },
      Array.from({ length: 80 }, (_, n) => `${n + 21}\n`).join(''),
    ],
  ];
  for (const [name, script, over, expected] of rows) {
    const main = { name: 'main', image: 'busybox', command: ['sh', '-c', script], ...over };
    const node = new Node(podOf({ restartPolicy: 'Never', containers: [main] }));
    await node.until(() => node.worker.state === 'terminated', 6000);
    t.equal(node.container()?.state?.terminated?.message, expected, name);
    node.worker.remove();
    await node.until(() => node.finished);
    await node.stop();
  }
});

t.test('a pod is resized in place', async (t) => {
  const resources = (cpu: string, memory = '64Mi') => ({
    requests: { cpu, memory },
    limits: { cpu, memory },
  });
  const node = new Node(
    podOf({
      containers: [
        {
          name: 'main',
          image: 'nginx',
          resources: resources('100m'),
          resizePolicy: [{ resourceName: 'memory', restartPolicy: 'RestartContainer' }],
        },
      ],
    }),
  );
  let generation = 1;
  const resize = (wanted: ReturnType<typeof resources>) =>
    node.update((pod) => ({
      ...pod,
      metadata: { ...pod.metadata, generation: ++generation },
      spec: {
        ...pod.spec,
        containers: (pod.spec?.containers ?? []).map((c) => ({ ...c, resources: wanted })),
      },
    }));
  const events = () =>
    node.events.filter((e) => /Resize|Killing/.test(e)).map((e) => e.replace(/^\S+ /, ''));
  const summary = (cpu: string, memory = '64Mi') =>
    `"containers":[{"name":"main","resources":{"limits":{"cpu":"${cpu}","memory":"${memory}"},"requests":{"cpu":"${cpu}","memory":"${memory}"}}}],"generation":${generation}`;
  await node.until(() => node.status.phase === 'Running');

  resize(resources('200m'));
  await node.pass(100);
  t.match(node.container(), {
    restartCount: 0,
    resources: resources('200m'),
    allocatedResources: { cpu: '200m' },
  });
  t.same(events(), [
    `ResizeStarted Pod resize started: {${summary('200m')}}`,
    `ResizeCompleted Pod resize completed: {${summary('200m')}}`,
  ]);
  const [used] = await node.runtime.stats('u1', { 'drydock.dev/cpu': '1' });
  t.equal(used?.cpuNanoCores, 200_000_000, 'its limit is what it has been given');

  node.events.length = 0;
  resize(resources('200m', '128Mi'));
  await node.pass(200);
  t.match(node.container(), { restartCount: 1, resources: resources('200m', '128Mi') });
  t.same(
    events(),
    [
      `ResizeStarted Pod resize started: {${summary('200m', '128Mi')}}`,
      'Killing Container main resize requires restart',
      `ResizeCompleted Pod resize completed: {${summary('200m', '128Mi')}}`,
    ],
    'a policy may ask for a new container',
  );

  node.events.length = 0;
  resize(resources('1000', '128Mi'));
  await node.pass(100);
  const capacity = "Node didn't have enough capacity: cpu, requested: 1000000, capacity: 4000";
  t.match(node.condition('PodResizePending'), {
    status: 'True',
    reason: 'Infeasible',
    message: capacity,
    observedGeneration: generation,
  });
  t.match(node.container(), { restartCount: 1, resources: resources('200m', '128Mi') });
  await node.pass(1000);
  t.same(events(), [
    `ResizeInfeasible Pod resize Infeasible: {${summary('1000', '128Mi')},"error":"${capacity}"}`,
  ]);

  node.events.length = 0;
  const other = podOf({ containers: [{ name: 'c', resources: { requests: { cpu: '3' } } }] });
  node.others = [other];
  resize(resources('2', '128Mi'));
  await node.pass(100);
  const full = "Node didn't have enough resource: cpu, requested: 2000, used: 3000, capacity: 4000";
  t.match(node.condition('PodResizePending'), { reason: 'Deferred', message: full });
  t.same(events(), [
    `ResizeDeferred Pod resize Deferred: {${summary('2', '128Mi')},"error":"${full}"}`,
  ]);
  node.others = [];
  node.worker.retryResize();
  await node.pass(100);
  t.equal(node.condition('PodResizePending'), undefined);
  t.match(node.container()?.resources, resources('2', '128Mi'));
  await node.stop();
});

t.test('a pod that is not admitted fails without having run', async (t) => {
  const pod = podOf({
    containers: [{ name: 'main', image: 'nginx', resources: { requests: { cpu: '3' } } }],
  });
  const facts = {
    name: 'n',
    labels: { 'kubernetes.io/os': 'linux' },
    taints: [],
    allocatable: { cpu: '4', pods: '110' },
  };
  t.equal(admit(pod, [], facts), undefined);
  const rejected = admit(pod, [pod], facts);
  t.same(rejected, {
    reason: 'OutOfcpu',
    message: "Node didn't have enough resource: cpu, requested: 3000, used: 3000, capacity: 4000",
  });
  const port = podOf({
    containers: [{ name: 'main', image: 'nginx', ports: [{ containerPort: 80, hostPort: 80 }] }],
  });
  t.equal(admit(port, [port], facts)?.reason, 'NodePorts');
  t.equal(admit(podOf({ nodeSelector: { disk: 'ssd' } }), [], facts)?.reason, 'NodeAffinity');
  t.equal(
    admit(podOf({}), [], { ...facts, taints: [{ key: 'a', effect: 'NoExecute' }] })?.reason,
    'TaintToleration',
  );
  const node = new Node(pod, rejected);
  t.ok(await node.until(() => node.worker.state === 'terminated', 500));
  t.match(node.status, {
    phase: 'Failed',
    reason: 'OutOfcpu',
    message: /^Pod was rejected: Node didn't have/,
  });
  t.equal(node.status.containerStatuses, undefined);
  t.same(await node.runtime.podUids(), []);
  await node.stop();
});

t.test('the phase of a pod', async (t) => {
  const running: ContainerState = { running: {} };
  const ended = (exitCode: number): ContainerState => ({ terminated: { exitCode } });
  const waiting: ContainerState = { waiting: {} };
  const status = (name: string, state: ContainerState, lastState: ContainerState = {}) => ({
    name,
    state,
    lastState,
    image: '',
    imageID: '',
    ready: false,
    restartCount: 0,
  });
  const two = [
    { name: 'a', image: 'x' },
    { name: 'b', image: 'x' },
  ];
  const rows: [string, string, ContainerState[], ContainerState[], boolean, string][] = [
    ['both run', 'Always', [running, running], [], false, 'Running'],
    ['one waits to start', 'Always', [running, waiting], [], false, 'Pending'],
    ['one waits to restart', 'Always', [running, waiting], [{}, ended(1)], false, 'Running'],
    ['both ended, Always', 'Always', [ended(0), ended(1)], [], false, 'Running'],
    ['both ended, Always, for good', 'Always', [ended(0), ended(0)], [], true, 'Succeeded'],
    ['both ended badly, for good', 'Always', [ended(0), ended(137)], [], true, 'Failed'],
    ['both ended well, Never', 'Never', [ended(0), ended(0)], [], false, 'Succeeded'],
    ['one ended badly, Never', 'Never', [ended(0), ended(1)], [], false, 'Failed'],
    ['one ended badly, OnFailure', 'OnFailure', [ended(0), ended(1)], [], false, 'Running'],
    ['one runs on', 'Never', [ended(1), running], [], false, 'Running'],
    ['none is known', 'Always', [], [], false, 'Pending'],
  ];
  for (const [name, restartPolicy, states, lasts, terminal, expected] of rows) {
    const pod = podOf({ restartPolicy, containers: two });
    const statuses = states.map((state, i) => status(two[i]?.name ?? '', state, lasts[i]));
    t.equal(podPhase(pod, statuses, terminal, true), expected, name);
  }
});

t.test('back-off doubles to its maximum and begins anew after a rest', async (t) => {
  const backoff = new Backoff(10, 40);
  t.equal(backoff.leftSince('a', 0, 0), 0);
  backoff.next('a', 0, 0);
  t.equal(backoff.leftSince('a', 5, 8), 7);
  t.equal(backoff.leftSince('a', 5, 15), 0);
  for (const [at, expected] of [
    [15, 20],
    [40, 40],
    [90, 40],
    [200, 10],
  ] as const) {
    backoff.next('a', at, at);
    t.equal(backoff.get('a'), expected);
  }
});

t.test('variables in commands', async (t) => {
  const env = new Map([['A', '1']]);
  const rows: [string, string][] = [
    ['x$(A)y', 'x1y'],
    ['$(NOPE)', '$(NOPE)'],
    ['$$(A)', '$(A)'],
    ['$A', '$A'],
  ];
  for (const [text, expected] of rows) t.equal(expand(text, env), expected, text);
});

t.test(
  "a status patch leaves other writers' conditions alone and takes out what is over",
  async (t) => {
    const pod = podOf(
      {},
      {
        status: { phase: 'Pending', conditions: [{ type: 'Ready', status: 'False', reason: 'X' }] },
      },
    );
    t.same(
      statusPatch(pod, { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] }),
      {
        metadata: { uid: 'u1' },
        status: {
          phase: 'Running',
          reason: null,
          message: null,
          podIP: null,
          conditions: [{ type: 'Ready', status: 'True', reason: null }],
        },
      },
    );
    const ready = { conditions: [{ type: 'Ready', status: 'True' }] };
    const last = { conditions: [{ type: 'Ready', status: 'False', reason: 'X', message: 'x' }] };
    t.match(
      statusPatch(podOf({}), ready, last),
      { status: { conditions: [{ type: 'Ready', status: 'True', reason: null, message: null }] } },
      'also what was sent and is not told of yet',
    );
    const resize = { conditions: [{ type: 'PodResizePending', status: 'True' }] };
    t.match(
      statusPatch(podOf({}), ready, resize),
      { status: { conditions: [{}, { type: 'PodResizePending', $patch: 'delete' }] } },
      'and a condition that has passed',
    );
  },
);

t.test('a status that another has written is put right after some seconds', async (t) => {
  const node = new Node(podOf({}));
  t.ok(await node.until(() => node.status.phase === 'Running', 200));
  await node.pass(100);
  const { writes } = node;
  const shows = (status: PodStatus) => node.update((pod) => ({ ...pod, status }));
  shows(node.status);
  shows({ ...node.status, phase: 'Failed' });
  await node.pass(9000);
  t.equal(node.writes, writes, 'until then those who watch can see it');
  await node.pass(2000);
  t.equal(node.writes, writes + 1);
  shows({ ...node.status, phase: 'Failed' });
  shows(node.status);
  await node.pass(20_000, 1000);
  t.equal(node.writes, writes + 1, 'what is right again is left alone');
  await node.stop();
});

t.test('a condition that others write decides readiness, and is never sent back', async (t) => {
  const gated = { readinessGates: [{ conditionType: 'example.com/healthy' }] };
  const node = new Node(podOf(gated));
  t.ok(await node.until(() => node.status.phase === 'Running', 200));
  for (const status of ['True', 'False', 'True']) {
    node.update((pod) => ({
      ...pod,
      status: { ...node.status, conditions: [{ type: 'example.com/healthy', status }] },
    }));
    t.ok(await node.until(() => node.condition('Ready')?.status === status, 1000), status);
    t.equal(node.condition('example.com/healthy'), undefined);
  }
  await node.stop();
});

t.test(
  'a status that comes back from the API starts no step, what is asked anew does',
  async (t) => {
    const node = new Node(podOf({}));
    t.ok(await node.until(() => node.status.phase === 'Running', 200));
    await node.pass(1000);
    let looks = 0;
    const podStatus = node.runtime.podStatus.bind(node.runtime);
    node.runtime.podStatus = (uid) => {
      looks++;
      return podStatus(uid);
    };
    node.update((pod) => ({ ...pod, status: node.status }));
    await node.pass(1000);
    t.equal(looks, 0);
    node.update((pod) => ({ ...pod, metadata: { ...pod.metadata, labels: { app: 'web' } } }));
    await node.pass(1000);
    t.ok(looks > 0);
    await node.stop();
  },
);

t.test('what a step started it tells of at its end, and takes no other for it', async (t) => {
  const node = new Node(podOf({}));
  const told: string[] = [];
  node.runtime.subscribe(({ type }) => told.push(type));
  const phases: (string | undefined)[] = [];
  const set = node.statuses.set.bind(node.statuses);
  node.statuses.set = (pod, status) => {
    phases.push(status.phase);
    set(pod, status);
  };
  t.ok(await node.until(() => node.status.phase === 'Running', 200));
  await node.pass(1000);
  t.same(told, ['sandbox', 'started']);
  t.same(phases, ['Pending', 'Running']);
  await node.stop();
});
