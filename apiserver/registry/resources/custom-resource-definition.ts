/**
 * CustomResourceDefinition: a kind that users add. Served and checked here as an object; what it then does
 * (names accepted, Established, its own paths) is not this file's business.
 */

import type {
  CustomResourceDefinition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionVersion,
} from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isDNS1035Label, isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { nameColumn } from '../columns/metadata.js';
import { createdAtColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';

const SCOPES = ['Cluster', 'Namespaced'];
const STRATEGIES = ['None', 'Webhook'];
const COLUMN_TYPES = ['boolean', 'date', 'integer', 'number', 'string'];
const APPROVED = 'api-approved.kubernetes.io';

export const customResourceDefinition: ResourceDefinition<CustomResourceDefinition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  resource: 'customresourcedefinitions',
  singular: 'customresourcedefinition',
  namespaced: false,
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  definition: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
  columns: [nameColumn(), createdAtColumn()],
  strategy: {
    setDefaults({ spec }) {
      if (!spec) return;
      spec.names.singular ||= spec.names.kind.toLowerCase();
      spec.names.listKind ||= `${spec.names.kind}List`;
      spec.conversion ??= { strategy: 'None' };
      const service = spec.conversion.webhook?.clientConfig?.service;
      if (service) service.port ??= 443;
    },
    prepareForCreate(obj) {
      obj.status = {
        acceptedNames: { plural: '', kind: '' },
        conditions: [],
        storedVersions: obj.spec.versions.filter(({ storage }) => storage).map(({ name }) => name),
      };
    },
    prepareForUpdate(obj, old) {
      if (!old.status) return;
      obj.status = { ...old.status };
      const stored = old.status.storedVersions ?? [];
      const now = obj.spec.versions.find(({ storage }) => storage)?.name;
      if (now && !stored.includes(now)) obj.status.storedVersions = [...stored, now];
    },
    validate,
    validateUpdate(obj, old) {
      const errors = validate(obj);
      const established = old.status?.conditions?.some(
        ({ type, status }) => type === 'Established' && status === 'True',
      );
      errors.push(...validateImmutable(obj.spec.group, old.spec.group, path('spec', 'group')));
      errors.push(
        ...validateImmutable(
          obj.spec.names.plural,
          old.spec.names.plural,
          path('spec', 'names', 'plural'),
        ),
      );
      if (established) {
        errors.push(...validateImmutable(obj.spec.scope, old.spec.scope, path('spec', 'scope')));
        errors.push(
          ...validateImmutable(
            obj.spec.names.kind,
            old.spec.names.kind,
            path('spec', 'names', 'kind'),
          ),
        );
      }
      const versions = obj.spec.versions.map(({ name }) => name);
      (obj.status?.storedVersions ?? []).forEach((stored, i) => {
        if (versions.includes(stored)) return;
        errors.push(
          invalid(
            path('status', 'storedVersions').index(i),
            stored,
            `missing from spec.versions; ${stored} was previously a storage version, and must remain in spec.versions until a storage migration ensures no data remains persisted in ${stored} and removes ${stored} from status.storedVersions`,
          ),
        );
      });
      return errors;
    },
    generation: true,
    status: true,
  },
};

function validate({ metadata, spec }: CustomResourceDefinition): FieldError[] {
  const at = path('spec');
  const errors: FieldError[] = [];
  const wanted = `${spec.names.plural}.${spec.group}`;
  if (metadata?.name !== wanted) {
    errors.push(
      invalid('metadata.name', metadata?.name ?? '', 'must be spec.names.plural+"."+spec.group'),
    );
  }
  if (!spec.group) errors.push(required(at.child('group')));
  else {
    const wrong = isDNS1123Subdomain(spec.group);
    errors.push(...wrong.map((why) => invalid(at.child('group'), spec.group, why)));
    if (wrong.length === 0 && !spec.group.includes('.')) {
      errors.push(
        invalid(at.child('group'), spec.group, 'should be a domain with at least one dot'),
      );
    }
  }
  if (
    /(^|\.)(k8s|kubernetes)\.io$/.test(spec.group) &&
    metadata?.annotations?.[APPROVED] === undefined
  ) {
    errors.push(
      required(
        path('metadata', 'annotations').key(APPROVED),
        'protected groups must have approval annotation "api-approved.kubernetes.io", see https://github.com/kubernetes/enhancements/pull/1111',
      ),
    );
  }
  if (!spec.scope) errors.push(required(at.child('scope')));
  else if (!SCOPES.includes(spec.scope))
    errors.push(notSupported(at.child('scope'), spec.scope, SCOPES));
  errors.push(...validateNames(spec.names, at.child('names')));
  errors.push(...validateVersions(spec.versions, at.child('versions')));
  const conversion = spec.conversion;
  if (conversion) {
    const here = at.child('conversion');
    if (!conversion.strategy) errors.push(required(here.child('strategy')));
    else if (!STRATEGIES.includes(conversion.strategy)) {
      errors.push(notSupported(here.child('strategy'), conversion.strategy, STRATEGIES));
    } else if (conversion.strategy === 'Webhook' && !conversion.webhook?.clientConfig) {
      errors.push(
        required(here.child('webhook', 'clientConfig'), 'required when strategy is set to Webhook'),
      );
    } else if (conversion.strategy === 'None' && conversion.webhook) {
      errors.push(
        forbidden(here.child('webhook'), 'should not be set when strategy is not set to Webhook'),
      );
    }
  }
  if (spec.preserveUnknownFields === true) {
    errors.push(
      invalid(
        at.child('preserveUnknownFields'),
        true,
        'must be false in order to use defaults in the schema',
      ),
    );
  }
  return errors;
}

