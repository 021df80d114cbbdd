/** Requests for devices, as claims and the templates of claims make them. */

import type {
  DeviceSelector,
  ExactDeviceRequest,
  ResourceClaimSpec,
} from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  required,
  tooLong,
} from '../../../pkg/apimachinery/field-error.js';
import { isDNS1123Label, isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';
import { compileExpression } from '../../../pkg/cel/admission.js';
import { DEVICE_ENVIRONMENT, deviceSize } from '../../../pkg/cel/device.js';
import { BOOL } from '../../../pkg/cel/types.js';

/** Of the expression of a selector. */
const MAX_EXPRESSION_BYTES = 10 * 1024;
const MAX_SELECTOR_COST = 1_000_000;
const MODES = ['All', 'ExactCount'];

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
  const errors: FieldError[] = [];
  const names = new Set<string>();
  (spec?.devices?.requests ?? []).forEach((request, i) => {
    const here = at.child('devices', 'requests').index(i);
    const { name, exactly, firstAvailable = [] } = request;
    if (!name) errors.push(required(here.child('name')));
    else errors.push(...isDNS1123Label(name).map((why) => invalid(here.child('name'), name, why)));
    if (names.has(name)) errors.push(duplicate(here.child('name'), name));
    names.add(name);
    if (!exactly && firstAvailable.length === 0) {
      errors.push(required(here, 'exactly one of `exactly` or `firstAvailable` is required'));
    } else if (exactly && firstAvailable.length > 0) {
      errors.push(
        invalid(
          here,
          null,
          'exactly one of `exactly` or `firstAvailable` is required, but multiple fields are set',
        ),
      );
    }
    if (exactly) errors.push(...validateRequest(exactly, here.child('exactly')));
    firstAvailable.forEach((sub, j) => {
      errors.push(...validateRequest(sub, here.child('firstAvailable').index(j)));
    });
  });
  return errors;
}

function validateRequest(
  request: Pick<ExactDeviceRequest, 'deviceClassName' | 'allocationMode' | 'count' | 'selectors'>,
  at: Path,
): FieldError[] {
  const { deviceClassName, allocationMode, count = 0, selectors } = request;
  const errors: FieldError[] = deviceClassName
    ? isDNS1123Subdomain(deviceClassName).map((why) =>
        invalid(at.child('deviceClassName'), deviceClassName, why),
      )
    : [required(at.child('deviceClassName'))];
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
  return errors;
}

export function validateSelectors(
  selectors: readonly DeviceSelector[] | undefined,
  at: Path,
): FieldError[] {
  return (selectors ?? []).flatMap(({ cel }, i) => {
    const here = at.index(i).child('cel');
    if (!cel?.expression) return [required(here)];
    return validateExpression(cel.expression, here.child('expression'));
  });
}

function validateExpression(text: string, at: Path): FieldError[] {
  if (Buffer.byteLength(text) > MAX_EXPRESSION_BYTES) return [tooLong(at, MAX_EXPRESSION_BYTES)];
  const compiled = compileExpression(text, DEVICE_ENVIRONMENT, [BOOL]);
  if ('error' in compiled) return [invalid(at, text, compiled.error)];
  const { max } = compiled.program.estimate(deviceSize);
  return max > MAX_SELECTOR_COST ? [forbidden(at, 'too complex, exceeds cost limit')] : [];
}
