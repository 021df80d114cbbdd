/**
 * The ClusterRoles of every v1.35 cluster, for people and components (`bootstrappolicy/policy.go`), and who
 * has them. Controllers have theirs in `controller-roles.ts`.
 */
import type { ClusterRole, ClusterRoleBinding, PolicyRule } from '../../../pkg/api/types.js';
import {
  aggregateTo,
  allow,
  allowPaths,
  clusterBinding,
  clusterRole,
  EVENTS,
  READ,
  READ_UPDATE,
  READ_WRITE,
  WRITE,
} from './rules.js';

const CERTIFICATES = 'certificates.k8s.io';
const STORAGE = 'storage.k8s.io';
const REVIEWS = allow('create', 'authorization.k8s.io', 'subjectaccessreviews');
const TOKEN_REVIEWS = allow('create', 'authentication.k8s.io', 'tokenreviews');

/** What a kubelet may ask for at all; the node authorizer narrows it to its own objects. */
export const NODE_RULES: readonly PolicyRule[] = [
  TOKEN_REVIEWS,
  allow('create', 'authorization.k8s.io', 'localsubjectaccessreviews subjectaccessreviews'),
  allow(READ, 'core', 'services'),
  allow('create get list watch', 'core', 'nodes'),
  allow('patch update', 'core', 'nodes/status'),
  allow('patch update', 'core', 'nodes'),
  allow('create patch update', 'core', 'events'),
  allow(READ, 'core', 'pods'),
  allow('create delete', 'core', 'pods'),
  allow('patch update', 'core', 'pods/status'),
  allow('create', 'core', 'pods/eviction'),
  allow(READ, 'core', 'configmaps secrets'),
  allow('get', 'core', 'persistentvolumeclaims persistentvolumes'),
  allow('get', 'core', 'endpoints'),
  allow('create get list watch', CERTIFICATES, 'certificatesigningrequests'),
  allow('create delete get patch update', 'coordination.k8s.io', 'leases'),
  allow('get', STORAGE, 'volumeattachments'),
  allow('get patch update', 'core', 'persistentvolumeclaims/status'),
  allow('create', 'core', 'serviceaccounts/token'),
  allow(READ, STORAGE, 'csidrivers'),
  allow('create delete get patch update', STORAGE, 'csinodes'),
  allow(READ, 'node.k8s.io', 'runtimeclasses'),
  allow('get', 'resource.k8s.io', 'resourceclaims'),
  allow('deletecollection', 'resource.k8s.io', 'resourceslices'),
  allow('get', 'core', 'serviceaccounts'),
];

/** Roles that people are given in a namespace are made of parts, so that others can add to them. */
const USER_ROLES: readonly ClusterRole[] = [
  clusterRole('admin', [], { aggregates: 'admin' }),
  clusterRole('edit', [], { aggregates: 'edit', labels: { [aggregateTo('admin')]: 'true' } }),
  clusterRole('view', [], { aggregates: 'view', labels: { [aggregateTo('edit')]: 'true' } }),
  clusterRole(
    'system:aggregate-to-admin',
    [
      allow('create', 'authorization.k8s.io', 'localsubjectaccessreviews'),
      allow(READ_WRITE, 'rbac.authorization.k8s.io', 'rolebindings roles'),
    ],
    { labels: { [aggregateTo('admin')]: 'true' } },
  ),
  clusterRole(
    'system:aggregate-to-edit',
    [
      allow(
        READ,
        'core',
        'pods/attach pods/exec pods/portforward pods/proxy secrets services/proxy',
      ),
      allow('impersonate', 'core', 'serviceaccounts'),
      allow(WRITE, 'core', 'pods pods/attach pods/exec pods/portforward pods/proxy'),
      allow('create', 'core', 'pods/eviction'),
      allow(
        WRITE,
        'core',
        'configmaps events persistentvolumeclaims replicationcontrollers replicationcontrollers/scale secrets serviceaccounts services services/proxy',
      ),
      allow('create', 'core', 'serviceaccounts/token'),
      allow(
        WRITE,
        'apps',
        'daemonsets deployments deployments/rollback deployments/scale replicasets replicasets/scale statefulsets statefulsets/scale',
      ),
      allow(WRITE, 'autoscaling', 'horizontalpodautoscalers'),
      allow(WRITE, 'batch', 'cronjobs jobs'),
      allow(
        WRITE,
        'extensions',
        'daemonsets deployments deployments/rollback deployments/scale ingresses networkpolicies replicasets replicasets/scale replicationcontrollers/scale',
      ),
      allow(WRITE, 'policy', 'poddisruptionbudgets'),
      allow(WRITE, 'networking.k8s.io', 'ingresses networkpolicies'),
      allow(READ_WRITE, 'coordination.k8s.io', 'leases'),
      allow(WRITE, 'resource.k8s.io', 'resourceclaims resourceclaimtemplates'),
    ],
    { labels: { [aggregateTo('edit')]: 'true' } },
  ),
  clusterRole(
    'system:aggregate-to-view',
    [
      allow(
        READ,
        'core',
        'configmaps endpoints persistentvolumeclaims persistentvolumeclaims/status pods replicationcontrollers replicationcontrollers/scale serviceaccounts services services/status',
      ),
      allow(
        READ,
        'core',
        'bindings events limitranges namespaces/status pods/log pods/status replicationcontrollers/status resourcequotas resourcequotas/status',
      ),
      allow(READ, 'core', 'namespaces'),
      allow(READ, 'discovery.k8s.io', 'endpointslices'),
      allow(
        READ,
        'apps',
        'controllerrevisions daemonsets daemonsets/status deployments deployments/scale deployments/status replicasets replicasets/scale replicasets/status statefulsets statefulsets/scale statefulsets/status',
      ),
      allow(READ, 'autoscaling', 'horizontalpodautoscalers horizontalpodautoscalers/status'),
      allow(READ, 'batch', 'cronjobs cronjobs/status jobs jobs/status'),
      allow(
        READ,
        'extensions',
        'daemonsets daemonsets/status deployments deployments/scale deployments/status ingresses ingresses/status networkpolicies replicasets replicasets/scale replicasets/status replicationcontrollers/scale',
      ),
      allow(READ, 'policy', 'poddisruptionbudgets poddisruptionbudgets/status'),
      allow(READ, 'networking.k8s.io', 'ingresses ingresses/status networkpolicies'),
      allow(READ, 'resource.k8s.io', 'resourceclaims resourceclaims/status resourceclaimtemplates'),
    ],
    { labels: { [aggregateTo('view')]: 'true' } },
  ),
  clusterRole('system:aggregated-metrics-reader', [allow(READ, 'metrics.k8s.io', 'nodes pods')], {
    labels: {
      [aggregateTo('admin')]: 'true',
      [aggregateTo('edit')]: 'true',
      [aggregateTo('view')]: 'true',
    },
  }),
];

