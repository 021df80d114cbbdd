/**
 * The `continue` of a list, encoded as upstream's (`k8s.io/apiserver/pkg/storage/continue.go`): opaque to
 * clients, but the same bytes, so that a token of one apiserver is good at any other.
 * `rv` is the revision that the whole list is read at, or -1: go on at the newest (an inconsistent list).
 */
import { explainSyntaxError } from '../../pkg/api/schema/json-scanner.js';
import { badRequest } from '../../pkg/apimachinery/status.js';

export interface ContinueToken {
  /** Relative to the folder that is listed. */
  readonly startKey: string;
  readonly revision: number;
}

const VERSION = 'meta.k8s.io/v1';

export function encodeContinue(token: ContinueToken): string {
  const { revision, startKey } = token;
  return Buffer.from(JSON.stringify({ v: VERSION, rv: revision, start: startKey })).toString(
    'base64url',
  );
}

/** Answers 400 for what is no token of ours, also for one that would climb out of the folder. */
export function decodeContinue(text: string): ContinueToken {
  const fields = parse(text);
  if (fields.v !== VERSION) {
    throw invalidToken(
      `continue key is not valid: server does not recognize this encoded version ${String(fields.v ?? '')}`,
    );
  }
  const { rv, start } = fields;
  if (typeof rv !== 'number' || !Number.isSafeInteger(rv) || rv === 0) {
    throw invalidToken(
      'continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
    );
  }
  if (typeof start !== 'string' || start === '') {
    throw invalidToken(
      'continue key is not valid: encoded start key empty (version meta.k8s.io/v1)',
    );
  }
  const segments = start.replace(/^\//, '').split('/');
  if (
    segments.slice(0, -1).some((s) => s === '' || s === '.' || s === '..') ||
    segments.at(-1) === '..'
  ) {
    throw invalidToken(`continue key is not valid: ${start}`);
  }
  return { startKey: segments.join('/'), revision: rv };
}

function parse(text: string): Record<string, unknown> {
  const wrong =
    /[^A-Za-z0-9_-]/.exec(text)?.index ?? (text.length % 4 === 1 ? text.length - 1 : -1);
  if (wrong >= 0) {
    throw invalidToken(`continue key is not valid: illegal base64 data at input byte ${wrong}`);
  }
  const json = Buffer.from(text, 'base64url').toString();
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (err) {
    throw invalidToken(`continue key is not valid: ${explainSyntaxError(json) ?? String(err)}`);
  }
  if (isRecord(value)) return value;
  const came = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  throw invalidToken(
    `continue key is not valid: json: cannot unmarshal ${came} into Go value of type storage.continueToken`,
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function invalidToken(why: string): Error {
  return badRequest(`invalid continue token: ${why}`);
}
