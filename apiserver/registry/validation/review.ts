/** What the review kinds share: they have no identity, and are asked about one thing. */
import type { ResourceAttributes } from '../../../pkg/api/types.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { badRequest } from '../../../pkg/apimachinery/status.js';
import type { AuthorizationAttributes, UserInfo } from '../../server/request-context.js';

/** A review is asked and answered, never kept: `namespace` is all that its metadata may say. */
export function withoutMetadata(review: KubeObject): void {
  const {
    namespace: _namespace,
    managedFields: _managed,
    creationTimestamp: _created,
    ...rest
  } = review.metadata ?? {};
  if (Object.keys(rest).length > 0) throw badRequest('metadata must be empty');
}

interface Asked {
  readonly resourceAttributes?: ResourceAttributes;
  readonly nonResourceAttributes?: { path?: string; verb?: string };
}

/** Exactly one of the two kinds of question. */
export function attributesAsked(user: UserInfo, spec: Asked): AuthorizationAttributes {
  const { resourceAttributes: resource, nonResourceAttributes: other } = spec;
  if (resource && other) {
    throw badRequest(
      'spec.nonResourceAttributes: Invalid value: cannot be specified in combination with resourceAttributes',
    );
  }
  if (resource) {
    return {
      user,
      verb: resource.verb ?? '',
      namespace: resource.namespace ?? '',
      group: resource.group ?? '',
      version: resource.version ?? '',
      resource: resource.resource ?? '',
      subresource: resource.subresource ?? '',
      name: resource.name ?? '',
      isResourceRequest: true,
      path: '',
    };
  }
  if (!other) {
    throw badRequest(
      'spec.resourceAttributes: Invalid value: exactly one of nonResourceAttributes or resourceAttributes must be specified',
    );
  }
  return {
    user,
    verb: other.verb ?? '',
    namespace: '',
    group: '',
    version: '',
    resource: '',
    subresource: '',
    name: '',
    isResourceRequest: false,
    path: other.path ?? '',
  };
}
