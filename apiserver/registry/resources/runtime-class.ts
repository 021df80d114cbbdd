/** RuntimeClass: how the containers of a pod are run, by the name that the nodes know it under. */

import type { RuntimeClass } from '../../../pkg/api/types.js';
import { deepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  duplicate,
  type FieldError,
  invalid,
  path,
} from '../../../pkg/apimachinery/field-error.js';
import { validateLabels } from '../../../pkg/apimachinery/validation/label-selector.js';
import { isDNS1123Label } from '../../../pkg/apimachinery/validation/names.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { deprecatedLabelWarning } from '../validation/pod-warnings.js';
import { validateResourceRequirements } from '../validation/resources.js';
import { validateTolerations } from '../validation/tolerations.js';

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
    warningsOnCreate: warnings,
    warningsOnUpdate: warnings,
    allowUnconditionalUpdate: false,
  },
};

function validate(obj: RuntimeClass): FieldError[] {
  const { overhead, scheduling } = obj;
  const errors = isDNS1123Label(obj.handler).map((why) => invalid('handler', obj.handler, why));
  if (overhead) {
    const amounts = { limits: overhead.podFixed ?? {} };
    errors.push(...validateResourceRequirements(amounts, new Set(), path('overhead')));
  }
  const at = path('scheduling');
  const tolerations = scheduling?.tolerations ?? [];
  errors.push(...validateLabels(scheduling?.nodeSelector, at.child('nodeSelector')));
  errors.push(...validateTolerations(tolerations, at.child('tolerations')));
  tolerations.forEach((toleration, i) => {
    if (tolerations.findIndex((other) => deepEqual(other, toleration)) < i) {
      const { key = '', operator = '', value = '', effect = '', tolerationSeconds } = toleration;
      const shown = {
        Key: key,
        Operator: operator,
        Value: value,
        Effect: effect,
        TolerationSeconds: tolerationSeconds ?? null,
      };
      errors.push(duplicate(at.child('tolerations').index(i), shown));
    }
  });
  return errors;
}

/** Labels that nodes no longer have under that name. */
function warnings({ scheduling }: RuntimeClass): string[] {
  return Object.keys(scheduling?.nodeSelector ?? {}).flatMap((key) => {
    const text = deprecatedLabelWarning(key);
    return text ? [`scheduling.nodeSelector: ${text}`] : [];
  });
}
