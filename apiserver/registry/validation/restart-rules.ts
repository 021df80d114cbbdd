/** A container's own restart policy and the rules that go by its exit code. */
import type { Container } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  type Path,
  required,
  tooMany,
} from '../../../pkg/apimachinery/field-error.js';
import { oneOf, optionalOneOf } from './fields.js';

const POLICIES = ['Always', 'Never', 'OnFailure'];
const MAX_RULES = 20;
const MAX_EXIT_CODES = 255;

export function validateRestartRules(container: Container, at: Path, init: boolean): FieldError[] {
  const { restartPolicy, restartPolicyRules: rules = [] } = container;
  const errors = optionalOneOf(restartPolicy, POLICIES, at.child('restartPolicy'));
  if (rules.length === 0) return errors;
  const own = at.child('restartPolicyRules');
  if (restartPolicy === undefined) {
    errors.push(
      required(at.child('restartPolicy'), 'must specify restartPolicy when restart rules are used'),
    );
  }
  if (init && restartPolicy === 'Always') {
    errors.push(
      forbidden(
        own,
        'must not specify restart rules for init containers with restartPolicy Always',
      ),
    );
  }
  if (rules.length > MAX_RULES) {
    errors.push(tooMany(own, rules.length, MAX_RULES));
  }
  for (const [i, rule] of rules.entries()) {
    const here = own.index(i);
    errors.push(...oneOf(rule.action, ['Restart', 'RestartAllContainers'], here.child('action')));
    if (!rule.exitCodes) {
      errors.push(required(here.child('exitCodes'), 'must be specified'));
      continue;
    }
    const codes = here.child('exitCodes');
    errors.push(...oneOf(rule.exitCodes.operator, ['In', 'NotIn'], codes.child('operator')));
    const values = rule.exitCodes.values ?? [];
    if (values.length > MAX_EXIT_CODES) {
      errors.push(
        invalid(codes.child('values'), values.length, `must have at most ${MAX_EXIT_CODES} items`),
      );
    }
  }
  return errors;
}
