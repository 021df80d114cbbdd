/** Field paths and texts of what is refused, as Kubernetes' users know them. */
import t from 'tap';
import type {
  ConfigMap,
  CronJob,
  DaemonSet,
  Deployment,
  EndpointSlice,
  Endpoints,
  Event,
  Job,
  Node,
  Pod,
  PodSpec,
  Secret,
  Service,
  ServiceSpec,
  StatefulSet,
} from '../../../pkg/api/types.js';
import { type FieldError, formatFieldError } from '../../../pkg/apimachinery/field-error.js';
import { generateSelfSigned } from '../../../pkg/component/pki.js';
import { generateJobSelector, setJobSpecDefaults } from '../defaults/job.js';
import { setPodOnlyDefaults, setPodSpecDefaults } from '../defaults/pod-spec.js';
import { setServiceDefaults } from '../defaults/service.js';
import { daemonSet } from '../resources/daemon-set.js';
import { deployment } from '../resources/deployment.js';
import { statefulSet } from '../resources/stateful-set.js';
import { validateConfigMap, validateConfigMapUpdate } from './config-map.js';
import { validateCronJob } from './cron-job.js';
import { validateDaemonSet } from './daemon-set.js';
import {
  validateDeployment,
  validateDeploymentStatusUpdate,
  validateDeploymentUpdate,
} from './deployment.js';
import { validateEndpointSlice } from './endpoint-slice.js';
import { validateEndpoints } from './endpoints.js';
import { validateEvent } from './event.js';
import { jobWarnings, validateJob, validateJobUpdate } from './job.js';
import { validateJobStatusUpdate } from './job-status.js';
import { validateNode, validateNodeUpdate } from './node.js';
import { validatePod } from './pod-spec.js';
import { validatePodStatusUpdate } from './pod-status.js';
import { validatePodUpdate } from './pod-update.js';
import { podWarnings } from './pod-warnings.js';
import { secretWarnings, validateSecret, validateSecretUpdate } from './secret.js';
import { validateService, validateServiceUpdate } from './service.js';
import {
  statefulSetWarnings,
  validateStatefulSet,
  validateStatefulSetStatusUpdate,
  validateStatefulSetUpdate,
} from './stateful-set.js';

const texts = (errors: readonly FieldError[]) => errors.map(formatFieldError);

function podOf(
  spec: Partial<PodSpec> & Record<string, unknown> = {},
  metadata: Pod['metadata'] = {},
): Pod {
  const pod: Pod = {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'p', namespace: 'default', ...metadata },
    spec: {
      serviceAccountName: 'default',
      ...spec,
      containers: spec.containers ?? [{ name: 'c', image: 'nginx' }],
    },
  };
  if (pod.spec) {
    setPodSpecDefaults(pod.spec);
    setPodOnlyDefaults(pod.spec);
  }
  return structuredClone(pod);
}

function container(fields: object) {
  return { containers: [{ name: 'c', image: 'nginx', ...fields }] };
}

