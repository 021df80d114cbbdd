/** What `kubectl get -o yaml` shows of objects that say only what they must. */
import t from 'tap';
import type { Pod, Service } from '../../../pkg/api/types.js';
import { daemonSet } from '../resources/daemon-set.js';
import { deployment } from '../resources/deployment.js';
import { job } from '../resources/job.js';
import { podStrategy } from '../resources/pod.js';
import { replicationController } from '../resources/replication-controller.js';
import { statefulSet } from '../resources/stateful-set.js';
import { applyMatchLabelKeys } from './match-label-keys.js';
import { setPodResourceDefaults } from './pod-resources.js';
import { imageTag, setPodSpecDefaults } from './pod-spec.js';
import { qosClass } from './qos-class.js';
import { clearUnusedServiceFields, setServiceDefaults } from './service.js';

const CONTAINER = {
  name: 'c',
  image: 'nginx',
  imagePullPolicy: 'Always',
  resources: {},
  terminationMessagePath: '/dev/termination-log',
  terminationMessagePolicy: 'File',
};
const POD_SPEC = {
  dnsPolicy: 'ClusterFirst',
  restartPolicy: 'Always',
  schedulerName: 'default-scheduler',
  securityContext: {},
  terminationGracePeriodSeconds: 30,
  containers: [CONTAINER],
};
const template = () => ({
  metadata: { labels: { app: 'w' } },
  spec: { containers: [{ name: 'c', image: 'nginx' }] },
});
const TEMPLATE = { metadata: { labels: { app: 'w' } }, spec: POD_SPEC };

/** What a kind makes of a spec, twice over: defaults may be set again and again. */
function specOf<T extends { spec?: unknown }>(
  definition: { strategy: { setDefaults?(obj: T): void } },
  spec: object,
): unknown {
  const obj = { metadata: { name: 'w' }, spec } as unknown as T;
  definition.strategy.setDefaults?.(obj);
  const once = structuredClone(obj.spec);
  definition.strategy.setDefaults?.(obj);
  t.strictSame(obj.spec, once, 'defaults are stable');
  return once;
}

t.test('a minimal Pod', async (t) => {
  const spec = specOf<Pod>(
    { strategy: podStrategy },
    { containers: [{ name: 'c', image: 'nginx' }] },
  );
  t.strictSame(spec, { ...POD_SPEC, enableServiceLinks: true });
});

