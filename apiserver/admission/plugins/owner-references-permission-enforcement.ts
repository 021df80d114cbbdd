/**
 * OwnerReferencesPermissionEnforcement: who makes an object depend on another must be able to delete the
 * dependent, since its owner's deletion will; and who makes it hold up the owner's deletion
 * (`blockOwnerDeletion`) must be able to set finalizers on the owner.
 */

import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import type { KubeObject, OwnerReference } from '../../../pkg/apimachinery/meta.js';
import type {
  AuthorizationAttributes,
  RequestContext,
  ServerAccess,
} from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { refuse } from '../refuse.js';

/** What is served as this kind; nothing for a kind that is not. */
export type ResourceOfKind = (
  apiVersion: string,
  kind: string,
) => { readonly resource: string; readonly namespaced: boolean } | undefined;

const NAME = 'OwnerReferencesPermissionEnforcement';

export function ownerReferencesPermissionEnforcement(
  resourceOfKind: ResourceOfKind,
): AdmissionPluginFactory {
  return {
    name: NAME,
    create: (server) => ({
      name: NAME,
      handles: (operation, group, resource, subresource) =>
        (operation === 'CREATE' || operation === 'UPDATE') &&
        // The strategy of that subresource lets nobody change owners.
        !(group === '' && resource === 'pods' && subresource === 'status'),
      async validate(attributes, ctx) {
        const { object, oldObject } = attributes;
        if (!changesOwners(object, oldObject)) return;
        const why = await refusal(server, ctx, dependent(attributes));
        if (why !== undefined)
          throw refuse(attributes, `cannot set an ownerRef on a resource you can't delete: ${why}`);
        const blocking = newlyBlocking(object, oldObject);
        if (blocking.length === 0) return;
        if ((await refusal(server, ctx, ANY_FINALIZERS)) === undefined) return;
        for (const { apiVersion, kind, name } of blocking) {
          const owner = resourceOfKind(apiVersion, kind);
          if (!owner)
            throw refuse(
              attributes,
              `cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion ${apiVersion} Kind ${kind}: no matches for kind ${JSON.stringify(kind)} in version ${JSON.stringify(apiVersion)}`,
            );
          const finalizers = await refusal(server, ctx, {
            verb: 'update',
            namespace: owner.namespaced ? attributes.namespace : '',
            ...groupVersionOf(apiVersion),
            resource: owner.resource,
            subresource: 'finalizers',
            name,
          });
          if (finalizers !== undefined)
            throw refuse(
              attributes,
              `cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: ${finalizers}`,
            );
        }
      },
    }),
  };
}

type Asked = Omit<AuthorizationAttributes, 'user' | 'isResourceRequest' | 'path'>;

/** Who may do this may do it to every owner, whatever its kind. */
const ANY_FINALIZERS: Asked = {
  verb: 'update',
  namespace: '',
  group: '*',
  version: '*',
  resource: '*',
  subresource: 'finalizers',
  name: '*',
};

function dependent(attributes: AdmissionAttributes): Asked {
  const { namespace, group, version, resource, subresource, name } = attributes;
  return { verb: 'delete', namespace, group, version, resource, subresource, name };
}

/** The authorizer's reason and error, as Go prints the two; undefined when it is allowed. */
async function refusal(
  server: ServerAccess,
  { user }: RequestContext,
  asked: Asked,
): Promise<string | undefined> {
  const decision = await server.authorize({ ...asked, user, isResourceRequest: true, path: '' });
  if (decision.allowed) return undefined;
  return `${decision.reason ?? ''}, ${decision.evaluationError ?? '<nil>'}`;
}

function ownersOf(object: KubeObject | undefined): readonly OwnerReference[] {
  return object?.metadata?.ownerReferences ?? [];
}

function changesOwners(object: KubeObject | undefined, old: KubeObject | undefined): boolean {
  return !semanticDeepEqual(ownersOf(object), ownersOf(old));
}

function newlyBlocking(
  object: KubeObject | undefined,
  old: KubeObject | undefined,
): readonly OwnerReference[] {
  const before = new Set(
    ownersOf(old)
      .filter(({ blockOwnerDeletion }) => blockOwnerDeletion)
      .map(({ uid }) => uid),
  );
  return ownersOf(object).filter(
    ({ uid, blockOwnerDeletion }) => blockOwnerDeletion && !before.has(uid),
  );
}

function groupVersionOf(apiVersion: string): { group: string; version: string } {
  const slash = apiVersion.indexOf('/');
  return { group: apiVersion.slice(0, Math.max(slash, 0)), version: apiVersion.slice(slash + 1) };
}
