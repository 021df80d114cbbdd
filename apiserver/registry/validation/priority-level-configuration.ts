/** PriorityLevelConfiguration as upstream checks it (`pkg/apis/flowcontrol/validation`). */
import type {
  LimitedPriorityLevelConfiguration,
  PriorityLevelConfiguration,
  QueuingConfiguration,
} from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { MANDATORY_LEVELS } from '../../flow-control/bootstrap-objects.js';
import { MAX_HASH_BITS, requiredEntropyBits } from '../../flow-control/shuffle-sharding.js';
import { validateConditions } from './flow-schema.js';

const MAX_QUEUES = 10_000_000;
const EXEMPT = 'exempt';
const NOT_NEGATIVE = 'must be a non-negative integer';

export function validatePriorityLevel({
  metadata,
  spec,
  status,
}: PriorityLevelConfiguration): FieldError[] {
  const at = path('spec');
  if (!spec) return [required(at)];
  const name = metadata?.name ?? '';
  const { type, limited, exempt } = spec;
  const errors: FieldError[] = [];
  if ((name === EXEMPT) !== (type === 'Exempt')) {
    const why = "type must be 'Exempt' if and only if name is 'exempt'";
    errors.push(invalid(at.child('type'), type, why));
  }
  if (type === 'Exempt') {
    if (limited)
      errors.push(forbidden(at.child('limited'), 'must be nil if the type is not Limited'));
    const here = at.child('exempt');
    errors.push(
      ...atLeastZero(exempt?.nominalConcurrencyShares, here.child('nominalConcurrencyShares')),
      ...percent(exempt?.lendablePercent, here.child('lendablePercent')),
    );
  } else if (type === 'Limited') {
    if (exempt) errors.push(forbidden(at.child('exempt'), 'must be nil if the type is Limited'));
    if (limited) errors.push(...validateLimited(limited, at.child('limited')));
    else errors.push(required(at.child('limited'), 'must not be empty when type is Limited'));
  } else errors.push(notSupported(at.child('type'), type, ['Exempt', 'Limited']));
  const mandatory = MANDATORY_LEVELS.find((level) => level.metadata?.name === name);
  if (mandatory && !semanticDeepEqual(fixed(spec, name), fixed(mandatory.spec, name))) {
    const what = name === EXEMPT ? " except the 'spec.exempt' field" : '';
    errors.push(invalid(at, spec, `spec of '${name}'${what} must equal the fixed value`));
  }
  return [...errors, ...validateConditions(status)];
}

/** What of a mandatory level's spec nobody may change. */
function fixed(spec: PriorityLevelConfiguration['spec'], name: string): unknown {
  if (name !== EXEMPT || !spec) return spec;
  const { exempt: _, ...rest } = spec;
  return rest;
}

function validateLimited(limited: LimitedPriorityLevelConfiguration, at: Path): FieldError[] {
  const { nominalConcurrencyShares, limitResponse, lendablePercent } = limited;
  const { borrowingLimitPercent: borrowing } = limited;
  const errors = atLeastZero(nominalConcurrencyShares, at.child('nominalConcurrencyShares'));
  const here = at.child('limitResponse');
  const queuing = limitResponse?.queuing;
  if (limitResponse?.type === 'Reject') {
    if (queuing) {
      const why = 'must be nil if limited.limitResponse.type is not Limited';
      errors.push(forbidden(here.child('queuing'), why));
    }
  } else if (limitResponse?.type === 'Queue') {
    const why = 'must not be empty if limited.limitResponse.type is Limited';
    if (queuing) errors.push(...validateQueuing(queuing, here.child('queuing')));
    else errors.push(required(here.child('queuing'), why));
  } else {
    errors.push(notSupported(here.child('type'), limitResponse?.type ?? '', ['Queue', 'Reject']));
  }
  errors.push(...percent(lendablePercent, at.child('lendablePercent')));
  if (borrowing !== undefined && borrowing < 0) {
    const why = `if specified, ${NOT_NEGATIVE}`;
    errors.push(invalid(at.child('borrowingLimitPercent'), borrowing, why));
  }
  return errors;
}

function validateQueuing(queuing: QueuingConfiguration, at: Path): FieldError[] {
  const { queues = 0, handSize = 0, queueLengthLimit = 0 } = queuing;
  const errors: FieldError[] = [];
  if (queueLengthLimit <= 0)
    errors.push(invalid(at.child('queueLengthLimit'), queueLengthLimit, 'must be positive'));
  if (queues <= 0) errors.push(invalid(at.child('queues'), queues, 'must be positive'));
  else if (queues > MAX_QUEUES)
    errors.push(invalid(at.child('queues'), queues, `must not be greater than ${MAX_QUEUES}`));
  const hand = at.child('handSize');
  const bits = requiredEntropyBits(queues, handSize);
  if (handSize <= 0) errors.push(invalid(hand, handSize, 'must be positive'));
  else if (handSize > queues)
    errors.push(invalid(hand, handSize, `should not be greater than queues (${queues})`));
  else if (bits > MAX_HASH_BITS) {
    const why = `required entropy bits of deckSize ${queues} and handSize ${handSize} should not be greater than ${MAX_HASH_BITS}`;
    errors.push(invalid(hand, handSize, why));
  }
  return errors;
}

function atLeastZero(value: number | undefined, at: Path): FieldError[] {
  return (value ?? 0) < 0 ? [invalid(at, value, NOT_NEGATIVE)] : [];
}

function percent(value: number | undefined, at: Path): FieldError[] {
  return value !== undefined && (value < 0 || value > 100)
    ? [invalid(at, value, 'must be between 0 and 100, inclusive')]
    : [];
}
