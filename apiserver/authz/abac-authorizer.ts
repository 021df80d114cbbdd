/** ABAC (`--authorization-policy-file`): one policy a line, each a permission; whatever none gives is refused. */
import type { AuthorizationAttributes, AuthorizationDecision } from '../server/request-context.js';
import { type Authorizer, NO_OPINION } from './attributes.js';

interface Policy {
  readonly user?: string;
  readonly group?: string;
  readonly readonly?: boolean;
  readonly apiGroup?: string;
  readonly resource?: string;
  readonly namespace?: string;
  readonly nonResourcePath?: string;
}

const VERSIONS = [
  'abac.authorization.kubernetes.io/v1beta1',
  'abac.authorization.kubernetes.io/v0',
];
const READ_VERBS = new Set(['get', 'list', 'watch']);

export class AbacAuthorizer implements Authorizer {
  private readonly policies: readonly Policy[];

  /** Throws, with the number of the line, for one that is no policy. */
  constructor(file: string) {
    this.policies = file.split('\n').flatMap((line, i) => {
      const text = line.trim();
      if (text === '' || text.startsWith('#')) return [];
      return [policyOf(text, i + 1)];
    });
  }

  authorize(attributes: AuthorizationAttributes): AuthorizationDecision {
    if (this.policies.some((policy) => matches(policy, attributes))) return { allowed: true };
    return { ...NO_OPINION, reason: 'No policy matched.' };
  }
}

function policyOf(text: string, line: number): Policy {
  const fault = (why: string) => new Error(`error reading policy file line ${line}: ${why}`);
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (err) {
    throw fault(err instanceof Error ? err.message : String(err));
  }
  if (typeof value !== 'object' || value === null) throw fault('not an object');
  const { apiVersion, kind, spec } = value as { apiVersion?: string; kind?: string; spec?: Policy };
  // Without a version it is one of the first form, which had its fields beside each other.
  if (apiVersion === undefined && kind === undefined) return firstForm(value as Policy);
  if (!VERSIONS.includes(apiVersion ?? '') || kind !== 'Policy')
    throw fault(
      `no kind ${JSON.stringify(kind ?? '')} is registered for version ${JSON.stringify(apiVersion ?? '')}`,
    );
  return apiVersion?.endsWith('/v0') ? firstForm(value as Policy) : (spec ?? {});
}

/** There, what is left out means everything. */
function firstForm(policy: Policy): Policy {
  const { user = '', group = '' } = policy;
  return {
    ...(user === '' && group === '' ? { group: 'system:authenticated' } : { user, group }),
    ...(policy.readonly ? { readonly: true } : {}),
    apiGroup: '*',
    resource: policy.resource || '*',
    namespace: policy.namespace || '*',
    ...(policy.resource || policy.namespace ? {} : { nonResourcePath: '*' }),
  };
}

function matches(policy: Policy, attributes: AuthorizationAttributes): boolean {
  return (
    matchesSubject(policy, attributes) &&
    matchesVerb(policy, attributes) &&
    (attributes.isResourceRequest
      ? matchesResource(policy, attributes)
      : matchesPath(policy, attributes))
  );
}

function matchesSubject(
  { user = '', group = '' }: Policy,
  { user: who }: AuthorizationAttributes,
): boolean {
  if (user === '' && group === '') return false;
  if (user === '*' || group === '*') {
    // Everybody means everybody who is known.
    if (!who.groups.includes('system:authenticated')) return false;
  }
  if (user !== '' && user !== '*' && user !== who.name) return false;
  return group === '' || group === '*' || who.groups.includes(group);
}

function matchesVerb(policy: Policy, { verb }: AuthorizationAttributes): boolean {
  return !policy.readonly || READ_VERBS.has(verb);
}

function matchesResource(policy: Policy, attributes: AuthorizationAttributes): boolean {
  const has = (wanted: string | undefined, value: string) =>
    wanted === '*' || (wanted ?? '') === value;
  return (
    has(policy.namespace, attributes.namespace) &&
    has(policy.resource, attributes.resource) &&
    has(policy.apiGroup, attributes.group)
  );
}

function matchesPath({ nonResourcePath = '' }: Policy, { path }: AuthorizationAttributes): boolean {
  if (nonResourcePath === '*' || nonResourcePath === path) return true;
  return nonResourcePath.endsWith('*') && path.startsWith(nonResourcePath.slice(0, -1));
}
