/** IngressClass: which controller serves the Ingresses of a name. */

import type { IngressClass } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  path,
  required,
  tooLong,
} from '../../../pkg/apimachinery/field-error.js';
import {
  isDNS1123Subdomain,
  nameIsDNSLabel,
  regexMessage,
} from '../../../pkg/apimachinery/validation/names.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { validateReference } from '../validation/references.js';

const CONTROLLER_MAX_BYTES = 250;
const HTTP_PATH = "[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+";
const HTTP_PATH_RE = new RegExp(`^${HTTP_PATH}$`);

export const ingressClass: ResourceDefinition<IngressClass> = {
  group: 'networking.k8s.io',
  version: 'v1',
  kind: 'IngressClass',
  resource: 'ingressclasses',
  singular: 'ingressclass',
  namespaced: false,
  definition: 'io.k8s.api.networking.v1.IngressClass',
  columns: [
    nameColumn(),
    textColumn('Controller', 'Who serves it.', (obj) => obj.spec?.controller ?? ''),
    textColumn('Parameters', 'An object with more settings.', ({ spec }) => {
      const parameters = spec?.parameters;
      if (!parameters) return '<none>';
      const group = parameters.apiGroup ? `.${parameters.apiGroup}` : '';
      return `${parameters.kind}${group}/${parameters.name}`;
    }),
    ageColumn(),
  ],
  strategy: {
    setDefaults(obj) {
      const parameters = obj.spec?.parameters;
      if (parameters) parameters.scope ??= 'Cluster';
    },
    validate,
    validateUpdate: (obj, old) => [
      ...validateImmutable(obj.spec?.controller, old.spec?.controller, path('spec', 'controller')),
      ...validate(obj),
    ],
    generation: true,
    selectableFields: (obj) => ({ 'metadata.name': obj.metadata?.name ?? '' }),
  },
};

function validate({ spec = {} }: IngressClass): FieldError[] {
  const at = path('spec');
  const controller = spec.controller ?? '';
  const own = at.child('controller');
  const errors: FieldError[] = [];
  if (controller === '') errors.push(required(own));
  else {
    if (Buffer.byteLength(controller) > CONTROLLER_MAX_BYTES)
      errors.push(tooLong(own, CONTROLLER_MAX_BYTES));
    errors.push(...domainPrefixedPath(controller, own));
  }
  if (!spec.parameters) return errors;
  const here = at.child('parameters');
  errors.push(...validateReference(spec.parameters, here));
  const { scope, namespace } = spec.parameters;
  const whose = here.child('namespace');
  if (scope === undefined) errors.push(required(here.child('scope')));
  else if (scope === 'Namespace') {
    if (namespace === undefined)
      errors.push(required(whose, "`parameters.scope` is set to 'Namespace'"));
    else
      errors.push(...nameIsDNSLabel(namespace, false).map((why) => invalid(whose, namespace, why)));
  } else if (scope !== 'Cluster') {
    errors.push(notSupported(here.child('scope'), scope, ['Cluster', 'Namespace']));
  } else if (namespace !== undefined) {
    errors.push(forbidden(whose, "`parameters.scope` is set to 'Cluster'"));
  }
  return errors;
}

/** `acme.io/foo` */
function domainPrefixedPath(text: string, at: Path): FieldError[] {
  const slash = text.indexOf('/');
  const host = text.slice(0, Math.max(slash, 0));
  const rest = text.slice(slash + 1);
  if (host === '' || rest === '') {
    return [invalid(at, text, 'must be a domain-prefixed path (such as "acme.io/foo")')];
  }
  const errors = isDNS1123Subdomain(host).map((why) => invalid(at, host, why));
  if (!HTTP_PATH_RE.test(rest))
    errors.push(invalid(at, rest, regexMessage('Invalid path', HTTP_PATH)));
  return errors;
}
