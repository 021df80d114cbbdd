/**
 * The two ways in which a request fails. The server answered: a `StatusError` (match on its `reason`).
 * It did not: a `ConnectionError`, after which nobody knows whether a write took effect.
 */
import {
  failure,
  isReason,
  type Status,
  StatusError,
  type StatusReason,
} from '../apimachinery/status.js';

/** The request did not get an answer: refused, reset, timed out, or the body broke off. */
export class ConnectionError extends Error {
  constructor(method: string, url: string, cause: unknown) {
    const why = cause instanceof Error ? cause.message : String(cause);
    super(`${method} ${url}: ${why}`, { cause });
    this.name = 'ConnectionError';
  }
}

export function isConnectionError(err: unknown): err is ConnectionError {
  return err instanceof ConnectionError;
}

export const isNotFound = (err: unknown) => isReason(err, 'NotFound');
export const isConflict = (err: unknown) => isReason(err, 'Conflict');
export const isAlreadyExists = (err: unknown) => isReason(err, 'AlreadyExists');
export const isForbidden = (err: unknown) => isReason(err, 'Forbidden');
/** A resourceVersion that the server no longer has: list again. */
export const isExpired = (err: unknown) => isReason(err, 'Expired', 'Gone');
export const isTooManyRequests = (err: unknown) => isReason(err, 'TooManyRequests');
export const isInvalid = (err: unknown) => isReason(err, 'Invalid');

/** A namespace that is being deleted refuses new content; a controller must not retry that. */
export function isNamespaceTerminating(err: unknown): boolean {
  return (
    isForbidden(err) &&
    err instanceof StatusError &&
    (err.status.details?.causes ?? []).some((c) => c.reason === 'NamespaceTerminating')
  );
}

const REASON_BY_CODE: Record<number, StatusReason> = {
  400: 'BadRequest',
  401: 'Unauthorized',
  403: 'Forbidden',
  404: 'NotFound',
  405: 'MethodNotAllowed',
  406: 'NotAcceptable',
  409: 'Conflict',
  410: 'Expired',
  413: 'RequestEntityTooLarge',
  415: 'UnsupportedMediaType',
  422: 'Invalid',
  429: 'TooManyRequests',
  500: 'InternalError',
  503: 'ServiceUnavailable',
  504: 'Timeout',
};

/** The error that an answer with a code of 400 or more stands for; its body need not be a Status. */
export function statusErrorOf(code: number, body: string): StatusError {
  const parsed = parseStatus(body);
  if (parsed) return new StatusError({ code, ...parsed });
  const text = body.trim().slice(0, 2048);
  return failure(
    code,
    REASON_BY_CODE[code] ?? 'Unknown',
    text === '' ? `the server responded with the status code ${code}` : text,
  );
}

function parseStatus(body: string): Status | undefined {
  if (!body.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(body);
    return isStatus(value) ? value : undefined;
  } catch {
    // A truncated or foreign body is shown as text.
    return undefined;
  }
}

export function isStatus(value: unknown): value is Status {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'Status';
}
