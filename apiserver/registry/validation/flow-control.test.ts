/** What is refused of FlowSchemas and PriorityLevelConfigurations, in upstream's words. */
import t from 'tap';
import type { FlowSchema, PriorityLevelConfiguration } from '../../../pkg/api/types.js';
import { formatFieldError } from '../../../pkg/apimachinery/field-error.js';
import { BOOTSTRAP_LEVELS, BOOTSTRAP_SCHEMAS } from '../../flow-control/bootstrap-objects.js';
import { validateFlowSchema } from './flow-schema.js';
import { validatePriorityLevel } from './priority-level-configuration.js';

const RULE = {
  subjects: [{ kind: 'Group', group: { name: 'g' } }],
  resourceRules: [{ verbs: ['*'], apiGroups: ['*'], resources: ['*'], clusterScope: true }],
};

function schema(spec: Partial<FlowSchema['spec']> = {}, name = 'a'): FlowSchema {
  return {
    metadata: { name },
    spec: {
      matchingPrecedence: 50,
      priorityLevelConfiguration: { name: 'p' },
      rules: [RULE],
      ...spec,
    },
  };
}

t.test('FlowSchemas', async (t) => {
  for (const object of [schema(), ...BOOTSTRAP_SCHEMAS])
    t.same(validateFlowSchema(object), [], `${object.metadata?.name} is fine`);
  const rule = (change: object) => schema({ rules: [{ ...RULE, ...change }] });
  const resource = (change: object) =>
    rule({ resourceRules: [{ ...RULE.resourceRules[0], ...change }] });
  const url = (change: object) =>
    rule({ nonResourceRules: [{ verbs: ['get'], nonResourceURLs: ['/a'], ...change }] });
  for (const [object, wanted] of [
    [
      schema({ matchingPrecedence: 0 }),
      'spec.matchingPrecedence: Invalid value: 0: must be a positive value',
    ],
    [
      schema({ matchingPrecedence: 10_001 }),
      'spec.matchingPrecedence: Invalid value: 10001: must not be greater than 10000',
    ],
    [
      schema({ matchingPrecedence: 1 }),
      "spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1",
    ],
    [
      schema({ priorityLevelConfiguration: { name: '' } }),
      'spec.priorityLevelConfiguration.name: Required value: must reference a priority level',
    ],
    [
      rule({ subjects: [] }),
      'spec.rules[0].subjects: Required value: subjects must contain at least one value',
    ],
    [
      rule({ resourceRules: [] }),
      'spec.rules[0]: Required value: at least one of resourceRules and nonResourceRules has to be non-empty',
    ],
    [
      rule({ subjects: [{ kind: 'User', user: { name: 'u' }, group: { name: 'g' } }] }),
      "spec.rules[0].subjects[0].group: Forbidden: group is forbidden when subject kind is not 'Group'",
    ],
    [
      rule({ subjects: [{ kind: 'ServiceAccount' }] }),
      "spec.rules[0].subjects[0].serviceAccount: Required value: serviceAccount is required when subject kind is 'ServiceAccount'",
    ],
    [
      rule({ subjects: [{ kind: 'Robot' }] }),
      'spec.rules[0].subjects[0].kind: Unsupported value: "Robot": supported values: "Group", "ServiceAccount", "User"',
    ],
    [
      resource({ verbs: ['get', '*'] }),
      'spec.rules[0].resourceRules[0].verbs: Invalid value: ["get","*"]: if \'*\' is present, must not specify other verbs',
    ],
    [
      resource({ verbs: ['eat'] }),
      'spec.rules[0].resourceRules[0].verbs: Unsupported value: ["eat"]: supported values: "create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch"',
    ],
    [
      resource({ clusterScope: false }),
      'spec.rules[0].resourceRules[0].namespaces: Required value: resource rules that are not cluster scoped must supply at least one namespace',
    ],
    [
      url({ nonResourceURLs: ['a'] }),
      'spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "a": must start with slash',
    ],
    [
      url({ nonResourceURLs: ['/a*'] }),
      'spec.rules[0].nonResourceRules[0].nonResourceURLs[0]: Invalid value: "/a*": wildcard can only do suffix matching',
    ],
  ] as const)
    t.same(validateFlowSchema(object).map(formatFieldError), [wanted], wanted);
  t.match(
    validateFlowSchema(schema({}, 'catch-all')).map(formatFieldError),
    [/^spec: Invalid value: .*: spec of 'catch-all' must equal the fixed value$/],
    'mandatory ones are fixed',
  );
});

t.test('PriorityLevelConfigurations', async (t) => {
  for (const level of BOOTSTRAP_LEVELS)
    t.same(validatePriorityLevel(level), [], `${level.metadata?.name} is fine`);
  const limited = (change: object): PriorityLevelConfiguration => ({
    metadata: { name: 'a' },
    spec: { type: 'Limited', limited: { limitResponse: { type: 'Reject' }, ...change } },
  });
  const queue = (change: object) => {
    const queuing = { queues: 8, handSize: 4, queueLengthLimit: 5, ...change };
    return limited({ limitResponse: { type: 'Queue', queuing } });
  };
  const at = 'spec.limited';
  for (const [object, wanted] of [
    [
      limited({ nominalConcurrencyShares: -1 }),
      `${at}.nominalConcurrencyShares: Invalid value: -1: must be a non-negative integer`,
    ],
    [
      limited({ lendablePercent: 101 }),
      `${at}.lendablePercent: Invalid value: 101: must be between 0 and 100, inclusive`,
    ],
    [
      limited({ borrowingLimitPercent: -1 }),
      `${at}.borrowingLimitPercent: Invalid value: -1: if specified, must be a non-negative integer`,
    ],
    [
      limited({ limitResponse: { type: 'Wait' } }),
      `${at}.limitResponse.type: Unsupported value: "Wait": supported values: "Queue", "Reject"`,
    ],
    [
      limited({ limitResponse: { type: 'Queue' } }),
      `${at}.limitResponse.queuing: Required value: must not be empty if limited.limitResponse.type is Limited`,
    ],
    [
      queue({ handSize: 9 }),
      `${at}.limitResponse.queuing.handSize: Invalid value: 9: should not be greater than queues (8)`,
    ],
    [
      queue({ queues: 512, handSize: 8 }),
      `${at}.limitResponse.queuing.handSize: Invalid value: 8: required entropy bits of deckSize 512 and handSize 8 should not be greater than 60`,
    ],
    [
      { metadata: { name: 'a' }, spec: { type: 'Exempt' } },
      `spec.type: Invalid value: "Exempt": type must be 'Exempt' if and only if name is 'exempt'`,
    ],
  ] as const)
    t.same(validatePriorityLevel(object).map(formatFieldError), [wanted], wanted);
  const exempt = { nominalConcurrencyShares: 7, lendablePercent: 10 };
  t.same(
    validatePriorityLevel({ metadata: { name: 'exempt' }, spec: { type: 'Exempt', exempt } }),
    [],
    'what the exempt level lends is for administrators to say',
  );
});
