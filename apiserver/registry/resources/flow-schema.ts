/** FlowSchema: which requests belong to which priority level. */

import type { FlowSchema, PolicyRulesWithSubjects } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';

const MAX_PRECEDENCE = 10_000;
const DEFAULT_PRECEDENCE = 1000;
const METHODS = ['ByNamespace', 'ByUser'];
const SUBJECTS = { Group: 'group', ServiceAccount: 'serviceAccount', User: 'user' } as const;

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
    validate,
    validateUpdate: validate,
    generation: true,
    status: true,
  },
};

function validate({ metadata, spec }: FlowSchema): FieldError[] {
  const at = path('spec');
  if (!spec) return [required(at)];
  const errors: FieldError[] = [];
  const precedence = spec.matchingPrecedence ?? DEFAULT_PRECEDENCE;
  if (precedence <= 0)
    errors.push(invalid(at.child('matchingPrecedence'), precedence, 'must be a positive value'));
  if (precedence > MAX_PRECEDENCE) {
    errors.push(
      invalid(
        at.child('matchingPrecedence'),
        precedence,
        `must not be greater than ${MAX_PRECEDENCE}`,
      ),
    );
  }
  if (precedence === 1 && metadata?.name !== 'exempt') {
    errors.push(
      invalid(
        at.child('matchingPrecedence'),
        precedence,
        "only the schema named 'exempt' may have matchingPrecedence 1",
      ),
    );
  }
  const method = spec.distinguisherMethod;
  if (method && !METHODS.includes(method.type)) {
    errors.push(notSupported(at.child('distinguisherMethod'), method, METHODS));
  }
  if (!spec.priorityLevelConfiguration?.name) {
    errors.push(
      required(at.child('priorityLevelConfiguration', 'name'), 'must reference a priority level'),
    );
  }
  (spec.rules ?? []).forEach((rule, i) => {
    errors.push(...validateRule(rule, at.child('rules').index(i)));
  });
  return errors;
}

function validateRule(rule: PolicyRulesWithSubjects, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const subjects = rule.subjects ?? [];
  if (subjects.length === 0)
    errors.push(required(at.child('subjects'), 'subjects must contain at least one value'));
  subjects.forEach((subject, i) => {
    const here = at.child('subjects').index(i);
    const field = Object.entries(SUBJECTS).find(([kind]) => kind === subject.kind)?.[1];
    if (!field) {
      errors.push(notSupported(here.child('kind'), subject.kind, Object.keys(SUBJECTS)));
    } else if (!subject[field]) {
      errors.push(
        required(here.child(field), `${field} is required when subject kind is '${subject.kind}'`),
      );
    }
  });
  const resources = rule.resourceRules ?? [];
  const urls = rule.nonResourceRules ?? [];
  if (resources.length === 0 && urls.length === 0) {
    errors.push(
      required(at, 'at least one of resourceRules and nonResourceRules has to be non-empty'),
    );
  }
  resources.forEach((resource, i) => {
    const here = at.child('resourceRules').index(i);
    const filled = ['verbs', 'apiGroups', 'resources'] as const;
    for (const field of filled) {
      const values = resource[field] ?? [];
      if (values.length === 0) errors.push(required(here.child(field)));
      else if (values.length > 1 && values.includes('*')) {
        errors.push(
          invalid(
            here.child(field),
            values,
            `if '*' is present, must not specify other ${field === 'apiGroups' ? 'api groups' : field}`,
          ),
        );
      }
      values.forEach((value, j) => {
        if (values.indexOf(value) < j) errors.push(duplicate(here.child(field).index(j), value));
      });
    }
    if ((resource.namespaces ?? []).length === 0 && !resource.clusterScope) {
      errors.push(
        required(
          here.child('namespaces'),
          'resource rules that are not cluster scoped must supply at least one namespace',
        ),
      );
    }
  });
  urls.forEach((url, i) => {
    const here = at.child('nonResourceRules').index(i);
    for (const field of ['verbs', 'nonResourceURLs'] as const) {
      if ((url[field] ?? []).length === 0) errors.push(required(here.child(field)));
    }
  });
  return errors;
}