t.test('a pod is refused with the path and text of each mistake', async (t) => {
  const rows: readonly (readonly [string, Partial<PodSpec>, string[]])[] = [
    ['no mistake', {}, []],
    ['no containers', { containers: [] }, ['spec.containers: Required value']],
    [
      'a container without name and image',
      { containers: [{ name: '' }] },
      ['spec.containers[0].name: Required value', 'spec.containers[0].image: Required value'],
    ],
    [
      'two containers of one name',
      {
        containers: [
          { name: 'a', image: 'x' },
          { name: 'a', image: 'x' },
        ],
      },
      ['spec.containers[1].name: Duplicate value: "a"'],
    ],
    [
      'a name with capitals',
      { containers: [{ name: 'Web', image: 'x' }] },
      [
        `spec.containers[0].name: Invalid value: "Web": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
      ],
    ],
    [
      'an unknown restart policy',
      { restartPolicy: 'Sometimes' },
      [
        'spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"',
      ],
    ],
    [
      'an unknown DNS policy',
      { dnsPolicy: 'X' },
      [
        'spec.dnsPolicy: Unsupported value: "X": supported values: "ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"',
      ],
    ],
    [
      'an unknown pull policy',
      container({ imagePullPolicy: 'Maybe' }),
      [
        'spec.containers[0].imagePullPolicy: Unsupported value: "Maybe": supported values: "Always", "IfNotPresent", "Never"',
      ],
    ],
    [
      'a port out of range, of an unknown protocol',
      container({ ports: [{ containerPort: 70000, protocol: 'XTP' }] }),
      [
        'spec.containers[0].ports[0].containerPort: Invalid value: 70000: must be between 1 and 65535, inclusive',
        'spec.containers[0].ports[0].protocol: Unsupported value: "XTP": supported values: "SCTP", "TCP", "UDP"',
      ],
    ],
    [
      'one host port twice',
      container({
        ports: [
          { containerPort: 80, hostPort: 80 },
          { containerPort: 81, hostPort: 80 },
        ],
      }),
      ['spec.containers[0].ports[1].hostPort: Duplicate value: "TCP//80"'],
    ],
    [
      'a request above its limit',
      container({ resources: { requests: { cpu: '2' }, limits: { cpu: '1' } } }),
      [
        'spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1',
      ],
    ],
    [
      'a negative amount',
      container({ resources: { requests: { memory: '-1Gi' } } }),
      [
        'spec.containers[0].resources.requests[memory]: Invalid value: "-1Gi": must be greater than or equal to 0',
      ],
    ],
    [
      'a resource that nobody knows',
      container({ resources: { requests: { disk: '1' } } }),
      [
        'spec.containers[0].resources.requests[disk]: Invalid value: "disk": must be a standard resource type or fully qualified',
        'spec.containers[0].resources.requests[disk]: Invalid value: "disk": must be a standard resource for containers',
      ],
    ],
    [
      'half a GPU, without a limit',
      container({ resources: { requests: { 'example.com/gpu': '500m' } } }),
      [
        'spec.containers[0].resources.requests[example.com/gpu]: Invalid value: "500m": must be an integer',
        'spec.containers[0].resources.limits: Required value: Limit must be set for non overcommitable resources',
      ],
    ],
    [
      'a mount of a volume that is not there',
      container({ volumeMounts: [{ name: 'data', mountPath: '/data' }] }),
      ['spec.containers[0].volumeMounts[0].name: Not found: "data"'],
    ],
    [
      'a volume of two types',
      { volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/x' } }] },
      ['spec.volumes[0].hostPath: Forbidden: may not specify more than 1 volume type'],
    ],
    [
      'a key to a path that climbs',
      { volumes: [{ name: 'v', configMap: { name: 'm', items: [{ key: 'k', path: '../x' }] } }] },
      [`spec.volumes[0].configMap.items[0].path: Invalid value: "../x": must not contain '..'`],
    ],
    [
      'a probe of two handlers',
      container({ livenessProbe: { exec: { command: ['x'] }, tcpSocket: { port: 80 } } }),
      [
        'spec.containers[0].livenessProbe.tcpSocket: Forbidden: may not specify more than 1 handler type',
      ],
    ],
    [
      'a probe of none, that succeeds twice',
      container({ livenessProbe: { successThreshold: 2 } }),
      [
        'spec.containers[0].livenessProbe: Required value: must specify a handler type',
        'spec.containers[0].livenessProbe.successThreshold: Invalid value: 2: must be 1',
      ],
    ],
    [
      'a variable from nowhere and one with a value as well',
      container({
        env: [
          { name: 'A', valueFrom: {} },
          { name: 'B', value: 'x', valueFrom: { secretKeyRef: { name: 's', key: 'k' } } },
        ],
      }),
      [
        'spec.containers[0].env[0].valueFrom: Invalid value: "": must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`',
        'spec.containers[0].env[1].valueFrom: Invalid value: "": may not be specified when `value` is not empty',
      ],
    ],
    [
      'a field that no variable can have',
      container({
        env: [{ name: 'A', valueFrom: { fieldRef: { fieldPath: 'metadata.labels' } } }],
      }),
      [
        'spec.containers[0].env[0].valueFrom.fieldRef.fieldPath: Unsupported value: "metadata.labels": supported values: "metadata.name", "metadata.namespace", "metadata.uid", "spec.nodeName", "spec.serviceAccountName", "status.hostIP", "status.hostIPs", "status.podIP", "status.podIPs"',
      ],
    ],
    [
      'a probe of an init container',
      { initContainers: [{ name: 'i', image: 'x', livenessProbe: { exec: { command: ['x'] } } }] },
      [
        'spec.initContainers[0].livenessProbe: Forbidden: may not be set for init containers without restartPolicy=Always',
      ],
    ],
    [
      'tolerations that tolerate nothing in particular',
      {
        tolerations: [
          { operator: 'Equal' },
          { key: 'k', operator: 'Exists', value: 'v' },
          { key: 'k', effect: 'Never' },
        ],
      },
      [
        'spec.tolerations[0].operator: Invalid value: "Equal": operator must be Exists when `key` is empty, which means "match all values and all keys"',
        `spec.tolerations[1].operator: Invalid value: "v": value must be empty when \`operator\` is 'Exists'`,
        'spec.tolerations[2].effect: Unsupported value: "Never": supported values: "NoSchedule", "PreferNoSchedule", "NoExecute"',
      ],
    ],
    [
      'an affinity to no term and a weight of nothing',
      {
        affinity: {
          nodeAffinity: {
            requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [] },
          },
          podAntiAffinity: {
            preferredDuringSchedulingIgnoredDuringExecution: [
              { weight: 0, podAffinityTerm: { topologyKey: 'zone' } },
            ],
          },
        },
      },
      [
        'spec.affinity.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms: Required value: must have at least one node selector term',
        'spec.affinity.podAntiAffinity.preferredDuringSchedulingIgnoredDuringExecution[0].weight: Invalid value: 0: must be in the range 1-100',
      ],
    ],
    [
      'a spread of no skew',
      {
        topologySpreadConstraints: [
          { maxSkew: 0, topologyKey: '', whenUnsatisfiable: 'Whatever', labelSelector: {} },
        ],
      },
      [
        'spec.topologySpreadConstraints[0].maxSkew: Invalid value: 0: must be greater than zero',
        'spec.topologySpreadConstraints[0].topologyKey: Required value: can not be empty',
        'spec.topologySpreadConstraints[0].whenUnsatisfiable: Unsupported value: "Whatever": supported values: "DoNotSchedule", "ScheduleAnyway"',
      ],
    ],
    [
      'a security context that contradicts itself',
      container({
        securityContext: { privileged: true, allowPrivilegeEscalation: false, runAsUser: -1 },
      }),
      [
        'spec.containers[0].securityContext.runAsUser: Invalid value: -1: must be between 0 and 2147483647, inclusive',
        'spec.containers[0].securityContext: Invalid value: {"privileged":true,"allowPrivilegeEscalation":false,"runAsUser":-1}: cannot set `allowPrivilegeEscalation` to false and `privileged` to true',
      ],
    ],
    [
      'restart rules without a policy',
      container({ restartPolicyRules: [{ action: 'Restart', exitCodes: { values: [3] } }] }),
      [
        'spec.containers[0].restartPolicy: Required value: must specify restartPolicy when restart rules are used',
        'spec.containers[0].restartPolicyRules[0].exitCodes.operator: Unsupported value: "": supported values: "In", "NotIn"',
      ],
    ],
    [
      'an ephemeral container, and a node for a gated pod',
      {
        ephemeralContainers: [{ name: 'e', image: 'x' }],
        nodeName: 'n',
        schedulingGates: [{ name: 'g' }],
      },
      [
        'spec.ephemeralContainers: Forbidden: cannot be set on create',
        'spec.nodeName: Forbidden: cannot be set until all schedulingGates have been cleared',
      ],
    ],
  ];
  for (const [name, spec, expected] of rows)
    t.strictSame(texts(validatePod(podOf(spec))), expected, name);
});

