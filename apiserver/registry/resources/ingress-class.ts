/** IngressClass: which controller serves the Ingresses of a name. */

import type { IngressClass } from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid,
  notSupported,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';

const CONTROLLER_MAX_LENGTH = 250;

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
      ...validate(obj),
      ...validateImmutable(obj.spec?.controller, old.spec?.controller, path('spec', 'controller')),
    ],
    generation: true,
    selectableFields: (obj) => ({ 'metadata.name': obj.metadata?.name ?? '' }),
  },
};

function validate({ spec = {} }: IngressClass): FieldError[] {
  const at = path('spec');
  const errors: FieldError[] = [];
  const controller = spec.controller ?? '';
  if (controller === '') errors.push(required(at.child('controller')));
  else if (controller.length > CONTROLLER_MAX_LENGTH) {
    errors.push({
      type: 'FieldValueTooLong',
      field: 'spec.controller',
      body: `Too long: may not be more than ${CONTROLLER_MAX_LENGTH} bytes`,
    });
  } else if (
    !/^[a-z0-9]([-a-z0-9.]*[a-z0-9])?\/[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(controller)
  ) {
    errors.push(
      invalid(
        at.child('controller'),
        controller,
        'must be a domain-prefixed path (such as "acme.io/foo")',
      ),
    );
  }
  const parameters = spec.parameters;
  if (!parameters) return errors;
  const here = at.child('parameters');
  for (const field of ['kind', 'name'] as const) {
    if (!parameters[field]) errors.push(required(here.child(field), `${field} is required`));
  }
  const { scope, namespace } = parameters;
  if (scope === undefined) errors.push(required(here.child('scope')));
  else if (scope !== 'Cluster' && scope !== 'Namespace') {
    errors.push(notSupported(here.child('scope'), scope, ['Cluster', 'Namespace']));
  } else if (scope === 'Namespace' && namespace === undefined) {
    errors.push(required(here.child('namespace'), "`parameters.scope` is set to 'Namespace'"));
  } else if (scope === 'Cluster' && namespace !== undefined) {
    errors.push({
      type: 'FieldValueForbidden',
      field: here.child('namespace').toString(),
      body: "Forbidden: `parameters.scope` is set to 'Cluster'",
    });
  }
  return errors;
}
