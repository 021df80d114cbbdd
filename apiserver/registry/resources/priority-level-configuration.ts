/** PriorityLevelConfiguration: how many requests of a level run at once, and how many wait. */

import type { PriorityLevelConfiguration, QueuingConfiguration } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateNonnegative } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';

const DEFAULT_SHARES = 30;
const DEFAULT_QUEUES = 64;
const DEFAULT_HAND_SIZE = 8;
const DEFAULT_QUEUE_LENGTH = 50;
const MAX_QUEUES = 10_000_000;

export const priorityLevelConfiguration: ResourceDefinition<PriorityLevelConfiguration> = {
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'PriorityLevelConfiguration',
  resource: 'prioritylevelconfigurations',
  singular: 'prioritylevelconfiguration',
  namespaced: false,
  definition: 'io.k8s.api.flowcontrol.v1.PriorityLevelConfiguration',
  columns: [
    nameColumn(),
    textColumn('Type', 'Whether the level is limited.', (obj) => obj.spec?.type ?? ''),
    textColumn('NominalConcurrencyShares', 'Its share of the seats.', ({ spec }) =>
      String(spec?.limited?.nominalConcurrencyShares ?? '<none>'),
    ),
    textColumn('Queues', 'How many queues it has.', (obj) =>
      String(queuing(obj)?.queues ?? '<none>'),
    ),
    textColumn('HandSize', 'How many queues a flow may use.', (obj) =>
      String(queuing(obj)?.handSize ?? '<none>'),
    ),
    textColumn('QueueLengthLimit', 'How many wait in a queue.', (obj) =>
      String(queuing(obj)?.queueLengthLimit ?? '<none>'),
    ),
    ageColumn(),
  ],
  strategy: {
    setDefaults({ spec }) {
      if (spec?.exempt) {
        spec.exempt.nominalConcurrencyShares ??= 0;
        spec.exempt.lendablePercent ??= 0;
      }
      if (!spec?.limited) return;
      spec.limited.nominalConcurrencyShares ??= DEFAULT_SHARES;
      spec.limited.lendablePercent ??= 0;
      const queues = spec.limited.limitResponse?.queuing;
      if (!queues) return;
      queues.handSize ||= DEFAULT_HAND_SIZE;
      queues.queues ||= DEFAULT_QUEUES;
      queues.queueLengthLimit ||= DEFAULT_QUEUE_LENGTH;
    },
    prepareForCreate(obj) {
      obj.status = {};
    },
    prepareForUpdate(obj, old) {
      if (old.status) obj.status = old.status;
    },
    validate,
    validateUpdate: validate,
    generation: true,
    status: true,
  },
};

function queuing({ spec }: PriorityLevelConfiguration): QueuingConfiguration | undefined {
  return spec?.limited?.limitResponse?.queuing;
}

function validate({ metadata, spec }: PriorityLevelConfiguration): FieldError[] {
  const at = path('spec');
  if (!spec) return [required(at)];
  const errors: FieldError[] = [];
  const { type, limited, exempt } = spec;
  if (type === 'Exempt') {
    if (limited)
      errors.push(forbidden(at.child('limited'), 'must be nil if the type is not Limited'));
    if (metadata?.name !== 'exempt') {
      errors.push(
        invalid(
          at.child('type'),
          type,
          "type must be 'Limited' except for the priority level named 'exempt'",
        ),
      );
    }
    return errors;
  }
  if (type !== 'Limited') return [notSupported(at.child('type'), type, ['Exempt', 'Limited'])];
  if (exempt) errors.push(forbidden(at.child('exempt'), 'must be nil if the type is Limited'));
  if (!limited) {
    errors.push(required(at.child('limited'), 'must not be empty when type is Limited'));
    return errors;
  }
  const here = at.child('limited');
  errors.push(
    ...validateNonnegative(
      limited.nominalConcurrencyShares ?? 0,
      here.child('nominalConcurrencyShares'),
    ),
  );
  const lendable = limited.lendablePercent ?? 0;
  if (lendable < 0 || lendable > 100) {
    errors.push(
      invalid(here.child('lendablePercent'), lendable, 'must be between 0 and 100, inclusive'),
    );
  }
  const response = limited.limitResponse;
  const answer = here.child('limitResponse');
  if (response?.type === 'Reject') {
    if (response.queuing) {
      errors.push(
        forbidden(
          answer.child('queuing'),
          'must be nil if limited.limitResponse.type is not Limited',
        ),
      );
    }
  } else if (response?.type === 'Queue') {
    const queues = response.queuing;
    if (!queues) {
      errors.push(
        required(
          answer.child('queuing'),
          'must not be empty if limited.limitResponse.type is Limited',
        ),
      );
      return errors;
    }
    const { queues: count = 0, handSize = 0, queueLengthLimit = 0 } = queues;
    if (queueLengthLimit <= 0) {
      errors.push(
        invalid(answer.child('queuing', 'queueLengthLimit'), queueLengthLimit, 'must be positive'),
      );
    }
    if (count <= 0)
      errors.push(invalid(answer.child('queuing', 'queues'), count, 'must be positive'));
    else if (count > MAX_QUEUES) {
      errors.push(
        invalid(answer.child('queuing', 'queues'), count, `must not be greater than ${MAX_QUEUES}`),
      );
    }
    if (handSize <= 0)
      errors.push(invalid(answer.child('queuing', 'handSize'), handSize, 'must be positive'));
    else if (handSize > count) {
      errors.push(
        invalid(
          answer.child('queuing', 'handSize'),
          handSize,
          `should not be greater than queues (${count})`,
        ),
      );
    }
  } else if (!response?.type)
    errors.push(required(answer.child('type'), 'limit response type must be specified'));
  else errors.push(notSupported(answer.child('type'), response.type, ['Queue', 'Reject']));
  return errors;
}