t.test('annotations of a pod that mean something', async (t) => {
  const rows: readonly (readonly [string, Record<string, string>, Partial<PodSpec>, string[]])[] = [
    [
      'a cost that is no number',
      { 'controller.kubernetes.io/pod-deletion-cost': '+1' },
      {},
      [
        'metadata.annotations[controller.kubernetes.io/pod-deletion-cost]: Invalid value: "+1": must be a 32bit integer',
      ],
    ],
    [
      'a mirror of no node',
      { 'kubernetes.io/config.mirror': 'x' },
      {},
      [
        'metadata.annotations[kubernetes.io/config.mirror]: Invalid value: "x": must set spec.nodeName if mirror pod annotation is set',
      ],
    ],
    [
      'a profile of a container that is not there',
      { 'container.apparmor.security.beta.kubernetes.io/x': 'bad' },
      {},
      [
        'metadata.annotations[container.apparmor.security.beta.kubernetes.io/x]: Invalid value: "x": container not found',
        'metadata.annotations[container.apparmor.security.beta.kubernetes.io/x]: Invalid value: "bad": invalid AppArmor profile name: "bad"',
      ],
    ],
    [
      'a profile that the field contradicts',
      { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' },
      { securityContext: { seccompProfile: { type: 'RuntimeDefault' } } },
      [
        'spec.securityContext.seccompProfile.type: Forbidden: seccomp type in annotation and field must match',
      ],
    ],
  ];
  for (const [name, annotations, spec, expected] of rows) {
    t.strictSame(texts(validatePod(podOf(spec, { annotations }))), expected, name);
  }
});

t.test('of a pod that exists little may change', async (t) => {
  const old = podOf({ nodeName: 'n', tolerations: [{ key: 'a', operator: 'Exists' }] });
  const changed = (spec: Partial<PodSpec>) => {
    const next = structuredClone(old);
    Object.assign(next.spec ?? {}, spec);
    return texts(validatePodUpdate(next, old));
  };
  t.strictSame(
    changed({
      ...container({ image: 'nginx:2' }),
      containers:
        podOf(container({ image: 'nginx:2', imagePullPolicy: 'Always' })).spec?.containers ?? [],
    }),
    [],
    'an image',
  );
  t.strictSame(
    changed({
      tolerations: [
        { key: 'a', operator: 'Exists' },
        { key: 'b', operator: 'Exists' },
      ],
    }),
    [],
    'one toleration more',
  );
  t.strictSame(
    changed({ tolerations: [] }),
    [
      'spec.tolerations: Forbidden: existing toleration can not be modified except its tolerationSeconds',
    ],
    'one toleration less',
  );
  const [text = '', ...more] = changed({ nodeName: 'other', hostname: 'h' });
  t.equal(more.length, 0);
  t.match(
    text,
    'spec: Forbidden: pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)\n',
  );
  t.match(text, /- +NodeName: "n",\n.*\+ +NodeName: "other"/s, 'the difference is shown');
  t.strictSame(
    changed({ containers: [] }).at(-1),
    'spec.containers: Forbidden: pod updates may not add or remove containers',
  );

  const done = podOf({ restartPolicy: 'Never' });
  done.status = {
    qosClass: 'BestEffort',
    containerStatuses: [
      {
        name: 'c',
        image: 'x',
        imageID: '',
        ready: false,
        restartCount: 0,
        state: { terminated: { exitCode: 0 } },
      },
    ],
  };
  const again = structuredClone(done);
  again.status = {
    ...again.status,
    qosClass: 'Burstable',
    containerStatuses: [
      { name: 'c', image: 'x', imageID: '', ready: true, restartCount: 1, state: { running: {} } },
    ],
  };
  t.strictSame(texts(validatePodStatusUpdate(again, done)), [
    'status.qosClass: Invalid value: "Burstable": field is immutable',
    'status.containerStatuses[0].state: Forbidden: may not be transitioned to non-terminated state',
  ]);
});

t.test('a pod that says what it hardly means is warned of', async (t) => {
  const pod = podOf({
    nodeSelector: { 'beta.kubernetes.io/os': 'linux' },
    terminationGracePeriodSeconds: -1,
    ...container({
      env: [
        { name: 'A', value: '1' },
        { name: 'A', value: '2' },
      ],
      ports: [{ containerPort: 80 }, { containerPort: 80, name: 'again' }],
      resources: { limits: { memory: '100m' } },
    }),
  });
  t.strictSame(podWarnings(pod), [
    'spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead',
    'spec.containers[0].resources.limits[memory]: fractional byte value "100m" is invalid, must be an integer',
    'spec.containers[0].resources.requests[memory]: fractional byte value "100m" is invalid, must be an integer',
    'spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply',
    'spec.containers[0].ports[1]: duplicate port definition with spec.containers[0].ports[0]',
    'spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be treated as 1',
  ]);
});

function workloadOf<T>(
  definition: { strategy: { setDefaults?(obj: T): void } },
  spec: object = {},
  podSpec: object = {},
): T {
  const obj = {
    metadata: { name: 'w', namespace: 'default' },
    spec: {
      selector: { matchLabels: { app: 'w' } },
      template: {
        metadata: { labels: { app: 'w' } },
        spec: { containers: [{ name: 'c', image: 'nginx' }], ...podSpec },
      },
      ...spec,
    },
  } as T;
  definition.strategy.setDefaults?.(obj);
  return obj;
}

/** Defaults change what they are given, so each object gets its own. */
const brokenTemplate = () => ({
  metadata: { labels: { app: 'w' } },
  spec: { containers: [{ image: 'nginx' }] },
});

t.test('kinds that make pods', async (t) => {
  const rows: readonly (readonly [string, FieldError[], string[]])[] = [
    ['a good Deployment', validateDeployment(workloadOf<Deployment>(deployment)), []],
    [
      'a Deployment whose selector misses its pods',
      validateDeployment(
        workloadOf<Deployment>(deployment, { selector: { matchLabels: { app: 'x' } } }),
      ),
      [
        'spec.template.metadata.labels: Invalid value: {"app":"w"}: `selector` does not match template `labels`',
      ],
    ],
    [
      'a Deployment with an empty selector',
      validateDeployment(workloadOf<Deployment>(deployment, { selector: {} })),
      ['spec.selector: Invalid value: {}: empty selector is invalid for deployment'],
    ],
    [
      'a Deployment of jobs',
      validateDeployment(
        workloadOf<Deployment>(
          deployment,
          { replicas: -1 },
          { restartPolicy: 'Never', activeDeadlineSeconds: 5 },
        ),
      ),
      [
        'spec.replicas: Invalid value: -1: must be greater than or equal to 0',
        'spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"',
        'spec.template.spec.activeDeadlineSeconds: Forbidden: activeDeadlineSeconds in ReplicaSet is not Supported',
      ],
    ],
    [
      'a Deployment that can not make a step',
      validateDeployment(
        workloadOf<Deployment>(deployment, {
          strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: '0%' } },
          progressDeadlineSeconds: 5,
          minReadySeconds: 5,
        }),
      ),
      [
        'spec.strategy.rollingUpdate.maxUnavailable: Invalid value: "0%": may not be 0 when `maxSurge` is 0',
        'spec.progressDeadlineSeconds: Invalid value: 5: must be greater than minReadySeconds',
      ],
    ],
    [
      'a Deployment by a strategy of its own',
      validateDeployment(workloadOf<Deployment>(deployment, { strategy: { type: 'Magic' } })),
      [
        'spec.strategy: Unsupported value: {"type":"Magic"}: supported values: "Recreate", "RollingUpdate"',
      ],
    ],
    [
      'a DaemonSet without a selector',
      validateDaemonSet(workloadOf<DaemonSet>(daemonSet, { selector: undefined })),
      [
        'spec.template.metadata.labels: Invalid value: {"app":"w"}: `selector` does not match template `labels`',
      ],
    ],
    [
      'a Deployment that recreates and rolls',
      validateDeployment(
        workloadOf<Deployment>(deployment, { strategy: { type: 'Recreate', rollingUpdate: {} } }),
      ),
      [
        "spec.strategy.rollingUpdate: Forbidden: may not be specified when strategy `type` is 'Recreate'",
      ],
    ],
    [
      'a Deployment that goes for other pods',
      validateDeploymentUpdate(
        workloadOf<Deployment>(deployment, {
          selector: { matchLabels: { app: 'w', tier: 'x' } },
          template: {
            metadata: { labels: { app: 'w', tier: 'x' } },
            spec: { containers: [{ name: 'c', image: 'x' }] },
          },
        }),
        workloadOf<Deployment>(deployment),
      ),
      ['spec.selector: Invalid value: {"matchLabels":{"app":"w","tier":"x"}}: field is immutable'],
    ],
    [
      'a status of more parts than there are',
      validateDeploymentStatusUpdate(
        {
          ...workloadOf<Deployment>(deployment),
          status: { replicas: 1, readyReplicas: 2, availableReplicas: 3 },
        },
        workloadOf<Deployment>(deployment),
      ),
      [
        'status.readyReplicas: Invalid value: 2: cannot be greater than status.replicas',
        'status.availableReplicas: Invalid value: 3: cannot be greater than status.replicas',
        'status.availableReplicas: Invalid value: 3: cannot be greater than readyReplicas',
      ],
    ],
    [
      'a DaemonSet that both takes and brings',
      validateDaemonSet(
        workloadOf<DaemonSet>(daemonSet, {
          updateStrategy: { rollingUpdate: { maxSurge: 1, maxUnavailable: 1 } },
        }),
      ),
      [
        'spec.updateStrategy.rollingUpdate.maxSurge: Invalid value: 1: may not be set when maxUnavailable is non-zero',
      ],
    ],
    [
      'a StatefulSet in no order',
      validateStatefulSet(workloadOf<StatefulSet>(statefulSet, { podManagementPolicy: 'Random' })),
      [`spec.podManagementPolicy: Invalid value: "Random": must be 'OrderedReady' or 'Parallel'`],
    ],
    [
      'a StatefulSet whose pods could not be made',
      validateStatefulSet(
        workloadOf<StatefulSet>(statefulSet, {
          serviceName: 'Not a label',
          volumeClaimTemplates: [{ metadata: { name: 'data' }, spec: {} }],
          ordinals: { start: -1 },
          template: {
            metadata: { labels: { app: 'w' } },
            spec: {
              containers: [
                {
                  name: 'c',
                  image: 'x',
                  volumeMounts: [
                    { name: 'data', mountPath: '/data' },
                    { name: 'other', mountPath: '/other' },
                  ],
                },
              ],
            },
          },
        }),
      ),
      [
        'spec.volumeClaimTemplates[0].spec.accessModes: Required value: at least 1 access mode is required',
        'spec.volumeClaimTemplates[0].spec.resources[storage]: Required value',
        'spec.ordinals.start: Invalid value: -1: must be greater than or equal to 0',
        `spec.serviceName: Invalid value: "Not a label": a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?')`,
        'spec.template.spec.containers[0].volumeMounts[1].name: Not found: "other"',
      ],
    ],
    [
      'a StatefulSet from before its template was checked',
      validateStatefulSetUpdate(
        workloadOf<StatefulSet>(statefulSet, { template: brokenTemplate(), replicas: 3 }),
        workloadOf<StatefulSet>(statefulSet, { template: brokenTemplate() }),
      ),
      [],
    ],
    [
      'a StatefulSet whose template breaks',
      validateStatefulSetUpdate(
        workloadOf<StatefulSet>(statefulSet, { template: brokenTemplate() }),
        workloadOf<StatefulSet>(statefulSet),
      ),
      ['spec.template.spec.containers[0].name: Required value'],
    ],
    [
      'a StatefulSet that deletes and rolls, and keeps claims for a while',
      validateStatefulSet(
        workloadOf<StatefulSet>(statefulSet, {
          updateStrategy: { type: 'OnDelete', rollingUpdate: { partition: 1 } },
          persistentVolumeClaimRetentionPolicy: { whenDeleted: 'Later', whenScaled: 'Delete' },
        }),
      ),
      [
        `spec.updateStrategy.rollingUpdate: Invalid value: {"partition":1}: only allowed for updateStrategy 'RollingUpdate'`,
        'spec.persistentVolumeClaimRetentionPolicy.whenDeleted: Unsupported value: "Later": supported values: "Retain", "Delete"',
      ],
    ],
    [
      'a StatefulSet whose update makes no step, or too large ones',
      [
        ...validateStatefulSet(
          workloadOf<StatefulSet>(statefulSet, {
            updateStrategy: { rollingUpdate: { maxUnavailable: 0, partition: -1 } },
          }),
        ),
        ...validateStatefulSet(
          workloadOf<StatefulSet>(statefulSet, {
            updateStrategy: { rollingUpdate: { maxUnavailable: '101%' } },
          }),
        ),
      ],
      [
        'spec.updateStrategy.rollingUpdate.partition: Invalid value: -1: must be greater than or equal to 0',
        'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: 0: cannot be 0',
        'spec.updateStrategy.rollingUpdate.maxUnavailable: Invalid value: "101%": must not be greater than 100%',
      ],
    ],
    [
      'a StatefulSet whose status contradicts itself',
      validateStatefulSetStatusUpdate(
        {
          ...workloadOf<StatefulSet>(statefulSet),
          status: { replicas: 1, readyReplicas: 1, availableReplicas: 2, collisionCount: 1 },
        },
        {
          ...workloadOf<StatefulSet>(statefulSet),
          status: { replicas: 1, collisionCount: 2 },
        },
      ),
      [
        'status.availableReplicas: Invalid value: 2: cannot be greater than status.replicas',
        'status.availableReplicas: Invalid value: 2: cannot be greater than status.readyReplicas',
        'status.collisionCount: Invalid value: 1: cannot be decremented',
      ],
    ],
    [
      'a StatefulSet under another name',
      validateStatefulSetUpdate(
        workloadOf<StatefulSet>(statefulSet, { serviceName: 'b' }),
        workloadOf<StatefulSet>(statefulSet, { serviceName: 'a', replicas: 3 }),
      ),
      [
        "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden",
      ],
    ],
  ];
  for (const [name, errors, expected] of rows) t.strictSame(texts(errors), expected, name);
});

