/**
 * RBAC: a request is allowed when a rule of a role allows it that a binding gives to the user or to one of
 * the user's groups. Bindings are indexed by subject. The index is thrown away by any change of the four
 * kinds and made again by the next question, so an answer is never older than this process's caches.
 */
import type {
  ClusterRole,
  ClusterRoleBinding,
  PolicyRule,
  Role,
  RoleBinding,
  RoleRef,
  Subject,
} from '../../pkg/api/types.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type {
  AuthorizationAttributes,
  AuthorizationDecision,
  UserInfo,
} from '../server/request-context.js';
import { type Authorizer, NO_OPINION } from './attributes.js';
import { ruleAllows } from './policy-rule.js';

export const RBAC_GROUP = 'rbac.authorization.k8s.io';

/** One kind of object as the caches hold it; `onChange` is called at once after any change. */
export interface PolicySource<T extends KubeObject> {
  list(): readonly T[];
  /** False while the cache is still being filled: then nothing is concluded for later. */
  readonly complete: boolean;
  onChange(changed: () => void): void;
}

export interface PolicySources {
  readonly roles: PolicySource<Role>;
  readonly roleBindings: PolicySource<RoleBinding>;
  readonly clusterRoles: PolicySource<ClusterRole>;
  readonly clusterRoleBindings: PolicySource<ClusterRoleBinding>;
}

interface Grant {
  /** Empty: everywhere. */
  readonly namespace: string;
  readonly rules: readonly PolicyRule[];
  /** The role that the binding refers to does not exist: what is said of it in a refusal. */
  readonly missing?: string;
  /** `ClusterRoleBinding "a" of ClusterRole "b" to Group "c"` */
  readonly because: string;
}

interface Index {
  readonly bySubject: ReadonlyMap<string, readonly Grant[]>;
  readonly rulesOf: (ref: RoleRef, namespace: string) => readonly PolicyRule[] | undefined;
}

export class RbacAuthorizer implements Authorizer {
  private index: Index | undefined;

  constructor(private readonly sources: PolicySources) {
    const forget = () => {
      this.index = undefined;
    };
    for (const source of Object.values(sources)) source.onChange(forget);
  }

  authorize(attributes: AuthorizationAttributes): AuthorizationDecision {
    const missing = new Set<string>();
    for (const grant of this.grants(attributes.user, attributes.namespace)) {
      if (grant.missing) missing.add(grant.missing);
      if (grant.rules.some((rule) => ruleAllows(rule, attributes)))
        return { allowed: true, reason: `RBAC: allowed by ${grant.because}` };
    }
    if (missing.size === 0) return NO_OPINION;
    const list = [...missing].join(', ');
    return { allowed: false, reason: missing.size === 1 ? `RBAC: ${list}` : `RBAC: [${list}]` };
  }

  /** What a user may do in a namespace, cluster-wide rights included. */
  rulesFor(user: UserInfo, namespace: string): PolicyRule[] {
    return [...this.grants(user, namespace)].flatMap((grant) => [...grant.rules]);
  }

  /** The rules of the role that a binding refers to; undefined where there is no such role. */
  rulesOf(ref: RoleRef, namespace: string): readonly PolicyRule[] | undefined {
    return this.current().rulesOf(ref, namespace);
  }

  private *grants(user: UserInfo, namespace: string): Generator<Grant> {
    const { bySubject } = this.current();
    const keys = [`User:${user.name}`, ...user.groups.map((group) => `Group:${group}`)];
    for (const key of keys) {
      for (const grant of bySubject.get(key) ?? []) {
        if (grant.namespace === '' || grant.namespace === namespace) yield grant;
      }
    }
  }

  private current(): Index {
    if (this.index) return this.index;
    const complete = Object.values(this.sources).every((source) => source.complete);
    const index = build(this.sources);
    if (complete) this.index = index;
    return index;
  }
}

function build(sources: PolicySources): Index {
  const clusterRoles = new Map(sources.clusterRoles.list().map((role) => [nameOf(role), role]));
  const roles = new Map(
    sources.roles.list().map((role) => [`${role.metadata?.namespace}/${nameOf(role)}`, role]),
  );
  const rulesOf = (ref: RoleRef, namespace: string) => {
    const role =
      ref.kind === 'ClusterRole'
        ? clusterRoles.get(ref.name)
        : roles.get(`${namespace}/${ref.name}`);
    return role && (role.rules ?? []);
  };
  const bySubject = new Map<string, Grant[]>();
  const add = (
    subjects: readonly Subject[] | undefined,
    namespace: string,
    ref: RoleRef,
    binding: string,
  ) => {
    const rules = rulesOf(ref, namespace);
    const missing = rules
      ? undefined
      : `${ref.kind.toLowerCase()}.${RBAC_GROUP} ${JSON.stringify(ref.name)} not found`;
    if (rules?.length === 0) return;
    for (const subject of subjects ?? []) {
      const key = subjectKey(subject, namespace);
      if (key === undefined) continue;
      const because = `${binding} of ${ref.kind} ${JSON.stringify(ref.name)} to ${describeSubject(subject)}`;
      const grant = { namespace, rules: rules ?? [], because, ...(missing ? { missing } : {}) };
      const grants = bySubject.get(key);
      if (grants) grants.push(grant);
      else bySubject.set(key, [grant]);
    }
  };
  for (const binding of sources.clusterRoleBindings.list())
    add(
      binding.subjects,
      '',
      binding.roleRef,
      `ClusterRoleBinding ${JSON.stringify(nameOf(binding))}`,
    );
  for (const binding of sources.roleBindings.list()) {
    const namespace = binding.metadata?.namespace ?? '';
    const name = JSON.stringify(`${nameOf(binding)}/${namespace}`);
    add(binding.subjects, namespace, binding.roleRef, `RoleBinding ${name}`);
  }
  return { bySubject, rulesOf };
}

function subjectKey(subject: Subject, bindingNamespace: string): string | undefined {
  switch (subject.kind) {
    case 'User':
    case 'Group':
      return `${subject.kind}:${subject.name}`;
    case 'ServiceAccount': {
      const namespace = subject.namespace || bindingNamespace;
      return namespace === ''
        ? undefined
        : `User:system:serviceaccount:${namespace}:${subject.name}`;
    }
    default:
      return undefined;
  }
}

function describeSubject(subject: Subject): string {
  const name = subject.namespace ? `${subject.name}/${subject.namespace}` : subject.name;
  return `${subject.kind} ${JSON.stringify(name)}`;
}

function nameOf(obj: KubeObject): string {
  return obj.metadata?.name ?? '';
}
