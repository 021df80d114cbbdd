import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { loadBuiltinSchemas } from '../../../pkg/api/schema/builtin.js';
import { Decoder } from '../../../pkg/api/schema/decoder.js';
import { formatFieldError } from '../../../pkg/apimachinery/field-error.js';
import type { KubeObject, UnstructuredObject } from '../../../pkg/apimachinery/meta.js';
import { ctx, resources } from '../../testing/strategies.js';
import type { ResourceDefinition } from '../resource.js';

const schemas = await loadBuiltinSchemas();
const decoder = new Decoder(schemas);

function find(kind: string, version = ''): ResourceDefinition {
  const found = resources.find((r) => r.kind === kind && (version === '' || r.version === version));
  if (!found) throw new Error(`no resource of kind ${kind}`);
  return found;
}

/** As the road of a create has it before admission. */
function made(kind: string, fields: object, version = ''): UnstructuredObject {
  const { definition, strategy } = find(kind, version);
  const { object } = decoder.decode(definition, { metadata: { name: 'x' }, ...fields });
  strategy.setDefaults?.(object);
  strategy.prepareForCreate?.(object, ctx);
  return object;
}

function faults(kind: string, fields: object, old?: object): string[] {
  const { strategy } = find(kind);
  const obj = made(kind, fields);
  const errors = old
    ? strategy.validateUpdate?.(obj, made(kind, old), ctx)
    : strategy.validate?.(obj, ctx);
  // What follows a line's end is a difference for people.
  return (errors ?? []).map((error) => formatFieldError(error).split('\n')[0] ?? '');
}

function row(kind: string, obj: KubeObject): Record<string, unknown> {
  const columns = find(kind).columns ?? [];
  return Object.fromEntries(
    columns.map((column) => [column.name, column.value(obj, ctx.clock.now())]),
  );
}

t.test('every file of the folder is registered, under a definition that exists', async (t) => {
  const folder = fileURLToPath(new URL('.', import.meta.url));
  const files = readdirSync(folder).filter(
    (name) => /\.[jt]s$/.test(name) && !/^index\.|\.test\.|\.d\.ts$/.test(name),
  );
  const index = readFileSync(`${folder}index.${files[0]?.endsWith('.ts') ? 'ts' : 'js'}`, 'utf8');
  for (const file of files) {
    t.ok(index.includes(`./${file.replace(/\.ts$/, '.js')}`), `${file} is in the index`);
  }
  const paths = resources.map(({ group, version, resource }) => `${group}/${version}/${resource}`);
  t.equal(new Set(paths).size, paths.length, 'nothing is registered twice');
  for (const { kind, definition } of resources)
    t.ok(schemas.has(definition), `${kind} has a schema`);
});

