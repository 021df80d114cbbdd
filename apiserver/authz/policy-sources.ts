/** The four kinds of RBAC out of the watch caches, for the authorizer's index. */
import type { ClusterRole, ClusterRoleBinding, Role, RoleBinding } from '../../pkg/api/types.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { Stores } from '../registry/stores.js';
import { type PolicySource, type PolicySources, RBAC_GROUP } from './rbac-authorizer.js';

const RESOURCES = ['clusterroles', 'clusterrolebindings', 'roles', 'rolebindings'] as const;

export function policySources(stores: Stores): PolicySources {
  return {
    roles: source<Role>(stores, 'roles'),
    roleBindings: source<RoleBinding>(stores, 'rolebindings'),
    clusterRoles: source<ClusterRole>(stores, 'clusterroles'),
    clusterRoleBindings: source<ClusterRoleBinding>(stores, 'clusterrolebindings'),
  };
}

/** Resolves when the caches that the authorizer reads are filled. It denies what it does not know. */
export async function policyReady(stores: Stores, signal?: AbortSignal): Promise<void> {
  await Promise.all(
    RESOURCES.map((resource) => stores.get(RBAC_GROUP, resource).storage.cache.ready(signal)),
  );
}

function source<T extends KubeObject>(
  stores: Stores,
  resource: (typeof RESOURCES)[number],
): PolicySource<T> {
  const { cache } = stores.get(RBAC_GROUP, resource).storage;
  /** What was listed while the cache was still filling is no answer to keep. */
  let complete = cache.live;
  const changes: (() => void)[] = [];
  const changed = () => {
    for (const change of changes) change();
  };
  cache.subscribe({
    interest: { namespace: '' },
    onEvent: changed,
    onReset: () => {
      complete = false;
      changed();
    },
  });
  return {
    list: () => cache.list('').map((stored) => stored.object as T),
    get complete() {
      complete ||= cache.live;
      return complete;
    },
    onChange: (change) => changes.push(change),
  };
}
