/** The policies that are in force: in the order of their names, each with its bindings. */
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import type { ServerAccess } from '../../server/request-context.js';
import type { Asked } from '../webhook/match.js';

export const REGISTRATION = 'admissionregistration.k8s.io';

/** Policies never decide about what configures admission: a bad one could not be taken away. */
const EXEMPT = new Set([
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
]);

export function isExempt(group: string, resource: string): boolean {
  return group === REGISTRATION && EXEMPT.has(resource);
}

export interface Bound<P, B> {
  readonly policy: P;
  readonly bindings: readonly B[];
}

export interface Binding extends KubeObject {
  readonly spec?: { readonly policyName?: string };
}

/** A policy without bindings is not in force. */
export async function boundPolicies<P extends KubeObject, B extends Binding>(
  server: ServerAccess,
  resources: { readonly policies: string; readonly bindings: string },
): Promise<readonly Bound<P, B>[]> {
  const all = async <T extends KubeObject>(resource: string): Promise<readonly T[]> => {
    const store = server.store(REGISTRATION, resource);
    return (store.peekAll('') ?? (await store.list(''))) as readonly T[];
  };
  const bindings = await all<B>(resources.bindings);
  if (bindings.length === 0) return [];
  const policies = await all<P>(resources.policies);
  return [...policies].sort(byName).flatMap((policy) => {
    const own = bindings
      .filter(({ spec }) => spec?.policyName === policy.metadata?.name)
      .sort(byName);
    return own.length === 0 ? [] : [{ policy, bindings: own }];
  });
}

/** Of what is written; absent for what is in no namespace, which a Namespace is. */
export async function namespaceOf(
  { attributes: { group, resource, namespace } }: Asked,
  server: ServerAccess,
): Promise<KubeObject | undefined> {
  if (namespace === '' || (group === '' && resource === 'namespaces')) return undefined;
  const store = server.store('', 'namespaces');
  return store.peek('', namespace) ?? (await store.get('', namespace));
}

/** Compiled once for each state of a policy. */
export function compiledOnce<P extends KubeObject, C>(compile: (policy: P) => C): (policy: P) => C {
  const compiled = new WeakMap<P, C>();
  return (policy) => {
    let found = compiled.get(policy);
    if (found === undefined) {
      found = compile(policy);
      compiled.set(policy, found);
    }
    return found;
  };
}

function byName(a: KubeObject, b: KubeObject): number {
  return (a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1;
}
