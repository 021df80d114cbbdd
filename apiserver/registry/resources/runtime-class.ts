/** RuntimeClass: how the containers of a pod are run, by the name that the nodes know it under. */

import type { RuntimeClass } from '../../../pkg/api/types.js';
import { type FieldError, invalid, path } from '../../../pkg/apimachinery/field-error.js';
import { validateLabels } from '../../../pkg/apimachinery/validation/label-selector.js';
import { isDNS1123Label } from '../../../pkg/apimachinery/validation/names.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';

export const runtimeClass: ResourceDefinition<RuntimeClass> = {
  group: 'node.k8s.io',
  version: 'v1',
  kind: 'RuntimeClass',
  resource: 'runtimeclasses',
  singular: 'runtimeclass',
  namespaced: false,
  definition: 'io.k8s.api.node.v1.RuntimeClass',
  columns: [
    nameColumn(),
    textColumn('Handler', 'The name that nodes know it under.', (obj) => obj.handler),
    ageColumn(),
  ],
  strategy: {
    validate,
    validateUpdate: (obj, old) => validateImmutable(obj.handler, old.handler, path('handler')),
  },
};

function validate(obj: RuntimeClass): FieldError[] {
  return [
    ...isDNS1123Label(obj.handler).map((why) => invalid('handler', obj.handler, why)),
    ...validateLabels(obj.scheduling?.nodeSelector, path('scheduling', 'nodeSelector')),
  ];
}
