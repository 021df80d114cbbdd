/**
 * JSON Patch (RFC 6902): all operations or none. The object itself is never changed.
 *
 * Answers as upstream: 400 for a body that is no patch, 413 for too many operations, and for an operation
 * that fails (a test, or a path that is not there) a 422 that does not say which.
 */
import { applyPatch, type Operation, Pointer } from 'rfc6902';
import { clone } from '../clone.js';
import { badRequest, failure, type StatusError } from '../status.js';

const MAX_OPERATIONS = 10_000;
/** All that `copy` adds, in bytes: copying a value into itself again and again doubles it each time. */
const MAX_COPIED_BYTES = 3 * 1024 * 1024;

const OPERATIONS: readonly string[] = ['add', 'remove', 'replace', 'move', 'copy', 'test'];

/** Checks what the body of the request parsed to. Throws a StatusError. */
export function asJsonPatch(body: unknown): Operation[] {
  if (!Array.isArray(body)) {
    throw badRequest(
      `error decoding patch: json: cannot unmarshal ${jsonKind(body)} into Go value of type []handlers.jsonPatchOp`,
    );
  }
  if (body.length > MAX_OPERATIONS) {
    throw failure(
      413,
      'RequestEntityTooLarge',
      `Request entity is too large: The allowed maximum operations in a JSON patch is ${MAX_OPERATIONS}, got ${body.length}`,
    );
  }
  for (const operation of body) {
    if (typeof operation !== 'object' || operation === null || Array.isArray(operation)) {
      throw badRequest(
        `error decoding patch: json: cannot unmarshal ${jsonKind(operation)} into Go value of type handlers.jsonPatchOp`,
      );
    }
  }
  return body;
}

/** What is thrown for an operation that fails; `doc` is as the operations before it left it. */
export type OnFault = (doc: object, operation: Operation) => Error;

/** `obj` patched. Throws a StatusError, or what `onFault` makes. */
export function applyJsonPatch<T extends object>(
  obj: T,
  operations: readonly Operation[],
  onFault: OnFault = rejected,
): T {
  const doc = clone(obj);
  let copied = 0;
  for (const given of operations) {
    const operation = lenient(doc, given);
    if (!OPERATIONS.includes(operation.op) || !placesExist(doc, operation))
      throw onFault(doc, operation);
    if (operation.op === 'copy') {
      const value: unknown = Pointer.fromJSON(operation.from).evaluate(doc).value;
      copied += Buffer.byteLength(JSON.stringify(value) ?? '');
      if (copied > MAX_COPIED_BYTES) throw onFault(doc, operation);
    }
    if (applyPatch(doc, [operation])[0] !== null) throw onFault(doc, operation);
  }
  return doc;
}

/** The library that Kubernetes uses lets `replace` make a member of an object that is not there. */
function lenient(doc: object, operation: Operation): Operation {
  if (operation.op !== 'replace' || typeof operation.path !== 'string') return operation;
  if (!operation.path.startsWith('/')) return operation;
  const { parent, key } = Pointer.fromJSON(operation.path).evaluate(doc);
  const makes = isObject(parent) && !Object.hasOwn(parent, key);
  return makes ? { op: 'add', path: operation.path, value: operation.value } : operation;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What the library takes on trust: pointers are well formed, and what names a list's item is an index. */
function placesExist(doc: object, operation: Operation): boolean {
  const moves = operation.op === 'move' || operation.op === 'copy';
  const pointers = [operation.path, ...(moves ? [operation.from] : [])];
  for (const [i, pointer] of pointers.entries()) {
    if (typeof pointer !== 'string' || (pointer !== '' && !pointer.startsWith('/'))) return false;
    if (pointer.split('/').includes('__proto__')) return false;
    const { parent, key } = Pointer.fromJSON(pointer).evaluate(doc);
    // Of texts and numbers there are no parts.
    if (parent !== null && parent !== undefined && typeof parent !== 'object') return false;
    if (!Array.isArray(parent)) continue;
    const appends = i === 0 && ['add', 'move', 'copy'].includes(operation.op) && key === '-';
    if (!appends && !/^(0|[1-9][0-9]*)$/.test(key)) return false;
  }
  return true;
}

/** Upstream makes this of any failure while applying. */
function rejected(): StatusError {
  return failure(
    422,
    'Invalid',
    'the server rejected our request due to an error in our request',
    {},
  );
}

function jsonKind(value: unknown): string {
  if (value === null || value === undefined) return 'null';
  if (Array.isArray(value)) return 'array';
  return typeof value === 'boolean' ? 'bool' : typeof value;
}
