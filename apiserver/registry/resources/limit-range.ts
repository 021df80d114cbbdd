/** LimitRange: what containers, pods and claims of a namespace may ask for, and ask for if they say nothing. */

import type { LimitRange, LimitRangeItem } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { ownValue } from '../../../pkg/apimachinery/own-value.js';
import { isQualifiedName } from '../../../pkg/apimachinery/validation/names.js';
import { nameColumn } from '../columns/metadata.js';
import { createdAtColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { invalidEach } from '../validation/fields.js';
import { compareQuantity, quantityOf } from '../validation/quantities.js';
import {
  isOvercommitAllowed,
  validateContainerResourceName,
  validateResourceName,
} from '../validation/resources.js';

const STANDARD_TYPES = new Set(['Pod', 'Container', 'PersistentVolumeClaim']);

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
  const seen = new Set<string>();
  return (obj.spec?.limits ?? []).flatMap((item, i) => {
    const at = path('spec', 'limits').index(i);
    const errors = validateType(item.type ?? '', at.child('type'));
    if (seen.has(item.type)) errors.push(duplicate(at.child('type'), item.type));
    seen.add(item.type);
    return [...errors, ...validateItem(item, at)];
  });
}

function validateType(type: string, at: Path): FieldError[] {
  const errors = invalidEach(at, type, isQualifiedName(type));
  if (errors.length > 0 || type.includes('/') || STANDARD_TYPES.has(type)) return errors;
  return [invalid(at, type, 'must be a standard limit type or fully qualified')];
}

function validateItem(item: LimitRangeItem, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const isPod = item.type === 'Pod';
  const nameCheck =
    isPod || item.type === 'Container' ? validateContainerResourceName : validateResourceName;
  const names = new Set<string>();
  const list = (field: Amounts): Readonly<Record<string, string>> => {
    const amounts = item[field] ?? {};
    for (const name of Object.keys(amounts).sort()) {
      errors.push(...nameCheck(name, at.child(field).key(name)));
      names.add(name);
    }
    return amounts;
  };
  const ofContainers = (field: 'default' | 'defaultRequest') => {
    if (!isPod) return list(field);
    if (Object.keys(item[field] ?? {}).length > 0)
      errors.push(forbidden(at.child(field), "may not be specified when `type` is 'Pod'"));
    return {};
  };
  const max = list('max');
  const min = list('min');
  const usual = ofContainers('default');
  const request = ofContainers('defaultRequest');
  if (item.type === 'PersistentVolumeClaim' && !('storage' in min) && !('storage' in max)) {
    const text = 'either minimum or maximum storage value is required, but neither was provided';
    errors.push(required(at.child('limits'), text));
  }
  const ratio = list('maxLimitRequestRatio');
  for (const name of [...names].sort()) {
    const of: Limits = {
      min: ownValue(min, name),
      max: ownValue(max, name),
      usual: ownValue(usual, name),
      request: ownValue(request, name),
      ratio: ownValue(ratio, name),
    };
    errors.push(...validateOrder(name, of, at), ...validateRatio(name, of, at));
    if (isOvercommitAllowed(name) || of.usual === undefined || of.request === undefined) continue;
    if (compareQuantity(of.usual, of.request) === 0) continue;
    const text = `default value ${of.usual} must equal to defaultRequest value ${of.request} in ${name}`;
    errors.push(invalid(at.child('defaultRequest').key(name), of.request, text));
  }
  return errors;
}

type Amounts = 'max' | 'min' | 'default' | 'defaultRequest' | 'maxLimitRequestRatio';
type Limits = Record<'min' | 'max' | 'usual' | 'request' | 'ratio', string | undefined>;

/** Each pair in the order in which it is told; the value that is shown is the one that upstream shows. */
function validateOrder(name: string, { min, max, usual, request }: Limits, at: Path): FieldError[] {
  const rows = [
    ['min', min, 'min value', max, 'max value', min],
    ['defaultRequest', min, 'min value', request, 'default request value', request],
    ['defaultRequest', request, 'default request value', max, 'max value', request],
    ['defaultRequest', request, 'default request value', usual, 'default limit value', request],
    ['default', min, 'min value', usual, 'default value', min],
    ['default', usual, 'default value', max, 'max value', max],
  ] as const;
  return rows.flatMap(([field, low, lowText, high, highText, shown]) =>
    low === undefined || high === undefined || compareQuantity(low, high) <= 0
      ? []
      : [
          invalid(
            at.child(field).key(name),
            shown,
            `${lowText} ${low} is greater than ${highText} ${high}`,
          ),
        ],
  );
}

function validateRatio(name: string, { min, max, ratio }: Limits, at: Path): FieldError[] {
  if (ratio === undefined) return [];
  const own = at.child('maxLimitRequestRatio').key(name);
  const errors: FieldError[] = [];
  if (compareQuantity(ratio, '1') < 0)
    errors.push(invalid(own, ratio, `ratio ${ratio} is less than 1`));
  if (min === undefined || max === undefined) return errors;
  const [wanted = 0, low = 0, high = 0] = [ratio, min, max].map(
    (text) => quantityOf(text)?.milliValue() ?? 0,
  );
  const most = high / low;
  if (wanted / 1000 > most) {
    errors.push(invalid(own, ratio, `ratio ${ratio} is greater than max/min = ${most.toFixed(6)}`));
  }
  return errors;
}