const COMPONENT_ROLES: readonly ClusterRole[] = [
  clusterRole('cluster-admin', [allow('*', '*', '*'), allowPaths('*', '*')]),
  clusterRole('system:discovery', [
    allowPaths(
      'get',
      '/api /api/* /apis /apis/* /healthz /livez /openapi /openapi/* /readyz /version /version/',
    ),
  ]),
  clusterRole('system:monitoring', [
    allowPaths(
      'get',
      '/healthz /healthz/* /livez /livez/* /metrics /metrics/slis /readyz /readyz/*',
    ),
  ]),
  clusterRole('system:basic-user', [
    allow('create', 'authorization.k8s.io', 'selfsubjectaccessreviews selfsubjectrulesreviews'),
    allow('create', 'authentication.k8s.io', 'selfsubjectreviews'),
  ]),
  clusterRole('system:public-info-viewer', [
    allowPaths('get', '/healthz /livez /readyz /version /version/'),
  ]),
  clusterRole('system:heapster', [
    allow(READ, 'core', 'events namespaces nodes pods'),
    allow(READ, 'extensions', 'deployments'),
  ]),
  clusterRole('system:node', NODE_RULES),
  clusterRole('system:node-problem-detector', [
    allow('get', 'core', 'nodes'),
    allow('patch', 'core', 'nodes/status'),
    EVENTS,
  ]),
  clusterRole('system:kubelet-api-admin', [
    allow(READ, 'core', 'nodes'),
    allow('proxy', 'core', 'nodes'),
    allow('*', 'core', 'nodes/log nodes/metrics nodes/proxy nodes/stats'),
    allow('*', 'core', 'nodes/configz nodes/healthz nodes/pods'),
  ]),
  clusterRole('system:node-bootstrapper', [
    allow('create get list watch', CERTIFICATES, 'certificatesigningrequests'),
  ]),
  clusterRole('system:auth-delegator', [TOKEN_REVIEWS, REVIEWS]),
  clusterRole('system:kube-aggregator', [allow(READ, 'core', 'endpoints services')]),
  clusterRole('system:kube-controller-manager', [
    EVENTS,
    allow('create', 'coordination.k8s.io', 'leases'),
    allow('get update', 'coordination.k8s.io', 'leases', 'kube-controller-manager'),
    allow('create', 'core', 'secrets serviceaccounts'),
    allow('delete', 'core', 'secrets'),
    allow('get', 'core', 'configmaps namespaces secrets serviceaccounts'),
    allow('update', 'core', 'secrets serviceaccounts'),
    TOKEN_REVIEWS,
    REVIEWS,
    allow('list watch', '*', '*'),
    allow('create', 'core', 'serviceaccounts/token'),
  ]),
  clusterRole('system:kube-dns', [allow('list watch', 'core', 'endpoints services')]),
  clusterRole('system:persistent-volume-provisioner', [
    allow('create delete get list watch', 'core', 'persistentvolumes'),
    allow('get list update watch', 'core', 'persistentvolumeclaims'),
    allow(READ, STORAGE, 'storageclasses'),
    allow('watch', 'core', 'events'),
    EVENTS,
  ]),
  clusterRole('system:certificates.k8s.io:certificatesigningrequests:nodeclient', [
    allow('create', CERTIFICATES, 'certificatesigningrequests/nodeclient'),
  ]),
  clusterRole('system:certificates.k8s.io:certificatesigningrequests:selfnodeclient', [
    allow('create', CERTIFICATES, 'certificatesigningrequests/selfnodeclient'),
  ]),
  clusterRole('system:volume-scheduler', [
    allow(READ_UPDATE, 'core', 'persistentvolumes'),
    allow(READ, STORAGE, 'storageclasses'),
    allow(READ_UPDATE, 'core', 'persistentvolumeclaims'),
  ]),
  ...[
    'legacy-unknown',
    'kubelet-serving',
    'kube-apiserver-client',
    'kube-apiserver-client-kubelet',
  ].map((signer) =>
    clusterRole(`system:certificates.k8s.io:${signer}-approver`, [
      allow('approve', CERTIFICATES, 'signers', `kubernetes.io/${signer}`),
    ]),
  ),
  clusterRole('system:service-account-issuer-discovery', [
    allowPaths(
      'get',
      '/.well-known/openid-configuration /.well-known/openid-configuration/ /openid/v1/jwks /openid/v1/jwks/',
    ),
  ]),
  clusterRole('system:node-proxier', [
    allow('list watch', 'core', 'endpoints services'),
    allow(READ, 'core', 'nodes'),
    EVENTS,
    allow('list watch', 'networking.k8s.io', 'servicecidrs'),
    allow('list watch', 'discovery.k8s.io', 'endpointslices'),
  ]),
  clusterRole('system:kube-scheduler', [
    EVENTS,
    allow('create', 'coordination.k8s.io', 'leases'),
    allow('get update', 'coordination.k8s.io', 'leases', 'kube-scheduler'),
    allow(READ, 'core', 'nodes'),
    allow('delete get list watch', 'core', 'pods'),
    allow('create', 'core', 'bindings pods/binding'),
    allow('patch update', 'core', 'pods/status'),
    allow(READ, 'core', 'replicationcontrollers services'),
    allow(READ, 'apps extensions', 'replicasets'),
    allow(READ, 'apps', 'statefulsets'),
    allow(READ, 'policy', 'poddisruptionbudgets'),
    allow(READ, 'core', 'persistentvolumeclaims persistentvolumes'),
    TOKEN_REVIEWS,
    REVIEWS,
    allow(READ, STORAGE, 'csinodes'),
    allow(READ, STORAGE, 'volumeattachments'),
    allow(READ, 'core', 'namespaces'),
    allow(READ, STORAGE, 'csidrivers'),
    allow(READ, STORAGE, 'csistoragecapacities'),
    allow(READ, 'resource.k8s.io', 'deviceclasses'),
    allow(READ_UPDATE, 'resource.k8s.io', 'resourceclaims'),
    allow(READ_UPDATE, 'resource.k8s.io', 'resourceclaims/status'),
    allow(READ_UPDATE, 'core', 'pods/finalizers'),
    allow(READ, 'resource.k8s.io', 'resourceslices'),
  ]),
];

