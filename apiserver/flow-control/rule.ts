/** Whether a FlowSchema is meant for a request. Pure; what depends on the user alone is told apart, to be kept. */
import type { FlowSchema, PolicyRulesWithSubjects } from '../../pkg/api/types.js';
import type { RequestInfo, UserInfo } from '../server/request-context.js';

export type Rule = PolicyRulesWithSubjects;
type Subject = NonNullable<Rule['subjects']>[number];
type ResourceRule = NonNullable<Rule['resourceRules']>[number];

const ALL = '*';
const SERVICE_ACCOUNT = 'system:serviceaccount:';

/** The rules of a schema that are about this user. */
export function rulesFor(schema: FlowSchema, user: UserInfo): readonly Rule[] {
  return (schema.spec?.rules ?? []).filter((rule) =>
    (rule.subjects ?? []).some((subject) => isSubject(subject, user)),
  );
}

/** Of rules that are about the request's user. */
export function matches(rules: readonly Rule[], info: RequestInfo): boolean {
  for (const rule of rules) {
    if (info.isResourceRequest) {
      for (const resource of rule.resourceRules ?? [])
        if (matchesResource(resource, info)) return true;
    } else {
      for (const { verbs, nonResourceURLs } of rule.nonResourceRules ?? [])
        if (has(verbs, info.verb) && matchesPath(nonResourceURLs, info.path)) return true;
    }
  }
  return false;
}

function isSubject(subject: Subject, { name, groups }: UserInfo): boolean {
  switch (subject.kind) {
    case 'User':
      return subject.user !== undefined && [ALL, name].includes(subject.user.name);
    case 'Group':
      return (
        subject.group !== undefined &&
        (subject.group.name === ALL || groups.includes(subject.group.name))
      );
    case 'ServiceAccount': {
      if (!subject.serviceAccount) return false;
      const { namespace, name: account } = subject.serviceAccount;
      const prefix = `${SERVICE_ACCOUNT}${namespace}:`;
      return account === ALL ? name.startsWith(prefix) : name === prefix + account;
    }
    default:
      return false;
  }
}

function matchesResource(rule: ResourceRule, info: RequestInfo): boolean {
  if (!has(rule.verbs, info.verb) || !has(rule.apiGroups, info.group)) return false;
  if (!matchesSubresource(rule.resources, info.resource, info.subresource)) return false;
  return info.namespace === ''
    ? rule.clusterScope === true
    : has(rule.namespaces ?? [], info.namespace);
}

function matchesSubresource(
  resources: readonly string[],
  resource: string,
  subresource: string,
): boolean {
  if (isAll(resources)) return true;
  return resources.includes(subresource === '' ? resource : `${resource}/${subresource}`);
}

/** `/healthz` is meant for what lies below it, too. */
function matchesPath(patterns: readonly string[], path: string): boolean {
  return patterns.some((pattern) => {
    if (pattern === ALL || pattern === path) return true;
    const prefix = pattern.endsWith('*') ? pattern.slice(0, -1) : pattern;
    return path.startsWith(prefix.endsWith('/') ? prefix : `${prefix}/`);
  });
}

function has(values: readonly string[], value: string): boolean {
  return isAll(values) || values.includes(value);
}

function isAll(values: readonly string[]): boolean {
  return values.length === 1 && values[0] === ALL;
}
