/** The value of a field as field selectors compare it; empty where there is none. */
import { goText } from '../../pkg/apimachinery/go-format.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { isMap } from './schema/structural.js';

/** `.spec.color` */
export function selectableText(obj: KubeObject, at: string): string {
  let value: unknown = obj;
  for (const field of at.replace(/^\./, '').split('.')) {
    if (!isMap(value) || !Object.hasOwn(value, field)) return '';
    value = value[field];
  }
  return value === undefined || value === null ? '' : goText(value);
}
