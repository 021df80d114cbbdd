/** PriorityLevelConfiguration: how many requests of a level run at once, and how many wait. */

import type { PriorityLevelConfiguration, QueuingConfiguration } from '../../../pkg/api/types.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { validateConditions } from '../validation/flow-schema.js';
import { validatePriorityLevel } from '../validation/priority-level-configuration.js';

const DEFAULT_SHARES = 30;
const DEFAULT_QUEUES = 64;
const DEFAULT_HAND_SIZE = 8;
const DEFAULT_QUEUE_LENGTH = 50;

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
    validate: validatePriorityLevel,
    validateUpdate: validatePriorityLevel,
    generation: true,
    status: { validateUpdate: ({ status }) => validateConditions(status) },
  },
};

function queuing({ spec }: PriorityLevelConfiguration): QueuingConfiguration | undefined {
  return spec?.limited?.limitResponse?.queuing;
}
