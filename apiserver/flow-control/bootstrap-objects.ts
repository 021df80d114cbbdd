/**
 * The FlowSchemas and PriorityLevelConfigurations of every v1.35 cluster. The mandatory ones always hold, with or
 * without an object in the store, and nobody can change them; the suggested ones are a beginning.
 * Upstream: `k8s.io/apiserver/pkg/apis/flowcontrol/bootstrap/default.go`.
 */
import type { FlowSchema, PriorityLevelConfiguration } from '../../pkg/api/types.js';

export const GROUP = 'flowcontrol.apiserver.k8s.io';
/** `true`: the server keeps the spec as it is here. */
export const AUTO_UPDATE = 'apf.kubernetes.io/autoupdate-spec';
const ANNOTATIONS = { [AUTO_UPDATE]: 'true' };

type Subject = NonNullable<
  NonNullable<NonNullable<FlowSchema['spec']>['rules']>[number]['subjects']
>[number];
type Rules = NonNullable<NonNullable<FlowSchema['spec']>['rules']>;

const group = (name: string): Subject => ({ kind: 'Group', group: { name } });
const user = (name: string): Subject => ({ kind: 'User', user: { name } });
const accounts = (namespace: string, name = '*'): Subject => ({
  kind: 'ServiceAccount',
  serviceAccount: { namespace, name },
});

const EVERYTHING = {
  nonResourceRules: [{ verbs: ['*'], nonResourceURLs: ['*'] }],
  resourceRules: [
    { verbs: ['*'], apiGroups: ['*'], resources: ['*'], namespaces: ['*'], clusterScope: true },
  ],
};

function resources(
  verbs: string[],
  apiGroups: string[],
  names: string[],
  namespaces: string[] | 'cluster',
) {
  const rule = { verbs, apiGroups, resources: names };
  return namespaces === 'cluster'
    ? { ...rule, clusterScope: true, namespaces: ['*'] }
    : { ...rule, namespaces };
}

function flowSchema(
  name: string,
  level: string,
  matchingPrecedence: number,
  rules: Rules,
  method: 'ByUser' | 'ByNamespace' | 'none' = 'ByUser',
): FlowSchema {
  return {
    apiVersion: `${GROUP}/v1`,
    kind: 'FlowSchema',
    metadata: { name, annotations: { ...ANNOTATIONS } },
    spec: {
      ...(method === 'none' ? {} : { distinguisherMethod: { type: method } }),
      matchingPrecedence,
      priorityLevelConfiguration: { name: level },
      rules,
    },
  };
}

const EVERYONE = [group('system:unauthenticated'), group('system:authenticated')];
const LEASES = [resources(['get', 'create', 'update'], ['coordination.k8s.io'], ['leases'], ['*'])];

export const BOOTSTRAP_SCHEMAS: readonly FlowSchema[] = [
  flowSchema(
    'exempt',
    'exempt',
    1,
    [{ subjects: [group('system:masters')], ...EVERYTHING }],
    'none',
  ),
  flowSchema(
    'probes',
    'exempt',
    2,
    [
      {
        subjects: EVERYONE,
        nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/healthz', '/readyz', '/livez'] }],
      },
    ],
    'none',
  ),
  flowSchema('system-leader-election', 'leader-election', 100, [
    {
      subjects: [
        user('system:kube-controller-manager'),
        user('system:kube-scheduler'),
        accounts('kube-system'),
      ],
      resourceRules: LEASES,
    },
  ]),
  flowSchema('endpoint-controller', 'workload-high', 150, [
    {
      subjects: [
        user('system:kube-controller-manager'),
        accounts('kube-system', 'endpoint-controller'),
        accounts('kube-system', 'endpointslicemirroring-controller'),
      ],
      resourceRules: [resources(['get', 'create', 'update'], [''], ['endpoints'], ['*'])],
    },
  ]),
  flowSchema('workload-leader-election', 'leader-election', 200, [
    { subjects: [accounts('kube-system')], resourceRules: LEASES },
  ]),
  flowSchema('system-node-high', 'node-high', 400, [
    {
      subjects: [group('system:nodes')],
      resourceRules: [
        resources(['*'], [''], ['nodes', 'nodes/status'], 'cluster'),
        resources(['*'], ['coordination.k8s.io'], ['leases'], ['*']),
      ],
    },
  ]),
  flowSchema('system-nodes', 'system', 500, [{ subjects: [group('system:nodes')], ...EVERYTHING }]),
  flowSchema(
    'kube-controller-manager',
    'workload-high',
    800,
    [{ subjects: [user('system:kube-controller-manager')], ...EVERYTHING }],
    'ByNamespace',
  ),
  flowSchema(
    'kube-scheduler',
    'workload-high',
    800,
    [{ subjects: [user('system:kube-scheduler')], ...EVERYTHING }],
    'ByNamespace',
  ),
  flowSchema(
    'kube-system-service-accounts',
    'workload-high',
    900,
    [{ subjects: [accounts('kube-system')], ...EVERYTHING }],
    'ByNamespace',
  ),
  flowSchema('service-accounts', 'workload-low', 9000, [
    { subjects: [group('system:serviceaccounts')], ...EVERYTHING },
  ]),
  flowSchema('global-default', 'global-default', 9900, [{ subjects: EVERYONE, ...EVERYTHING }]),
  flowSchema('catch-all', 'catch-all', 10_000, [{ subjects: EVERYONE, ...EVERYTHING }]),
];

function limited(
  name: string,
  nominalConcurrencyShares: number,
  lendablePercent: number,
  queuing?: { queues: number; handSize: number },
): PriorityLevelConfiguration {
  return {
    apiVersion: `${GROUP}/v1`,
    kind: 'PriorityLevelConfiguration',
    metadata: { name, annotations: { ...ANNOTATIONS } },
    spec: {
      type: 'Limited',
      limited: {
        nominalConcurrencyShares,
        lendablePercent,
        limitResponse: queuing
          ? { type: 'Queue', queuing: { ...queuing, queueLengthLimit: 50 } }
          : { type: 'Reject' },
      },
    },
  };
}

export const BOOTSTRAP_LEVELS: readonly PriorityLevelConfiguration[] = [
  {
    apiVersion: `${GROUP}/v1`,
    kind: 'PriorityLevelConfiguration',
    metadata: { name: 'exempt', annotations: { ...ANNOTATIONS } },
    spec: { type: 'Exempt', exempt: { nominalConcurrencyShares: 0, lendablePercent: 0 } },
  },
  limited('catch-all', 5, 0),
  limited('global-default', 20, 50, { queues: 128, handSize: 6 }),
  limited('leader-election', 10, 0, { queues: 16, handSize: 4 }),
  limited('node-high', 40, 25, { queues: 64, handSize: 6 }),
  limited('system', 30, 33, { queues: 64, handSize: 6 }),
  limited('workload-high', 40, 50, { queues: 128, handSize: 6 }),
  limited('workload-low', 100, 90, { queues: 128, handSize: 6 }),
];

const MANDATORY = ['exempt', 'catch-all'];
const isMandatory = ({ metadata }: FlowSchema | PriorityLevelConfiguration) =>
  MANDATORY.includes(metadata?.name ?? '');

export const MANDATORY_SCHEMAS = BOOTSTRAP_SCHEMAS.filter(isMandatory);
export const MANDATORY_LEVELS = BOOTSTRAP_LEVELS.filter(isMandatory);
