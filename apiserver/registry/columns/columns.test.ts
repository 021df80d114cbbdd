/** Cells as `kubectl get` prints them, `-o wide` included. */
import t from 'tap';
import type { ContainerStatus, Event, Node, Pod, Service } from '../../../pkg/api/types.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import type { Column } from '../resource.js';
import { cronJob } from '../resources/cron-job.js';
import { deployment } from '../resources/deployment.js';
import { endpointSlice } from '../resources/endpoint-slice.js';
import { endpoints } from '../resources/endpoints.js';
import { eventColumns } from '../resources/event.js';
import { job } from '../resources/job.js';
import { formatLabelSelector } from './metadata.js';
import { nodeColumns } from './node.js';
import { podColumns } from './pod.js';
import { serviceColumns } from './service.js';

const NOW = Date.parse('2026-01-01T12:00:00Z');
const ago = (seconds: number) => new Date(NOW - seconds * 1000).toISOString().replace('.000', '');

function row<T extends KubeObject>(
  columns: readonly Column<T>[] | undefined,
  obj: object,
): Record<string, unknown> {
  return Object.fromEntries(
    (columns ?? []).map((column) => [column.name, column.value(obj as T, NOW)]),
  );
}

function status(
  state: ContainerStatus['state'],
  more: Partial<ContainerStatus> = {},
): ContainerStatus {
  const ready = more.ready ?? state?.running !== undefined;
  return {
    name: 'c',
    image: 'x',
    imageID: '',
    restartCount: 0,
    ...more,
    ready,
    ...(state ? { state } : {}),
  };
}

t.test('the status of a pod', async (t) => {
  const running = status({ running: {} });
  const rows: readonly (readonly [string, Partial<Pod>, Record<string, string>])[] = [
    [
      'pending',
      { status: { phase: 'Pending' } },
      { Ready: '0/1', Status: 'Pending', Restarts: '0', IP: '<none>', Node: '<none>' },
    ],
    [
      'running',
      {
        spec: { nodeName: 'node-1', containers: [{ name: 'c' }] },
        status: { phase: 'Running', podIPs: [{ ip: '10.1.0.3' }], containerStatuses: [running] },
      },
      { Ready: '1/1', Status: 'Running', Restarts: '0', IP: '10.1.0.3', Node: 'node-1' },
    ],
    [
      'crashing, restarted a while ago',
      {
        status: {
          phase: 'Running',
          containerStatuses: [
            status(
              { waiting: { reason: 'CrashLoopBackOff' } },
              { restartCount: 4, lastState: { terminated: { exitCode: 1, finishedAt: ago(300) } } },
            ),
          ],
        },
      },
      { Ready: '0/1', Status: 'CrashLoopBackOff', Restarts: '4 (5m ago)' },
    ],
    [
      'completed',
      {
        status: {
          phase: 'Succeeded',
          containerStatuses: [status({ terminated: { exitCode: 0, reason: 'Completed' } })],
        },
      },
      { Ready: '0/1', Status: 'Completed' },
    ],
    [
      'ended without a reason',
      { status: { phase: 'Failed', containerStatuses: [status({ terminated: { exitCode: 3 } })] } },
      { Status: 'ExitCode:3' },
    ],
    [
      'ended by a signal',
      {
        status: {
          phase: 'Failed',
          containerStatuses: [status({ terminated: { exitCode: 137, signal: 9 } })],
        },
      },
      { Status: 'Signal:9' },
    ],
    [
      'initializing',
      {
        spec: { initContainers: [{ name: 'a' }, { name: 'b' }], containers: [{ name: 'c' }] },
        status: {
          phase: 'Pending',
          initContainerStatuses: [
            status({ terminated: { exitCode: 0 } }, { name: 'a' }),
            status({ running: {} }, { name: 'b' }),
          ],
          containerStatuses: [status({ waiting: { reason: 'PodInitializing' } })],
        },
      },
      { Ready: '0/1', Status: 'Init:1/2' },
    ],
    [
      'an init container that fails',
      {
        spec: { initContainers: [{ name: 'a' }], containers: [{ name: 'c' }] },
        status: {
          phase: 'Pending',
          initContainerStatuses: [
            status({ waiting: { reason: 'CrashLoopBackOff' } }, { name: 'a', restartCount: 2 }),
          ],
        },
      },
      { Status: 'Init:CrashLoopBackOff', Restarts: '2' },
    ],
    [
      'a sidecar counts as a container',
      {
        spec: {
          initContainers: [{ name: 'a', restartPolicy: 'Always' }],
          containers: [{ name: 'c' }],
        },
        status: {
          phase: 'Running',
          initContainerStatuses: [status({ running: {} }, { name: 'a', started: true })],
          containerStatuses: [running],
        },
      },
      { Ready: '2/2', Status: 'Running' },
    ],
    [
      'one of two has completed',
      {
        spec: { containers: [{ name: 'c' }, { name: 'd' }] },
        status: {
          phase: 'Running',
          conditions: [{ type: 'Ready', status: 'False' }],
          containerStatuses: [
            status({ terminated: { exitCode: 0, reason: 'Completed' } }),
            status({ running: {} }, { name: 'd' }),
          ],
        },
      },
      { Ready: '1/2', Status: 'NotReady' },
    ],
    [
      'being deleted',
      {
        metadata: { name: 'p', deletionTimestamp: ago(1) },
        status: { phase: 'Running', containerStatuses: [running] },
      },
      { Status: 'Terminating' },
    ],
    [
      'deleted on a lost node',
      {
        metadata: { name: 'p', deletionTimestamp: ago(1) },
        status: { phase: 'Running', reason: 'NodeLost' },
      },
      { Status: 'Unknown' },
    ],
    ['evicted', { status: { phase: 'Failed', reason: 'Evicted' } }, { Status: 'Evicted' }],
    [
      'gated',
      {
        status: {
          phase: 'Pending',
          conditions: [{ type: 'PodScheduled', status: 'False', reason: 'SchedulingGated' }],
        },
      },
      { Status: 'SchedulingGated' },
    ],
    [
      'readiness gates and a nomination',
      {
        spec: {
          readinessGates: [{ conditionType: 'a/x' }, { conditionType: 'a/y' }],
          containers: [{ name: 'c' }],
        },
        status: {
          phase: 'Pending',
          nominatedNodeName: 'n',
          conditions: [{ type: 'a/x', status: 'True' }],
        },
      },
      { 'Readiness Gates': '1/2', 'Nominated Node': 'n' },
    ],
  ];
  for (const [name, pod, expected] of rows) {
    const whole = {
      metadata: { name: 'p', creationTimestamp: ago(90) },
      spec: { containers: [{ name: 'c' }] },
      ...pod,
    };
    t.match(row(podColumns, whole), expected, name);
  }
});

