/** Matching and covering of RBAC's PolicyRules (`pkg/apis/rbac/v1/evaluation_helpers.go`, `validation/policy_comparator.go`). */
import type { PolicyRule } from '../../pkg/api/types.js';
import type { AuthorizationAttributes } from '../server/request-context.js';

export function ruleAllows(rule: PolicyRule, attributes: AuthorizationAttributes): boolean {
  if (!has(rule.verbs, attributes.verb)) return false;
  if (!attributes.isResourceRequest) return pathMatches(rule.nonResourceURLs, attributes.path);
  const { resource, subresource, group, name } = attributes;
  return (
    has(rule.apiGroups, group) &&
    resourceMatches(rule.resources, resource, subresource) &&
    (!rule.resourceNames?.length || rule.resourceNames.includes(name))
  );
}

/** The parts of `wanted` that no rule of `held` covers, broken into single grants as upstream reports them. */
export function uncovered(
  held: readonly PolicyRule[],
  wanted: readonly PolicyRule[],
): PolicyRule[] {
  return wanted.flatMap(breakdown).filter((one) => !held.some((rule) => covers(rule, one)));
}

/** `{APIGroups:["apps"], Resources:["deployments"], Verbs:["get"]}` lines, compacted by all but the verb. */
export function describeRules(rules: readonly PolicyRule[]): string {
  const merged = new Map<string, PolicyRule>();
  for (const rule of rules) {
    const key = JSON.stringify([
      rule.apiGroups,
      rule.resources,
      rule.resourceNames,
      rule.nonResourceURLs,
    ]);
    const known = merged.get(key);
    if (!known) merged.set(key, { ...rule, verbs: [...rule.verbs] });
    else for (const verb of rule.verbs) if (!known.verbs.includes(verb)) known.verbs.push(verb);
  }
  return [...merged.values()].map(describe).sort().join('\n');
}

function describe(rule: PolicyRule): string {
  const parts: string[] = [];
  const add = (title: string, values: readonly string[] | undefined) => {
    if (values?.length) parts.push(`${title}:[${values.map((v) => JSON.stringify(v)).join(' ')}]`);
  };
  add('APIGroups', rule.apiGroups);
  add('Resources', rule.resources);
  add('NonResourceURLs', rule.nonResourceURLs);
  add('ResourceNames', rule.resourceNames);
  add('Verbs', rule.verbs);
  return `{${parts.join(', ')}}`;
}

function breakdown(rule: PolicyRule): PolicyRule[] {
  const single: PolicyRule[] = [];
  for (const group of rule.apiGroups ?? [])
    for (const resource of rule.resources ?? [])
      for (const verb of rule.verbs) {
        const one = { apiGroups: [group], resources: [resource], verbs: [verb] };
        if (rule.resourceNames?.length)
          for (const name of rule.resourceNames) single.push({ ...one, resourceNames: [name] });
        else single.push(one);
      }
  for (const url of rule.nonResourceURLs ?? [])
    for (const verb of rule.verbs) single.push({ nonResourceURLs: [url], verbs: [verb] });
  return single;
}

function covers(owner: PolicyRule, one: PolicyRule): boolean {
  if (!hasAll(owner.verbs, one.verbs)) return false;
  if (one.nonResourceURLs?.length)
    return one.nonResourceURLs.every((url) => pathCovered(owner.nonResourceURLs, url));
  if (!hasAll(owner.apiGroups, one.apiGroups)) return false;
  const resources = one.resources ?? [];
  const covered = resources.every((resource) => {
    const [, sub] = resource.split('/', 2);
    return (
      has(owner.resources, resource) ||
      (sub !== undefined && (owner.resources ?? []).includes(`*/${sub}`))
    );
  });
  if (!covered) return false;
  if (!owner.resourceNames?.length) return true;
  return (
    !!one.resourceNames?.length &&
    one.resourceNames.every((name) => owner.resourceNames?.includes(name))
  );
}

function has(list: readonly string[] | undefined, value: string): boolean {
  return list !== undefined && (list.includes('*') || list.includes(value));
}

function hasAll(
  list: readonly string[] | undefined,
  values: readonly string[] | undefined,
): boolean {
  return (values ?? []).every((value) => has(list, value));
}

function resourceMatches(
  list: readonly string[] | undefined,
  resource: string,
  subresource: string,
): boolean {
  if (!list) return false;
  const combined = subresource === '' ? resource : `${resource}/${subresource}`;
  for (const candidate of list) {
    if (candidate === '*' || candidate === combined) return true;
    if (subresource !== '' && candidate === `*/${subresource}`) return true;
  }
  return false;
}

function pathMatches(list: readonly string[] | undefined, path: string): boolean {
  return (list ?? []).some(
    (url) =>
      url === '*' ||
      url === path ||
      (url.endsWith('*') && path.startsWith(url.replace(/\*+$/, ''))),
  );
}

function pathCovered(list: readonly string[] | undefined, path: string): boolean {
  return (list ?? []).some(
    (url) =>
      url === '*' ||
      url === path ||
      (url.endsWith('*') && path.startsWith(url.replace(/\*+$/, ''))),
  );
}
