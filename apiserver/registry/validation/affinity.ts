/** Which nodes and which other pods a pod wants to be near to, or far from. */
import type {
  Affinity,
  LabelSelector,
  NodeAffinity,
  NodeSelector,
  NodeSelectorRequirement,
  NodeSelectorTerm,
  PodAffinity,
  PodAffinityTerm,
} from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import {
  hasInvalidLabelValue,
  validateLabelName,
  validateLabelSelector,
} from '../../../pkg/apimachinery/validation/label-selector.js';
import {
  isDNS1123Label,
  isValidLabelValue,
  nameIsDNSSubdomain,
} from '../../../pkg/apimachinery/validation/names.js';
import { invalidEach } from './fields.js';

const BOTH = 'exists in both matchLabelKeys and labelSelector';

/** `old` is what the object had before: what was stored once, valid or not, may stay. */
export function validateAffinity(
  affinity: Affinity | undefined,
  at: Path,
  old?: Affinity,
): FieldError[] {
  const errors: FieldError[] = [];
  if (affinity?.nodeAffinity) {
    const lenient = hasInvalidNodeValue(old?.nodeAffinity);
    errors.push(...validateNodeAffinity(affinity.nodeAffinity, at.child('nodeAffinity'), lenient));
  }
  for (const field of ['podAffinity', 'podAntiAffinity'] as const) {
    const own = affinity?.[field];
    if (own)
      errors.push(...validatePodAffinity(own, at.child(field), hasInvalidPodValue(old?.[field])));
  }
  return errors;
}

export function validateNodeSelector(
  selector: NodeSelector,
  at: Path,
  lenient = false,
): FieldError[] {
  const own = at.child('nodeSelectorTerms');
  const terms = selector.nodeSelectorTerms ?? [];
  if (terms.length === 0) return [required(own, 'must have at least one node selector term')];
  return terms.flatMap((term, i) => validateNodeSelectorTerm(term, own.index(i), lenient));
}

function validateNodeAffinity(affinity: NodeAffinity, at: Path, lenient: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const must = affinity.requiredDuringSchedulingIgnoredDuringExecution;
  if (must) {
    errors.push(
      ...validateNodeSelector(
        must,
        at.child('requiredDuringSchedulingIgnoredDuringExecution'),
        lenient,
      ),
    );
  }
  const list = at.child('preferredDuringSchedulingIgnoredDuringExecution');
  for (const [i, term] of (
    affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []
  ).entries()) {
    errors.push(...validateWeight(term.weight, list.index(i)));
    // A preference that no node can meet does no harm: values are not checked.
    errors.push(
      ...validateNodeSelectorTerm(term.preference ?? {}, list.index(i).child('preference'), true),
    );
  }
  return errors;
}

function validateNodeSelectorTerm(
  term: NodeSelectorTerm,
  at: Path,
  lenient: boolean,
): FieldError[] {
  return [
    ...(term.matchExpressions ?? []).flatMap((requirement, i) =>
      validateNodeRequirement(requirement, at.child('matchExpressions').index(i), lenient),
    ),
    ...(term.matchFields ?? []).flatMap((requirement, i) =>
      validateNodeField(requirement, at.child('matchFields').index(i)),
    ),
  ];
}

function validateNodeRequirement(
  requirement: NodeSelectorRequirement,
  at: Path,
  lenient: boolean,
): FieldError[] {
  const { operator = '', key = '', values = [] } = requirement;
  const own = at.child('values');
  const errors: FieldError[] = [];
  if (operator === 'In' || operator === 'NotIn') {
    if (values.length === 0)
      errors.push(required(own, "must be specified when `operator` is 'In' or 'NotIn'"));
  } else if (operator === 'Exists' || operator === 'DoesNotExist') {
    if (values.length > 0) {
      errors.push(
        forbidden(own, "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"),
      );
    }
  } else if (operator === 'Gt' || operator === 'Lt') {
    if (values.length !== 1) {
      errors.push(required(own, "must be specified single value when `operator` is 'Lt' or 'Gt'"));
    }
  } else {
    errors.push(invalid(at.child('operator'), operator, 'not a valid selector operator'));
  }
  errors.push(...validateLabelName(key, at.child('key')));
  if (!lenient) {
    for (const [i, value] of values.entries())
      errors.push(...invalidEach(own.index(i), value, isValidLabelValue(value)));
  }
  return errors;
}

