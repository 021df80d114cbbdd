/** The 403 that kubectl users know (`k8s.io/apiserver/pkg/endpoints/handlers/responsewriters/errors.go`). */
import { forbidden, type StatusError } from '../../pkg/apimachinery/status.js';
import type { AuthorizationAttributes } from '../server/request-context.js';

/** `reason` is what the authoriser adds, if anything. */
export function forbiddenFor(attributes: AuthorizationAttributes, reason?: string): StatusError {
  const sentence = reason ? `${sentenceOf(attributes)}: ${reason}` : sentenceOf(attributes);
  if (!attributes.isResourceRequest) return forbidden({ group: '', resource: '' }, '', sentence);
  return forbidden(attributes, attributes.name, sentence);
}

function sentenceOf(attributes: AuthorizationAttributes): string {
  const who = `User ${JSON.stringify(attributes.user.name)} cannot ${attributes.verb}`;
  if (!attributes.isResourceRequest) return `${who} path ${JSON.stringify(attributes.path)}`;
  const resource = attributes.subresource
    ? `${attributes.resource}/${attributes.subresource}`
    : attributes.resource;
  const what = `${who} resource ${JSON.stringify(resource)} in API group ${JSON.stringify(attributes.group)}`;
  return attributes.namespace === ''
    ? `${what} at the cluster scope`
    : `${what} in the namespace ${JSON.stringify(attributes.namespace)}`;
}