t.test('what is absent is filled in, and a second time changes nothing', async (t) => {
  const rows: [string, object, object][] = [
    [
      'PersistentVolumeClaim',
      { spec: {} },
      { spec: { volumeMode: 'Filesystem' }, status: { phase: 'Pending' } },
    ],
    [
      'PersistentVolume',
      { spec: {} },
      { spec: { persistentVolumeReclaimPolicy: 'Retain', volumeMode: 'Filesystem' } },
    ],
    [
      'StorageClass',
      { provisioner: 'a/b' },
      { reclaimPolicy: 'Delete', volumeBindingMode: 'Immediate' },
    ],
    [
      'NetworkPolicy',
      { spec: { egress: [{ ports: [{ port: 53 }] }] } },
      { spec: { policyTypes: ['Ingress', 'Egress'], egress: [{ ports: [{ protocol: 'TCP' }] }] } },
    ],
    ['PriorityClass', { value: 1 }, { preemptionPolicy: 'PreemptLowerPriority' }],
    [
      'RoleBinding',
      { roleRef: { kind: 'Role', name: 'r' }, subjects: [{ kind: 'User', name: 'u' }] },
      {
        roleRef: { apiGroup: 'rbac.authorization.k8s.io' },
        subjects: [{ apiGroup: 'rbac.authorization.k8s.io' }],
      },
    ],
    [
      'ValidatingWebhookConfiguration',
      {
        webhooks: [
          { name: 'a.b.c', clientConfig: { service: { name: 's', namespace: 'n' } }, rules: [{}] },
        ],
      },
      {
        webhooks: [
          {
            failurePolicy: 'Fail',
            matchPolicy: 'Equivalent',
            timeoutSeconds: 10,
            namespaceSelector: {},
            rules: [{ scope: '*' }],
            clientConfig: { service: { port: 443 } },
          },
        ],
      },
    ],
    [
      'MutatingWebhookConfiguration',
      { webhooks: [{ name: 'a.b.c' }] },
      { webhooks: [{ reinvocationPolicy: 'Never' }] },
    ],
    [
      'CustomResourceDefinition',
      {
        spec: {
          group: 'a.b',
          scope: 'Namespaced',
          names: { kind: 'Foo', plural: 'foos' },
          versions: [{ name: 'v1', served: true, storage: true }],
        },
      },
      {
        spec: { names: { singular: 'foo', listKind: 'FooList' }, conversion: { strategy: 'None' } },
        status: { storedVersions: ['v1'] },
      },
    ],
    [
      'LimitRange',
      { spec: { limits: [{ type: 'Container', max: { cpu: '1' }, min: { memory: '1Mi' } }] } },
      {
        spec: { limits: [{ default: { cpu: '1' }, defaultRequest: { cpu: '1', memory: '1Mi' } }] },
      },
    ],
    [
      'CSIDriver',
      { spec: {} },
      {
        spec: {
          attachRequired: true,
          podInfoOnMount: false,
          fsGroupPolicy: 'ReadWriteOnceWithFSType',
          volumeLifecycleModes: ['Persistent'],
        },
      },
    ],
    [
      'PriorityLevelConfiguration',
      { spec: { type: 'Limited', limited: { limitResponse: { type: 'Queue', queuing: {} } } } },
      {
        spec: {
          limited: {
            nominalConcurrencyShares: 30,
            limitResponse: { queuing: { queues: 64, handSize: 8, queueLengthLimit: 50 } },
          },
        },
      },
    ],
    [
      'ResourceClaim',
      { spec: { devices: { requests: [{ name: 'r', exactly: { deviceClassName: 'c' } }] } } },
      {
        spec: { devices: { requests: [{ exactly: { allocationMode: 'ExactCount', count: 1 } }] } },
      },
    ],
    [
      'HorizontalPodAutoscaler',
      {
        spec: {
          maxReplicas: 3,
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' },
        },
      },
      {
        spec: {
          minReplicas: 1,
          metrics: [
            { type: 'Resource', resource: { name: 'cpu', target: { averageUtilization: 80 } } },
          ],
        },
      },
    ],
  ];
  for (const [kind, fields, expected] of rows) {
    const obj = made(kind, fields);
    t.match(obj, expected, kind);
    const before = structuredClone(obj);
    find(kind).strategy.setDefaults?.(obj);
    t.same(obj, before, `${kind} twice`);
  }
});

const RULE = { verbs: ['get'], apiGroups: [''], resources: ['pods'] };
const CLAIM = {
  spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage: '1Gi' } } },
};
const BINDING = {
  roleRef: { kind: 'ClusterRole', name: 'r' },
  subjects: [{ kind: 'User', name: 'u' }],
};
const INGRESS_PATH = {
  path: '/',
  pathType: 'Prefix',
  backend: { service: { name: 's', port: { number: 80 } } },
};

