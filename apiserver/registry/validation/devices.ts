/** Requests for devices, as claims and the templates of claims make them. */

import type {
  DeviceConstraint,
  DeviceRequest,
  DeviceSelector,
  DeviceSubRequest,
  ExactDeviceRequest,
  OpaqueDeviceConfiguration,
  ResourceClaimSpec,
} from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  required,
  tooLong,
} from '../../../pkg/apimachinery/field-error.js';
import { compileExpression } from '../../../pkg/cel/admission.js';
import { DEVICE_ENVIRONMENT, deviceSize } from '../../../pkg/cel/device.js';
import { BOOL } from '../../../pkg/cel/types.js';
import {
  validateDeviceToleration,
  validateFullyQualified,
  validateList,
  validateSet,
} from './device-names.js';
import { dnsLabel, dnsSubdomain } from './fields.js';
import { validateDriverName } from './pod-volumes.js';

/** Of the expression of a selector. */
const MAX_EXPRESSION_BYTES = 10 * 1024;
const MAX_SELECTOR_COST = 1_000_000;
const MODES = ['All', 'ExactCount'];
/** Of requests, constraints, configurations and selectors. */
const MAX_LIST = 32;
const MAX_ALTERNATIVES = 8;
const MAX_TOLERATIONS = 16;
const MAX_RAW_BYTES = 10 * 1024;

type Wanted = Pick<
  ExactDeviceRequest,
  'deviceClassName' | 'allocationMode' | 'count' | 'selectors' | 'tolerations'
>;

export function setClaimDefaults(spec: ResourceClaimSpec | undefined): void {
  for (const request of spec?.devices?.requests ?? []) {
    if (request.exactly) setRequestDefaults(request.exactly);
    for (const sub of request.firstAvailable ?? []) setRequestDefaults(sub);
  }
}

function setRequestDefaults(
  request: Pick<ExactDeviceRequest, 'allocationMode' | 'count' | 'tolerations'>,
): void {
  request.allocationMode ||= 'ExactCount';
  if (request.allocationMode === 'ExactCount' && !request.count) request.count = 1;
  for (const toleration of request.tolerations ?? []) toleration.operator ||= 'Equal';
}

export function validateClaimSpec(spec: ResourceClaimSpec | undefined, at: Path): FieldError[] {
  const devices = spec?.devices ?? {};
  const own = at.child('devices');
  const names = requestNamesOf(spec);
  return [
    ...validateSet(devices.requests, MAX_LIST, validateRequest, nameOf, own.child('requests')),
    ...validateList(
      devices.constraints,
      MAX_LIST,
      (constraint, here) => validateConstraint(constraint, names, here),
      own.child('constraints'),
    ),
    ...validateList(
      devices.config,
      MAX_LIST,
      (config, here) => [
        ...validateRequestRefs(config.requests, names, here.child('requests')),
        ...validateConfiguration(config, here),
      ],
      own.child('config'),
    ),
  ];
}

/** What may be named by others of the claim: `request`, and `request/subrequest`. */
export function requestNamesOf(spec: ResourceClaimSpec | undefined): ReadonlySet<string> {
  return new Set(
    (spec?.devices?.requests ?? []).flatMap(({ name, firstAvailable = [] }) => [
      name,
      ...firstAvailable.map((sub) => `${name}/${sub.name}`),
    ]),
  );
}

export function validateRequestRefs(
  refs: readonly string[] | undefined,
  names: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  const validate = (ref: string, here: Path) => validateRequestRef(ref, names, here);
  return validateSet(refs, MAX_LIST, validate, (ref) => ref, at);
}

export function validateRequestRef(
  ref: string,
  names: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  const text =
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'";
  const parts = ref.split('/');
  if (parts.length > 2) return [invalid(at, ref, text)];
  const errors = parts.flatMap((part) => dnsLabel(part, at));
  return names.has(ref) ? errors : [...errors, invalid(at, ref, text)];
}

/** Parameters for a driver, which only the driver understands. */
export function validateConfiguration(
  config: { opaque?: OpaqueDeviceConfiguration },
  at: Path,
): FieldError[] {
  const own = at.child('opaque');
  if (!config.opaque) return [required(own)];
  return [
    ...validateDriverName(config.opaque.driver, own.child('driver')),
    ...validateRaw(config.opaque.parameters, own.child('parameters')),
  ];
}