t.test('nodes', async (t) => {
  const node: Node = {
    metadata: {
      name: 'n',
      creationTimestamp: ago(3600),
      labels: { 'node-role.kubernetes.io/worker': '', 'node-role.kubernetes.io/control-plane': '' },
    },
    spec: { unschedulable: true },
    status: {
      conditions: [{ type: 'Ready', status: 'True' }],
      addresses: [{ type: 'InternalIP', address: '10.0.0.5' }],
      nodeInfo: {
        machineID: '',
        systemUUID: '',
        bootID: '',
        kernelVersion: '6.1',
        osImage: 'Linux',
        containerRuntimeVersion: 'simulated://1',
        kubeletVersion: 'v1.35.0',
        kubeProxyVersion: '',
        operatingSystem: 'linux',
        architecture: 'amd64',
      },
    },
  };
  t.strictSame(row(nodeColumns, node), {
    Name: 'n',
    Status: 'Ready,SchedulingDisabled',
    Roles: 'control-plane,worker',
    Age: '60m',
    Version: 'v1.35.0',
    'Internal-IP': '10.0.0.5',
    'External-IP': '<none>',
    'OS-Image': 'Linux',
    'Kernel-Version': '6.1',
    'Container-Runtime': 'simulated://1',
  });
  t.match(row(nodeColumns, { metadata: { name: 'n' } }), {
    Status: 'Unknown',
    Roles: '<none>',
    Age: '<unknown>',
  });
});

t.test('services', async (t) => {
  const rows: readonly (readonly [string, Service, Record<string, string>])[] = [
    [
      'cluster',
      {
        spec: {
          type: 'ClusterIP',
          clusterIP: '10.0.0.1',
          clusterIPs: ['10.0.0.1'],
          ports: [{ port: 80, protocol: 'TCP' }],
          selector: { b: '2', a: '1' },
        },
      },
      {
        Type: 'ClusterIP',
        'Cluster-IP': '10.0.0.1',
        'External-IP': '<none>',
        'Port(s)': '80/TCP',
        Selector: 'a=1,b=2',
      },
    ],
    [
      'node port',
      {
        spec: {
          type: 'NodePort',
          clusterIPs: ['10.0.0.1'],
          ports: [
            { port: 80, nodePort: 30080, protocol: 'TCP' },
            { port: 53, protocol: 'UDP' },
          ],
        },
      },
      { 'Port(s)': '80:30080/TCP,53/UDP', Selector: '<none>' },
    ],
    [
      'balancer to come',
      { spec: { type: 'LoadBalancer', clusterIPs: ['10.0.0.1'] } },
      { 'External-IP': '<pending>', 'Port(s)': '<none>' },
    ],
    [
      'balancer',
      {
        spec: { type: 'LoadBalancer', clusterIPs: ['10.0.0.1'], externalIPs: ['9.9.9.9'] },
        status: { loadBalancer: { ingress: [{ ip: '1.1.1.1' }, { hostname: 'a.example' }] } },
      },
      { 'External-IP': '1.1.1.1,a.example,9.9.9.9' },
    ],
    [
      'external name',
      { spec: { type: 'ExternalName', externalName: 'example.com' } },
      { 'Cluster-IP': '<none>', 'External-IP': 'example.com' },
    ],
    [
      'headless',
      { spec: { type: 'ClusterIP', clusterIP: 'None', clusterIPs: ['None'] } },
      { 'Cluster-IP': 'None' },
    ],
  ];
  for (const [name, service, expected] of rows)
    t.match(row(serviceColumns, { metadata: { name: 's' }, ...service }), expected, name);
});

