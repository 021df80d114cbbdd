/** ConfigMaps: keys that can be file names, at most a mebibyte, and no change where they are immutable. */

import type { ConfigMap } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  forbidden,
  invalid,
  path,
  tooLong,
} from '../../../pkg/apimachinery/field-error.js';
import { ownValue } from '../../../pkg/apimachinery/own-value.js';
import { isConfigMapKey } from '../../../pkg/apimachinery/validation/formats.js';
import { invalidEach } from './fields.js';

/** Of ConfigMaps and Secrets alike: it has to fit the store. */
export const MAX_DATA_BYTES = 1024 * 1024;
export const IMMUTABLE = 'field is immutable when `immutable` is set';

export function validateConfigMap(obj: ConfigMap): FieldError[] {
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(obj.data ?? {})) {
    const at = path('data').key(key);
    errors.push(...invalidEach(at, key, isConfigMapKey(key)));
    if (ownValue(obj.binaryData, key) !== undefined)
      errors.push(invalid(at, key, 'duplicate of key present in binaryData'));
    bytes += Buffer.byteLength(value);
  }
  for (const [key, value] of Object.entries(obj.binaryData ?? {})) {
    errors.push(...invalidEach(path('binaryData').key(key), key, isConfigMapKey(key)));
    bytes += Buffer.byteLength(value, 'base64');
  }
  if (bytes > MAX_DATA_BYTES) errors.push(tooLong(path(''), MAX_DATA_BYTES));
  return errors;
}

export function validateConfigMapUpdate(obj: ConfigMap, old: ConfigMap): FieldError[] {
  const errors: FieldError[] = [];
  if (old.immutable) {
    if (!obj.immutable) errors.push(forbidden(path('immutable'), IMMUTABLE));
    if (!semanticDeepEqual(obj.data, old.data)) errors.push(forbidden(path('data'), IMMUTABLE));
    if (!semanticDeepEqual(obj.binaryData, old.binaryData))
      errors.push(forbidden(path('binaryData'), IMMUTABLE));
  }
  return [...errors, ...validateConfigMap(obj)];
}
