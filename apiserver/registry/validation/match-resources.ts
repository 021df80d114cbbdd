/** What an admission policy or its binding is for: selectors and resource rules. */

import type { MatchResources } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateLabelSelector } from '../../../pkg/apimachinery/validation/label-selector.js';
import { isValidPathSegmentName } from '../../../pkg/apimachinery/validation/names.js';
import { validateRule } from './webhooks.js';

export function setMatchDefaults(match: MatchResources): void {
  match.matchPolicy ??= 'Equivalent';
  match.namespaceSelector ??= {};
  match.objectSelector ??= {};
  for (const rule of [...(match.resourceRules ?? []), ...(match.excludeResourceRules ?? [])]) {
    rule.scope ??= '*';
  }
}

export function validateMatchResources(match: MatchResources, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (match.matchPolicy === undefined) errors.push(required(at.child('matchPolicy')));
  else if (!['Equivalent', 'Exact'].includes(match.matchPolicy)) {
    errors.push(notSupported(at.child('matchPolicy'), match.matchPolicy, ['Equivalent', 'Exact']));
  }
  errors.push(...validateLabelSelector(match.namespaceSelector, at.child('namespaceSelector')));
  errors.push(...validateLabelSelector(match.objectSelector, at.child('objectSelector')));
  for (const field of ['resourceRules', 'excludeResourceRules'] as const) {
    (match[field] ?? []).forEach((rule, i) => {
      const here = at.child(field).index(i);
      const names = rule.resourceNames ?? [];
      names.forEach((name, n) => {
        const own = here.child('resourceNames').index(n);
        errors.push(...isValidPathSegmentName(name).map((why) => invalid(own, name, why)));
        if (names.indexOf(name) < n) errors.push(duplicate(own, name));
      });
      errors.push(...validateRule(rule, here));
    });
  }
  return errors;
}