t.test('a StatefulSet warns of what its claims cannot have', async (t) => {
  const resources = { requests: { storage: '500m' } };
  const warnings = statefulSetWarnings(
    workloadOf<StatefulSet>(statefulSet, {
      volumeClaimTemplates: [{ metadata: { name: 'd' }, spec: { resources } }],
      revisionHistoryLimit: -1,
    }),
  );
  t.strictSame(warnings, [
    'spec.volumeClaimTemplates[0].spec.resources.requests[storage]: fractional byte value "500m" is invalid, must be an integer',
    'spec.revisionHistoryLimit: a negative value retains all historical revisions; a value >= 0 is recommended',
  ]);
});

function jobOf(spec: object = {}, podSpec: object = {}): Job {
  const job = {
    metadata: { name: 'j', namespace: 'default', uid: 'u-1' },
    spec: {
      template: {
        spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'x' }], ...podSpec },
      },
      ...spec,
    },
  } as Job;
  if (job.spec) setJobSpecDefaults(job.spec);
  generateJobSelector(job);
  return job;
}

t.test('Jobs and CronJobs', async (t) => {
  t.strictSame(texts(validateJob(jobOf())), []);
  t.strictSame(texts(validateJob(jobOf({}, { restartPolicy: 'Always' }))), [
    'spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
  ]);
  t.strictSame(texts(validateJob(jobOf({ completionMode: 'Indexed', parallelism: 2 }))), [
    'spec.completions: Required value: when completion mode is Indexed',
  ]);
  t.match(
    texts(validateJobUpdate(jobOf({}, { hostname: 'h' }), jobOf()))[0],
    /^spec\.template: Invalid value: .*: field is immutable$/,
  );

  const policy = {
    rules: [
      { action: 'Ignore', onPodConditions: [{ type: 'DisruptionTarget', status: 'True' }] },
      {
        action: 'FailIndex',
        onExitCodes: { operator: 'In', values: [0, 5, 3, 3], containerName: 'z' },
      },
      { action: 'Count' },
    ],
  };
  const at = 'spec.podFailurePolicy.rules[1].onExitCodes';
  t.strictSame(texts(validateJob(jobOf({ podFailurePolicy: policy }))), [
    'spec.podFailurePolicy.rules[1].action: Invalid value: "FailIndex": requires the backoffLimitPerIndex to be set',
    `${at}.containerName: Invalid value: "z": must be one of the container or initContainer names in the pod template`,
    `${at}.values[0]: Invalid value: 0: must not be 0 for the In operator`,
    `${at}.values[3]: Duplicate value: 3`,
    `${at}.values: Invalid value: [0,5,3,3]: must be ordered`,
    'spec.podFailurePolicy.rules[2]: Invalid value: specifying one of OnExitCodes and OnPodConditions is required',
  ]);
  const indexed = { completionMode: 'Indexed', completions: 3, parallelism: 2 };
  t.strictSame(texts(validateJobUpdate(jobOf({ ...indexed, completions: 5 }), jobOf(indexed))), [
    'spec.completions: Invalid value: 5: can only be modified in tandem with spec.parallelism',
  ]);

  const success = (...rules: object[]) => ({
    completionMode: 'Indexed',
    completions: 3,
    parallelism: 3,
    successPolicy: { rules },
  });
  const rule = 'spec.successPolicy.rules[0]';
  const large = { ...indexed, completions: 200_000, parallelism: 20_000, backoffLimitPerIndex: 1 };
  const specRows: readonly (readonly [string, object, string])[] = [
    [
      'no rules',
      success(),
      'spec.successPolicy.rules: Required value: at least one rules must be specified when the successPolicy is specified',
    ],
    [
      'a rule that says nothing',
      success({}),
      `${rule}: Required value: at least one of succeededCount or succeededIndexes must be specified`,
    ],
    [
      'an index that there is not',
      success({ succeededIndexes: '1-3' }),
      `${rule}.succeededIndexes: Invalid value: "1-3": error parsing succeededIndexes: too large index: "3"`,
    ],
    [
      'indexes out of order',
      success({ succeededIndexes: '2,1' }),
      `${rule}.succeededIndexes: Invalid value: "2,1": error parsing succeededIndexes: non-increasing order, previous: 2, current: 1`,
    ],
    [
      'more than there are',
      success({ succeededIndexes: '0,1', succeededCount: 3 }),
      `${rule}.succeededCount: Invalid value: 3: must be less than or equal to 2 (the number of indexes in the specified succeededIndexes field)`,
    ],
    [
      'a manager without a domain',
      { managedBy: 'me' },
      'spec.managedBy: Invalid value: "me": must be a domain-prefixed path (such as "acme.io/foo")',
    ],
    [
      'very many indexes, each with its limit',
      large,
      'spec.maxFailedIndexes: Required value: must be specified when completions is above 100000',
    ],
    [
      'very many of them at a time',
      large,
      'spec.parallelism: Invalid value: 20000: must be less than or equal to 10000 when completions are above 100000 and used with backoff limit per index',
    ],
    [
      'the label of another Job',
      {
        template: {
          metadata: { labels: { 'controller-uid': 'u-0' } },
          spec: jobOf().spec?.template.spec,
        },
      },
      `must be 'u-1'`,
    ],
  ];
  for (const [name, spec, expected] of specRows)
    t.ok(
      texts(validateJob(jobOf(spec))).some((text) => text.endsWith(expected)),
      name,
    );
  t.strictSame(texts(validateJob(jobOf({ managedBy: 'acme.io/q/1' }))), []);
  t.strictSame(jobWarnings({ ...jobOf(), metadata: { name: 'a.b' } }).length, 1);

  const cron = (spec: object): CronJob => ({
    metadata: { name: 'c', namespace: 'default' },
    spec: {
      schedule: '* * * * *',
      concurrencyPolicy: 'Allow',
      jobTemplate: { spec: jobOf().spec },
      ...spec,
    } as CronJob['spec'],
  });
  const rows: readonly (readonly [string, object, string])[] = [
    [
      'too few fields',
      { schedule: '* *' },
      'spec.schedule: Invalid value: "* *": expected exactly 5 fields, found 2: [* *]',
    ],
    [
      'a minute too many',
      { schedule: '60 * * * *' },
      'spec.schedule: Invalid value: "60 * * * *": end of range (60) above maximum (59): 60',
    ],
    [
      'no number',
      { schedule: 'x * * * *' },
      'spec.schedule: Invalid value: "x * * * *": failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax',
    ],
    [
      'no zone',
      { timeZone: 'Mars/Base' },
      'spec.timeZone: Invalid value: "Mars/Base": unknown time zone Mars/Base',
    ],
    [
      'no policy',
      { concurrencyPolicy: 'Queue' },
      'spec.concurrencyPolicy: Unsupported value: "Queue": supported values: "Allow", "Forbid", "Replace"',
    ],
  ];
  for (const [name, spec, expected] of rows)
    t.ok(texts(validateCronJob(cron(spec))).includes(expected), name);
  for (const good of ['*/5 0-6,12 1 JAN-MAR mon', '@daily', '@every 1h30m', '0 0 * * ?']) {
    t.notOk(
      texts(validateCronJob(cron({ schedule: good }))).some((text) =>
        text.startsWith('spec.schedule'),
      ),
      good,
    );
  }
});

