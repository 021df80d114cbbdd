/**
 * Nobody puts into a policy's parameters what they may not read: who names a kind of parameters must be allowed
 * to get all its objects, and who binds some of them, to get or list those. Always on, as with rights.
 */
import type { ParamKind, ParamRef } from '../../../pkg/api/types.js';
import { deepEqual } from '../../../pkg/apimachinery/equality.js';
import { forbidden, path } from '../../../pkg/apimachinery/field-error.js';
import { type KubeObject, parseApiVersion } from '../../../pkg/apimachinery/meta.js';
import { invalid } from '../../../pkg/apimachinery/status.js';
import type { RequestContext, ServerAccess, UserInfo } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { REGISTRATION } from '../policy/bound-policies.js';
import type { ResourceOfKind } from '../policy/params.js';

const NAME = 'PolicyParameters';
const MASTERS = 'system:masters';
const POLICIES = new Set(['validatingadmissionpolicies', 'mutatingadmissionpolicies']);
/** Bindings → the policies that they bind. */
const BINDINGS: ReadonlyMap<string, string> = new Map([
  ['validatingadmissionpolicybindings', 'validatingadmissionpolicies'],
  ['mutatingadmissionpolicybindings', 'mutatingadmissionpolicies'],
]);

interface Spec {
  readonly paramKind?: ParamKind;
  readonly paramRef?: ParamRef;
  readonly policyName?: string;
}

interface Named {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
}

const ANYTHING: Named = { group: '*', version: '*', resource: '*' };

export function policyParameters(resourceOfKind: ResourceOfKind): AdmissionPluginFactory {
  const named = (kind: ParamKind | undefined): Named => {
    if (!kind) return ANYTHING;
    const { group, version } = parseApiVersion(kind.apiVersion ?? '');
    const found = resourceOfKind(kind.apiVersion ?? '', kind.kind ?? '');
    return { group, version, resource: found?.resource ?? '*' };
  };
  return {
    name: NAME,
    create: (server) => ({
      name: NAME,
      handles: (operation, group, resource, subresource) =>
        (operation === 'CREATE' || operation === 'UPDATE') &&
        subresource === '' &&
        group === REGISTRATION &&
        (POLICIES.has(resource) || BINDINGS.has(resource)),
      async validate(attributes, ctx) {
        if (ctx.user.groups.includes(MASTERS)) return;
        const spec = specOf(attributes.object);
        const old = specOf(attributes.oldObject);
        const policies = BINDINGS.get(attributes.resource);
        if (policies === undefined) {
          if (!spec.paramKind || deepEqual(spec.paramKind, old.paramKind)) return;
          const { kind = '', apiVersion = '' } = spec.paramKind;
          const asked = { ...named(spec.paramKind), verb: 'get', namespace: '*', name: '*' };
          if (await mayRead(asked, ctx)) return;
          const why = `user ${userText(ctx.user)} must have "get" permission on all objects of the referenced paramKind (kind=${kind}, apiVersion=${apiVersion})`;
          throw refusal(attributes, 'paramKind', why);
        }
        const { paramRef, policyName = '' } = spec;
        const same = deepEqual(paramRef, old.paramRef) && policyName === old.policyName;
        if (!paramRef || same) return;
        const { name = '', namespace = '' } = paramRef;
        const verb = name === '' ? 'list' : 'get';
        const kind = specOf(server.store(REGISTRATION, policies).peek('', policyName)).paramKind;
        if (await mayRead({ ...named(kind), verb, namespace, name }, ctx)) return;
        // Upstream has the two the other way round.
        const why = `user ${verb} does not have "${userText(ctx.user)}" permission on the object referenced by paramRef`;
        throw refusal(attributes, 'paramRef', why);
      },
    }),
  };
}

async function mayRead(
  asked: Named & { verb: string; namespace: string; name: string },
  { user, server }: Pick<RequestContext, 'user'> & { readonly server: ServerAccess },
): Promise<boolean> {
  const { allowed } = await server.authorize({
    ...asked,
    user,
    subresource: '',
    isResourceRequest: true,
    path: '',
  });
  return allowed;
}

function specOf(obj: KubeObject | undefined): Spec {
  const { spec } = (obj ?? {}) as { spec?: Spec };
  return spec ?? {};
}

function refusal({ group, kind, object }: AdmissionAttributes, field: string, why: string) {
  const errors = [forbidden(path('spec', field), why)];
  return invalid({ group, kind }, object?.metadata?.name ?? '', errors);
}

/** As Go prints the struct. */
function userText({ name, uid = '', groups, extra = {} }: UserInfo): string {
  const more = Object.keys(extra)
    .sort()
    .map((key) => `${key}:[${extra[key]?.join(' ')}]`);
  return `&{${name} ${uid} [${groups.join(' ')}] map[${more.join(' ')}]}`;
}
