/** Labels and LabelSelector objects, as `k8s.io/apimachinery/pkg/apis/meta/v1/validation` checks them. */
import { type FieldError, forbidden, invalid, type Path, required } from '../field-error.js';
import type { LabelSelector, LabelSelectorRequirement } from '../labels.js';
import { isQualifiedName, isValidLabelValue } from './names.js';

export interface LabelSelectorOptions {
  /** For an update of an object whose stored selector already has such a value. */
  readonly allowInvalidLabelValue?: boolean;
  readonly allowUnknownOperator?: boolean;
}

export function validateLabelSelector(
  selector: LabelSelector | undefined | null,
  at: Path,
  options: LabelSelectorOptions = {},
): FieldError[] {
  if (!selector) return [];
  const errors = validateLabels(selector.matchLabels, at.child('matchLabels'));
  (selector.matchExpressions ?? []).forEach((requirement, i) => {
    const here = at.child('matchExpressions').index(i);
    errors.push(...validateLabelSelectorRequirement(requirement, here, options));
  });
  return errors;
}

export function validateLabelSelectorRequirement(
  requirement: LabelSelectorRequirement,
  at: Path,
  options: LabelSelectorOptions = {},
): FieldError[] {
  const errors: FieldError[] = [];
  const values = requirement.values ?? [];
  switch (requirement.operator) {
    case 'In':
    case 'NotIn':
      if (values.length === 0) {
        errors.push(
          required(at.child('values'), "must be specified when `operator` is 'In' or 'NotIn'"),
        );
      }
      break;
    case 'Exists':
    case 'DoesNotExist':
      if (values.length > 0) {
        errors.push(
          forbidden(
            at.child('values'),
            "may not be specified when `operator` is 'Exists' or 'DoesNotExist'",
          ),
        );
      }
      break;
    default:
      if (!options.allowUnknownOperator) {
        errors.push(
          invalid(
            at.child('operator'),
            requirement.operator ?? '',
            'not a valid selector operator',
          ),
        );
      }
  }
  errors.push(...validateLabelName(requirement.key ?? '', at.child('key')));
  if (!options.allowInvalidLabelValue) {
    values.forEach((value, i) => {
      for (const message of isValidLabelValue(value)) {
        errors.push(invalid(at.child('values').index(i), value, message));
      }
    });
  }
  return errors;
}

export function hasInvalidLabelValue(selector: LabelSelector | undefined): boolean {
  return (selector?.matchExpressions ?? []).some((requirement) =>
    (requirement.values ?? []).some((value) => isValidLabelValue(value).length > 0),
  );
}

export function validateLabelName(name: string, at: Path): FieldError[] {
  return isQualifiedName(name).map((message) => invalid(at, name, message));
}

/** Errors stand at the map, not at the key, as upstream has them. */
export function validateLabels(
  labels: Readonly<Record<string, string>> | undefined | null,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  for (const key in labels) {
    errors.push(...validateLabelName(key, at));
    const value = labels[key] ?? '';
    for (const message of isValidLabelValue(value)) errors.push(invalid(at, value, message));
  }
  return errors;
}
