/** A LabelSelector as Go prints a pointer to it: messages that users know have it. */
import type { LabelSelector } from '../pkg/api/types.js';
import { selectorFromObject } from '../pkg/apimachinery/labels.js';

/** Throws for a selector that cannot be. */
export function goSelector(selector: LabelSelector | undefined): string {
  if (!selector) return 'nil';
  selectorFromObject(selector);
  const labels = Object.entries(selector.matchLabels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}: ${value},`);
  const expressions = (selector.matchExpressions ?? []).map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join('')}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`;
}
