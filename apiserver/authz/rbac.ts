/**
 * Role-based access control. What a user may do is the sum of the rules of all roles that are bound to
 * the user or a group of the user. The bindings are indexed by subject, and the index is kept until a
 * role or binding changes, so that a decision costs what the user's own bindings cost.
 */
import type { ClusterRole, PolicyRule, Role, RoleBinding, Subject } from '../../pkg/api/types.js';
import type {
  AuthorizationAttributes,
  AuthorizationDecision,
  UserInfo,
} from '../server/request-context.js';
import type { Authorizer } from './authorizer.js';

/** Roles and bindings as the watch cache has them. Lists are of all namespaces. */
export interface RbacSource {
  /** Changes whenever any of what follows may have changed. */
  version(): number;
  /** Resolves when the first complete picture is there. */
  ready(): Promise<void>;
  clusterRoles(): readonly ClusterRole[];
  clusterRoleBindings(): readonly { roleRef: RoleBinding['roleRef']; subjects?: Subject[]; metadata?: { name?: string } }[];
  roles(): readonly Role[];
  roleBindings(): readonly RoleBinding[];
}

/** A binding's role, where it holds and why. */
interface Grant {
  /** '' is everywhere. */
  readonly namespace: string;
  readonly rules: readonly PolicyRule[];
  /** What is said when the role is not there. */
  readonly missing: string | undefined;
  readonly because: (user: string) => string;
}

interface Index {
  readonly version: number;
  /** `User/NAME`, `Group/NAME` → grants. */
  readonly grants: ReadonlyMap<string, readonly Grant[]>;
}

export class RbacAuthorizer implements Authorizer {
  private index: Index | undefined;

  constructor(private readonly source: RbacSource) {}

  async authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision> {
    await this.source.ready();
    const missing: string[] = [];
    for (const grant of this.grantsOf(attributes.user, attributes.namespace)) {
      if (grant.missing) missing.push(grant.missing);
      if (grant.rules.some((rule) => allows(rule, attributes))) {
        return { allowed: true, reason: grant.because(attributes.user.name) };
      }
    }
    if (missing.length === 0) return { allowed: false };
    const text = missing.length === 1 ? missing[0] : `[${missing.join(', ')}]`;
    return { allowed: false, reason: `RBAC: ${text}` };
  }

  /** Every rule that holds for the user in a namespace ('' for the cluster), for reviews and escalation checks. */
  async rulesFor(user: UserInfo, namespace: string): Promise<PolicyRule[]> {
    await this.source.ready();
    return [...this.grantsOf(user, namespace)].flatMap((grant) => [...grant.rules]);
  }

  private *grantsOf(user: UserInfo, namespace: string): Generator<Grant> {
    const { grants } = this.current();
    for (const key of [`User/${user.name}`, ...user.groups.map((group) => `Group/${group}`)]) {
      for (const grant of grants.get(key) ?? []) {
        if (grant.namespace === '' || (namespace !== '' && grant.namespace === namespace)) yield grant;
      }
    }
  }

  private current(): Index {
    const version = this.source.version();
    if (this.index?.version !== version) this.index = { version, grants: this.build() };
    return this.index;
  }

  private build(): Map<string, Grant[]> {
    const clusterRoles = new Map(this.source.clusterRoles().map((role) => [role.metadata?.name ?? '', role]));
    const roles = new Map(
      this.source.roles().map((role) => [`${role.metadata?.namespace}/${role.metadata?.name}`, role]),
    );
    const grants = new Map<string, Grant[]>();
    const bind = (subjects: readonly Subject[] | undefined, namespace: string, of: (subject: Subject) => Grant) => {
      for (const subject of subjects ?? []) {
        const key = subjectKey(subject, namespace);
        const known = grants.get(key);
        if (known) known.push(of(subject));
        else grants.set(key, [of(subject)]);
      }
    };
    const describe = (subject: Subject) =>
      subject.kind === 'ServiceAccount'
        ? `ServiceAccount "${subject.name}/${subject.namespace ?? ''}"`
        : `${subject.kind} "${subject.name}"`;
    for (const binding of this.source.clusterRoleBindings()) {
      const { name } = binding.roleRef;
      const role = clusterRoles.get(name);
      bind(binding.subjects, '', (subject) => ({
        namespace: '',
        rules: role?.rules ?? [],
        missing: role ? undefined : `clusterrole.rbac.authorization.k8s.io ${JSON.stringify(name)} not found`,
        because: () =>
          `RBAC: allowed by ClusterRoleBinding ${JSON.stringify(binding.metadata?.name ?? '')} of ClusterRole ${JSON.stringify(name)} to ${describe(subject)}`,
      }));
    }
    for (const binding of this.source.roleBindings()) {
      const namespace = binding.metadata?.namespace ?? '';
      const { kind, name } = binding.roleRef;
      const role = kind === 'ClusterRole' ? clusterRoles.get(name) : roles.get(`${namespace}/${name}`);
      bind(binding.subjects, namespace, (subject) => ({
        namespace,
        rules: role?.rules ?? [],
        missing: role
          ? undefined
          : `${kind.toLowerCase()}.rbac.authorization.k8s.io ${JSON.stringify(name)} not found`,
        because: () =>
          `RBAC: allowed by RoleBinding ${JSON.stringify(`${binding.metadata?.name}/${namespace}`)} of ${kind} ${JSON.stringify(name)} to ${describe(subject)}`,
      }));
    }
    return grants;
  }
}

function subjectKey(subject: Subject, bindingNamespace: string): string {
  if (subject.kind !== 'ServiceAccount') return `${subject.kind}/${subject.name}`;
  return `User/system:serviceaccount:${subject.namespace || bindingNamespace}:${subject.name}`;
}

/** Does one rule allow the request? (`rbacregistryvalidation.RuleAllows`) */
export function allows(rule: PolicyRule, asked: AuthorizationAttributes): boolean {
  if (!has(rule.verbs, asked.verb)) return false;
  if (!asked.isResourceRequest) return (rule.nonResourceURLs ?? []).some((url) => matchesUrl(url, asked.path));
  if (!has(rule.apiGroups, asked.group)) return false;
  if (!matchesResource(rule.resources ?? [], asked.resource, asked.subresource)) return false;
  const names = rule.resourceNames ?? [];
  return names.length === 0 || names.includes(asked.name);
}

function has(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes(value) || list.includes('*'));
}

/** `pods`, `pods/log`, `*`, and `*` with a subresource: `*` + `/scale`. */
function matchesResource(list: readonly string[], resource: string, subresource: string): boolean {
  const full = subresource === '' ? resource : `${resource}/${subresource}`;
  return list.some(
    (wanted) => wanted === '*' || wanted === full || (subresource !== '' && wanted === `*/${subresource}`),
  );
}

/** `*` at the end matches every rest. */
function matchesUrl(wanted: string, path: string): boolean {
  if (wanted === '*' || wanted === path) return true;
  return wanted.endsWith('*') && path.startsWith(wanted.slice(0, -1).replace(/\*+$/, ''));
}
