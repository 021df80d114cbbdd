/** Pod templates, alone and inside the kinds that make pods of them. */
import type { LabelSelector, PodTemplate, PodTemplateSpec } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import {
  type Selector,
  SelectorError,
  selectorFromObject,
} from '../../../pkg/apimachinery/labels.js';
import {
  hasInvalidLabelValue,
  validateLabelSelector,
  validateLabels,
} from '../../../pkg/apimachinery/validation/label-selector.js';
import { validateAnnotations } from '../../../pkg/apimachinery/validation/object-meta.js';
import { validatePodAnnotations } from './pod-annotations.js';
import { validatePodSpec } from './pod-spec.js';
import { validateProfilesAgree } from './security-annotations.js';

export const MISMATCH = '`selector` does not match template `labels`';

export function validatePodTemplate(obj: PodTemplate): FieldError[] {
  return validatePodTemplateSpec(obj.template, path('template'));
}

export function validatePodTemplateSpec(
  template: PodTemplateSpec | undefined,
  at: Path,
  old?: PodTemplateSpec,
): FieldError[] {
  const spec = template?.spec ?? { containers: [] };
  const errors = [
    ...validateTemplateMetadata(template, at),
    ...validatePodSpec(spec, at.child('spec'), old?.spec ? { old: old.spec } : {}),
    ...validateProfilesAgree(template?.metadata?.annotations, spec, at.child('spec')),
  ];
  if ((spec.ephemeralContainers ?? []).length > 0) {
    errors.push(
      forbidden(
        at.child('spec', 'ephemeralContainers'),
        'ephemeral containers not allowed in pod template',
      ),
    );
  }
  return errors;
}

export function validateTemplateMetadata(
  template: PodTemplateSpec | undefined,
  at: Path,
): FieldError[] {
  const { labels, annotations } = template?.metadata ?? {};
  const spec = template?.spec ?? { containers: [] };
  return [
    ...validateLabels(labels, at.child('labels')),
    ...validateAnnotations(annotations, at.child('annotations')),
    ...validatePodAnnotations(annotations, spec, at.child('annotations')),
  ];
}

/** A selector that must be there and select something; `empty` is the kind's own complaint about one that does not. */
export function validateWorkloadSelector(
  selector: LabelSelector | undefined,
  at: Path,
  empty: string,
  old?: LabelSelector,
): FieldError[] {
  if (!selector) return [required(at)];
  const errors = validateLabelSelector(selector, at, {
    allowInvalidLabelValue: hasInvalidLabelValue(old),
  });
  if (
    Object.keys(selector.matchLabels ?? {}).length + (selector.matchExpressions ?? []).length ===
    0
  ) {
    errors.push(invalid(at, selector, empty));
  }
  return errors;
}

/** The template's labels are such that the selector finds the pods made of it. */
export function validateSelected(
  selector: LabelSelector | undefined,
  template: PodTemplateSpec | undefined,
  at: Path,
): FieldError[] {
  const parsed = parse(selector);
  if (!parsed || parsed.empty) return [];
  const labels = template?.metadata?.labels;
  return parsed.matches(labels ?? {})
    ? []
    : [invalid(at.child('metadata', 'labels'), labels ?? null, MISMATCH)];
}

/** What pods that are kept running for ever can not have. */
export function validateLongRunning(
  template: PodTemplateSpec | undefined,
  kind: string,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  const policy = template?.spec?.restartPolicy ?? '';
  if (policy !== 'Always') {
    errors.push(notSupported(at.child('spec', 'restartPolicy'), policy, ['Always']));
  }
  if (template?.spec?.activeDeadlineSeconds !== undefined) {
    const text = `activeDeadlineSeconds in ${kind} is not Supported`;
    errors.push(forbidden(at.child('spec', 'activeDeadlineSeconds'), text));
  }
  return errors;
}

function parse(selector: LabelSelector | undefined): Selector | undefined {
  try {
    return selectorFromObject(selector);
  } catch (err) {
    // What is wrong with it is reported where the selector itself is checked.
    if (err instanceof SelectorError) return undefined;
    throw err;
  }
}
