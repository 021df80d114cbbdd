/** The parameters of a binding: one by its name, or those that a selector chooses. */
import type { ParamKind, ParamRef } from '../../../pkg/api/types.js';
import { selectorFromObject } from '../../../pkg/apimachinery/labels.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { isReason } from '../../../pkg/apimachinery/status.js';
import type { ResourceDefinition } from '../../registry/resource.js';
import type { ServerAccess } from '../../server/request-context.js';

/** The resource of a kind; undefined where it is not served. */
export type ResourceOfKind = (apiVersion: string, kind: string) => ResourceDefinition | undefined;

/** What is wrong with a policy or binding, as a user sees it. */
export class ConfigurationError extends Error {
  override name = 'ConfigurationError';
}

/** `[undefined]` where the policy has no parameters; empty where there are none and that is allowed. */
export async function collectParams(
  kind: ParamKind | undefined,
  ref: ParamRef | undefined,
  namespace: string,
  server: ServerAccess,
  resourceOf: ResourceOfKind,
): Promise<readonly (KubeObject | undefined)[]> {
  if (!kind) return [undefined];
  const { apiVersion = '', kind: name = '' } = kind;
  const definition = resourceOf(apiVersion, name);
  if (!definition) {
    throw new ConfigurationError(
      `failed to find resource referenced by paramKind: '${goKind(apiVersion, name)}'`,
    );
  }
  if (!ref) return [undefined];
  const where = paramNamespace(definition, ref, namespace);
  const found = await find(ref, where, definition, server);
  if (found.length === 0 && ref.parameterNotFoundAction !== 'Allow') {
    throw new ConfigurationError(
      'no params found for policy binding with `Deny` parameterNotFoundAction',
    );
  }
  return found.map((param) => ({ ...param, apiVersion, kind: name }));
}

function paramNamespace(
  { namespaced }: ResourceDefinition,
  ref: ParamRef,
  namespace: string,
): string {
  if (!namespaced) {
    if (ref.namespace) {
      throw new ConfigurationError(
        'paramRef.namespace must not be provided for a cluster-scoped `paramKind`',
      );
    }
    return '';
  }
  const where = ref.namespace || namespace;
  if (where === '') {
    throw new ConfigurationError("can't use namespaced paramRef to match cluster-scoped resources");
  }
  return where;
}

async function find(
  ref: ParamRef,
  namespace: string,
  { group, resource }: ResourceDefinition,
  server: ServerAccess,
): Promise<readonly KubeObject[]> {
  const store = server.store(group, resource);
  if (ref.selector) {
    const selector = selectorFromObject(ref.selector);
    const all = await store.list(namespace);
    return all.filter(({ metadata }) => selector.matches(metadata?.labels));
  }
  if (!ref.name) throw new ConfigurationError('one of name or selector must be provided');
  try {
    return [await store.get(namespace, ref.name)];
  } catch (err) {
    if (isReason(err, 'NotFound')) return [];
    throw err;
  }
}

/** `rules.example.com/v1, Kind=Limit` */
export function goKind(apiVersion: string, kind: string): string {
  return `${apiVersion.includes('/') ? apiVersion : `/${apiVersion}`}, Kind=${kind}`;
}
