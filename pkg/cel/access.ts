/** Fields, keys and items of values, and what is said where they are not there. */
import { asIndex } from './equality.js';
import { CelFailure, CelMap, isList, noSuchOverload, Optional, type Value } from './values.js';

export function selectField(value: Value, field: string): Value {
  if (value instanceof CelMap) {
    const member = value.get(field);
    if (member === undefined) throw new CelFailure(`no such key: ${field}`);
    return member;
  }
  if (value instanceof Optional) return optionalLookUp(value, field);
  throw new CelFailure(`no such key: ${field}`);
}

export function isPresent(value: Value, field: string): boolean {
  if (value instanceof Optional) return value.value !== undefined && isPresent(value.value, field);
  return value instanceof CelMap && value.has(field);
}

export function lookUp(value: Value, key: Value): Value {
  if (isList(value)) {
    const at = asIndex(key);
    const item = value[at];
    if (item === undefined) throw new CelFailure(`index out of bounds: ${at}`);
    return item;
  }
  if (value instanceof CelMap) {
    const member = value.get(key);
    if (member === undefined) throw new CelFailure(`no such key: ${keyText(key)}`);
    return member;
  }
  if (value instanceof Optional) return optionalLookUp(value, key);
  throw noSuchOverload();
}

/** Of the value, or of the value of an optional: what is there under the key, if anything is. */
export function optionalLookUp(value: Value, key: Value): Value {
  if (value instanceof Optional)
    return value.value === undefined ? value : optionalLookUp(value.value, key);
  let found: Value | undefined;
  if (value instanceof CelMap) found = value.get(key);
  else if (isList(value)) found = value[asIndex(key)];
  else throw noSuchOverload();
  return found === undefined ? Optional.none : new Optional(found);
}

export function unwrap(value: Value): Value | undefined {
  if (!(value instanceof Optional)) throw noSuchOverload();
  return value.value;
}

export function keyText(key: Value): string {
  return key !== null && typeof key === 'object' && 'value' in key
    ? String(key.value)
    : String(key);
}
