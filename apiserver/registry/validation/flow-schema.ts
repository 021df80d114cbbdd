/** FlowSchema as upstream checks it (`pkg/apis/flowcontrol/validation`). */
import type { FlowSchema, PolicyRulesWithSubjects } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { nameIsDNSLabel, nameIsDNSSubdomain } from '../../../pkg/apimachinery/validation/names.js';
import { MANDATORY_SCHEMAS } from '../../flow-control/bootstrap-objects.js';
import { invalidEach } from './fields.js';

const MAX_PRECEDENCE = 10_000;
const METHODS = ['ByNamespace', 'ByUser'];
const VERBS = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'proxy',
  'update',
  'watch',
];
const SUBJECTS = { Group: 'group', ServiceAccount: 'serviceAccount', User: 'user' } as const;
const ALL = '*';

type Subject = NonNullable<PolicyRulesWithSubjects['subjects']>[number];
type ResourceRule = NonNullable<PolicyRulesWithSubjects['resourceRules']>[number];
type NonResourceRule = NonNullable<PolicyRulesWithSubjects['nonResourceRules']>[number];

export function validateFlowSchema({ metadata, spec, status }: FlowSchema): FieldError[] {
  const at = path('spec');
  if (!spec) return [required(at)];
  const name = metadata?.name ?? '';
  const errors: FieldError[] = [];
  const precedence = spec.matchingPrecedence ?? 0;
  const here = at.child('matchingPrecedence');
  if (precedence <= 0) errors.push(invalid(here, precedence, 'must be a positive value'));
  if (precedence > MAX_PRECEDENCE)
    errors.push(invalid(here, precedence, `must not be greater than ${MAX_PRECEDENCE}`));
  if (precedence === 1 && name !== 'exempt') {
    const only = "only the schema named 'exempt' may have matchingPrecedence 1";
    errors.push(invalid(here, precedence, only));
  }
  const method = spec.distinguisherMethod;
  if (method && !METHODS.includes(method.type)) {
    const type = at.child('distinguisherMethod', 'type');
    errors.push(notSupported(type, { Type: method.type }, METHODS));
  }
  const level = spec.priorityLevelConfiguration?.name ?? '';
  const reference = at.child('priorityLevelConfiguration', 'name');
  if (level === '') errors.push(required(reference, 'must reference a priority level'));
  else errors.push(...invalidEach(reference, level, nameIsDNSSubdomain(level, false)));
  (spec.rules ?? []).forEach((rule, i) => {
    errors.push(...validateRule(rule, at.child('rules').index(i)));
  });
  const mandatory = MANDATORY_SCHEMAS.find((schema) => schema.metadata?.name === name);
  if (mandatory && !semanticDeepEqual(spec, mandatory.spec))
    errors.push(invalid(at, spec, `spec of '${name}' must equal the fixed value`));
  return [...errors, ...validateConditions(status)];
}

/** Of a FlowSchema or a PriorityLevelConfiguration. */
export function validateConditions(
  status: { readonly conditions?: readonly { readonly type?: string }[] } | undefined,
): FieldError[] {
  const conditions = status?.conditions ?? [];
  return conditions.flatMap(({ type = '' }, i) => {
    const at = path('status', 'conditions').index(i).child('type');
    const again = conditions.findIndex((other) => (other.type ?? '') === type) < i;
    return [
      ...(again ? [duplicate(at, type)] : []),
      ...(type === '' ? [required(at, 'must not be empty')] : []),
    ];
  });
}

function validateRule(rule: PolicyRulesWithSubjects, at: Path): FieldError[] {
  const { subjects = [], resourceRules = [], nonResourceRules = [] } = rule;
  const errors: FieldError[] = [];
  if (subjects.length === 0)
    errors.push(required(at.child('subjects'), 'subjects must contain at least one value'));
  subjects.forEach((subject, i) => {
    errors.push(...validateSubject(subject, at.child('subjects').index(i)));
  });
  if (resourceRules.length === 0 && nonResourceRules.length === 0) {
    const what = 'at least one of resourceRules and nonResourceRules has to be non-empty';
    errors.push(required(at, what));
  }
  resourceRules.forEach((resource, i) => {
    errors.push(...validateResourceRule(resource, at.child('resourceRules').index(i)));
  });
  nonResourceRules.forEach((url, i) => {
    errors.push(...validateNonResourceRule(url, at.child('nonResourceRules').index(i)));
  });
  return errors;
}

