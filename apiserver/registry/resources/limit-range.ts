/** LimitRange: what containers, pods and claims of a namespace may ask for, and ask for if they say nothing. */

import type { LimitRange, LimitRangeItem } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { nameColumn } from '../columns/metadata.js';
import { createdAtColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { compareQuantity } from '../validation/quantities.js';

export const limitRange: ResourceDefinition<LimitRange> = {
  group: '',
  version: 'v1',
  kind: 'LimitRange',
  resource: 'limitranges',
  singular: 'limitrange',
  namespaced: true,
  shortNames: ['limits'],
  definition: 'io.k8s.api.core.v1.LimitRange',
  columns: [nameColumn(), createdAtColumn()],
  strategy: {
    setDefaults(obj) {
      for (const item of obj.spec?.limits ?? [])
        if (item.type === 'Container') setItemDefaults(item);
    },
    validate,
    validateUpdate: validate,
    allowCreateOnUpdate: true,
  },
};

/** Limits default to the maximum; requests to the limits, else to the minimum. */
function setItemDefaults(item: LimitRangeItem): void {
  item.default = { ...item.max, ...item.default };
  item.defaultRequest = { ...item.min, ...item.default, ...item.defaultRequest };
  if (Object.keys(item.default).length === 0) delete item.default;
  if (Object.keys(item.defaultRequest).length === 0) delete item.defaultRequest;
}

function validate(obj: LimitRange): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  (obj.spec?.limits ?? []).forEach((item, i) => {
    const at = path('spec', 'limits').index(i);
    if (!item.type) errors.push(required(at.child('type')));
    if (seen.has(item.type)) {
      errors.push({
        type: 'FieldValueDuplicate',
        field: at.child('type').toString(),
        body: `Duplicate value: ${JSON.stringify(item.type)}`,
      });
    }
    seen.add(item.type);
    errors.push(...validateItem(item, i));
  });
  return errors;
}

function validateItem(item: LimitRangeItem, i: number): FieldError[] {
  const at = path('spec', 'limits').index(i);
  const errors: FieldError[] = [];
  const { min = {}, max = {}, default: limit = {}, defaultRequest: request = {}, type } = item;
  if (type === 'Pod') {
    if (Object.keys(limit).length > 0) {
      errors.push(forbidden(at.child('default'), "may not be specified when `type` is 'Pod'"));
    }
    if (Object.keys(request).length > 0) {
      errors.push(
        forbidden(at.child('defaultRequest'), "may not be specified when `type` is 'Pod'"),
      );
    }
  }
  if (
    type === 'PersistentVolumeClaim' &&
    min['storage'] === undefined &&
    max['storage'] === undefined
  ) {
    errors.push(
      required(at, 'either minimum or maximum storage value is required, but neither was provided'),
    );
  }
  const pairs = [
    ['min', min, 'max', max, 'min value', 'max value'],
    ['defaultRequest', request, 'max', max, 'default request value', 'max value'],
    ['default', limit, 'max', max, 'default value', 'max value'],
    ['defaultRequest', request, 'default', limit, 'default request value', 'default limit value'],
  ] as const;
  const names = new Set([
    ...Object.keys(min),
    ...Object.keys(max),
    ...Object.keys(limit),
    ...Object.keys(request),
  ]);
  for (const name of names) {
    for (const [field, low, , high, lowText, highText] of pairs) {
      const a = low[name];
      const b = high[name];
      if (a === undefined || b === undefined || compareQuantity(a, b) <= 0) continue;
      errors.push(
        invalid(at.child(field).key(name), a, `${lowText} ${a} is greater than ${highText} ${b}`),
      );
    }
    for (const [field, value, text] of [
      ['defaultRequest', request[name], 'default request value'],
      ['default', limit[name], 'default value'],
    ] as const) {
      const least = min[name];
      if (value === undefined || least === undefined || compareQuantity(least, value) <= 0)
        continue;
      errors.push(
        invalid(
          at.child(field).key(name),
          value,
          `min value ${least} is greater than ${text} ${value}`,
        ),
      );
    }
  }
  for (const [name, ratio] of Object.entries(item.maxLimitRequestRatio ?? {})) {
    if (compareQuantity(ratio, '1') < 0) {
      errors.push(
        invalid(at.child('maxLimitRequestRatio').key(name), ratio, `ratio ${ratio} is less than 1`),
      );
    }
  }
  return errors;
}