t.test('what is wrong is told in the words of Kubernetes', async (t) => {
  const ingress = (path: object) => ({
    spec: { rules: [{ http: { paths: [{ ...INGRESS_PATH, ...path }] } }] },
  });
  const rows: [string, string, object, string[], object?][] = [
    ['a good role', 'Role', { rules: [RULE] }, []],
    [
      'no verbs',
      'Role',
      { rules: [{ ...RULE, verbs: [] }] },
      ['rules[0].verbs: Required value: verbs must contain at least one value'],
    ],
    [
      'URLs in a namespace',
      'Role',
      { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] },
      [
        'rules[0].nonResourceURLs: Invalid value: ["/x"]: namespaced rules cannot apply to non-resource URLs',
      ],
    ],
    [
      'URLs everywhere',
      'ClusterRole',
      { rules: [{ verbs: ['get'], nonResourceURLs: ['/x'] }] },
      [],
    ],
    [
      'another role',
      'RoleBinding',
      BINDING,
      [
        'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"ClusterRole","Name":"r"}: cannot change roleRef',
      ],
      { ...BINDING, roleRef: { kind: 'ClusterRole', name: 's' } },
    ],
    [
      'a Role for the cluster',
      'ClusterRoleBinding',
      { ...BINDING, roleRef: { kind: 'Role', name: 'r' } },
      ['roleRef.kind: Unsupported value: "Role": supported values: "ClusterRole"'],
    ],
    [
      'a service account from nowhere',
      'ClusterRoleBinding',
      { ...BINDING, subjects: [{ kind: 'ServiceAccount', name: 's' }] },
      ['subjects[0].namespace: Required value'],
    ],
    ['a good claim', 'PersistentVolumeClaim', CLAIM, []],
    [
      'a claim for nothing',
      'PersistentVolumeClaim',
      { spec: {} },
      [
        'spec.accessModes: Required value: at least 1 access mode is required',
        'spec.resources[storage]: Required value',
      ],
    ],
    [
      'a claim that changes',
      'PersistentVolumeClaim',
      { spec: { ...CLAIM.spec, accessModes: ['ReadOnlyMany'] } },
      [
        'spec: Forbidden: spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims',
      ],
      CLAIM,
    ],
    [
      'a claim from an unknown source',
      'PersistentVolumeClaim',
      { spec: { ...CLAIM.spec, dataSourceRef: { kind: 'ConfigMap', name: 'x' } } },
      ['dataSource', 'dataSourceRef'].map(
        (field) =>
          `spec.${field}: Invalid value: "ConfigMap": must be 'PersistentVolumeClaim' when referencing the default apiGroup`,
      ),
    ],
    [
      'volumes that cannot be reached',
      'PersistentVolume',
      {
        spec: {
          accessModes: ['ReadWriteOnce'],
          capacity: { storage: '1Gi' },
          hostPath: { path: '/a/../b', type: 'Disk' },
          nodeAffinity: {},
        },
      },
      [
        'spec.nodeAffinity.required: Required value: must specify required node constraints',
        `spec.hostPath.path: Invalid value: "/a/../b": must not contain '..'`,
        'spec.hostPath.type: Unsupported value: "Disk": supported values: "", "BlockDevice", "CharDevice", "Directory", "DirectoryOrCreate", "File", "FileOrCreate", "Socket"',
      ],
    ],
    [
      'a driver that wants tokens twice, and not for long',
      'CSIDriver',
      {
        spec: {
          tokenRequests: [{ audience: 'a' }, { audience: 'a', expirationSeconds: 5 }],
          nodeAllocatableUpdatePeriodSeconds: 9,
        },
      },
      [
        'spec.tokenRequests[1].audience: Duplicate value: "a"',
        'spec.tokenRequests[1].expirationSeconds: Invalid value: 5: may not specify a duration less than 10 minutes',
        'spec.nodeAllocatableUpdatePeriodSeconds: Invalid value: 9: must be greater than or equal to 10 seconds',
      ],
    ],
    [
      'a class of places that say nothing',
      'StorageClass',
      {
        provisioner: 'a/b',
        parameters: { '': 'x' },
        allowedTopologies: [{ matchLabelExpressions: [{ key: 'zone', values: [] }] }],
      },
      [
        'parameters: Invalid value: "": field can not be empty.',
        'allowedTopologies[0].matchLabelExpressions[0].values: Required value',
      ],
    ],
    [
      'a driver of a node that becomes another',
      'CSINode',
      { spec: { drivers: [{ name: 'd', nodeID: 'b', allocatable: { count: 2 } }] } },
      ['CSINodeDriver: Invalid value: "d": field is immutable'],
      { spec: { drivers: [{ name: 'd', nodeID: 'a' }] } },
    ],
    [
      'a volume of no kind',
      'PersistentVolume',
      { spec: { accessModes: ['ReadWriteOnce'], capacity: { storage: '1Gi' } } },
      ['spec: Required value: must specify a volume type'],
    ],
    [
      'a budget of both',
      'PodDisruptionBudget',
      { spec: { minAvailable: 1, maxUnavailable: 1 } },
      [
        'spec: Invalid value: {"minAvailable":1,"maxUnavailable":1}: minAvailable and maxUnavailable cannot be both set',
      ],
    ],
    [
      'a path without a type',
      'Ingress',
      ingress({ pathType: undefined }),
      ['spec.rules[0].http.paths[0].pathType: Required value: pathType must be specified'],
    ],
    [
      'a relative path',
      'Ingress',
      ingress({ path: 'x' }),
      ['spec.rules[0].http.paths[0].path: Invalid value: "x": must be an absolute path'],
    ],
    [
      'a backend without a port',
      'Ingress',
      ingress({ backend: { service: { name: 's' } } }),
      ['spec.rules[0].http.paths[0].backend: Required value: port name or number is required'],
    ],
    [
      'an address for a host',
      'Ingress',
      { spec: { rules: [{ host: '1.2.3.4' }] } },
      ['spec.rules[0].host: Invalid value: "1.2.3.4": must be a DNS name, not an IP address'],
    ],
    [
      'a peer that is none',
      'NetworkPolicy',
      { spec: { ingress: [{ from: [{}] }] } },
      ['spec.ingress[0].from[0]: Required value: must specify a peer'],
    ],
    [
      'a bad range',
      'NetworkPolicy',
      { spec: { ingress: [{ from: [{ ipBlock: { cidr: '10.0.0.0' } }] }] } },
      [
        'spec.ingress[0].from[0].ipBlock.cidr: Invalid value: "10.0.0.0": must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)',
      ],
    ],
    [
      'an exception from elsewhere',
      'NetworkPolicy',
      {
        spec: {
          ingress: [
            { from: [{ ipBlock: { cidr: '10.0.0.0/8', except: ['10.1.0.0/16', '11.0.0.0/16'] } }] },
          ],
        },
      },
      [
        'spec.ingress[0].from[0].ipBlock.except[1]: Invalid value: "11.0.0.0/16": must be a strict subset of `cidr`',
      ],
    ],
    [
      'too high a priority',
      'PriorityClass',
      { value: 2_000_000_000 },
      ['value: Forbidden: maximum allowed value of a user defined priority is 1000000000'],
    ],
    [
      'a priority that changes',
      'PriorityClass',
      { value: 2 },
      ['value: Forbidden: may not be changed in an update.'],
      { value: 1 },
    ],
    [
      'a class that changes',
      'StorageClass',
      { provisioner: 'a/b', parameters: { a: '1' } },
      ['parameters: Forbidden: updates to parameters are forbidden.'],
      { provisioner: 'a/b' },
    ],
    [
      'a quota of what is none',
      'ResourceQuota',
      { spec: { hard: { things: '1' } } },
      [
        'spec.hard[things]: Invalid value: "things": must be a standard resource type or fully qualified',
        'spec.hard[things]: Invalid value: "things": must be a standard resource for quota',
      ],
    ],
    [
      'a quota below zero',
      'ResourceQuota',
      { spec: { hard: { pods: '-1' } } },
      ['spec.hard[pods]: Invalid value: "-1": must be greater than or equal to 0'],
    ],
    [
      'limits the wrong way round',
      'LimitRange',
      { spec: { limits: [{ type: 'Pod', min: { cpu: '2' }, max: { cpu: '1' } }] } },
      ['spec.limits[0].min[cpu]: Invalid value: "2": min value 2 is greater than max value 1'],
    ],
    [
      'fewer than none',
      'HorizontalPodAutoscaler',
      { spec: { maxReplicas: 1, minReplicas: 2, scaleTargetRef: { kind: 'D', name: 'd' } } },
      [
        'spec.maxReplicas: Invalid value: 1: must be greater than or equal to `minReplicas`',
        'spec.scaleTargetRef.apiVersion: Invalid value: "": apiVersion must specify API group',
      ],
    ],
    [
      'a scale of the core group',
      'HorizontalPodAutoscaler',
      { spec: { maxReplicas: 1, scaleTargetRef: { kind: 'ReplicationController', name: 'd' } } },
      [],
    ],
    [
      'a webhook of no sides',
      'ValidatingWebhookConfiguration',
      {
        webhooks: [
          { name: 'a.b.c', admissionReviewVersions: ['v1'], clientConfig: { url: 'https://x/' } },
        ],
      },
      ['webhooks[0].sideEffects: Required value: must specify one of None, NoneOnDryRun'],
    ],
    [
      'a definition under another name',
      'CustomResourceDefinition',
      {
        spec: {
          group: 'a.b',
          scope: 'Namespaced',
          names: { kind: 'Foo', plural: 'foos' },
          versions: [
            {
              name: 'v1',
              served: true,
              storage: true,
              schema: { openAPIV3Schema: { type: 'object' } },
            },
          ],
        },
      },
      ['metadata.name: Invalid value: "x": must be spec.names.plural+"."+spec.group'],
    ],
    [
      'a request that is none',
      'CertificateSigningRequest',
      { spec: { request: 'eA==', signerName: 'a.b/c', usages: ['client auth'] } },
      ['spec.request: Invalid value: "eA==": PEM block type must be CERTIFICATE REQUEST'],
    ],
    [
      'a revision that changes',
      'ControllerRevision',
      { revision: 1, data: { a: 1 } },
      ['data: Invalid value: {"a":1}: field is immutable'],
      { revision: 1, data: { a: 2 } },
    ],
    [
      'a level for all',
      'PriorityLevelConfiguration',
      { spec: { type: 'Exempt' } },
      [
        "spec.type: Invalid value: \"Exempt\": type must be 'Exempt' if and only if name is 'exempt'",
      ],
    ],
  ];
  for (const [name, kind, fields, expected, old] of rows)
    t.same(faults(kind, fields, old), expected, name);
});

