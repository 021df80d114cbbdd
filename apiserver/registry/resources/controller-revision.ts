/** ControllerRevision: a former state of a StatefulSet or DaemonSet. Its data never changes. */

import type { ControllerRevision } from '../../../pkg/api/types.js';
import { type FieldError, path, required } from '../../../pkg/apimachinery/field-error.js';
import { controllerOf, parseApiVersion } from '../../../pkg/apimachinery/meta.js';
import {
  validateImmutable,
  validateNonnegative,
} from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';

export const controllerRevision: ResourceDefinition<ControllerRevision> = {
  group: 'apps',
  version: 'v1',
  kind: 'ControllerRevision',
  resource: 'controllerrevisions',
  singular: 'controllerrevision',
  namespaced: true,
  definition: 'io.k8s.api.apps.v1.ControllerRevision',
  columns: [
    nameColumn(),
    textColumn('Controller', 'What it is a state of.', (obj) => {
      const owner = controllerOf(obj);
      if (!owner) return '<none>';
      const { group } = parseApiVersion(owner.apiVersion);
      const kind = owner.kind.toLowerCase();
      return `${group === '' ? kind : `${kind}.${group}`}/${owner.name}`;
    }),
    textColumn('Revision', 'How many states there were up to it.', (obj) => obj.revision),
    ageColumn(),
  ],
  strategy: {
    validate,
    validateUpdate: (obj, old) => [
      ...validate(obj),
      ...validateImmutable(obj.data, old.data, path('data')),
    ],
  },
};

function validate(obj: ControllerRevision): FieldError[] {
  const errors = validateNonnegative(obj.revision, path('revision'));
  if (obj.data === undefined || obj.data === null)
    errors.push(required('data', 'data is mandatory'));
  return errors;
}
