/** What the review kinds share: they have no identity, and ask about one thing. */
import type { ResourceAttributes } from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid as invalidField,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { badRequest, invalid } from '../../../pkg/apimachinery/status.js';
import type { AuthorizationAttributes, UserInfo } from '../../server/request-context.js';

const SPEC = path('spec');
const GROUP = 'authorization.k8s.io';

interface Selector {
  readonly rawSelector?: string;
  readonly requirements?: readonly unknown[];
}

interface Asked {
  readonly resourceAttributes?: ResourceAttributes;
  readonly nonResourceAttributes?: { path?: string; verb?: string };
}

interface Subject {
  readonly user?: string;
  readonly groups?: readonly string[];
}

interface Review extends KubeObject {
  readonly spec?: Asked & Subject;
}

/** A review is asked and answered, never kept: `namespace` is all that its metadata may say. */
export function withoutMetadata(review: KubeObject): void {
  if (Object.keys(metadataOf(review)).length > 0) throw badRequest('metadata must be empty');
}

function metadataOf({ metadata = {} }: KubeObject): object {
  const {
    namespace: _namespace,
    managedFields: _managed,
    creationTimestamp: _created,
    ...rest
  } = metadata;
  return rest;
}

/** Throws what is wrong with the question. `self`: the asker is who it is about; `local`: about one namespace. */
export function checkReview(kind: string, review: Review, form: 'self' | 'local' | 'any'): void {
  const { resourceAttributes: resource, nonResourceAttributes: other, ...who } = review.spec ?? {};
  const errors: FieldError[] = [];
  const shown = other ? { Path: other.path ?? '', Verb: other.verb ?? '' } : null;
  if (resource && other) {
    const text = 'cannot be specified in combination with resourceAttributes';
    errors.push(invalidField(SPEC.child('nonResourceAttributes'), shown, text));
  }
  if (!resource && !other) {
    const text = 'exactly one of nonResourceAttributes or resourceAttributes must be specified';
    errors.push(invalidField(SPEC.child('resourceAttributes'), shown, text));
  }
  if (form !== 'self' && !who.user && !who.groups?.length) {
    const text = 'at least one of user or group must be specified';
    errors.push(invalidField(SPEC.child('user'), '', text));
  }
  for (const name of ['fieldSelector', 'labelSelector'] as const) {
    const selector = resource?.[name];
    if (selector) errors.push(...validateSelector(selector, `spec.resourceAttributes.${name}`));
  }
  if (Object.keys(metadataOf(review)).length > 0) {
    const text = form === 'local' ? 'must be empty except for namespace' : 'must be empty';
    errors.push(invalidField(path('metadata'), review.metadata, text));
  }
  if (form === 'local') {
    const namespace = review.metadata?.namespace ?? '';
    if (resource && (resource.namespace ?? '') !== namespace) {
      const at = SPEC.child('resourceAttributes', 'namespace');
      errors.push(invalidField(at, resource.namespace ?? '', 'must match metadata.namespace'));
    }
    if (other) {
      const at = SPEC.child('nonResourceAttributes');
      errors.push(invalidField(at, shown, 'disallowed on this kind of request'));
    }
  }
  if (errors.length > 0) throw invalid({ group: GROUP, kind }, '', errors);
}

function validateSelector(
  { rawSelector = '', requirements = [] }: Selector,
  at: string,
): FieldError[] {
  if (rawSelector !== '' && requirements.length > 0) {
    const text = 'may not specified at the same time as requirements';
    return [invalidField(path(at, 'rawSelector'), rawSelector, text)];
  }
  if (rawSelector !== '' || requirements.length > 0) return [];
  const text = `when ${at} is specified, requirements or rawSelector is required`;
  return [required(path(at, 'requirements'), text)];
}

/** Of a review that was checked. */
export function attributesAsked(user: UserInfo, spec: Asked): AuthorizationAttributes {
  const { resourceAttributes: resource, nonResourceAttributes: other } = spec;
  return {
    user,
    verb: resource?.verb ?? other?.verb ?? '',
    namespace: resource?.namespace ?? '',
    group: resource?.group ?? '',
    version: resource?.version ?? '',
    resource: resource?.resource ?? '',
    subresource: resource?.subresource ?? '',
    name: resource?.name ?? '',
    isResourceRequest: resource !== undefined,
    path: other?.path ?? '',
  };
}
