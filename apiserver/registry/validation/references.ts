/** References to an object of any kind, by the group, the kind and the name of it. */
import {
  type FieldError,
  invalid,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import {
  isDNS1123Subdomain,
  isValidPathSegmentName,
} from '../../../pkg/apimachinery/validation/names.js';

interface Reference {
  readonly apiGroup?: string;
  readonly kind?: string;
  readonly name?: string;
}

export function validateReference(reference: Reference, at: Path): FieldError[] {
  const { apiGroup, kind, name } = reference;
  const errors =
    apiGroup === undefined
      ? []
      : isDNS1123Subdomain(apiGroup).map((why) => invalid(at.child('apiGroup'), apiGroup, why));
  return [
    ...errors,
    ...requiredSegment(kind, at.child('kind')),
    ...requiredSegment(name, at.child('name')),
  ];
}

/** What has to be there and can be a part of a path. */
export function requiredSegment(value: string | undefined, at: Path): FieldError[] {
  return value ? optionalSegment(value, at) : [required(at)];
}

export function optionalSegment(value: string | undefined, at: Path): FieldError[] {
  return value ? isValidPathSegmentName(value).map((why) => invalid(at, value, why)) : [];
}
