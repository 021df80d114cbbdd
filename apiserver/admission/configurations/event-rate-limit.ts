/** `eventratelimit.admission.k8s.io/v1alpha1` Configuration: how many Events of what may come a second. */
import {
  type FieldError,
  formatFieldError,
  invalid,
  notSupported,
  path,
} from '../../../pkg/apimachinery/field-error.js';
import { integerAt, listAt, ofKind } from './fields.js';

const LIMIT_TYPES = ['Namespace', 'Server', 'SourceAndObject', 'User'] as const;
export type LimitType = (typeof LIMIT_TYPES)[number];

export interface EventLimit {
  readonly type: LimitType;
  readonly qps: number;
  readonly burst: number;
  /** How many keys are kept apart; the type Server has one key. */
  readonly cacheSize: number;
}

const DEFAULT_CACHE_SIZE = 4_096;

/** `undefined`, for a plugin that nobody configured, has no limits, which is an error as well. */
export function eventLimitsOf(value: unknown): readonly EventLimit[] {
  const at = path('limits');
  const config =
    value === undefined
      ? {}
      : ofKind(value, 'Configuration', 'eventratelimit.admission.k8s.io', ['v1alpha1']);
  const errors: FieldError[] = [];
  const limits = listAt(config, 'limits').map((entry, i): EventLimit => {
    const own = at.index(i);
    const type = LIMIT_TYPES.find((one) => one === entry['type']);
    const integer = (field: string) => integerAt(entry, field, String(own.child(field)));
    const [burst, qps, cacheSize] = [integer('burst'), integer('qps'), integer('cacheSize')];
    if (!type) errors.push(notSupported(own.child('type'), entry['type'] ?? '', LIMIT_TYPES));
    if (burst <= 0) errors.push(invalid(own.child('burst'), burst, 'must be positive'));
    if (qps <= 0) errors.push(invalid(own.child('qps'), qps, 'must be positive'));
    if (type !== 'Server' && cacheSize < 0)
      errors.push(invalid(own.child('cacheSize'), cacheSize, 'must not be negative'));
    return { type: type ?? 'Server', qps, burst, cacheSize: cacheSize || DEFAULT_CACHE_SIZE };
  });
  if (limits.length === 0) errors.push(invalid(at, [], 'must not be empty'));
  if (errors.length > 0) throw new Error(errors.map(formatFieldError).join(', '));
  return limits;
}