export const CLUSTER_ROLES: readonly ClusterRole[] = [...COMPONENT_ROLES, ...USER_ROLES];

const EVERYONE_KNOWN = ['system:authenticated'];

export const CLUSTER_ROLE_BINDINGS: readonly ClusterRoleBinding[] = [
  clusterBinding('cluster-admin', { groups: ['system:masters'] }),
  clusterBinding('system:monitoring', { groups: ['system:monitoring'] }),
  clusterBinding('system:discovery', { groups: EVERYONE_KNOWN }),
  clusterBinding('system:basic-user', { groups: EVERYONE_KNOWN }),
  clusterBinding('system:public-info-viewer', {
    groups: [...EVERYONE_KNOWN, 'system:unauthenticated'],
  }),
  clusterBinding('system:node-proxier', { users: ['system:kube-proxy'] }),
  clusterBinding('system:kube-controller-manager', { users: ['system:kube-controller-manager'] }),
  clusterBinding('system:kube-dns', { accounts: ['kube-system/kube-dns'] }),
  clusterBinding('system:kube-scheduler', { users: ['system:kube-scheduler'] }),
  clusterBinding('system:volume-scheduler', { users: ['system:kube-scheduler'] }),
  // Nobody: the node authorizer gives these rights. The binding is kept so that an old one loses its subjects.
  clusterBinding('system:node', {}),
  clusterBinding('system:service-account-issuer-discovery', { groups: ['system:serviceaccounts'] }),
];