t.test('every structure of a Pod that has defaults', async (t) => {
  const pod: Pod = {
    spec: {
      serviceAccount: 'robot',
      hostNetwork: true,
      containers: [
        {
          name: 'c',
          image: 'registry.example:5000/app:v1',
          ports: [{ containerPort: 80 }],
          resources: { limits: { cpu: '1', memory: '1Gi' }, requests: { cpu: '500m' } },
          env: [
            { name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
            { name: 'B', valueFrom: { resourceFieldRef: { resource: 'limits.cpu' } } },
          ],
          livenessProbe: { httpGet: { port: 80 } },
          readinessProbe: { grpc: { port: 9000 } },
          lifecycle: { preStop: { httpGet: { port: 'http', path: '/stop' } } },
        },
      ],
      volumes: [
        { name: 'none' },
        { name: 'secret', secret: { secretName: 's' } },
        { name: 'host', hostPath: { path: '/x' } },
        { name: 'all', projected: { sources: [{ serviceAccountToken: { path: 't' } }] } },
        {
          name: 'down',
          downwardAPI: { items: [{ path: 'p', fieldRef: { fieldPath: 'metadata.uid' } }] },
        },
      ],
    },
  };
  podStrategy.setDefaults?.(pod);
  t.match(pod.spec, {
    serviceAccount: 'robot',
    serviceAccountName: 'robot',
    containers: [
      {
        imagePullPolicy: 'IfNotPresent',
        ports: [{ containerPort: 80, hostPort: 80, protocol: 'TCP' }],
        resources: {
          limits: { cpu: '1', memory: '1Gi' },
          requests: { cpu: '500m', memory: '1Gi' },
        },
        env: [
          { valueFrom: { fieldRef: { apiVersion: 'v1' } } },
          { valueFrom: { resourceFieldRef: { divisor: '0' } } },
        ],
        livenessProbe: {
          httpGet: { port: 80, path: '/', scheme: 'HTTP' },
          timeoutSeconds: 1,
          periodSeconds: 10,
          successThreshold: 1,
          failureThreshold: 3,
        },
        readinessProbe: { grpc: { port: 9000, service: '' } },
        lifecycle: { preStop: { httpGet: { port: 'http', path: '/stop', scheme: 'HTTP' } } },
      },
    ],
  });
  t.strictSame(pod.spec?.volumes, [
    { name: 'none', emptyDir: {} },
    { name: 'secret', secret: { secretName: 's', defaultMode: 420 } },
    { name: 'host', hostPath: { path: '/x', type: '' } },
    {
      name: 'all',
      projected: {
        defaultMode: 420,
        sources: [{ serviceAccountToken: { path: 't', expirationSeconds: 3600 } }],
      },
    },
    {
      name: 'down',
      downwardAPI: {
        defaultMode: 420,
        items: [{ path: 'p', fieldRef: { fieldPath: 'metadata.uid', apiVersion: 'v1' } }],
      },
    },
  ]);

  const ofTemplate = structuredClone(pod.spec ?? { containers: [] });
  delete ofTemplate.enableServiceLinks;
  setPodSpecDefaults(ofTemplate);
  t.equal(ofTemplate.enableServiceLinks, undefined, 'a template keeps what only pods show');
});

t.test('a tag decides how an image is pulled', async (t) => {
  const rows: readonly (readonly [string, string])[] = [
    ['nginx', 'latest'],
    ['nginx:latest', 'latest'],
    ['nginx:1.27', '1.27'],
    ['localhost:5000/nginx', 'latest'],
    ['REGISTRY.example/team/app:v2', 'v2'],
    ['nginx@sha256:abc', ''],
    ['nginx:1.27@sha256:abc', '1.27'],
    ['Nginx', ''],
    ['', ''],
  ];
  for (const [image, tag] of rows) t.equal(imageTag(image), tag, image || 'no image');
});

t.test('minimal workloads', async (t) => {
  const selector = { matchLabels: { app: 'w' } };
  t.strictSame(specOf(deployment, { selector, template: template() }), {
    selector,
    template: TEMPLATE,
    replicas: 1,
    revisionHistoryLimit: 10,
    progressDeadlineSeconds: 600,
    strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%', maxSurge: '25%' } },
  });
  t.strictSame(specOf(daemonSet, { selector, template: template() }), {
    selector,
    template: TEMPLATE,
    revisionHistoryLimit: 10,
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 1, maxSurge: 0 } },
  });
  t.match(specOf(statefulSet, { selector, serviceName: 's', template: template() }), {
    template: TEMPLATE,
    replicas: 1,
    podManagementPolicy: 'OrderedReady',
    revisionHistoryLimit: 10,
    updateStrategy: { type: 'RollingUpdate', rollingUpdate: { partition: 0 } },
    persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Retain', whenScaled: 'Retain' },
  });
  t.strictSame(specOf(replicationController, { template: template() }), {
    template: TEMPLATE,
    replicas: 1,
    selector: { app: 'w' },
  });
  t.strictSame(specOf(job, { template: template() }), {
    template: TEMPLATE,
    completions: 1,
    parallelism: 1,
    backoffLimit: 6,
    completionMode: 'NonIndexed',
    suspend: false,
    manualSelector: false,
    podReplacementPolicy: 'TerminatingOrFailed',
  });
});

t.test('a minimal Service, and one that changes its type', async (t) => {
  const service: Service = {
    metadata: { name: 's' },
    spec: { ports: [{ port: 80 }], selector: { app: 'w' } },
  };
  setServiceDefaults(service);
  t.strictSame(service, {
    metadata: { name: 's' },
    spec: {
      type: 'ClusterIP',
      sessionAffinity: 'None',
      internalTrafficPolicy: 'Cluster',
      selector: { app: 'w' },
      ports: [{ port: 80, protocol: 'TCP', targetPort: 80 }],
    },
    status: { loadBalancer: {} },
  });

  const old: Service = {
    spec: {
      type: 'LoadBalancer',
      clusterIP: '10.0.0.1',
      clusterIPs: ['10.0.0.1'],
      ipFamilies: ['IPv4'],
      ipFamilyPolicy: 'SingleStack',
      externalTrafficPolicy: 'Cluster',
      allocateLoadBalancerNodePorts: true,
      ports: [{ port: 80, protocol: 'TCP', nodePort: 30001 }],
    },
  };
  const inward = structuredClone(old);
  if (inward.spec) inward.spec.type = 'ClusterIP';
  clearUnusedServiceFields(inward, old);
  t.strictSame(inward.spec, {
    type: 'ClusterIP',
    clusterIP: '10.0.0.1',
    clusterIPs: ['10.0.0.1'],
    ipFamilies: ['IPv4'],
    ipFamilyPolicy: 'SingleStack',
    ports: [{ port: 80, protocol: 'TCP' }],
  });
  const replaced: Service = {
    spec: { type: 'LoadBalancer', ports: [{ port: 80, protocol: 'TCP' }] },
  };
  clearUnusedServiceFields(replaced, old);
  t.match(replaced.spec, {
    clusterIP: '10.0.0.1',
    clusterIPs: ['10.0.0.1'],
    ipFamilies: ['IPv4'],
    ports: [{ nodePort: 30001 }],
  });
});

