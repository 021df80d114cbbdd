/**
 * YAML as Kubernetes reads it: version 1.1 (`yes` is true), but a date stays a string, and of a key that stands
 * twice the last value counts, which whoever wants to know is told.
 */
import { isScalar, parseDocument, type Tags } from 'yaml';

/** Throws an Error that names the line. */
export function readYaml(text: string): unknown {
  const document = parseDocument(text, {
    version: '1.1',
    uniqueKeys: false,
    merge: true,
    customTags: (tags: Tags) => tags.filter((tag) => !isTimestamp(tag)),
  });
  const [fault] = document.errors;
  if (fault) {
    const line = fault.linePos?.[0].line ?? 1;
    const why = fault.message.split('\n')[0]?.replace(/ at line \d+, column \d+:?$/, '') ?? '';
    throw new Error(`line ${line}: ${why}`);
  }
  return document.toJS();
}

/** `line 3: key "name" already set in map`, of each key that stands twice in a map. */
export function repeatedKeys(text: string): string[] {
  const document = parseDocument(text, { version: '1.1', uniqueKeys: (a, b) => isSameKey(a, b) });
  const twice = document.errors.filter((error) => error.code === 'DUPLICATE_KEY');
  return twice.map(({ linePos, pos }) => {
    const key = /^["']?([^"':\s]+)/.exec(text.slice(pos[0]))?.[1] ?? '';
    return `line ${linePos?.[0].line ?? 1}: key ${JSON.stringify(key)} already set in map`;
  });
}

function isTimestamp(tag: unknown): boolean {
  return (
    typeof tag === 'object' &&
    tag !== null &&
    'tag' in tag &&
    String(tag.tag).endsWith(':timestamp')
  );
}

function isSameKey(a: unknown, b: unknown): boolean {
  return a === b || (isScalar(a) && isScalar(b) && a.value === b.value);
}
