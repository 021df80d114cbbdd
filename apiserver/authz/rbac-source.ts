/** Roles and bindings out of the watch caches, with a version that moves when any of them changes. */
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../pkg/api/types.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { Stores } from '../registry/stores.js';
import type { RbacSource } from './rbac.js';

const GROUP = 'rbac.authorization.k8s.io';
const RESOURCES = ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'] as const;

export function rbacSource(stores: Stores): RbacSource {
  let version = 0;
  const changed = () => {
    version++;
  };
  const caches = Object.fromEntries(
    RESOURCES.map((resource) => [resource, stores.get(GROUP, resource).storage.cache]),
  );
  for (const cache of Object.values(caches)) {
    cache.subscribe({ interest: { namespace: '' }, onEvent: changed, onReset: changed });
  }
  const list = <T extends KubeObject>(resource: (typeof RESOURCES)[number]): readonly T[] =>
    (caches[resource]?.list('') ?? []).map((stored) => stored.object as KubeObject as T);
  return {
    version: () => version,
    async ready() {
      for (const cache of Object.values(caches)) {
        if (cache.live) continue;
        await cache.ready();
        changed();
      }
    },
    clusterRoles: () => list<ClusterRole>('clusterroles'),
    clusterRoleBindings: () => list<ClusterRoleBinding>('clusterrolebindings'),
    roles: () => list<Role>('roles'),
    roleBindings: () => list<RoleBinding>('rolebindings'),
  };
}
