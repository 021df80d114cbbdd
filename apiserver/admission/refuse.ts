/** Refusals of admission, in the form that all plugins share: `pods "x" is forbidden: WHY`. */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { forbidden, type StatusError } from '../../pkg/apimachinery/status.js';
import type { AdmissionAttributes } from './admission.js';

export function refuse(attributes: AdmissionAttributes, why: string): StatusError {
  const { group, resource, object } = attributes;
  const name = attributes.name || nameOf(object);
  return forbidden({ group, resource }, name, why);
}

/** A generated name is not known yet; the prefix stands for it, as upstream. */
function nameOf(object: KubeObject | undefined): string {
  return object?.metadata?.name || object?.metadata?.generateName || '';
}
