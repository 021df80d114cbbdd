/**
 * The FlowSchemas and PriorityLevelConfigurations of every v1.35 cluster. They are kept for those who read
 * them; this server limits what is in flight by `--max-requests-inflight` alone.
 */
import type { FlowSchema, PriorityLevelConfiguration } from '../../../pkg/api/types.js';
import type { RequestContext } from '../request-context.js';
import { ensure } from './ensure.js';

const GROUP = 'flowcontrol.apiserver.k8s.io';
const ANNOTATIONS = { 'apf.kubernetes.io/autoupdate-spec': 'true' };

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
  byUser = true,
): FlowSchema {
  return {
    apiVersion: `${GROUP}/v1`,
    kind: 'FlowSchema',
    metadata: { name, annotations: { ...ANNOTATIONS } },
    spec: {
      ...(byUser ? { distinguisherMethod: { type: 'ByUser' } } : {}),
      matchingPrecedence,
      priorityLevelConfiguration: { name: level },
      rules,
    },
  };
}

const EVERYONE = [group('system:unauthenticated'), group('system:authenticated')];
const LEASES = [resources(['get', 'create', 'update'], ['coordination.k8s.io'], ['leases'], ['*'])];
const SYSTEM_LEASES = [
  resources(['get', 'create', 'update'], ['coordination.k8s.io'], ['leases'], ['kube-system']),
];

const FLOW_SCHEMAS: readonly FlowSchema[] = [
  flowSchema(
    'exempt',
    'exempt',
    1,
    [{ subjects: [group('system:masters')], ...EVERYTHING }],
    false,
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
    false,
  ),
  flowSchema('system-leader-election', 'leader-election', 100, [
    {
      subjects: [user('system:kube-controller-manager'), user('system:kube-scheduler')],
      resourceRules: SYSTEM_LEASES,
    },
  ]),
  flowSchema('endpoint-controller', 'workload-high', 150, [
    {
      subjects: [
        accounts('kube-system', 'endpoint-controller'),
        accounts('kube-system', 'endpointslice-controller'),
        accounts('kube-system', 'endpointslicemirroring-controller'),
      ],
      resourceRules: [
        resources(['get', 'create', 'update'], [''], ['endpoints'], ['*']),
        resources(['get', 'create', 'update'], ['discovery.k8s.io'], ['endpointslices'], ['*']),
      ],
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
  flowSchema('kube-controller-manager', 'workload-high', 800, [
    { subjects: [user('system:kube-controller-manager')], ...EVERYTHING },
  ]),
  flowSchema('kube-scheduler', 'workload-high', 800, [
    { subjects: [user('system:kube-scheduler')], ...EVERYTHING },
  ]),
  flowSchema('kube-system-service-accounts', 'workload-high', 900, [
    { subjects: [accounts('kube-system')], ...EVERYTHING },
  ]),
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

const PRIORITY_LEVELS: readonly PriorityLevelConfiguration[] = [
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

export async function ensureFlowControl(ctx: RequestContext): Promise<void> {
  await Promise.all([
    ...PRIORITY_LEVELS.map((level) => ensure(ctx, GROUP, 'prioritylevelconfigurations', level)),
    ...FLOW_SCHEMAS.map((schema) => ensure(ctx, GROUP, 'flowschemas', schema)),
  ]);
}
