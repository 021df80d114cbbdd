/** ResourceSlices: devices of a driver's pool, where they can be used, and what they have. */
import type {
  CapacityRequestPolicy,
  CapacityRequestPolicyRange,
  CounterSet,
  Device,
  DeviceAttribute,
  DeviceCounterConsumption,
  NodeSelector,
  ResourcePool,
  ResourceSlice,
  ResourceSliceSpec,
} from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  type Path,
  path,
  required,
  tooLong,
  tooMany,
} from '../../../pkg/apimachinery/field-error.js';
import { nameIsDNSSubdomain } from '../../../pkg/apimachinery/validation/names.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { validateNodeSelector } from './affinity.js';
import {
  duplicates,
  validateBindingConditions,
  validateDeviceTaint,
  validateList,
  validatePool,
  validateQualified,
  validateSet,
} from './device-names.js';
import { dnsLabel, invalidEach } from './fields.js';
import { validateDriverName } from './pod-volumes.js';
import { compareQuantity, quantityOf, signOf } from './quantities.js';

const SPEC = path('spec');
const MAX_DEVICES = 128;
/** Where devices have taints or share counters. */
const MAX_DEVICES_ADVANCED = 64;
const MAX_COUNTER_SETS = 8;
const MAX_COUNTERS = 32;
const MAX_CONSUMPTIONS = 2;
const MAX_TAINTS = 16;
const MAX_OPTIONS = 10;
const MAX_ATTRIBUTES = 32;
const MAX_VALUE_BYTES = 64;
const SEMVER_RE =
  /^(0|[1-9]\d*)(\.(0|[1-9]\d*)){2}(-(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*)(\.(0|[1-9]\d*|\d*[a-zA-Z-][0-9a-zA-Z-]*))*)?(\+[0-9a-zA-Z-]+(\.[0-9a-zA-Z-]+)*)?$/;
const PLACES = '`nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection`';
const ONE_VALUE = 'exactly one value must be specified';

export function validateResourceSlice({ spec }: ResourceSlice, old?: ResourceSlice): FieldError[] {
  if (!spec) return [required(SPEC)];
  const errors = [
    ...validateDriverName(spec.driver, SPEC.child('driver')),
    ...validateResourcePool(spec.pool, SPEC.child('pool')),
  ];
  if (old?.spec) {
    const before = old.spec;
    errors.push(
      ...validateImmutable(spec.pool?.name, before.pool?.name, SPEC.child('pool', 'name')),
      ...validateImmutable(spec.driver, before.driver, SPEC.child('driver')),
      ...validateImmutable(spec.nodeName, before.nodeName, SPEC.child('nodeName')),
    );
  }
  errors.push(...validatePlaces(spec));
  if (spec.sharedCounters !== undefined && spec.devices !== undefined) {
    errors.push(invalid(SPEC, '', 'only one of `sharedCounters` or `devices` is allowed'));
  }
  const advanced = (spec.devices ?? []).some(
    ({ taints = [], consumesCounters = [] }) => taints.length + consumesCounters.length > 0,
  );
  return [
    ...errors,
    ...validateSet(
      spec.devices,
      advanced ? MAX_DEVICES_ADVANCED : MAX_DEVICES,
      (device, at) => validateDevice(device, spec.perDeviceNodeSelection === true, at),
      ({ name }) => name,
      SPEC.child('devices'),
    ),
    ...validateSet(
      spec.sharedCounters,
      MAX_COUNTER_SETS,
      ({ name, counters }: CounterSet, at) => validateCounters(name, counters, 'name', at),
      ({ name }) => name,
      SPEC.child('sharedCounters'),
    ),
  ];
}

function validateResourcePool(pool: ResourcePool | undefined, at: Path): FieldError[] {
  const { name, resourceSliceCount = 0, generation = 0 } = pool ?? {};
  const errors = validatePool(name, at.child('name'));
  if (resourceSliceCount <= 0) {
    const own = at.child('resourceSliceCount');
    errors.push(invalid(own, resourceSliceCount, 'must be greater than zero'));
  }
  if (generation < 0) {
    const text = 'must be greater than or equal to zero';
    errors.push(invalid(at.child('generation'), generation, text));
  }
  return errors;
}

