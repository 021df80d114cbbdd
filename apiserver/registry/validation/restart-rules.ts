/** A container's own restart policy and the rules that go by its exit code. */
import type { Container } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  notSupported,
  type Path,
  required,
  tooMany,
} from '../../../pkg/apimachinery/field-error.js';
import { optionalOneOf } from './fields.js';

const POLICIES = ['Always', 'Never', 'OnFailure'];
const OPERATORS = ['In', 'NotIn'];
const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;

export function validateRestartRules(container: Container, at: Path): FieldError[] {
  const { restartPolicy, restartPolicyRules: rules = [] } = container;
  const errors = optionalOneOf(restartPolicy, POLICIES, at.child('restartPolicy'));
  if (rules.length === 0) return errors;
  const own = at.child('restartPolicyRules');
  if (restartPolicy === undefined) {
    const text = 'must specify restartPolicy when restart rules are used';
    errors.push(required(at.child('restartPolicy'), text));
  }
  if (rules.length > MAX_RULES) errors.push(tooMany(own, rules.length, MAX_RULES));
  for (const [i, { action, exitCodes }] of rules.entries()) {
    const here = own.index(i);
    if (action !== 'Restart') {
      errors.push(notSupported(here.child('action'), action ?? '', ['Restart']));
    }
    if (!exitCodes) {
      errors.push(required(here.child('exitCodes'), 'must be specified'));
      continue;
    }
    const codes = here.child('exitCodes');
    const { operator = '', values = [] } = exitCodes;
    if (!OPERATORS.includes(operator)) {
      errors.push(notSupported(codes.child('operator'), operator, OPERATORS));
    }
    if (values.length > MAX_EXIT_CODES) {
      errors.push(tooMany(codes.child('values'), values.length, MAX_EXIT_CODES));
    }
    for (const [j, value] of values.entries()) {
      if (values.indexOf(value) < j) errors.push(duplicate(codes.child('values').index(j), value));
    }
  }
  return errors;
}
