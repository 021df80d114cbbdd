/**
 * `--audit-policy-file`: a Policy of `audit.k8s.io/v1`, and what it says of a request: how much of it is
 * written down, and at which stages. The first rule that matches decides; without one nothing is.
 */
import { parse } from 'yaml';
import type { RequestInfo, UserInfo } from '../request-context.js';

export const LEVELS = ['None', 'Metadata', 'Request', 'RequestResponse'] as const;
export type AuditLevel = (typeof LEVELS)[number];
export const STAGES = ['RequestReceived', 'ResponseStarted', 'ResponseComplete', 'Panic'] as const;
export type AuditStage = (typeof STAGES)[number];

interface GroupResources {
  readonly group?: string;
  readonly resources?: readonly string[];
  readonly resourceNames?: readonly string[];
}

interface Rule {
  readonly level: AuditLevel;
  readonly users?: readonly string[];
  readonly userGroups?: readonly string[];
  readonly verbs?: readonly string[];
  readonly resources?: readonly GroupResources[];
  readonly namespaces?: readonly string[];
  readonly nonResourceURLs?: readonly string[];
  readonly omitStages?: readonly AuditStage[];
  readonly omitManagedFields?: boolean;
}

export interface AuditDecision {
  readonly level: AuditLevel;
  readonly omitStages: ReadonlySet<AuditStage>;
  readonly omitManagedFields: boolean;
}

export class AuditPolicy {
  private constructor(
    private readonly rules: readonly Rule[],
    private readonly omitStages: readonly AuditStage[],
    private readonly omitManagedFields: boolean,
  ) {}

  /** Throws, naming the field, for what is not a policy. */
  static parse(text: string): AuditPolicy {
    const policy: unknown = parse(text);
    if (!isRecord(policy) || policy['kind'] !== 'Policy')
      throw new Error('loaded illegal policy: kind must be Policy');
    if (policy['apiVersion'] !== 'audit.k8s.io/v1')
      throw new Error(
        `unknown group version field ${JSON.stringify(policy['apiVersion'])} in policy`,
      );
    const rules = Array.isArray(policy['rules']) ? policy['rules'] : [];
    if (rules.length === 0) throw new Error('loaded illegal policy with 0 rules');
    return new AuditPolicy(
      rules.map((rule, i) => checkedRule(rule, `rules[${i}]`)),
      stagesOf(policy['omitStages'], 'omitStages'),
      policy['omitManagedFields'] === true,
    );
  }

  decide(user: UserInfo, info: RequestInfo): AuditDecision {
    const rule = this.rules.find((candidate) => matches(candidate, user, info));
    return {
      level: rule?.level ?? 'None',
      omitStages: new Set([...this.omitStages, ...(rule?.omitStages ?? [])]),
      omitManagedFields: rule?.omitManagedFields ?? this.omitManagedFields,
    };
  }
}

export function atLeast(level: AuditLevel, wanted: AuditLevel): boolean {
  return LEVELS.indexOf(level) >= LEVELS.indexOf(wanted);
}

function checkedRule(value: unknown, at: string): Rule {
  if (!isRecord(value)) throw new Error(`${at}: must be an object`);
  const { level } = value;
  if (!LEVELS.some((known) => known === level))
    throw new Error(
      `${at}.level: Unsupported value: ${JSON.stringify(level ?? '')}: supported values: ${LEVELS.map((l) => JSON.stringify(l)).join(', ')}`,
    );
  stagesOf(value['omitStages'], `${at}.omitStages`);
  const paths = value['nonResourceURLs'];
  if (Array.isArray(paths) && paths.length > 0) {
    if (Array.isArray(value['resources']) && value['resources'].length > 0)
      throw new Error(
        `${at}.nonResourceURLs: Invalid value: rules cannot apply to both regular resources and non-resource URLs`,
      );
    for (const [i, path] of paths.entries())
      if (path !== '*' && !String(path).startsWith('/'))
        throw new Error(
          `${at}.nonResourceURLs[${i}]: Invalid value: ${JSON.stringify(path)}: non-resource URL rules must begin with a '/' character`,
        );
  }
  return value as unknown as Rule;
}

function stagesOf(value: unknown, at: string): AuditStage[] {
  if (value === undefined) return [];
  if (!Array.isArray(value)) throw new Error(`${at}: must be a list`);
  return value.map((stage, i) => {
    const found = STAGES.find((known) => known === stage);
    if (!found)
      throw new Error(
        `${at}[${i}]: Invalid value: ${JSON.stringify(stage)}: allowed stages are ${STAGES.join(',')}`,
      );
    return found;
  });
}

function matches(rule: Rule, user: UserInfo, info: RequestInfo): boolean {
  if (rule.users?.length && !rule.users.includes(user.name)) return false;
  if (rule.userGroups?.length && !user.groups.some((group) => rule.userGroups?.includes(group)))
    return false;
  if (rule.verbs?.length && !rule.verbs.some((verb) => verb === '*' || verb === info.verb))
    return false;
  if (rule.namespaces?.length || rule.resources?.length) return matchesResource(rule, info);
  if (rule.nonResourceURLs?.length)
    return (
      !info.isResourceRequest && rule.nonResourceURLs.some((path) => matchesPath(path, info.path))
    );
  return true;
}

function matchesResource(rule: Rule, info: RequestInfo): boolean {
  if (!info.isResourceRequest) return false;
  if (rule.namespaces?.length && !rule.namespaces.includes(info.namespace)) return false;
  if (!rule.resources?.length) return true;
  const { resource, subresource } = info;
  const combined = subresource === '' ? resource : `${resource}/${subresource}`;
  return rule.resources.some(({ group = '', resources = [], resourceNames = [] }) => {
    if (group !== info.group) return false;
    if (resources.length === 0) return true;
    if (resourceNames.length > 0 && !resourceNames.includes(info.name)) return false;
    return resources.some(
      (wanted) =>
        wanted === '*' ||
        wanted === combined ||
        (subresource !== '' && (wanted === `${resource}/*` || wanted === `*/${subresource}`)),
    );
  });
}

function matchesPath(wanted: string, path: string): boolean {
  if (wanted === '*' || wanted === path) return true;
  return wanted.endsWith('*') && path.startsWith(wanted.slice(0, -1));
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
