/**
 * Which webhooks a write is for: their rules, by the resource that was asked for and then by its
 * equivalents, their selectors and their conditions (`k8s.io/apiserver/pkg/admission/plugin/webhook`).
 */
import type { RuleWithOperations } from '../../../pkg/api/types.js';
import type { Selector } from '../../../pkg/apimachinery/labels.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { forbidden, internalError, isReason } from '../../../pkg/apimachinery/status.js';
import type { RequestContext } from '../../server/request-context.js';
import type { AdmissionAttributes } from '../admission.js';
import type { Hook } from './hooks.js';
import type { ServedVersion, VersionsOf } from './served-versions.js';

/** What is written, and the version of the API in which its author wrote it. */
export interface Asked {
  readonly attributes: AdmissionAttributes;
  readonly requested: ServedVersion;
  readonly equivalents: readonly ServedVersion[];
  /** A Namespace is in itself here. */
  readonly namespace: string;
  readonly name: string;
}

/** Undefined for what is not a client's write: what the server writes on its own account along with one. */
export function askedOf(
  attributes: AdmissionAttributes,
  ctx: RequestContext,
  versionsOf: VersionsOf,
): Asked | undefined {
  const { requestInfo: info } = ctx;
  if (!info.isResourceRequest || info.subresource !== attributes.subresource) return undefined;
  const versions = versionsOf(attributes.group, attributes.resource);
  const requested = versions.find(
    ({ group, version, resource }) =>
      group === info.group && version === info.version && resource === info.resource,
  );
  if (!requested) return undefined;
  const name = attributes.name || attributes.object?.metadata?.name || '';
  return {
    attributes,
    requested,
    equivalents: versions.filter((version) => version !== requested),
    namespace: isNamespace(attributes) ? name : attributes.namespace,
    name,
  };
}

/** The version in which the webhook gets the object; undefined when it is not called. */
export async function versionFor(
  hook: Pick<Hook, 'rules' | 'equivalent' | 'namespaceSelector' | 'objectSelector'>,
  asked: Asked,
  ctx: RequestContext,
): Promise<ServedVersion | undefined> {
  const version = ruledVersion(hook, asked);
  if (!version) return undefined;
  if (!matchesObject(hook.objectSelector, asked.attributes)) return undefined;
  return (await matchesNamespace(hook.namespaceSelector, asked, ctx)) ? version : undefined;
}

export function ruledVersion(
  { rules, equivalent }: Pick<Hook, 'rules' | 'equivalent'>,
  asked: Asked,
): ServedVersion | undefined {
  if (rules.some((rule) => matchesRule(rule, asked, asked.requested))) return asked.requested;
  if (!equivalent) return undefined;
  for (const rule of rules) {
    const found = asked.equivalents.find((version) => matchesRule(rule, asked, version));
    if (found) return found;
  }
  return undefined;
}

function matchesRule(rule: RuleWithOperations, asked: Asked, of: ServedVersion): boolean {
  const { operation, subresource } = asked.attributes;
  return (
    inScope(rule.scope, asked) &&
    has(rule.operations, operation) &&
    has(rule.apiGroups, of.group) &&
    has(rule.apiVersions, of.version) &&
    (rule.resources ?? []).some((wanted) => {
      const [resource = '', sub = ''] = wanted.split('/', 2);
      return (resource === '*' || resource === of.resource) && (sub === '*' || sub === subresource);
    })
  );
}

function inScope(scope: string | undefined, { attributes }: Asked): boolean {
  const namespaced = attributes.namespace !== '' && !isNamespace(attributes);
  if (scope === 'Namespaced') return namespaced;
  return scope !== 'Cluster' || !namespaced;
}

function has(values: readonly string[] | undefined, value: string): boolean {
  return values?.some((wanted) => wanted === '*' || wanted === value) ?? false;
}

function matchesObject(selector: Selector, { object, oldObject }: AdmissionAttributes): boolean {
  if (selector.empty) return true;
  const chosen = (obj: KubeObject | undefined) =>
    obj !== undefined && selector.matches(obj.metadata?.labels);
  return chosen(object) || chosen(oldObject);
}

async function matchesNamespace(
  selector: Selector,
  { attributes, namespace }: Asked,
  ctx: RequestContext,
): Promise<boolean> {
  if (namespace === '' || selector.empty) return true;
  const { operation, subresource, object } = attributes;
  // What is being written is newer than what anybody can look up.
  if (isNamespace(attributes) && subresource === '' && operation !== 'DELETE' && object)
    return selector.matches(object.metadata?.labels);
  const store = ctx.server.store('', 'namespaces');
  try {
    const found = store.peek('', namespace) ?? (await store.get('', namespace));
    return selector.matches(found.metadata?.labels);
  } catch (err) {
    if (isReason(err, 'NotFound')) throw err;
    throw internalError(err);
  }
}

/** Whether the webhook's conditions let it be called. */
export async function meetsConditions(
  hook: Hook,
  asked: Asked,
  input: Parameters<NonNullable<Hook['conditions']>['matches']>[0],
  ctx: RequestContext,
): Promise<boolean> {
  if (!hook.conditions) return true;
  try {
    return await hook.conditions.matches(input, ctx);
  } catch (err) {
    const { group, resource } = asked.requested;
    throw forbidden(
      { group, resource },
      asked.name,
      err instanceof Error ? err.message : String(err),
    );
  }
}

function isNamespace({ group, resource }: AdmissionAttributes): boolean {
  return group === '' && resource === 'namespaces';
}
