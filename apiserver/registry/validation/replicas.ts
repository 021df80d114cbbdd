/** Counts, and shares of counts, that kinds with replicas have in common. */
import type { IntOrString } from '../../../pkg/api/types.js';
import { type FieldError, invalid, type Path } from '../../../pkg/apimachinery/field-error.js';
import { isValidPercent } from '../../../pkg/apimachinery/validation/formats.js';
import { validateNonnegative } from '../../../pkg/apimachinery/validation/object-meta.js';
import { invalidEach } from './fields.js';

const ABOVE_REPLICAS = 'cannot be greater than status.replicas';

/** The named fields of an object, where they are there, are not below zero. */
export function validateCounts<T extends object>(
  of: T | undefined,
  fields: readonly (keyof T & string)[],
  at: Path,
): FieldError[] {
  return fields.flatMap((field) => {
    const value = of?.[field];
    return typeof value === 'number' ? validateNonnegative(value, at.child(field)) : [];
  });
}

/** Each of the named counts is part of all replicas. */
export function validateParts<T extends { replicas?: number }>(
  status: T,
  fields: readonly (keyof T & string)[],
  at: Path,
): FieldError[] {
  return fields.flatMap((field) => {
    const value = status[field];
    if (typeof value !== 'number' || value <= (status.replicas ?? 0)) return [];
    return [invalid(at.child(field), value, ABOVE_REPLICAS)];
  });
}

export function validateAvailable(
  status: { readyReplicas?: number; availableReplicas?: number },
  at: Path,
): FieldError[] {
  const available = status.availableReplicas ?? 0;
  if (available <= (status.readyReplicas ?? 0)) return [];
  return [
    invalid(at.child('availableReplicas'), available, 'cannot be greater than readyReplicas'),
  ];
}

/** Collisions are only ever counted up. */
export function validateCollisionCount(
  now: number | undefined,
  before: number | undefined,
  at: Path,
): FieldError[] {
  if (before === undefined || (now !== undefined && now >= before)) return [];
  return [invalid(at.child('collisionCount'), now ?? 0, 'cannot be decremented')];
}

/** A count or a percentage; neither is negative. */
export function validateIntOrPercent(value: IntOrString | undefined, at: Path): FieldError[] {
  if (typeof value === 'string') return invalidEach(at, value, isValidPercent(value));
  return value === undefined ? [] : validateNonnegative(value, at);
}

export function validateAtMost100Percent(value: IntOrString | undefined, at: Path): FieldError[] {
  const percent = percentOf(value);
  return percent !== undefined && percent > 100
    ? [invalid(at, value, 'must not be greater than 100%')]
    : [];
}

/** The number before the sign of percent, or the plain number. */
export function amountOf(value: IntOrString | undefined): number {
  return typeof value === 'number' ? value : (percentOf(value) ?? 0);
}

function percentOf(value: IntOrString | undefined): number | undefined {
  if (typeof value !== 'string' || isValidPercent(value).length > 0) return undefined;
  return Number(value.slice(0, -1));
}