function validateNames(names: CustomResourceDefinitionNames, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const label = (field: 'plural' | 'singular' | 'kind' | 'listKind', lower: boolean) => {
    const value = names[field] ?? '';
    if (value === '') {
      if (field === 'plural' || field === 'kind') errors.push(required(at.child(field)));
      return;
    }
    const wrong = isDNS1035Label(lower ? value : value.toLowerCase());
    if (wrong.length > 0) {
      const how = lower ? '' : 'may have mixed case, but should otherwise match: ';
      errors.push(invalid(at.child(field), value, how + wrong.join(',')));
    }
  };
  label('plural', true);
  label('singular', true);
  label('kind', false);
  label('listKind', false);
  for (const field of ['shortNames', 'categories'] as const) {
    (names[field] ?? []).forEach((name, i) => {
      const wrong = isDNS1035Label(name);
      if (wrong.length > 0) errors.push(invalid(at.child(field).index(i), name, wrong.join(',')));
    });
  }
  if (names.kind && names.listKind === names.kind) {
    errors.push(
      invalid(at.child('listKind'), names.listKind, 'kind and listKind may not be the same'),
    );
  }
  return errors;
}

function validateVersions(
  versions: readonly CustomResourceDefinitionVersion[],
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  versions.forEach((version, i) => {
    const here = at.index(i);
    const wrong = isDNS1035Label(version.name);
    if (wrong.length > 0) errors.push(invalid(here.child('name'), version.name, wrong.join(',')));
    if (names.has(version.name)) errors.push(duplicate(here.child('name'), version.name));
    names.add(version.name);
    const schema = version.schema?.openAPIV3Schema;
    if (!schema) {
      errors.push(required(here.child('schema', 'openAPIV3Schema'), 'schemas are required'));
    } else if (!schema.type) {
      errors.push(
        required(here.child('schema', 'openAPIV3Schema', 'type'), 'must not be empty at the root'),
      );
    } else if (schema.type !== 'object') {
      errors.push(
        invalid(
          here.child('schema', 'openAPIV3Schema', 'type'),
          schema.type,
          'must be object at the root',
        ),
      );
    }
    if (version.deprecationWarning !== undefined && !version.deprecated) {
      errors.push(
        invalid(
          here.child('deprecationWarning'),
          version.deprecationWarning,
          'can only be set for deprecated versions',
        ),
      );
    }
    (version.additionalPrinterColumns ?? []).forEach(({ name, type, jsonPath }, j) => {
      const column = here.child('additionalPrinterColumns').index(j);
      if (!name) errors.push(required(column.child('name')));
      if (!type)
        errors.push(required(column.child('type'), `must be one of ${COLUMN_TYPES.join(',')}`));
      else if (!COLUMN_TYPES.includes(type)) {
        errors.push(
          invalid(column.child('type'), type, `must be one of ${COLUMN_TYPES.join(',')}`),
        );
      }
      if (!jsonPath) errors.push(required(column.child('JSONPath')));
    });
    const scale = version.subresources?.scale;
    if (scale) {
      const here2 = here.child('subresources', 'scale');
      for (const [field, root] of [
        ['specReplicasPath', '.spec.'],
        ['statusReplicasPath', '.status.'],
      ] as const) {
        const value = scale[field];
        if (!value) errors.push(required(here2.child(field)));
        else if (!value.startsWith(root)) {
          errors.push(
            invalid(here2.child(field), value, `should be a json path under ${root.slice(0, -1)}`),
          );
        }
      }
    }
  });
  const storing = versions.filter(({ storage }) => storage).length;
  if (storing !== 1) {
    errors.push(invalid(at, versions, 'must have exactly one version marked as storage version'));
  }
  return errors;
}
