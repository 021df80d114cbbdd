/**
 * One step of a field path, as text in the form that `FieldsV1` has on the wire:
 *
 *   f:NAME          a field of an object, or a key of a map
 *   k:{"name":"x"}  the item of a list that has these keys, sorted by name
 *   v:JSON          the item of a set that has this value
 *   i:INDEX         an item by its position (never made here, only read)
 *
 * Equal elements are equal texts.
 */
import type { UnstructuredObject } from '../meta.js';

export type JsonObject = Readonly<Record<string, unknown>>;

export function fieldElement(name: string): string {
  return `f:${name}`;
}

export function valueElement(value: unknown): string {
  return `v:${JSON.stringify(value)}`;
}

/** `names` sorted; undefined where the item has none of the keys and none has a default. */
export function keyElement(
  item: JsonObject,
  names: readonly string[],
  defaults: ReadonlyMap<string, unknown>,
): string | undefined {
  let text = '';
  for (const name of names) {
    const value = item[name] === undefined ? defaults.get(name) : item[name];
    if (value === undefined) continue;
    text += `${text === '' ? '' : ','}${JSON.stringify(name)}:${JSON.stringify(value)}`;
  }
  return text === '' ? undefined : `k:{${text}}`;
}

/** `.spec.containers[name="web"].image`, as messages show a path. */
export function formatPath(elements: readonly string[]): string {
  return elements.map(formatElement).join('');
}

export function formatElement(element: string): string {
  const body = element.slice(2);
  switch (element.charAt(0)) {
    case 'f':
      return `.${body}`;
    case 'k': {
      const keys = Object.entries(JSON.parse(body) as UnstructuredObject);
      return `[${keys.map(([name, value]) => `${name}=${formatScalar(value)}`).join(',')}]`;
    }
    case 'v':
      return `[=${formatScalar(JSON.parse(body))}]`;
    default:
      return `[${body}]`;
  }
}

function formatScalar(value: unknown): string {
  return value === null ? 'null' : JSON.stringify(value);
}

/** `.` < fields < keys < values < indices; keys and values by what they hold, numbers as numbers. */
export function compareElements(a: string, b: string): number {
  if (a === b) return 0;
  const first = a.charCodeAt(0);
  if (first !== b.charCodeAt(0)) return rank(a) - rank(b);
  switch (first) {
    case KEY:
      return compareKeys(parseObject(a.slice(2)), parseObject(b.slice(2)));
    case VALUE:
      return compareScalars(JSON.parse(a.slice(2)), JSON.parse(b.slice(2)));
    case INDEX:
      return Number(a.slice(2)) - Number(b.slice(2));
    default:
      return a < b ? -1 : 1;
  }
}

const KEY = 'k'.charCodeAt(0);
const VALUE = 'v'.charCodeAt(0);
const INDEX = 'i'.charCodeAt(0);

/** In canonical form; undefined where the text is no path element. */
export function normalizeElement(element: string): string | undefined {
  if (element.charAt(1) !== ':') return undefined;
  const body = element.slice(2);
  switch (element.charAt(0)) {
    case 'f':
      return element;
    case 'v': {
      const value = parseJson(body);
      return value === undefined ? undefined : valueElement(value);
    }
    case 'k': {
      const value = parseJson(body);
      if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
      return keyElement(value as JsonObject, Object.keys(value).sort(), NO_DEFAULTS);
    }
    case 'i':
      return /^-?[0-9]+$/.test(body) ? element : undefined;
    default:
      return undefined;
  }
}

const NO_DEFAULTS: ReadonlyMap<string, unknown> = new Map();

function rank(element: string): number {
  return element === '.' ? -1 : 'fkvi'.indexOf(element.charAt(0));
}

/** Keys of items come again with every write: `{"type":"Ready"}`. */
const parsedKeys = new Map<string, [string, unknown][]>();
const MAX_PARSED_KEYS = 4_096;

function parseObject(text: string): [string, unknown][] {
  let parsed = parsedKeys.get(text);
  if (!parsed) {
    parsed = Object.entries(JSON.parse(text) as UnstructuredObject);
    if (parsedKeys.size >= MAX_PARSED_KEYS) parsedKeys.clear();
    parsedKeys.set(text, parsed);
  }
  return parsed;
}

function compareKeys(a: [string, unknown][], b: [string, unknown][]): number {
  for (let i = 0; i < Math.min(a.length, b.length); i++) {
    const [nameA, valueA] = a[i] ?? ['', null];
    const [nameB, valueB] = b[i] ?? ['', null];
    if (nameA !== nameB) return nameA < nameB ? -1 : 1;
    const order = compareScalars(valueA, valueB);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

/** Numbers before texts before booleans before null, as upstream orders kinds. */
function compareScalars(a: unknown, b: unknown): number {
  const byKind = kind(a) - kind(b);
  if (byKind !== 0) return byKind;
  if (typeof a === 'number' && typeof b === 'number') return a - b;
  const left = String(a);
  const right = String(b);
  return left < right ? -1 : left > right ? 1 : 0;
}

function kind(value: unknown): number {
  return ['number', 'string', 'boolean'].indexOf(typeof value) + 1 || 4;
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch (err) {
    if (err instanceof SyntaxError) return undefined;
    throw err;
  }
}
