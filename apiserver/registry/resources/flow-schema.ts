/** FlowSchema: which requests belong to which priority level. */

import type { FlowSchema } from '../../../pkg/api/types.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { validateConditions, validateFlowSchema } from '../validation/flow-schema.js';

const DEFAULT_PRECEDENCE = 1000;

export const flowSchema: ResourceDefinition<FlowSchema> = {
  group: 'flowcontrol.apiserver.k8s.io',
  version: 'v1',
  kind: 'FlowSchema',
  resource: 'flowschemas',
  singular: 'flowschema',
  namespaced: false,
  definition: 'io.k8s.api.flowcontrol.v1.FlowSchema',
  columns: [
    nameColumn(),
    textColumn(
      'PriorityLevel',
      'The level.',
      (obj) => obj.spec?.priorityLevelConfiguration.name ?? '',
    ),
    textColumn(
      'MatchingPrecedence',
      'Lower ones are tried first.',
      (obj) => obj.spec?.matchingPrecedence ?? 0,
    ),
    textColumn(
      'DistinguisherMethod',
      'How flows are told apart.',
      (obj) => obj.spec?.distinguisherMethod?.type ?? '<none>',
    ),
    ageColumn(),
    textColumn(
      'MissingPL',
      'Whether its level is missing.',
      ({ status }) => status?.conditions?.find(({ type }) => type === 'Dangling')?.status ?? '?',
    ),
  ],
  strategy: {
    setDefaults({ spec }) {
      if (spec && !spec.matchingPrecedence) spec.matchingPrecedence = DEFAULT_PRECEDENCE;
    },
    prepareForCreate(obj) {
      obj.status = {};
    },
    prepareForUpdate(obj, old) {
      if (old.status) obj.status = old.status;
    },
    validate: validateFlowSchema,
    validateUpdate: validateFlowSchema,
    generation: true,
    status: { validateUpdate: ({ status }) => validateConditions(status) },
  },
};
