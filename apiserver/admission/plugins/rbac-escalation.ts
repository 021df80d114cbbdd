/**
 * Nobody gives away rights that they do not have: who writes a role needs every right in it, or the verb
 * `escalate` on it; who writes a binding every right of the role that it names, or the verb `bind` on that
 * (`pkg/registry/rbac/*\/policybased`). Not a plugin that can be switched off.
 */
import type { ClusterRole, PolicyRule, Role, RoleBinding } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { MASTERS } from '../../authz/authorizers.js';
import { describeRules, uncovered } from '../../authz/policy-rule.js';
import { RBAC_GROUP } from '../../authz/rbac-authorizer.js';
import type { RequestContext, ServerAccess, UserInfo } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { refuse } from '../refuse.js';

/** What a user may do in a namespace, cluster-wide rights included. */
export type RulesFor = (user: UserInfo, namespace: string) => readonly PolicyRule[];

const ROLES = new Set(['roles', 'clusterroles']);
const BINDINGS = new Set(['rolebindings', 'clusterrolebindings']);
const EVERYTHING: readonly PolicyRule[] = [
  { verbs: ['*'], apiGroups: ['*'], resources: ['*'] },
  { verbs: ['*'], nonResourceURLs: ['*'] },
];

export function rbacEscalation(rulesFor: RulesFor): AdmissionPluginFactory {
  return {
    name: 'RBACEscalation',
    create: (server) => ({
      name: 'RBACEscalation',
      handles: (operation, group, resource) =>
        (operation === 'CREATE' || operation === 'UPDATE') &&
        group === RBAC_GROUP &&
        (ROLES.has(resource) || BINDINGS.has(resource)),
      async admit(attributes, ctx) {
        if (ctx.user.groups.includes(MASTERS) || changesOnlyForGarbage(attributes)) return;
        if (ROLES.has(attributes.resource)) await checkRole(server, rulesFor, attributes, ctx);
        else await checkBinding(server, rulesFor, attributes, ctx);
      },
    }),
  };
}

async function checkRole(
  server: ServerAccess,
  rulesFor: RulesFor,
  attributes: AdmissionAttributes,
  ctx: RequestContext,
): Promise<void> {
  const role = attributes.object as Role & ClusterRole;
  const name = attributes.name || role.metadata?.name || '';
  if (await may(server, ctx, 'escalate', attributes.resource, attributes.namespace, name)) return;
  confirm(rulesFor, role.rules ?? [], attributes, ctx);
  if (!aggregates(role) && !aggregates(attributes.oldObject)) return;
  // It may gather anything.
  if (uncovered(rulesFor(ctx.user, ''), EVERYTHING).length > 0)
    throw refuse(attributes, 'must have cluster-admin privileges to use the aggregationRule');
}

async function checkBinding(
  server: ServerAccess,
  rulesFor: RulesFor,
  attributes: AdmissionAttributes,
  ctx: RequestContext,
): Promise<void> {
  const { roleRef } = attributes.object as RoleBinding;
  const resource = roleRef.kind === 'ClusterRole' ? 'clusterroles' : 'roles';
  const { namespace } = attributes;
  if (await may(server, ctx, 'bind', resource, namespace, roleRef.name)) return;
  const role: Role = await server
    .store(RBAC_GROUP, resource)
    .get(resource === 'roles' ? namespace : '', roleRef.name);
  confirm(rulesFor, role.rules ?? [], attributes, ctx);
}

async function may(
  server: ServerAccess,
  { user }: RequestContext,
  verb: string,
  resource: string,
  namespace: string,
  name: string,
): Promise<boolean> {
  const decision = await server.authorize({
    user,
    verb,
    namespace,
    group: RBAC_GROUP,
    version: '*',
    resource,
    subresource: '',
    name,
    isResourceRequest: true,
    path: '',
  });
  return decision.allowed;
}

function confirm(
  rulesFor: RulesFor,
  wanted: readonly PolicyRule[],
  attributes: AdmissionAttributes,
  { user }: RequestContext,
): void {
  const missing = uncovered(rulesFor(user, attributes.namespace), wanted);
  if (missing.length === 0) return;
  const groups = user.groups.map((group) => JSON.stringify(group)).join(' ');
  throw refuse(
    attributes,
    `user ${JSON.stringify(user.name)} (groups=[${groups}]) is attempting to grant RBAC permissions not currently held:\n${describeRules(missing)}`,
  );
}

function aggregates(role: KubeObject | undefined): boolean {
  return (
    ((role as ClusterRole | undefined)?.aggregationRule?.clusterRoleSelectors ?? []).length > 0
  );
}

/** The garbage collector takes finalizers and owners away from objects whose content it could not grant. */
function changesOnlyForGarbage({ object, oldObject }: AdmissionAttributes): boolean {
  if (!object || !oldObject) return false;
  const rest = ({ metadata = {}, ...content }: KubeObject) => {
    const {
      ownerReferences: _owners,
      finalizers: _finalizers,
      managedFields: _fields,
      resourceVersion: _version,
      ...meta
    } = metadata;
    return { ...content, metadata: meta };
  };
  return semanticDeepEqual(rest(object), rest(oldObject));
}