/** An object of any kind, and not too large. */
export function validateRaw(value: unknown, at: Path): FieldError[] {
  if (value === undefined || value === null) return [required(at)];
  if (Buffer.byteLength(JSON.stringify(value)) > MAX_RAW_BYTES) return [tooLong(at, MAX_RAW_BYTES)];
  if (typeof value === 'object' && !Array.isArray(value)) return [];
  return [invalid(at, '<value omitted>', 'must be a valid JSON object')];
}

function validateRequest(request: DeviceRequest, at: Path): FieldError[] {
  const { name, exactly, firstAvailable = [] } = request;
  const errors = dnsLabel(name ?? '', at.child('name'));
  const one = 'exactly one of `exactly` or `firstAvailable` is required';
  if (exactly && firstAvailable.length > 0) {
    errors.push(invalid(at, null, `${one}, but multiple fields are set`));
  } else if (exactly) {
    errors.push(...validateWanted(exactly, at.child('exactly')));
  } else if (firstAvailable.length > 0) {
    const validate = (sub: DeviceSubRequest, here: Path) => [
      ...dnsLabel(sub.name ?? '', here.child('name')),
      ...validateWanted(sub, here),
    ];
    const own = at.child('firstAvailable');
    errors.push(...validateSet(firstAvailable, MAX_ALTERNATIVES, validate, nameOf, own));
  } else errors.push(required(at, one));
  return errors;
}

function validateWanted(request: Wanted, at: Path): FieldError[] {
  const { deviceClassName, allocationMode, count = 0, selectors, tolerations = [] } = request;
  const own = at.child('deviceClassName');
  const errors = deviceClassName ? dnsSubdomain(deviceClassName, own) : [required(own)];
  errors.push(...validateSelectors(selectors, at.child('selectors')));
  if (allocationMode === 'All') {
    if (count !== 0) {
      errors.push(
        invalid(at.child('count'), count, "must not be specified when allocationMode is 'All'"),
      );
    }
  } else if (allocationMode === 'ExactCount') {
    if (count <= 0) errors.push(invalid(at.child('count'), count, 'must be greater than zero'));
  } else errors.push(notSupported(at.child('allocationMode'), allocationMode ?? '', MODES));
  const here = at.child('tolerations');
  return [...errors, ...validateList(tolerations, MAX_TOLERATIONS, validateDeviceToleration, here)];
}

function validateConstraint(
  constraint: DeviceConstraint,
  names: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  const errors = validateRequestRefs(constraint.requests, names, at.child('requests'));
  const { matchAttribute, distinctAttribute } = constraint;
  if (matchAttribute !== undefined) {
    errors.push(...validateFullyQualified(matchAttribute, at.child('matchAttribute')));
  } else if (distinctAttribute !== undefined) {
    errors.push(...validateFullyQualified(distinctAttribute, at.child('distinctAttribute')));
  } else errors.push(required(at.child('matchAttribute')));
  return errors;
}

export function validateSelectors(
  selectors: readonly DeviceSelector[] | undefined,
  at: Path,
): FieldError[] {
  const validate = ({ cel }: DeviceSelector, here: Path) =>
    cel
      ? validateExpression(cel.expression ?? '', here.child('cel', 'expression'))
      : [required(here.child('cel'))];
  return validateList(selectors, MAX_LIST, validate, at);
}

function nameOf({ name }: { readonly name: string }): string {
  return name;
}

function validateExpression(text: string, at: Path): FieldError[] {
  if (Buffer.byteLength(text) > MAX_EXPRESSION_BYTES) return [tooLong(at, MAX_EXPRESSION_BYTES)];
  const compiled = compileExpression(text, DEVICE_ENVIRONMENT, [BOOL]);
  if ('error' in compiled) return [invalid(at, text, compiled.error)];
  const { max } = compiled.program.estimate(deviceSize);
  return max > MAX_SELECTOR_COST ? [forbidden(at, 'too complex, exceeds cost limit')] : [];
}
