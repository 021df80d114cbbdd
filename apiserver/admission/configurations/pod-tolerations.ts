/** `podtolerationrestriction.admission.k8s.io/v1alpha1` Configuration, and tolerations in an annotation. */
import type { Toleration } from '../../../pkg/api/types.js';
import { type Fields, isFields, listAt, ofKind } from './fields.js';

export interface PodTolerations {
  /** For namespaces that name none. */
  readonly default: readonly Toleration[];
  /** What pods may tolerate; everything where it is empty. */
  readonly whitelist: readonly Toleration[];
}

export const NO_POD_TOLERATIONS: PodTolerations = { default: [], whitelist: [] };

export function podTolerationsOf(value: unknown): PodTolerations {
  const config = ofKind(value, 'Configuration', 'podtolerationrestriction.admission.k8s.io', [
    'v1alpha1',
  ]);
  return {
    default: listAt(config, 'default').map(tolerationOf),
    whitelist: listAt(config, 'whitelist').map(tolerationOf),
  };
}

/** The JSON list in a namespace's annotation. Throws, saying what is wrong. */
export function parseTolerations(text: string): readonly Toleration[] {
  const list: unknown = JSON.parse(text);
  if (!Array.isArray(list) || !list.every(isFields))
    throw new Error('json: cannot unmarshal into a list of Tolerations');
  return list.map(tolerationOf);
}

function tolerationOf(fields: Fields): Toleration {
  const seconds = fields['tolerationSeconds'] ?? undefined;
  if (seconds !== undefined && !(typeof seconds === 'number' && Number.isSafeInteger(seconds)))
    throw new Error('tolerationSeconds: Invalid value: must be an integer');
  const text = (field: 'key' | 'operator' | 'value' | 'effect') => {
    const value = fields[field] ?? '';
    if (typeof value !== 'string') throw new Error(`${field}: Invalid value: must be a string`);
    return value === '' ? {} : { [field]: value };
  };
  return {
    ...text('key'),
    ...text('operator'),
    ...text('value'),
    ...text('effect'),
    ...(seconds === undefined ? {} : { tolerationSeconds: seconds }),
  };
}
