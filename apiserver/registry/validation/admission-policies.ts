/** What policies of both sorts, validating and mutating, have in common, and their bindings. */
import type { MatchResources, ParamKind, ParamRef } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateLabelSelector } from '../../../pkg/apimachinery/validation/label-selector.js';
import {
  isDNS1035Label,
  isDNS1123Subdomain,
  nameIsDNSSubdomain,
} from '../../../pkg/apimachinery/validation/names.js';
import { validateMatchResources } from './match-resources.js';
import { optionalSegment } from './references.js';

const FAILURE_POLICIES = ['Fail', 'Ignore'];
const NOT_FOUND_ACTIONS = ['Deny', 'Allow'];
/** Of a write that has an object which can be changed. */
const MUTATING_OPERATIONS = ['*', 'CONNECT', 'CREATE', 'UPDATE'];

interface PolicySpec {
  readonly failurePolicy?: string;
  readonly paramKind?: ParamKind;
  readonly matchConstraints?: MatchResources;
}

interface BindingSpec {
  readonly policyName?: string;
  readonly paramRef?: ParamRef;
  readonly matchResources?: MatchResources;
}

export function validatePolicy(spec: PolicySpec, at: Path, mutating: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const { failurePolicy, paramKind, matchConstraints } = spec;
  const own = at.child('failurePolicy');
  if (failurePolicy === undefined) errors.push(required(own));
  else if (!FAILURE_POLICIES.includes(failurePolicy))
    errors.push(notSupported(own, failurePolicy, FAILURE_POLICIES));
  if (paramKind) errors.push(...validateParamKind(paramKind, at.child('paramKind')));
  const constraints = at.child('matchConstraints');
  if (!matchConstraints) return [...errors, required(constraints)];
  errors.push(...validateMatchResources(matchConstraints, constraints));
  // Only they say of which types the objects are.
  if ((matchConstraints.resourceRules ?? []).length === 0)
    errors.push(required(constraints.child('resourceRules')));
  if (mutating) errors.push(...validateOperations(matchConstraints, constraints));
  return errors;
}

export function validateBinding(spec: BindingSpec, at: Path, mutating: boolean): FieldError[] {
  const { policyName = '', paramRef, matchResources } = spec;
  const own = at.child('policyName');
  const errors =
    policyName === ''
      ? [required(own)]
      : nameIsDNSSubdomain(policyName, false).map((why) => invalid(own, policyName, why));
  if (paramRef) errors.push(...validateParamRef(paramRef, at.child('paramRef')));
  if (matchResources) {
    const here = at.child('matchResources');
    errors.push(...validateMatchResources(matchResources, here));
    if (mutating) errors.push(...validateOperations(matchResources, here));
  }
  return errors;
}

function validateOperations({ resourceRules = [] }: MatchResources, at: Path): FieldError[] {
  const here = at.child('resourceRules', 'operations');
  return resourceRules
    .flatMap(({ operations = [] }) => operations)
    .filter((operation) => !MUTATING_OPERATIONS.includes(operation))
    .map((operation) => notSupported(here, operation, MUTATING_OPERATIONS));
}

function validateParamKind({ apiVersion = '', kind = '' }: ParamKind, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const where = at.child('apiVersion');
  const parts = apiVersion.split('/');
  const [group = '', version = ''] = parts.length === 1 ? ['', ...parts] : parts;
  if (apiVersion === '') errors.push(required(where));
  else if (parts.length > 2)
    errors.push(invalid(where, apiVersion, `unexpected GroupVersion string: ${apiVersion}`));
  else {
    const faults = group === '' ? [] : isDNS1123Subdomain(group);
    if (faults.length > 0) errors.push(invalid(where, group, faults.join(',')));
    const wrong = version === '' ? [] : isDNS1035Label(version);
    if (version === '') errors.push(invalid(where, apiVersion, 'version must be specified'));
    else if (wrong.length > 0) errors.push(invalid(where, version, wrong.join(',')));
  }
  const own = at.child('kind');
  if (kind === '') return [...errors, required(own)];
  const wrong = isDNS1035Label(kind.toLowerCase());
  if (wrong.length > 0) {
    const why = `may have mixed case, but should otherwise match: ${wrong.join(',')}`;
    errors.push(invalid(own, kind, why));
  }
  return errors;
}

function validateParamRef(ref: ParamRef, at: Path): FieldError[] {
  const both = 'name and selector are mutually exclusive';
  const errors = optionalSegment(ref.name, at.child('name'));
  if (ref.name && ref.selector) errors.push(forbidden(at.child('name'), both));
  if (ref.selector) {
    errors.push(...validateLabelSelector(ref.selector, at.child('selector')));
    if (ref.name) errors.push(forbidden(at.child('selector'), both));
  }
  if (!ref.name && !ref.selector) {
    errors.push(required(at, 'one of name or selector must be specified'));
  }
  const own = at.child('parameterNotFoundAction');
  const action = ref.parameterNotFoundAction;
  if (!action) errors.push(required(own));
  else if (!NOT_FOUND_ACTIONS.includes(action))
    errors.push(notSupported(own, action, NOT_FOUND_ACTIONS));
  return errors;
}
