/** The default policy, told in short: how many rules each role has, and rules that are easy to get wrong. */
import t from 'tap';
import type { ClusterRole, PolicyRule } from '../../../pkg/api/types.js';
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES } from './cluster-roles.js';
import { CONTROLLER_ROLE_BINDINGS, CONTROLLER_ROLES } from './controller-roles.js';
import { NAMESPACE_ROLE_BINDINGS, NAMESPACE_ROLES } from './namespace-roles.js';

const counts = (roles: readonly ClusterRole[]) =>
  Object.fromEntries(
    roles.map(({ metadata, rules }) => [
      metadata?.name?.replace('system:controller:', '') ?? '',
      rules?.length ?? 0,
    ]),
  );

t.test('controllers', async (t) => {
  t.same(counts(CONTROLLER_ROLES), {
    'attachdetach-controller': 8,
    'certificate-controller': 6,
    'clusterrole-aggregation-controller': 1,
    'cronjob-controller': 6,
    'daemon-set-controller': 8,
    'deployment-controller': 6,
    'device-taint-eviction-controller': 6,
    'disruption-controller': 9,
    'drydock-hostpath-provisioner': 6,
    'endpoint-controller': 4,
    'endpointslice-controller': 4,
    'endpointslicemirroring-controller': 5,
    'ephemeral-volume-controller': 4,
    'expand-controller': 4,
    'generic-garbage-collector': 2,
    'horizontal-pod-autoscaler': 8,
    'job-controller': 5,
    'legacy-service-account-token-cleaner': 2,
    'namespace-controller': 3,
    'node-controller': 5,
    'persistent-volume-binder': 9,
    'pod-garbage-collector': 3,
    'pv-protection-controller': 2,
    'pvc-protection-controller': 3,
    'replicaset-controller': 5,
    'replication-controller': 5,
    'resource-claim-controller': 6,
    'resourcequota-controller': 3,
    'root-ca-cert-publisher': 2,
    'route-controller': 3,
    'selinux-warning-controller': 5,
    'service-account-controller': 2,
    'service-cidrs-controller': 5,
    'service-controller': 4,
    'statefulset-controller': 10,
    'simulated-load-controller': 2,
    'ttl-after-finished-controller': 2,
    'ttl-controller': 2,
    'validatingadmissionpolicy-status-controller': 3,
    'volumeattributesclass-protection-controller': 4,
  });
  for (const role of CONTROLLER_ROLES) {
    const name = role.metadata?.name ?? '';
    const bound = CONTROLLER_ROLE_BINDINGS.find(({ roleRef }) => roleRef.name === name);
    t.same(
      bound?.subjects,
      [
        {
          kind: 'ServiceAccount',
          name: name.replace('system:controller:', ''),
          namespace: 'kube-system',
        },
      ],
      `${name} is bound to its account`,
    );
  }
});

t.test('people and components', async (t) => {
  t.same(counts(CLUSTER_ROLES), {
    'cluster-admin': 2,
    admin: 0,
    edit: 0,
    view: 0,
    'system:aggregate-to-admin': 2,
    'system:aggregate-to-edit': 14,
    'system:aggregate-to-view': 11,
    'system:aggregated-metrics-reader': 1,
    'system:auth-delegator': 2,
    'system:basic-user': 2,
    'system:certificates.k8s.io:certificatesigningrequests:nodeclient': 1,
    'system:certificates.k8s.io:certificatesigningrequests:selfnodeclient': 1,
    'system:certificates.k8s.io:kube-apiserver-client-approver': 1,
    'system:certificates.k8s.io:kube-apiserver-client-kubelet-approver': 1,
    'system:certificates.k8s.io:kubelet-serving-approver': 1,
    'system:certificates.k8s.io:legacy-unknown-approver': 1,
    'system:discovery': 1,
    'system:heapster': 2,
    'system:kube-aggregator': 1,
    'system:kube-controller-manager': 11,
    'system:kube-dns': 1,
    'system:kube-scheduler': 24,
    'system:kubelet-api-admin': 4,
    'system:monitoring': 1,
    'system:node': 25,
    'system:node-bootstrapper': 1,
    'system:node-problem-detector': 3,
    'system:node-proxier': 5,
    'system:persistent-volume-provisioner': 5,
    'system:public-info-viewer': 1,
    'system:service-account-issuer-discovery': 1,
    'system:volume-scheduler': 3,
  });
  const rules = (name: string): readonly PolicyRule[] =>
    CLUSTER_ROLES.find(({ metadata }) => metadata?.name === name)?.rules ?? [];
  const may = (name: string, verb: string, group: string, resource: string) =>
    rules(name).some(
      (rule) =>
        rule.verbs.includes(verb) &&
        rule.apiGroups?.includes(group) &&
        rule.resources?.includes(resource) &&
        !rule.resourceNames,
    );
  for (const [role, verb, group, resource, allowed] of [
    ['system:aggregate-to-view', 'get', '', 'secrets', false],
    ['system:aggregate-to-view', 'get', 'rbac.authorization.k8s.io', 'roles', false],
    ['system:aggregate-to-edit', 'get', '', 'secrets', true],
    ['system:aggregate-to-edit', 'create', '', 'endpoints', false],
    ['system:aggregate-to-edit', 'create', '', 'resourcequotas', false],
    ['system:aggregate-to-admin', 'create', 'rbac.authorization.k8s.io', 'roles', true],
    ['system:node', 'update', 'resource.k8s.io', 'resourceslices', false],
    ['system:node', 'create', 'events.k8s.io', 'events', false],
    ['system:kube-scheduler', 'update', '', 'nodes', false],
    ['system:kube-scheduler', 'patch', 'resource.k8s.io', 'resourceclaims/status', true],
  ] as const)
    t.equal(may(role, verb, group, resource), allowed, `${role} ${verb} ${resource}`);
});

t.test('every binding names a role that is there', async (t) => {
  const roles = new Set([...CLUSTER_ROLES, ...CONTROLLER_ROLES].map((role) => role.metadata?.name));
  for (const { metadata, roleRef } of [...CLUSTER_ROLE_BINDINGS, ...CONTROLLER_ROLE_BINDINGS])
    t.ok(roles.has(roleRef.name), metadata?.name ?? '');
  for (const { metadata, roleRef } of NAMESPACE_ROLE_BINDINGS)
    t.ok(
      NAMESPACE_ROLES.some(
        (role) =>
          role.metadata?.name === roleRef.name && role.metadata.namespace === metadata?.namespace,
      ),
      `${metadata?.namespace}/${metadata?.name}`,
    );
});
