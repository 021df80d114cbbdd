/** What a pod asks for as a whole: at least as much as its containers do together. */

import type { Container, PodSpec } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  type Path,
} from '../../../pkg/apimachinery/field-error.js';
import { ownValue } from '../../../pkg/apimachinery/own-value.js';
import { Quantity } from '../../../pkg/apimachinery/quantity.js';
import { quantityOf } from './quantities.js';
import { validatePodResourceName, validateResourceRequirements } from './resources.js';

export function validatePodResources(
  spec: PodSpec,
  claimNames: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  const resources = spec.resources;
  if (!resources) return [];
  const errors: FieldError[] = [];
  if (resources.claims !== undefined) {
    errors.push(forbidden(at.child('claims'), 'claims cannot be set for Resources at pod-level'));
  }
  errors.push(...validateResourceRequirements(resources, claimNames, at, validatePodResourceName));
  for (const [name, total] of [...aggregate(spec, 'requests')].sort(([a], [b]) =>
    a < b ? -1 : 1,
  )) {
    const own = quantityOf(ownValue(resources.requests, name) ?? '0') ?? Quantity.zero;
    if (total.compare(own) <= 0) continue;
    const text = `must be greater than or equal to aggregate container requests of ${total.toString()}`;
    errors.push(invalid(at.child('requests').key(name), own.toString(), text));
  }
  for (const [i, container] of (spec.containers ?? []).entries()) {
    for (const [name, value] of Object.entries(container.resources?.limits ?? {})) {
      const limit = quantityOf(ownValue(resources.limits, name) ?? '');
      const own = quantityOf(value);
      if (!limit || !own || own.compare(limit) <= 0) continue;
      const field = at.child('containers').index(i).key(name).child('limits');
      errors.push(
        invalid(
          field,
          own.toString(),
          `must be less than or equal to pod limits of ${limit.toString()}`,
        ),
      );
    }
  }
  return errors;
}

/**
 * What containers need together, resource by resource: all that run at the same time add up, and each init
 * container runs beside the sidecars that were started before it.
 */
export function aggregate(spec: PodSpec, list: 'requests' | 'limits'): Map<string, Quantity> {
  const total = new Map<string, Quantity>();
  for (const container of spec.containers ?? []) add(total, amountsOf(container, list));
  const sidecars = new Map<string, Quantity>();
  const peak = new Map<string, Quantity>();
  for (const container of spec.initContainers ?? []) {
    const own = amountsOf(container, list);
    if (container.restartPolicy === 'Always') {
      add(total, own);
      add(sidecars, own);
      raise(peak, sidecars);
    } else {
      const beside = new Map(sidecars);
      add(beside, own);
      raise(peak, beside);
    }
  }
  raise(total, peak);
  return total;
}

function amountsOf(container: Container, list: 'requests' | 'limits'): Map<string, Quantity> {
  const amounts = new Map<string, Quantity>();
  for (const [name, value] of Object.entries(container.resources?.[list] ?? {})) {
    const quantity = quantityOf(value);
    if (quantity) amounts.set(name, quantity);
  }
  return amounts;
}

function add(to: Map<string, Quantity>, amounts: ReadonlyMap<string, Quantity>): void {
  for (const [name, amount] of amounts) to.set(name, (to.get(name) ?? Quantity.zero).add(amount));
}

function raise(to: Map<string, Quantity>, amounts: ReadonlyMap<string, Quantity>): void {
  for (const [name, amount] of amounts) {
    const known = to.get(name);
    if (!known || known.compare(amount) < 0) to.set(name, amount);
  }
}