t.test('the status of a Job agrees with itself, and what has ended stays so', async (t) => {
  const start = '2026-01-01T00:00:00Z';
  const end = '2026-01-01T00:01:00Z';
  const of = (...types: string[]) => ({
    conditions: types.map((type) => ({ type, status: 'True' as const })),
  });
  const complete = {
    ...of('SuccessCriteriaMet', 'Complete'),
    startTime: start,
    completionTime: end,
  };
  const indexed = { completionMode: 'Indexed', completions: 3, parallelism: 2 };
  const rows: readonly (readonly [string, object, Job['status'], Job['status'], string[]])[] = [
    ['it completes', {}, { startTime: start, active: 1 }, complete, []],
    ['nothing changes', {}, of('Complete'), of('Complete'), []],
    [
      'complete without a time or a reason',
      {},
      { startTime: start },
      { ...of('Complete'), startTime: start },
      [
        'status.completionTime: Required value: completionTime is required for Complete jobs',
        'status.conditions: Invalid value: cannot set Complete=True condition without the SuccessCriteriaMet=true condition',
      ],
    ],
    [
      'failed without a reason, with a pod that runs',
      {},
      { startTime: start, active: 1 },
      { ...of('Failed'), startTime: start, active: 1 },
      [
        'status.conditions: Invalid value: cannot set Failed=True condition without the FailureTarget=true condition',
        'status.active: Invalid value: 1: active>0 is invalid for finished job',
      ],
    ],
    [
      'an end that is taken back',
      {},
      complete,
      { ...of('SuccessCriteriaMet'), startTime: start },
      ['status.conditions: Invalid value: cannot disable the terminal Complete=True condition'],
    ],
    [
      'another time',
      {},
      complete,
      { ...complete, completionTime: start },
      [
        'status.completionTime: Invalid value: "2026-01-01T00:00:00Z": completionTime cannot be mutated',
      ],
    ],
    [
      'counts that fall',
      {},
      { failed: 2, succeeded: 2 },
      { failed: 1, succeeded: 1 },
      [
        'status.failed: Invalid value: 1: cannot decrease the failed counter',
        'status.succeeded: Invalid value: 1: cannot decrease the succeeded counter',
      ],
    ],
    [
      'an elastic Job that shrank',
      { ...indexed, parallelism: 3 },
      { succeeded: 4 },
      { succeeded: 3 },
      [],
    ],
    [
      'indexes that both failed and completed',
      { ...indexed, backoffLimitPerIndex: 1 },
      {},
      { completedIndexes: '0,1', failedIndexes: '1' },
      [
        'status.failedIndexes: Invalid value: "1": failedIndexes and completedIndexes overlap at index: 1',
      ],
    ],
    [
      'indexes of a Job that has none',
      {},
      {},
      { completedIndexes: '0', failedIndexes: '' },
      [
        'status.completedIndexes: Invalid value: "0": cannot set non-empty completedIndexes when non-indexed completion mode',
        'status.failedIndexes: Invalid value: "": cannot set non-null failedIndexes when backoffLimitPerIndex is null',
      ],
    ],
    [
      'a pod named twice',
      {},
      {},
      { uncountedTerminatedPods: { succeeded: ['a'], failed: ['a', ''] } },
      [
        'status.uncountedTerminatedPods.failed[0]: Duplicate value: "a"',
        'status.uncountedTerminatedPods.failed[1]: Invalid value: "": must not be empty',
      ],
    ],
    [
      'more ready than active',
      {},
      {},
      { ready: 1 },
      ['status.ready: Invalid value: 1: cannot set more ready pods than active'],
    ],
    [
      'a start that moves',
      {},
      { startTime: start },
      { startTime: end },
      ['status.startTime: Required value: startTime cannot be removed for unsuspended job'],
    ],
    [
      'a start that moves as the Job is resumed',
      { suspend: false },
      { ...of('Suspended'), startTime: start },
      { conditions: [{ type: 'Suspended', status: 'False' }], startTime: end },
      [],
    ],
    [
      'a start that moves after it was resumed',
      { suspend: false },
      { conditions: [{ type: 'Suspended', status: 'False' }], startTime: start },
      { conditions: [{ type: 'Suspended', status: 'False' }], startTime: end },
      ['status.startTime: Required value: startTime cannot be removed for unsuspended job'],
    ],
  ];
  for (const [name, spec, old, status, wanted] of rows) {
    const job = jobOf({ parallelism: 1, ...spec });
    t.strictSame(
      texts(validateJobStatusUpdate({ ...job, status }, { ...job, status: old })),
      wanted,
      name,
    );
  }
});