t.test('tables show what kubectl users know', async (t) => {
  const old = new Date(ctx.clock.now() - 90 * 60_000).toISOString();
  const metadata = { name: 'x', creationTimestamp: old };
  t.match(
    row('HorizontalPodAutoscaler', {
      metadata,
      ...made('HorizontalPodAutoscaler', {
        spec: {
          maxReplicas: 3,
          scaleTargetRef: { apiVersion: 'apps/v1', kind: 'Deployment', name: 'd' },
        },
      }),
    }),
    { Reference: 'Deployment/d', Targets: 'cpu: <unknown>/80%', MinPods: '1', MaxPods: 3 },
  );
  t.match(row('PersistentVolumeClaim', { metadata, ...made('PersistentVolumeClaim', CLAIM) }), {
    Status: 'Pending',
    Capacity: '',
    VolumeAttributesClass: '<unset>',
    VolumeMode: 'Filesystem',
  });
  t.match(row('RoleBinding', { ...made('RoleBinding', BINDING), metadata }), {
    Role: 'ClusterRole/r',
    Users: 'u',
    Age: '90m',
  });
  t.match(
    row('ResourceQuota', {
      metadata,
      status: { hard: { pods: '3', 'limits.cpu': '2' }, used: { pods: '1' } },
    } as KubeObject),
    { Request: 'pods: 1/3', Limit: 'limits.cpu: 0/2' },
  );
  t.match(
    row(
      'Ingress',
      made('Ingress', {
        spec: { rules: [{ host: 'a' }, { host: 'b' }, { host: 'c' }, { host: 'd' }], tls: [{}] },
      }),
    ),
    {
      Class: '<none>',
      Hosts: 'a,b,c + 1 more...',
      Ports: '80, 443',
    },
  );
});

