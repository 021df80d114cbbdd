/** Why an operation of a JSON Patch does not apply, in the words of the library that Kubernetes uses. */
import { type Operation, Pointer } from 'rfc6902';

export class JsonPatchFault extends Error {
  override name = 'JsonPatchFault';
  /** The value is another than the patch was made for. */
  readonly isFailedTest: boolean;

  constructor(doc: object, operation: Operation) {
    const why = explain(doc, operation);
    super(why ?? `testing value ${operation.path} failed: test failed`);
    this.isFailedTest = why === undefined;
  }
}

const MISSING = 'missing value';

/** Undefined for a test of a value that is there, and another. */
function explain(doc: object, operation: Operation): string | undefined {
  const { op, path } = operation;
  const missing = (text: string) => `${op} operation does not apply: ${text}: ${MISSING}`;
  const place = find(doc, path);
  switch (op) {
    case 'add':
      if (!place) return missing(`doc is missing path: ${JSON.stringify(path)}`);
      return `error in add for path: '${path}': ${indexFault(place.key)}`;
    case 'remove':
      if (!place) return missing(`doc is missing path: ${JSON.stringify(path)}`);
      return Array.isArray(place.parent)
        ? `error in remove for path: '${path}': ${indexFault(place.key)}`
        : `error in remove for path: '${path}': Unable to remove nonexistent key: ${place.key}: ${MISSING}`;
    case 'replace':
      return missing(`doc is missing ${place ? 'key' : 'path'}: ${path}`);
    case 'test':
      return place ? undefined : missing(`is missing path: ${path}`);
    case 'move':
    case 'copy': {
      const from = find(doc, operation.from);
      if (!from) return missing(`doc is missing from path: ${operation.from}`);
      if (from.value === undefined) return missing(`doc is missing key: ${operation.from}`);
      if (!place) return missing(`doc is missing destination path: ${path}`);
      return `error in ${op} for path: '${path}': ${indexFault(place.key)}`;
    }
    default:
      return `Unexpected kind: ${String(op)}`;
  }
}

/** Undefined where there is nothing that could hold what the path names. */
function find(doc: object, path: string) {
  if (typeof path !== 'string' || !path.startsWith('/')) return undefined;
  const place = Pointer.fromJSON(path).evaluate(doc);
  return typeof place.parent === 'object' && place.parent !== null ? place : undefined;
}

function indexFault(key: string): string {
  return /^-?\d+$/.test(key)
    ? `Unable to access invalid index: ${key}: invalid index referenced`
    : `strconv.Atoi: parsing ${JSON.stringify(key)}: invalid syntax`;
}
