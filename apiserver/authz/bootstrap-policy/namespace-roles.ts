/** The Roles and RoleBindings that stand in kube-system and kube-public from the start. */
import type { PolicyRule, Role, RoleBinding } from '../../../pkg/api/types.js';
import { allow, defaultMetadata, READ, type Subjects, subjectsOf } from './rules.js';

const RBAC = 'rbac.authorization.k8s.io';

function role(namespace: string, name: string, rules: readonly PolicyRule[]): Role {
  return {
    apiVersion: `${RBAC}/v1`,
    kind: 'Role',
    metadata: { name, namespace, ...defaultMetadata() },
    rules: [...rules],
  };
}

function binding(
  namespace: string,
  name: string,
  roleName: string,
  subjects: Subjects,
): RoleBinding {
  return {
    apiVersion: `${RBAC}/v1`,
    kind: 'RoleBinding',
    metadata: { name, namespace, ...defaultMetadata() },
    roleRef: { apiGroup: RBAC, kind: 'Role', name: roleName },
    subjects: subjectsOf(subjects),
  };
}

const LEADERS = ['kube-controller-manager', 'kube-scheduler'] as const;

export const NAMESPACE_ROLES: readonly Role[] = [
  role('kube-system', 'extension-apiserver-authentication-reader', [
    allow(READ, 'core', 'configmaps', 'extension-apiserver-authentication'),
  ]),
  role('kube-system', 'system:controller:bootstrap-signer', [allow(READ, 'core', 'secrets')]),
  role('kube-system', 'system:controller:cloud-provider', [
    allow('create get list watch', 'core', 'configmaps'),
  ]),
  role('kube-system', 'system:controller:token-cleaner', [
    allow('delete get list watch', 'core', 'secrets'),
    allow('create patch update', 'core events.k8s.io', 'events'),
  ]),
  ...LEADERS.map((leader) =>
    role('kube-system', `system::leader-locking-${leader}`, [
      allow('watch', 'core', 'configmaps'),
      allow('get update', 'core', 'configmaps', leader),
    ]),
  ),
  role('kube-public', 'system:controller:bootstrap-signer', [
    allow(READ, 'core', 'configmaps'),
    allow('update', 'core', 'configmaps', 'cluster-info'),
    allow('create patch update', 'core events.k8s.io', 'events'),
  ]),
];

export const NAMESPACE_ROLE_BINDINGS: readonly RoleBinding[] = [
  binding(
    'kube-system',
    'system:extension-apiserver-authentication-reader',
    'extension-apiserver-authentication-reader',
    { users: ['system:kube-controller-manager', 'system:kube-scheduler'] },
  ),
  ...['bootstrap-signer', 'cloud-provider', 'token-cleaner'].map((name) =>
    binding('kube-system', `system:controller:${name}`, `system:controller:${name}`, {
      accounts: [`kube-system/${name}`],
    }),
  ),
  ...LEADERS.map((leader) =>
    binding('kube-system', `system::leader-locking-${leader}`, `system::leader-locking-${leader}`, {
      users: [`system:${leader}`],
      accounts: [`kube-system/${leader}`],
    }),
  ),
  binding(
    'kube-public',
    'system:controller:bootstrap-signer',
    'system:controller:bootstrap-signer',
    {
      accounts: ['kube-system/bootstrap-signer'],
    },
  ),
];
