/**
 * Brings the default roles and bindings to where this version wants them, as upstream does at every start:
 * what is missing is created, missing rules and subjects are added, what an administrator added stays, and
 * what carries `autoupdate: "false"` is left alone. A binding whose roleRef changed is made anew, since
 * roleRef cannot be changed.
 */
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  Subject,
} from '../../../pkg/api/types.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { isReason } from '../../../pkg/apimachinery/status.js';
import type { InternalStore, RequestContext } from '../../server/request-context.js';
import { uncovered } from '../policy-rule.js';
import { RBAC_GROUP } from '../rbac-authorizer.js';
import { CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES } from './cluster-roles.js';
import { CONTROLLER_ROLE_BINDINGS, CONTROLLER_ROLES } from './controller-roles.js';
import { NAMESPACE_ROLE_BINDINGS, NAMESPACE_ROLES } from './namespace-roles.js';

const AUTO_UPDATE = 'rbac.authorization.kubernetes.io/autoupdate';

export async function reconcilePolicy(ctx: RequestContext): Promise<void> {
  const clusterRoles = ctx.server.store(RBAC_GROUP, 'clusterroles');
  const clusterBindings = ctx.server.store(RBAC_GROUP, 'clusterrolebindings');
  const roles = ctx.server.store(RBAC_GROUP, 'roles');
  const bindings = ctx.server.store(RBAC_GROUP, 'rolebindings');
  await Promise.all([
    ...[...CLUSTER_ROLES, ...CONTROLLER_ROLES].map((role) =>
      reconcile(clusterRoles, role, withRules, ctx),
    ),
    ...[...CLUSTER_ROLE_BINDINGS, ...CONTROLLER_ROLE_BINDINGS].map((binding) =>
      reconcile(clusterBindings, binding, withSubjects, ctx),
    ),
    ...NAMESPACE_ROLES.map((role) => reconcile(roles, role, withRules, ctx)),
    ...NAMESPACE_ROLE_BINDINGS.map((binding) => reconcile(bindings, binding, withSubjects, ctx)),
  ]);
}

/** `merge` gives the object that should be there, or undefined when the one that is there will do. */
async function reconcile<T extends KubeObject>(
  store: InternalStore,
  wanted: T,
  merge: (current: T, wanted: T) => T | 'replace' | undefined,
  ctx: RequestContext,
): Promise<void> {
  const { name = '', namespace = '' } = wanted.metadata ?? {};
  for (;;) {
    const current = store.peek(namespace, name) as T | undefined;
    if (!current) {
      try {
        await store.create(wanted, ctx);
        return;
      } catch (err) {
        // Another server was quicker: look at what it made.
        if (!isReason(err, 'AlreadyExists')) throw err;
        await store.get(namespace, name);
        continue;
      }
    }
    if (current.metadata?.annotations?.[AUTO_UPDATE] === 'false') return;
    const merged = merge(current, wanted);
    if (merged === undefined) return;
    if (merged === 'replace') {
      await store.delete(namespace, name, undefined, ctx);
      continue;
    }
    await store.update(
      namespace,
      name,
      (latest) => {
        const again = merge(latest as T, wanted);
        return again === undefined || again === 'replace' ? latest : again;
      },
      ctx,
    );
    return;
  }
}

function withRules<T extends ClusterRole | Role>(current: T, wanted: T): T | undefined {
  const aggregated = 'aggregationRule' in wanted && wanted.aggregationRule !== undefined;
  // The rules of an aggregated role are its parts', which the controller writes.
  const missing = aggregated ? [] : uncovered(current.rules ?? [], wanted.rules ?? []);
  const metadata = mergedMetadata(current, wanted);
  const lostAggregation =
    aggregated && !('aggregationRule' in current && current.aggregationRule !== undefined);
  if (missing.length === 0 && !metadata && !lostAggregation) return undefined;
  return {
    ...current,
    ...(lostAggregation && 'aggregationRule' in wanted
      ? { aggregationRule: wanted.aggregationRule }
      : {}),
    metadata: metadata ?? current.metadata,
    rules: [...(current.rules ?? []), ...missing] satisfies PolicyRule[],
  };
}

function withSubjects<T extends ClusterRoleBinding | RoleBinding>(
  current: T,
  wanted: T,
): T | 'replace' | undefined {
  const { roleRef } = current;
  if (roleRef.kind !== wanted.roleRef.kind || roleRef.name !== wanted.roleRef.name)
    return 'replace';
  const known = new Set((current.subjects ?? []).map(subjectId));
  const missing = (wanted.subjects ?? []).filter((subject) => !known.has(subjectId(subject)));
  const metadata = mergedMetadata(current, wanted);
  if (missing.length === 0 && !metadata) return undefined;
  return {
    ...current,
    metadata: metadata ?? current.metadata,
    subjects: [...(current.subjects ?? []), ...missing],
  };
}

/** Undefined when all wanted labels and annotations are there, whatever their values. */
function mergedMetadata<T extends KubeObject>(current: T, wanted: T): T['metadata'] | undefined {
  const labels = { ...wanted.metadata?.labels, ...current.metadata?.labels };
  const annotations = { ...wanted.metadata?.annotations, ...current.metadata?.annotations };
  const size = (map: object | undefined) => Object.keys(map ?? {}).length;
  if (
    size(labels) === size(current.metadata?.labels) &&
    size(annotations) === size(current.metadata?.annotations)
  )
    return undefined;
  return { ...current.metadata, labels, annotations };
}

function subjectId(subject: Subject): string {
  return `${subject.kind}|${subject.namespace ?? ''}|${subject.name}`;
}
