/**
 * The `continue` of a list, encoded as upstream's (`k8s.io/apiserver/pkg/storage/continue.go`): opaque to
 * clients, but the same bytes, so that a token of one apiserver is good at any other.
 * `rv` is the revision that the whole list is read at, or -1: go on at the newest (an inconsistent list).
 */
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
  try {
    if (!/^[A-Za-z0-9_-]+$/.test(text)) throw new Error('illegal base64 data');
    const value: unknown = JSON.parse(Buffer.from(text, 'base64url').toString());
    if (typeof value === 'object' && value !== null) return value as Record<string, unknown>;
    throw new Error('not an object');
  } catch (err) {
    throw invalidToken(
      `continue key is not valid: ${err instanceof Error ? err.message : String(err)}`,
    );
  }
}

function invalidToken(why: string): Error {
  return badRequest(`invalid continue token: ${why}`);
}
