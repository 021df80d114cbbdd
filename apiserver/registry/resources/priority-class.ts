/** PriorityClass: a name for how important a pod is. */

import type { PriorityClass } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  notSupported,
  path,
} from '../../../pkg/apimachinery/field-error.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { booleanColumn, integerColumn, textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';

const HIGHEST_USER_PRIORITY = 1_000_000_000;
/** The classes that may begin with `system-`, with the values that they must have. */
const SYSTEM_CLASSES: Readonly<Record<string, number>> = {
  'system-node-critical': 2_000_001_000,
  'system-cluster-critical': 2_000_000_000,
};
const POLICIES = ['Never', 'PreemptLowerPriority'];

export const priorityClass: ResourceDefinition<PriorityClass> = {
  group: 'scheduling.k8s.io',
  version: 'v1',
  kind: 'PriorityClass',
  resource: 'priorityclasses',
  singular: 'priorityclass',
  namespaced: false,
  shortNames: ['pc'],
  definition: 'io.k8s.api.scheduling.v1.PriorityClass',
  columns: [
    nameColumn(),
    integerColumn('Value', 'The priority itself.', (obj) => obj.value ?? 0),
    booleanColumn(
      'Global-Default',
      'Whether pods without a class get it.',
      (obj) => obj.globalDefault === true,
    ),
    ageColumn(),
    textColumn(
      'PreemptionPolicy',
      'Whether its pods push others out.',
      (obj) => obj.preemptionPolicy ?? '',
    ),
  ],
  strategy: {
    setDefaults(obj) {
      obj.preemptionPolicy ??= 'PreemptLowerPriority';
    },
    prepareForCreate(obj) {
      if (obj.metadata) obj.metadata.generation = 1;
    },
    validate,
    validateUpdate: (obj, old) => [
      ...(obj.value === old.value ? [] : [forbidden('value', 'may not be changed in an update.')]),
      ...validateImmutable(obj.preemptionPolicy, old.preemptionPolicy, path('preemptionPolicy')),
    ],
    undeletable: (name) =>
      Object.hasOwn(SYSTEM_CLASSES, name)
        ? 'this is a system priority class and cannot be deleted'
        : undefined,
    allowCreateOnUpdate: true,
  },
};

function validate(obj: PriorityClass): FieldError[] {
  const errors: FieldError[] = [];
  const name = obj.metadata?.name ?? '';
  const isSystem = name.startsWith('system-');
  if (isSystem) {
    const why = systemClassFault(obj);
    if (why) {
      errors.push(
        forbidden(
          'metadata.name',
          `priority class names with 'system-' prefix are reserved for system use only. error: ${why}`,
        ),
      );
    }
  } else if ((obj.value ?? 0) > HIGHEST_USER_PRIORITY) {
    errors.push(
      forbidden(
        'value',
        `maximum allowed value of a user defined priority is ${HIGHEST_USER_PRIORITY}`,
      ),
    );
  }
  if (obj.preemptionPolicy !== undefined && !POLICIES.includes(obj.preemptionPolicy)) {
    errors.push(notSupported('preemptionPolicy', obj.preemptionPolicy, POLICIES));
  }
  return errors;
}

function systemClassFault(obj: PriorityClass): string | undefined {
  const name = obj.metadata?.name ?? '';
  const value = SYSTEM_CLASSES[name];
  if (value === undefined) return `${name} is not a known system priority class`;
  if (obj.value !== value) return `value of ${name} PriorityClass must be ${value}`;
  return obj.globalDefault ? `globalDefault of ${name} PriorityClass must be false` : undefined;
}
