/** What an admission policy or its binding is for: selectors and resource rules. */

import type { MatchResources } from '../../../pkg/api/types.js';
import {
  type FieldError,
  notSupported,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateLabelSelector } from '../../../pkg/apimachinery/validation/label-selector.js';
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
      errors.push(...validateRule(rule, at.child(field).index(i)));
    });
  }
  return errors;
}