t.test('an autoscaler loses nothing on its way through v1', async (t) => {
  const { storage } = find('HorizontalPodAutoscaler', 'v1');
  if (!storage || !('from' in storage)) throw new Error('v1 is served from v2');
  const stored = made(
    'HorizontalPodAutoscaler',
    {
      spec: {
        maxReplicas: 9,
        scaleTargetRef: { kind: 'Deployment', name: 'd', apiVersion: 'apps/v1' },
        behavior: { scaleDown: { stabilizationWindowSeconds: 7 } },
        metrics: [
          {
            type: 'Resource',
            resource: { name: 'cpu', target: { type: 'Utilization', averageUtilization: 40 } },
          },
          {
            type: 'Resource',
            resource: { name: 'memory', target: { type: 'AverageValue', averageValue: '1Gi' } },
          },
        ],
      },
    },
    'v2',
  );
  const shown: UnstructuredObject = { ...storage.fromStored(stored) };
  t.match(shown, { apiVersion: 'autoscaling/v1', spec: { targetCPUUtilizationPercentage: 40 } });
  t.notMatch(shown['spec'], { metrics: [] });
  t.strictSame(storage.toStored(shown), { ...stored, apiVersion: 'autoscaling/v2' });
});

t.test('a certificate request carries who asked, whoever it says', async (t) => {
  const obj = made('CertificateSigningRequest', {
    spec: { request: '', signerName: 'a.b/c', usages: ['client auth'], username: 'root', uid: '0' },
  });
  t.match(obj['spec'], { username: 'jane', groups: ['staff', 'system:authenticated'] });
  t.notOk('uid' in Object(obj['spec']));
});
