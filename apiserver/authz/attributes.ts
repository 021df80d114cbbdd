/** Attributes of a request, and the words in which a refusal names them. */
import { failure, forbidden, type StatusError } from '../../pkg/apimachinery/status.js';
import type {
  AuthorizationAttributes,
  AuthorizationDecision,
  RequestInfo,
  UserInfo,
} from '../server/request-context.js';

export interface Authorizer {
  authorize(
    attributes: AuthorizationAttributes,
  ): AuthorizationDecision | Promise<AuthorizationDecision>;
}

export const NO_OPINION: AuthorizationDecision = { allowed: false };

export function attributesOf(user: UserInfo, info: RequestInfo): AuthorizationAttributes {
  return {
    user,
    verb: info.verb,
    namespace: info.namespace,
    group: info.group,
    version: info.version,
    resource: info.resource,
    subresource: info.subresource,
    name: info.name,
    isResourceRequest: info.isResourceRequest,
    path: info.path,
    ...(info.fieldSelector === undefined ? {} : { fieldSelector: info.fieldSelector }),
    ...(info.labelSelector === undefined ? {} : { labelSelector: info.labelSelector }),
  };
}

/** The 403. Its details never name a subresource, as upstream. */
export function refusal(attributes: AuthorizationAttributes, reason: string): StatusError {
  const why = reason === '' ? describe(attributes) : `${describe(attributes)}: ${reason}`;
  if (!attributes.isResourceRequest) return failure(403, 'Forbidden', `forbidden: ${why}`, {});
  const { group, resource, name } = attributes;
  return forbidden({ group, resource }, name, why);
}

function describe(attributes: AuthorizationAttributes): string {
  const { user, verb, namespace, group, resource, subresource, path } = attributes;
  const who = JSON.stringify(user.name);
  if (!attributes.isResourceRequest)
    return `User ${who} cannot ${verb} path ${JSON.stringify(path)}`;
  const what = JSON.stringify(subresource === '' ? resource : `${resource}/${subresource}`);
  const where =
    namespace === '' ? 'at the cluster scope' : `in the namespace ${JSON.stringify(namespace)}`;
  return `User ${who} cannot ${verb} resource ${what} in API group ${JSON.stringify(group)} ${where}`;
}