function validateNodeField(requirement: NodeSelectorRequirement, at: Path): FieldError[] {
  const { operator = '', key = '', values = [] } = requirement;
  const errors: FieldError[] = [];
  if (operator !== 'In' && operator !== 'NotIn') {
    errors.push(invalid(at.child('operator'), operator, 'not a valid selector operator'));
  } else if (values.length !== 1) {
    const text =
      "must be only one value when `operator` is 'In' or 'NotIn' for node field selector";
    errors.push(required(at.child('values'), text));
  }
  if (key !== 'metadata.name') {
    errors.push(invalid(at.child('key'), key, 'not a valid field selector key'));
  } else {
    for (const [i, value] of values.entries()) {
      errors.push(
        ...invalidEach(at.child('values').index(i), value, nameIsDNSSubdomain(value, false)),
      );
    }
  }
  return errors;
}

function validatePodAffinity(affinity: PodAffinity, at: Path, lenient: boolean): FieldError[] {
  const must = at.child('requiredDuringSchedulingIgnoredDuringExecution');
  const may = at.child('preferredDuringSchedulingIgnoredDuringExecution');
  return [
    ...(affinity.requiredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((term, i) =>
      validatePodAffinityTerm(term, must.index(i), lenient),
    ),
    ...(affinity.preferredDuringSchedulingIgnoredDuringExecution ?? []).flatMap((weighted, i) => [
      ...validateWeight(weighted.weight, may.index(i)),
      ...validatePodAffinityTerm(
        weighted.podAffinityTerm ?? { topologyKey: '' },
        may.index(i).child('podAffinityTerm'),
        lenient,
      ),
    ]),
  ];
}

function validatePodAffinityTerm(term: PodAffinityTerm, at: Path, lenient: boolean): FieldError[] {
  const options = { allowInvalidLabelValue: lenient };
  const errors = [
    ...validateLabelSelector(term.labelSelector, at.child('labelSelector'), options),
    ...validateLabelSelector(term.namespaceSelector, at.child('namespaceSelector'), options),
  ];
  for (const namespace of term.namespaces ?? []) {
    errors.push(...invalidEach(at.child('namespace'), namespace, isDNS1123Label(namespace)));
  }
  errors.push(...validateLabelKeys(term, at));
  if (!term.topologyKey) errors.push(required(at.child('topologyKey'), 'can not be empty'));
  return [...errors, ...validateLabelName(term.topologyKey ?? '', at.child('topologyKey'))];
}

function validateLabelKeys(term: PodAffinityTerm, at: Path): FieldError[] {
  const { matchLabelKeys = [], mismatchLabelKeys = [], labelSelector } = term;
  const errors: FieldError[] = [];
  for (const [name, keys] of Object.entries({ matchLabelKeys, mismatchLabelKeys })) {
    const own = at.child(name);
    if (keys.length > 0 && !labelSelector) {
      errors.push(forbidden(own, 'must not be specified when labelSelector is not set'));
    } else {
      for (const [i, key] of keys.entries()) errors.push(...validateLabelName(key, own.index(i)));
    }
  }
  errors.push(...repeatedKeys(matchLabelKeys, labelSelector, at));
  for (const [i, key] of matchLabelKeys.entries()) {
    if (!mismatchLabelKeys.includes(key)) continue;
    const text = 'exists in both matchLabelKeys and mismatchLabelKeys';
    errors.push(invalid(at.child('matchLabelKeys').index(i), key, text));
  }
  return errors;
}

/** The selector carries one requirement of each key of `matchLabelKeys` already; a second one is the author's. */
export function repeatedKeys(
  keys: readonly string[],
  selector: LabelSelector | undefined,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set(Object.keys(selector?.matchLabels ?? {}));
  for (const { key } of selector?.matchExpressions ?? []) {
    const i = keys.indexOf(key);
    if (i >= 0 && seen.has(key)) errors.push(invalid(at.index(i), key, BOTH));
    seen.add(key);
  }
  return errors;
}

function validateWeight(weight: number | undefined, at: Path): FieldError[] {
  const value = weight ?? 0;
  return value >= 1 && value <= 100
    ? []
    : [invalid(at.child('weight'), value, 'must be in the range 1-100')];
}

function hasInvalidNodeValue(affinity: NodeAffinity | undefined): boolean {
  return (affinity?.requiredDuringSchedulingIgnoredDuringExecution?.nodeSelectorTerms ?? []).some(
    (term) =>
      (term.matchExpressions ?? []).some((requirement) =>
        (requirement.values ?? []).some((value) => isValidLabelValue(value).length > 0),
      ),
  );
}

function hasInvalidPodValue(affinity: PodAffinity | undefined): boolean {
  const terms = [
    ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
    ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
      (weighted) => weighted.podAffinityTerm,
    ),
  ];
  return terms.some(
    (term) =>
      hasInvalidLabelValue(term?.labelSelector) || hasInvalidLabelValue(term?.namespaceSelector),
  );
}
