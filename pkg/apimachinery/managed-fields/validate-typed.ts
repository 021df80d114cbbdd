/**
 * Whether an applied object fits its type: what `sigs.k8s.io/structured-merge-diff` checks before it
 * merges, with its texts. All faults are reported.
 */
import { goSyntax, goText, goType } from '../go-format.js';
import { deducedType, type FieldType, type ListType } from './field-type.js';
import { formatElement } from './path-element.js';
import { isMap, itemElement } from './typed.js';

/** One line when there is one fault, `errors:` and a line each when there are more; undefined when none. */
export function typeErrors(type: FieldType, value: unknown): string | undefined {
  const found: string[] = [];
  walk(type, value, '', found);
  if (found.length === 0) return undefined;
  return found.length === 1 ? found[0] : ['errors:', ...found.map((e) => `  ${e}`)].join('\n');
}

function walk(type: FieldType, value: unknown, path: string, found: string[]): void {
  const report = (text: string) => found.push(path === '' ? text : `${path}: ${text}`);
  if (value === undefined || value === null) return;
  const scalar = typeof value !== 'object';
  // A value that fits one of the type's forms is held to that one; any other to the first it has.
  if (scalar && type.scalar) {
    const text = scalarError(type.scalar, value);
    if (text !== undefined) report(text);
  } else if (Array.isArray(value) && type.list) {
    walkList(type.list, value, path, found);
  } else if (isMap(value) && type.map) {
    for (const key of Object.keys(value)) {
      const child = type.map.field(key);
      if (child !== undefined) walk(child, value[key], `${path}.${key}`, found);
      else if (value[key] !== undefined) found.push(`${path}.${key}: field not declared in schema`);
    }
  } else if (type.map) report(`expected map, got &{${goText(value)}}`);
  else if (type.scalar) report(scalarError(type.scalar, value) ?? '');
  else report(`expected list, got &{${goText(value)}}`);
}

function walkList(type: ListType, list: readonly unknown[], path: string, found: string[]): void {
  const seen = new Set<string>();
  for (const [i, item] of list.entries()) {
    let element = `i:${i}`;
    if (!type.atomic) {
      const key = itemElement(type, item);
      if (key === undefined) {
        const text = `element ${i}: ${itemError(type, item)}`;
        found.push(path === '' ? text : `${path}: ${text}`);
        return;
      }
      if (seen.has(key)) {
        const text = `duplicate entries for key ${formatElement(key)}`;
        found.push(path === '' ? text : `${path}: ${text}`);
      }
      seen.add(key);
      element = key;
    }
    walk(type.element ?? deducedType(), item, path + formatElement(element), found);
  }
}

function itemError(type: ListType, item: unknown): string {
  if (type.keys.length === 0) {
    if (Array.isArray(item)) return 'not supported: associative list with lists as elements';
    return item === null
      ? "associative list without keys has an element that's an explicit null"
      : "associative list without keys has an element that's a map type";
  }
  if (item === null || item === undefined) {
    return 'associative list with keys may not have a null element';
  }
  if (!isMap(item)) return 'associative list with keys may not have non-map elements';
  const keys = `[${type.keys.map((key) => JSON.stringify(key)).join(' ')}]`;
  return `associative list with keys has an element that omits all key fields ${keys} (and doesn't have default values for any key fields)`;
}

function scalarError(scalar: NonNullable<FieldType['scalar']>, value: unknown): string | undefined {
  switch (scalar) {
    case 'number':
      if (typeof value === 'number') return undefined;
      return `expected numeric (int or float), got ${goType(value)}`;
    case 'string':
      if (typeof value === 'string') return undefined;
      return `expected string, got &value.valueUnstructured{Value:${goSyntax(value)}}`;
    case 'boolean':
      return typeof value === 'boolean' ? undefined : `expected boolean, got &{${goText(value)}}`;
    case 'any':
      return typeof value === 'object' ? `expected any scalar, got &{${goText(value)}}` : undefined;
  }
}