function validatePlaces(spec: ResourceSliceSpec): FieldError[] {
  const { nodeSelector, perDeviceNodeSelection } = spec;
  const { errors, set } = validateNodes(
    spec,
    'must be either unset or set to a non-empty string',
    SPEC,
  );
  if (nodeSelector && nodeSelector.nodeSelectorTerms.length !== 1) {
    const own = SPEC.child('nodeSelector', 'nodeSelectorTerms');
    const text = 'must have exactly one node selector term';
    errors.push(invalid(own, nodeSelector.nodeSelectorTerms, text));
  }
  if (perDeviceNodeSelection) set.push('`perDeviceNodeSelection`');
  else if (perDeviceNodeSelection === false) {
    const own = SPEC.child('perDeviceNodeSelection');
    errors.push(invalid(own, false, 'must be either unset or set to true'));
  }
  const text = `exactly one of ${PLACES} is required`;
  if (set.length === 0) errors.push(required(SPEC, text));
  else if (set.length > 1) {
    errors.push(invalid(SPEC, `{${set.join(', ')}}`, `${text}, but multiple fields are set`));
  }
  return errors;
}

interface Nodes {
  readonly nodeName?: string;
  readonly nodeSelector?: NodeSelector;
  readonly allNodes?: boolean;
}

function validateNodes(
  { nodeName, nodeSelector, allNodes }: Nodes,
  empty: string,
  at: Path,
): { errors: FieldError[]; set: string[] } {
  const errors: FieldError[] = [];
  const set: string[] = [];
  if (nodeName === '') errors.push(invalid(at.child('nodeName'), nodeName, empty));
  else if (nodeName !== undefined) {
    set.push('`nodeName`');
    const wrong = nameIsDNSSubdomain(nodeName, false);
    errors.push(...invalidEach(at.child('nodeName'), nodeName, wrong));
  }
  if (nodeSelector) {
    set.push('`nodeSelector`');
    errors.push(...validateNodeSelector(nodeSelector, at.child('nodeSelector')));
  }
  if (allNodes) set.push('`allNodes`');
  else if (allNodes === false) {
    errors.push(invalid(at.child('allNodes'), false, 'must be either unset or set to true'));
  }
  return { errors, set };
}

function validateDevice(device: Device, ownNodes: boolean, at: Path): FieldError[] {
  const { attributes = {}, capacity = {} } = device;
  const errors = dnsLabel(device.name ?? '', at.child('name'));
  const total = Object.keys(attributes).length + Object.keys(capacity).length;
  if (total > MAX_ATTRIBUTES) {
    const text = `the total number of attributes and capacities must not exceed ${MAX_ATTRIBUTES}`;
    errors.push(invalid(at, total, text));
  }
  for (const [name, attribute] of Object.entries(attributes)) {
    errors.push(...validateQualified(name, at.child('attributes')));
    errors.push(...validateAttribute(attribute, at.child('attributes').key(name)));
  }
  for (const [name, { value, requestPolicy }] of Object.entries(capacity)) {
    errors.push(...validateQualified(name, at.child('capacity')));
    if (!requestPolicy) continue;
    const own = at.child('capacity').key(name).child('requestPolicy');
    if (device.allowMultipleAllocations) errors.push(...validatePolicy(requestPolicy, value, own));
    else errors.push(forbidden(own, 'allowMultipleAllocations must be true'));
  }
  errors.push(
    ...validateList(device.taints, MAX_TAINTS, validateDeviceTaint, at.child('taints')),
    ...validateSet(
      device.consumesCounters,
      MAX_CONSUMPTIONS,
      ({ counterSet, counters }: DeviceCounterConsumption, here) =>
        validateCounters(counterSet, counters, 'counterSet', here),
      ({ counterSet }) => counterSet,
      at.child('consumesCounters'),
    ),
  );
  errors.push(...validateDeviceNodes(device, ownNodes, at));
  return [...errors, ...validateBindingConditions(device, at)];
}

function validateDeviceNodes(device: Device, ownNodes: boolean, at: Path): FieldError[] {
  const { nodeName, nodeSelector, allNodes } = device;
  if (!ownNodes) {
    if (nodeName === undefined && nodeSelector === undefined && allNodes === undefined) return [];
    const text =
      '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
    return [invalid(at, null, text)];
  }
  const { errors, set } = validateNodes(device, 'must not be empty', at);
  const text =
    'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
  if (set.length === 0) errors.push(required(at, text));
  else if (set.length > 1) errors.push(invalid(at, `{${set.join(', ')}}`, text));
  return errors;
}

function validateAttribute(attribute: DeviceAttribute, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const { string: text, version } = attribute;
  if (text !== undefined && Buffer.byteLength(text) > MAX_VALUE_BYTES)
    errors.push(tooLong(at.child('string'), MAX_VALUE_BYTES));
  if (version !== undefined) {
    const own = at.child('version');
    if (!SEMVER_RE.test(version))
      errors.push(invalid(own, version, 'must be a string compatible with semver.org spec 2.0.0'));
    if (Buffer.byteLength(version) > MAX_VALUE_BYTES) errors.push(tooLong(own, MAX_VALUE_BYTES));
  }
  const set = Object.values(attribute).filter((value) => value !== undefined);
  if (set.length === 0) errors.push(invalid(at, '', ONE_VALUE));
  else if (set.length > 1) errors.push(invalid(at, attribute, ONE_VALUE));
  return errors;
}

