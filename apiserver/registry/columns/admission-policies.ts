/** What tables show of policies and bindings: the kind of the parameters, and which they are. */
import type { LabelSelector, ParamKind, ParamRef } from '../../../pkg/api/types.js';

const UNSET = '<unset>';

export function paramKindText(kind: ParamKind | undefined): string {
  return kind ? `${kind.apiVersion ?? ''}/${kind.kind ?? ''}` : UNSET;
}

export function paramRefText(ref: ParamRef | undefined): string {
  if (!ref) return UNSET;
  if (ref.name) return `${ref.namespace || '*'}/${ref.name}`;
  return ref.selector ? selectorText(ref.selector) : UNSET;
}

/** As Go writes the struct. */
function selectorText({ matchLabels = {}, matchExpressions = [] }: LabelSelector): string {
  const labels = Object.keys(matchLabels)
    .sort()
    .map((key) => `${key}: ${matchLabels[key]},`);
  const expressions = matchExpressions.map(
    ({ key, operator, values = [] }) =>
      `LabelSelectorRequirement{Key:${key},Operator:${operator},Values:[${values.join(' ')}],},`,
  );
  return `&LabelSelector{MatchLabels:map[string]string{${labels.join('')}},MatchExpressions:[]LabelSelectorRequirement{${expressions.join('')}},}`;
}