t.test('the class of a pod follows from what its containers ask for', async (t) => {
  const all = { cpu: '1', memory: '1Gi' };
  const rows: readonly (readonly [string, object[], string])[] = [
    ['nothing', [{}], 'BestEffort'],
    [
      'limits equal to requests',
      [{ limits: all, requests: { cpu: '1000m', memory: '1024Mi' } }],
      'Guaranteed',
    ],
    ['limits alone', [{ limits: all }], 'Guaranteed'],
    ['one container without', [{ limits: all }, {}], 'Burstable'],
    [
      'less than the limit',
      [{ limits: all, requests: { cpu: '500m', memory: '1Gi' } }],
      'Burstable',
    ],
    ['no limit of memory', [{ limits: { cpu: '1' } }], 'Burstable'],
    ['only storage', [{ requests: { 'ephemeral-storage': '1Gi' } }], 'BestEffort'],
  ];
  for (const [name, resources, expected] of rows) {
    const containers = resources.map((of, i) => ({ name: `c${i}`, image: 'x', resources: of }));
    t.equal(qosClass({ spec: { containers } }), expected, name);
  }
});

t.test('a pod that asks for something as a whole gets the rest from its containers', async (t) => {
  const rows: readonly (readonly [string, object, object])[] = [
    ['nothing said', {}, {}],
    [
      'limits alone: requests are what the containers ask for, else the limits',
      { limits: { cpu: '4', memory: '4Gi' } },
      { limits: { cpu: '4', memory: '4Gi' }, requests: { cpu: '1500m', memory: '4Gi' } },
    ],
    [
      'requests alone: limits that every container has',
      { requests: { cpu: '3' } },
      { requests: { cpu: '3' }, limits: { cpu: '3' } },
    ],
  ];
  for (const [name, resources, expected] of rows) {
    const pod: Pod = {
      spec: {
        resources,
        containers: [
          { name: 'a', resources: { requests: { cpu: '500m' }, limits: { cpu: '1' } } },
          { name: 'b', resources: { requests: { cpu: '1' }, limits: { cpu: '2' } } },
        ],
      },
    };
    setPodResourceDefaults(pod);
    t.strictSame(pod.spec?.resources, expected, name);
  }
});

t.test('matchLabelKeys take the values of the labels that the pod has', async (t) => {
  const term = () => ({ topologyKey: 'zone', labelSelector: { matchLabels: { app: 'w' } } });
  const pod: Pod = {
    metadata: { labels: { rev: '7' } },
    spec: {
      containers: [],
      affinity: {
        podAffinity: {
          requiredDuringSchedulingIgnoredDuringExecution: [
            { ...term(), matchLabelKeys: ['rev', 'gone'] },
          ],
        },
        podAntiAffinity: {
          preferredDuringSchedulingIgnoredDuringExecution: [
            { weight: 1, podAffinityTerm: { ...term(), mismatchLabelKeys: ['rev'] } },
          ],
        },
      },
      topologySpreadConstraints: [
        { ...term(), maxSkew: 1, whenUnsatisfiable: 'DoNotSchedule', matchLabelKeys: ['rev'] },
      ],
    },
  };
  applyMatchLabelKeys(pod);
  const required = (operator: string) => [{ key: 'rev', operator, values: ['7'] }];
  const { affinity, topologySpreadConstraints = [] } = pod.spec ?? {};
  t.match(affinity?.podAffinity?.requiredDuringSchedulingIgnoredDuringExecution, [
    { labelSelector: { matchExpressions: required('In') } },
  ]);
  t.match(affinity?.podAntiAffinity?.preferredDuringSchedulingIgnoredDuringExecution, [
    { podAffinityTerm: { labelSelector: { matchExpressions: required('NotIn') } } },
  ]);
  t.match(topologySpreadConstraints, [{ labelSelector: { matchExpressions: required('In') } }]);
});