function validateCounters(
  name: string | undefined,
  counters: Readonly<Record<string, unknown>> | undefined,
  field: string,
  at: Path,
): FieldError[] {
  const errors = name ? dnsLabel(name, at.child(field)) : [required(at.child(field))];
  const names = Object.keys(counters ?? {});
  const own = at.child('counters');
  if (names.length === 0) errors.push(required(own));
  else if (names.length > MAX_COUNTERS) errors.push(tooMany(own, names.length, MAX_COUNTERS));
  else errors.push(...names.flatMap((counter) => dnsLabel(counter, own)));
  return errors;
}

/** How much of a capacity one request may take. */
function validatePolicy(policy: CapacityRequestPolicy, most: string, at: Path): FieldError[] {
  const { validValues = [], validRange, default: usual } = policy;
  if (validValues.length > 0 && validRange) {
    const text =
      'exactly one policy can be specified, cannot specify "validValues" and "validRange" at the same time';
    return [forbidden(at, text)];
  }
  if (validValues.length > 0) {
    return usual === undefined
      ? [required(at.child('default'), 'required when validValues is defined')]
      : validateOptions(validValues, usual, most, at.child('validValues'));
  }
  if (!validRange) return [];
  return usual === undefined
    ? [required(at.child('default'), 'required when validRange is defined')]
    : validateRange(validRange, usual, most, at.child('validRange'));
}

function validateOptions(
  options: readonly string[],
  usual: string,
  most: string,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, option] of options.entries()) {
    const before = options[i - 1];
    if (before === undefined || compareQuantity(before, option) <= 0) continue;
    errors.push(invalid(at.index(i), option, 'values must be sorted in ascending order'));
  }
  const tooLarge = (option: string, own: Path) =>
    compareQuantity(option, most) > 0
      ? [invalid(own, option, `option is larger than capacity value: ${most}`)]
      : [];
  errors.push(...validateList(options, MAX_OPTIONS, tooLarge, at));
  const amounts = options.map((option) => String(quantityOf(option)?.value() ?? option));
  errors.push(...duplicates(amounts, at));
  if (!options.some((option) => compareQuantity(option, usual) === 0))
    errors.push(invalid(at, usual, 'default value is not valid according to the requestPolicy'));
  return errors;
}

function validateRange(
  { min, max, step }: CapacityRequestPolicyRange,
  usual: string,
  most: string,
  at: Path,
): FieldError[] {
  if (min === undefined) return [required(at.child('min'), 'required when validRange is defined')];
  const errors: FieldError[] = [];
  const above = (a: string, b: string) => compareQuantity(a, b) > 0;
  if (above(min, most))
    errors.push(invalid(at.child('min'), min, `min is larger than capacity value: ${most}`));
  if (above(min, usual))
    errors.push(invalid(at.child('default'), usual, `default is less than min: ${min}`));
  if (max !== undefined) {
    if (above(min, max))
      errors.push(invalid(at.child('max'), min, `min is larger than max: ${max}`));
    if (above(max, most))
      errors.push(invalid(at.child('max'), max, `max is larger than capacity value: ${most}`));
    if (above(usual, max))
      errors.push(invalid(at.child('default'), usual, `default is more than max: ${max}`));
  }
  return step === undefined
    ? errors
    : [...errors, ...validateStep(step, { min, max, usual, most }, at)];
}

interface Bounds {
  readonly min: string;
  readonly max: string | undefined;
  readonly usual: string;
  readonly most: string;
}

function validateStep(step: string, { min, max, usual, most }: Bounds, at: Path): FieldError[] {
  const own = at.child('step');
  const [size, from, limit] = [step, min, most].map((text) => quantityOf(text)?.value());
  if (size === undefined || from === undefined || limit === undefined) return [];
  if (signOf(step) <= 0 || size === 0) return [invalid(own, step, 'must be greater than zero')];
  const errors: FieldError[] = [];
  if (from + size > limit) {
    const text = `one step ${from + size} is larger than capacity value: ${most}`;
    errors.push(invalid(own, step, text));
  }
  for (const text of max === undefined ? [usual] : [usual, max]) {
    const value = quantityOf(text)?.value();
    if (value === undefined || (value - from) % size === 0) continue;
    errors.push(
      invalid(own, text, `value is not a multiple of a given step (${step}) from (${min})`),
    );
  }
  return errors;
}
