/** What conditions of an authorization webhook speak of: `request`, the spec of a SubjectAccessReview. */
import type { SubjectAccessReviewSpec } from '../api/types.js';
import { REQUEST, struct } from './admission.js';
import { toValue } from './data.js';
import { list, scalar } from './decl-type.js';
import type { Activation } from './frame.js';
import type { Environment } from './program.js';
import { STRING } from './types.js';

const text = scalar(STRING);
const texts = list(text, 0);
const user = REQUEST.fields?.get('userInfo')?.declared.fields;
const extra = user?.get('extra')?.declared ?? text;

const requirement = struct('kubernetes.SelectorRequirement', {
  key: text,
  operator: text,
  values: texts,
});
const selector = (name: string) =>
  struct(name, { rawSelector: text, requirements: list(requirement, 0) });

const SPEC = struct('kubernetes.SubjectAccessReviewSpec', {
  resourceAttributes: struct('kubernetes.ResourceAttributes', {
    namespace: text,
    verb: text,
    group: text,
    version: text,
    resource: text,
    subresource: text,
    name: text,
    fieldSelector: selector('kubernetes.FieldSelectorAttributes'),
    labelSelector: selector('kubernetes.LabelSelectorAttributes'),
  }),
  nonResourceAttributes: struct('kubernetes.NonResourceAttributes', { path: text, verb: text }),
  user: text,
  groups: texts,
  extra,
  uid: text,
});

export const ACCESS_ENVIRONMENT: Environment = { variables: new Map([['request', SPEC.type]]) };

export function accessActivation(spec: SubjectAccessReviewSpec): Activation {
  const { user = '', groups = [], uid = '', extra = {}, resourceAttributes } = spec;
  const nothing = { namespace: '', verb: '', group: '', version: '', resource: '' };
  const resource = resourceAttributes && {
    resourceAttributes: { ...nothing, subresource: '', name: '', ...resourceAttributes },
  };
  const { nonResourceAttributes } = spec;
  const value = toValue(
    {
      user,
      groups,
      uid,
      extra,
      ...resource,
      ...(nonResourceAttributes ? { nonResourceAttributes } : {}),
    },
    SPEC,
  );
  return { variable: (name) => (name === 'request' ? value : undefined) };
}