function serviceOf(spec: ServiceSpec = {}): Service {
  const service: Service = {
    metadata: { name: 's', namespace: 'default' },
    spec: { ports: [{ port: 80 }], ...spec },
  };
  setServiceDefaults(service);
  return service;
}

t.test('Services', async (t) => {
  const rows: readonly (readonly [string, ServiceSpec, string[]])[] = [
    ['a good one', {}, []],
    ['no ports', { ports: [] }, ['spec.ports: Required value']],
    [
      'two ports without names',
      { ports: [{ port: 80 }, { port: 80 }] },
      [
        'spec.ports[0].name: Required value',
        'spec.ports[1].name: Required value',
        'spec.ports[1]: Duplicate value: {"Name":"","Protocol":"TCP","AppProtocol":null,"Port":80,"TargetPort":0,"NodePort":0}',
      ],
    ],
    [
      'an unknown type',
      { type: 'Magic' },
      [
        'spec.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"',
      ],
    ],
    [
      'a node port without nodes',
      { ports: [{ port: 80, nodePort: 30080 }] },
      ["spec.ports[0].nodePort: Forbidden: may not be used when `type` is 'ClusterIP'"],
    ],
    ['an external name of none', { type: 'ExternalName' }, ['spec.externalName: Required value']],
    [
      'an address that is none',
      { clusterIP: '1.2.3', clusterIPs: ['1.2.3'] },
      [
        'spec.clusterIPs[0]: Invalid value: "1.2.3": must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)',
      ],
    ],
    [
      'a headless node port',
      { type: 'NodePort', clusterIP: 'None', clusterIPs: ['None'] },
      [`spec.clusterIPs[0]: Invalid value: "None": may not be set to 'None' for NodePort services`],
    ],
    [
      'affinity for too long',
      {
        sessionAffinity: 'ClientIP',
        sessionAffinityConfig: { clientIP: { timeoutSeconds: 100000 } },
      },
      [
        'spec.sessionAffinityConfig.clientIP.timeoutSeconds: Invalid value: 100000: must be greater than 0 and less than 86400',
      ],
    ],
    [
      'an external address that is nobody outside',
      { externalIPs: ['127.0.0.1'] },
      [
        'spec.externalIPs[0]: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
      ],
    ],
  ];
  for (const [name, spec, expected] of rows)
    t.strictSame(texts(validateService(serviceOf(spec))), expected, name);
  const had = serviceOf({ clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1'] });
  t.strictSame(
    texts(
      validateServiceUpdate(serviceOf({ clusterIP: '10.0.0.2', clusterIPs: ['10.0.0.2'] }), had),
    ),
    ['spec.clusterIPs[0]: Invalid value: ["10.0.0.2"]: may not change once set'],
  );
});

t.test('small kinds', async (t) => {
  const meta = { name: 'x', namespace: 'default' };
  const map: ConfigMap = {
    metadata: meta,
    data: { 'a/b': '1', both: '1' },
    binaryData: { both: 'AA==' },
  };
  const frozen: ConfigMap = { metadata: meta, immutable: true, data: { a: '1' } };
  const tls: Secret = { metadata: meta, type: 'kubernetes.io/tls', data: { 'tls.crt': '' } };
  const docker: Secret = {
    metadata: meta,
    type: 'kubernetes.io/dockerconfigjson',
    data: { '.dockerconfigjson': 'eA==' },
  };
  const node: Node = {
    metadata: { name: 'n' },
    spec: {
      taints: [
        { key: 'a', effect: 'NoSchedule' },
        { key: 'a', effect: 'NoSchedule' },
      ],
      providerID: 'x',
    },
  };
  const endpoints: Endpoints = {
    metadata: meta,
    subsets: [{ addresses: [{ ip: '127.0.0.1' }], ports: [{ port: 0, protocol: 'TCP' }] }, {}],
  };
  const slice: EndpointSlice = {
    metadata: meta,
    addressType: 'IPv4',
    endpoints: [{ addresses: ['::1'] }, { addresses: [] }],
    ports: [
      { name: '', protocol: 'TCP' },
      { name: '', protocol: 'TCP' },
    ],
  };
  const event: Event = {
    metadata: { name: 'e', namespace: 'a' },
    involvedObject: { namespace: 'b' },
  };
  const rows: readonly (readonly [string, FieldError[], string[]])[] = [
    [
      'keys of a ConfigMap',
      validateConfigMap(map),
      [
        `data[a/b]: Invalid value: "a/b": a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or 'key-name', regex used for validation is '[-._a-zA-Z0-9]+')`,
        'data[both]: Invalid value: "both": duplicate of key present in binaryData',
      ],
    ],
    [
      'a ConfigMap that was made immutable',
      validateConfigMapUpdate({ metadata: meta, data: { a: '2' } }, frozen),
      [
        'immutable: Forbidden: field is immutable when `immutable` is set',
        'data: Forbidden: field is immutable when `immutable` is set',
      ],
    ],
    ['half a pair', validateSecret(tls), ['data[tls.key]: Required value']],
    [
      'a secret whose content is not shown',
      validateSecret(docker),
      [
        'data[.dockerconfigjson]: Invalid value: "<secret contents redacted>": invalid character looking for beginning of value',
      ],
    ],
    [
      'a secret of another type',
      validateSecretUpdate({ metadata: meta, type: 'Opaque' }, { metadata: meta, type: 'x' }),
      ['type: Invalid value: "Opaque": field is immutable'],
    ],
    [
      'one taint twice',
      validateNode(node),
      [
        'metadata.taints[1]: Duplicate value: {"Key":"a","Value":"","Effect":"NoSchedule","TimeAdded":null}: taints must be unique by key and effect pair',
      ],
    ],
    [
      'a node of another provider',
      validateNodeUpdate({ metadata: { name: 'n' }, spec: {} }, node),
      [
        'spec.providerID: Forbidden: node updates may not change providerID except from "" to valid',
      ],
    ],
    [
      'endpoints',
      validateEndpoints(endpoints),
      [
        'subsets[0].addresses[0].ip: Invalid value: "127.0.0.1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
        'subsets[0].ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive',
        'subsets[1]: Required value: must specify `addresses` or `notReadyAddresses`',
      ],
    ],
    [
      'a slice',
      validateEndpointSlice(slice),
      [
        'endpoints[0].addresses[0]: Invalid value: "::1": must be an IPv4 address',
        'endpoints[0].addresses[0]: Invalid value: "::1": may not be in the loopback range (127.0.0.0/8, ::1/128)',
        'endpoints[1].addresses: Required value: must contain at least 1 address',
        'ports[1].name: Duplicate value: ""',
      ],
    ],
    [
      'an event about somewhere else',
      validateEvent(event),
      ['involvedObject.namespace: Invalid value: "b": does not match event.namespace'],
    ],
  ];
  for (const [name, errors, expected] of rows) t.strictSame(texts(errors), expected, name);
});

t.test('a key that does not fit its certificate is taken, with a warning', async (t) => {
  const [one, two] = await Promise.all([0, 1].map(() => generateSelfSigned('a', Date.now())));
  const encode = (text = '') => Buffer.from(text).toString('base64');
  const pair = (cert?: string, key?: string): Secret => ({
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': encode(cert), 'tls.key': encode(key) },
  });
  t.strictSame(secretWarnings(pair(one?.cert, one?.key)), []);
  t.strictSame(secretWarnings(pair(one?.cert, two?.key)), [
    'tls: private key does not match public key',
  ]);
  t.strictSame(secretWarnings(pair()), ['tls: failed to find any PEM data in certificate input']);
  t.strictSame(secretWarnings({ ...pair(), type: 'Opaque' }), []);
});