t.test('events', async (t) => {
  const about = { kind: 'Pod', name: 'p', fieldPath: 'spec.containers{c}' };
  const old: Event = {
    metadata: { name: 'e' },
    involvedObject: about,
    type: 'Normal',
    reason: 'Pulled',
    message: ' done \n',
    source: { component: 'kubelet', host: 'n' },
    firstTimestamp: ago(600),
    lastTimestamp: ago(60),
    count: 3,
  };
  t.strictSame(row(eventColumns, old), {
    'Last Seen': '60s',
    Type: 'Normal',
    Reason: 'Pulled',
    Object: 'pod/p',
    Subobject: 'spec.containers{c}',
    Source: 'kubelet, n',
    Message: 'done',
    'First Seen': '10m',
    Count: 3,
    Name: 'e',
  });
  const series: Event = {
    metadata: { name: 'e' },
    involvedObject: about,
    eventTime: ago(120),
    reportingComponent: 'scheduler',
    series: { count: 7, lastObservedTime: ago(5) },
  };
  t.match(row(eventColumns, series), {
    'Last Seen': '5s',
    'First Seen': '2m',
    Count: 7,
    Source: 'scheduler',
  });
  t.match(row(eventColumns, { ...series, series: undefined }), { 'Last Seen': '2m', Count: 1 });
});

t.test('other kinds', async (t) => {
  const template = {
    spec: {
      containers: [
        { name: 'a', image: 'x' },
        { name: 'b', image: 'y' },
      ],
    },
  };
  t.match(
    row(deployment.columns, {
      spec: { replicas: 3, template, selector: { matchLabels: { a: '1' } } },
      status: { readyReplicas: 2, updatedReplicas: 1, availableReplicas: 2 },
    }),
    {
      Ready: '2/3',
      'Up-to-date': 1,
      Available: 2,
      Containers: 'a,b',
      Images: 'x,y',
      Selector: 'a=1',
    },
  );
  t.match(
    row(job.columns, { spec: { completions: 3 }, status: { succeeded: 1, startTime: ago(90) } }),
    { Status: 'Running', Completions: '1/3', Duration: '90s' },
  );
  t.match(
    row(job.columns, {
      spec: { parallelism: 2 },
      status: { conditions: [{ type: 'Complete', status: 'True' }] },
    }),
    { Status: 'Complete', Completions: '0/1 of 2', Duration: '' },
  );
  t.match(row(cronJob.columns, { spec: { schedule: '* * * * *', suspend: false } }), {
    Timezone: '<none>',
    Suspend: 'False',
    Active: 0,
    'Last Schedule': '<none>',
  });
  const subsets = [
    { addresses: ['1', '2', '3', '4'].map((n) => ({ ip: `10.0.0.${n}` })), ports: [{ port: 80 }] },
  ];
  t.match(row(endpoints.columns, { subsets }), {
    Endpoints: '10.0.0.1:80,10.0.0.2:80,10.0.0.3:80 + 1 more...',
  });
  t.match(row(endpoints.columns, {}), { Endpoints: '<none>' });
  t.match(
    row(endpointSlice.columns, {
      addressType: 'IPv4',
      endpoints: [{ addresses: ['10.0.0.1'] }],
      ports: [{ port: 80 }],
    }),
    { AddressType: 'IPv4', Ports: '80', Endpoints: '10.0.0.1' },
  );
  t.match(row(endpointSlice.columns, { endpoints: [], ports: [] }), {
    Ports: '<unset>',
    Endpoints: '<unset>',
  });
  t.equal(
    formatLabelSelector({
      matchLabels: { z: '1' },
      matchExpressions: [
        { key: 'a', operator: 'In', values: ['y', 'x'] },
        { key: 'b', operator: 'DoesNotExist' },
      ],
    }),
    'a in (x,y),!b,z=1',
  );
});
