/** Resource names and amounts, as containers ask for them and nodes offer them. */

import type { ResourceRequirements } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notFound,
  notSupported,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { ownValue } from '../../../pkg/apimachinery/own-value.js';
import { Quantity } from '../../../pkg/apimachinery/quantity.js';
import { isQualifiedName } from '../../../pkg/apimachinery/validation/names.js';
import { dnsLabel, invalidEach } from './fields.js';
import { quantityOf } from './quantities.js';

const HUGE_PAGES = 'hugepages-';
const CONTAINER_RESOURCES = new Set(['cpu', 'memory', 'ephemeral-storage']);
/** Counted, never split: objects of a quota. */
const INTEGER_RESOURCES = new Set([
  'pods',
  'services',
  'replicationcontrollers',
  'resourcequotas',
  'secrets',
  'configmaps',
  'persistentvolumeclaims',
  'services.nodeports',
  'services.loadbalancers',
]);
const STANDARD_RESOURCES = new Set([
  ...CONTAINER_RESOURCES,
  ...INTEGER_RESOURCES,
  'requests.cpu',
  'requests.memory',
  'requests.ephemeral-storage',
  'limits.cpu',
  'limits.memory',
  'limits.ephemeral-storage',
  'storage',
  'requests.storage',
]);

type ResourceList = Readonly<Record<string, string>>;
type NameCheck = (name: string, at: Path) => FieldError[];

export function isHugePage(name: string): boolean {
  return name.startsWith(HUGE_PAGES);
}

/** Without a domain, or of `kubernetes.io`. */
export function isNativeResource(name: string): boolean {
  return !name.includes('/') || name.includes('kubernetes.io/');
}

/** A node's own kind of resource (`vendor.example/gpu`). */
export function isExtendedResource(name: string): boolean {
  if (isNativeResource(name) || name.startsWith('requests.')) return false;
  return isQualifiedName(`requests.${name}`).length === 0;
}

export function isOvercommitAllowed(name: string): boolean {
  return isNativeResource(name) && !isHugePage(name);
}

export function validateResourceName(name: string, at: Path): FieldError[] {
  const errors = invalidEach(at, name, isQualifiedName(name));
  if (errors.length > 0 || name.includes('/')) return errors;
  if (STANDARD_RESOURCES.has(name) || isHugePage(name) || name.startsWith(`requests.${HUGE_PAGES}`))
    return [];
  return [invalid(at, name, 'must be a standard resource type or fully qualified')];
}

export function validateContainerResourceName(name: string, at: Path): FieldError[] {
  const errors = validateResourceName(name, at);
  if (!name.includes('/')) {
    if (!CONTAINER_RESOURCES.has(name) && !isHugePage(name)) {
      errors.push(invalid(at, name, 'must be a standard resource for containers'));
    }
  } else if (!isNativeResource(name) && !isExtendedResource(name)) {
    errors.push(invalid(at, name, "doesn't follow extended resource name standard"));
  }
  return errors;
}

/** What a whole pod may ask for. */
export function validatePodResourceName(name: string, at: Path): FieldError[] {
  const errors = validateResourceName(name, at);
  if (errors.length > 0 || name === 'cpu' || name === 'memory' || isHugePage(name)) return errors;
  return [notSupported(at, name, ['cpu', 'hugepages-', 'memory'])];
}

export function validateQuantityValue(name: string, value: string, at: Path): FieldError[] {
  const quantity = quantityOf(value);
  // The schema says what is wrong with text that is no quantity.
  if (!quantity) return [];
  const errors: FieldError[] = [];
  if (quantity.sign < 0) {
    errors.push(invalid(at, quantity.toString(), 'must be greater than or equal to 0'));
  }
  if (
    (INTEGER_RESOURCES.has(name) || isExtendedResource(name)) &&
    quantity.milliValue() % 1000 !== 0
  ) {
    errors.push(invalid(at, quantity.toString(), 'must be an integer'));
  }
  return errors;
}