function validateSubject(subject: Subject, at: Path): FieldError[] {
  const kind = Object.keys(SUBJECTS).find((known) => known === subject.kind) as
    | keyof typeof SUBJECTS
    | undefined;
  if (!kind) return [notSupported(at.child('kind'), subject.kind, Object.keys(SUBJECTS))];
  const errors: FieldError[] = [];
  const field = SUBJECTS[kind];
  const here = at.child(field);
  const given = subject[field];
  if (!given) errors.push(required(here, `${field} is required when subject kind is '${kind}'`));
  else if (given.name === '' || given.name === undefined) errors.push(required(here.child('name')));
  else if (subject.serviceAccount && kind === 'ServiceAccount' && given.name !== ALL)
    errors.push(
      ...invalidEach(here.child('name'), given.name, nameIsDNSSubdomain(given.name, false)),
    );
  if (kind === 'ServiceAccount' && subject.serviceAccount) {
    const { namespace } = subject.serviceAccount;
    const where = here.child('namespace');
    if (!namespace) errors.push(required(where, 'must specify namespace for service account'));
    else errors.push(...invalidEach(where, namespace, nameIsDNSLabel(namespace, false)));
  }
  for (const [other, name] of [
    ['ServiceAccount', 'serviceAccount'],
    ['User', 'user'],
    ['Group', 'group'],
  ] as const) {
    if (other === kind || !subject[name]) continue;
    const why = `${name} is forbidden when subject kind is not '${other}'`;
    errors.push(forbidden(at.child(name), why));
  }
  return errors;
}

function validateResourceRule(rule: ResourceRule, at: Path): FieldError[] {
  const errors = validateVerbs(rule.verbs ?? [], at.child('verbs'));
  errors.push(
    ...filled(rule.apiGroups, at.child('apiGroups'), {
      empty: 'resource rules must supply at least one api group',
      others: 'api groups',
    }),
    ...filled(rule.resources, at.child('resources'), {
      empty: 'resource rules must supply at least one resource',
      others: 'resources',
    }),
  );
  const { namespaces = [] } = rule;
  const where = at.child('namespaces');
  if (namespaces.length === 0 && !rule.clusterScope) {
    const what = 'resource rules that are not cluster scoped must supply at least one namespace';
    errors.push(required(where, what));
  } else if (namespaces.includes(ALL)) {
    if (namespaces.length > 1) errors.push(invalid(where, namespaces, alone('namespaces')));
  } else {
    namespaces.forEach((namespace, i) => {
      const messages = nameIsDNSLabel(namespace, false).map(
        (message) => `each member of this list must be '*' or a DNS-1123 label; ${message}`,
      );
      errors.push(...invalidEach(where.index(i), namespace, messages));
    });
  }
  return errors;
}

function validateNonResourceRule(rule: NonResourceRule, at: Path): FieldError[] {
  const errors = validateVerbs(rule.verbs ?? [], at.child('verbs'));
  const urls = rule.nonResourceURLs ?? [];
  const where = at.child('nonResourceURLs');
  if (urls.length === 0)
    errors.push(required(where, 'nonResourceURLs must contain at least one value'));
  else if (urls.includes(ALL)) {
    if (urls.length > 1) errors.push(invalid(where, urls, alone('non-resource URLs')));
  } else {
    urls.forEach((url, i) => {
      const fault = faultOfPath(url);
      if (fault) errors.push(invalid(where.index(i), url, fault));
    });
  }
  return errors;
}

function validateVerbs(verbs: readonly string[], at: Path): FieldError[] {
  if (verbs.length === 0) return [required(at, 'verbs must contain at least one value')];
  if (verbs.includes(ALL)) return verbs.length > 1 ? [invalid(at, verbs, alone('verbs'))] : [];
  return verbs.every((verb) => VERBS.includes(verb)) ? [] : [notSupported(at, verbs, VERBS)];
}

function filled(
  values: readonly string[] | undefined,
  at: Path,
  { empty, others }: { readonly empty: string; readonly others: string },
): FieldError[] {
  if (!values || values.length === 0) return [required(at, empty)];
  return values.length > 1 && values.includes(ALL) ? [invalid(at, values, alone(others))] : [];
}

function alone(others: string): string {
  return `if '*' is present, must not specify other ${others}`;
}

function faultOfPath(url: string): string | undefined {
  if (url === '') return 'must not be empty';
  if (url === '/') return undefined;
  if (!url.startsWith('/')) return 'must start with slash';
  if (url.includes(' ')) return 'must not contain white-space';
  if (url.includes('//')) return 'must not contain double slash';
  const wildcards = url.split('*').length - 1;
  if (wildcards > 1 || (wildcards === 1 && !url.endsWith('/*')))
    return 'wildcard can only do suffix matching';
  return undefined;
}