export function validateResourceRequirements(
  resources: ResourceRequirements | undefined,
  claimNames: ReadonlySet<string>,
  at: Path,
  nameCheck: NameCheck = validateContainerResourceName,
): FieldError[] {
  if (!resources) return [];
  const limits = resources.limits ?? {};
  const requests = resources.requests ?? {};
  const errors: FieldError[] = [];
  for (const name of Object.keys(limits).sort()) {
    errors.push(...validateAmount(name, limits, at.child('limits').key(name), nameCheck));
  }
  for (const name of Object.keys(requests).sort()) {
    errors.push(...validateAmount(name, requests, at.child('requests').key(name), nameCheck));
    errors.push(...validateAgainstLimit(name, requests, limits, at));
  }
  const all = [...Object.keys(limits), ...Object.keys(requests)];
  if (all.some(isHugePage) && !all.includes('cpu') && !all.includes('memory')) {
    errors.push(forbidden(at, 'HugePages require cpu or memory'));
  }
  errors.push(...validateClaims(resources.claims ?? [], claimNames, at.child('claims')));
  return errors;
}

function validateAmount(
  name: string,
  list: ResourceList,
  at: Path,
  nameCheck: NameCheck,
): FieldError[] {
  const value = list[name] ?? '0';
  const errors = [...nameCheck(name, at), ...validateQuantityValue(name, value, at)];
  if (isHugePage(name) && !isMultipleOfPage(name, value)) {
    const text = quantityOf(value)?.toString() ?? value;
    errors.push(invalid(at, text, `${text} is not positive integer multiple of ${name}`));
  }
  return errors;
}

function validateAgainstLimit(
  name: string,
  requests: ResourceList,
  limits: ResourceList,
  at: Path,
): FieldError[] {
  const request = quantityOf(ownValue(requests, name) ?? '0');
  const limitText = ownValue(limits, name);
  const overcommit = isOvercommitAllowed(name);
  if (limitText === undefined) {
    return overcommit
      ? []
      : [required(at.child('limits'), 'Limit must be set for non overcommitable resources')];
  }
  const limit = quantityOf(limitText);
  if (!request || !limit) return [];
  const difference = request.compare(limit);
  if (difference !== 0 && !overcommit) {
    return [
      invalid(
        at.child('requests'),
        request.toString(),
        `must be equal to ${name} limit of ${limit.toString()}`,
      ),
    ];
  }
  if (difference > 0) {
    const text = `must be less than or equal to ${name} limit of ${limit.toString()}`;
    return [invalid(at.child('requests'), request.toString(), text)];
  }
  return [];
}

function isMultipleOfPage(name: string, value: string): boolean {
  const page = quantityOf(name.slice(HUGE_PAGES.length)) ?? Quantity.zero;
  const amount = quantityOf(value) ?? Quantity.zero;
  return page.sign > 0 && amount.value() % page.value() === 0;
}

function validateClaims(
  claims: readonly { name: string; request?: string }[],
  known: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, { name, request }] of claims.entries()) {
    const own = at.index(i);
    if (!name) {
      errors.push(required(own));
      continue;
    }
    const key = request ? `${name}/${request}` : name;
    if (request) errors.push(...dnsLabel(request, own.child('request')));
    if (seen.has(name)) errors.push(duplicate(own, name));
    else if (seen.has(key)) errors.push(duplicate(own, key));
    else if (!request && [...seen].some((other) => other.startsWith(`${name}/`)))
      errors.push(duplicate(own, name));
    seen.add(key);
    if (known.has(name)) continue;
    const list = known.size === 0 ? ' which is empty' : `: ${[...known].sort().join(', ')}`;
    const error = notFound(own, name);
    errors.push({
      ...error,
      body: `${error.body}: must be one of the names in pod.spec.resourceClaims${list}`,
    });
  }
  return errors;
}
