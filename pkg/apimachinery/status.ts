/**
 * Every `Status` that the project answers with is made here, with the reasons, codes and wording of
 * `k8s.io/apimachinery/pkg/api/errors`. Callers match on `reason` (see `isReason`), never on text.
 */
import { type FieldError, formatFieldError } from './field-error.js';

export interface StatusCause {
  reason?: string;
  message?: string;
  field?: string;
}

export interface StatusDetails {
  name?: string;
  group?: string;
  kind?: string;
  uid?: string;
  causes?: StatusCause[];
  retryAfterSeconds?: number;
}

export interface Status {
  kind: 'Status';
  apiVersion: 'v1';
  metadata: { resourceVersion?: string; continue?: string; remainingItemCount?: number };
  status: 'Success' | 'Failure';
  message?: string;
  reason?: StatusReason;
  details?: StatusDetails;
  code?: number;
}

export type StatusReason =
  | 'Unauthorized'
  | 'Forbidden'
  | 'NotFound'
  | 'AlreadyExists'
  | 'Conflict'
  | 'Gone'
  | 'Invalid'
  | 'ServerTimeout'
  | 'StoreReadError'
  | 'Timeout'
  | 'TooManyRequests'
  | 'BadRequest'
  | 'MethodNotAllowed'
  | 'NotAcceptable'
  | 'RequestEntityTooLarge'
  | 'UnsupportedMediaType'
  | 'InternalError'
  | 'Expired'
  | 'ServiceUnavailable'
  | 'Unknown'
  | '';

/** The one error type that carries an answer for the client. Anything else is a 500, logged once. */
export class StatusError extends Error {
  readonly status: Status;
  constructor(status: Status, options?: ErrorOptions) {
    super(status.message ?? status.reason ?? 'unknown error', options);
    this.name = 'StatusError';
    this.status = status;
  }
  get reason(): StatusReason {
    return this.status.reason ?? '';
  }
  get code(): number {
    return this.status.code ?? 500;
  }
}

export function isReason(err: unknown, ...reasons: StatusReason[]): err is StatusError {
  return err instanceof StatusError && reasons.includes(err.reason);
}

/** A group and resource, or group and kind: what an error message names. */
export interface Qualified {
  group: string;
  resource: string;
}

/** `deployments.apps`, or `pods` for the core group. */
export function qualify(of: Qualified): string {
  return of.group === '' ? of.resource : `${of.resource}.${of.group}`;
}

export function failure(
  code: number,
  reason: StatusReason,
  message: string,
  details?: StatusDetails,
): StatusError {
  return new StatusError({
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message,
    ...(reason === '' ? {} : { reason }),
    ...(details ? { details } : {}),
    code,
  });
}

export function notFound(of: Qualified, name: string): StatusError {
  return failure(404, 'NotFound', `${qualify(of)} ${quote(name)} not found`, detailsOf(of, name));
}

export function alreadyExists(of: Qualified, name: string): StatusError {
  return failure(
    409,
    'AlreadyExists',
    `${qualify(of)} ${quote(name)} already exists`,
    detailsOf(of, name),
  );
}

/** With `generateName`, when every try hit a name that is taken. */
export function generateNameConflict(
  of: Qualified,
  name: string,
  retryAfterSeconds: number,
): StatusError {
  return failure(
    409,
    'AlreadyExists',
    `${qualify(of)} ${quote(name)} already exists, the server was not able to generate a unique name for the object`,
    { ...detailsOf(of, name), retryAfterSeconds },
  );
}

export function unauthorized(message = 'Unauthorized'): StatusError {
  return failure(401, 'Unauthorized', message);
}

/** `pods "x" is forbidden: WHY`; without a name `pods is forbidden: WHY`. */
export function forbidden(of: Qualified, name: string, why: string): StatusError {
  let message =
    name === ''
      ? `${qualify(of)} is forbidden: ${why}`
      : `${qualify(of)} ${quote(name)} is forbidden: ${why}`;
  if (qualify(of) === '') message = `forbidden: ${why}`;
  return failure(403, 'Forbidden', message, detailsOf(of, name));
}

export function conflict(of: Qualified, name: string, why: string): StatusError {
  return failure(
    409,
    'Conflict',
    `Operation cannot be fulfilled on ${qualify(of)} ${quote(name)}: ${why}`,
    detailsOf(of, name),
  );
}

/** The text of the 409 that a stale `resourceVersion` gets. */
export const OBJECT_MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again';

/** A server-side apply conflict; one cause a field and manager. */
export function applyConflict(causes: StatusCause[], message: string): StatusError {
  return failure(409, 'Conflict', message, { causes });
}

export function gone(message: string): StatusError {
  return failure(410, 'Gone', message);
}

/** 410 for an old `resourceVersion` or continue token. */
export function expired(message: string): StatusError {
  return failure(410, 'Expired', message);
}

/** `of.resource` is the KIND here, as upstream: `Pod "x" is invalid: [a, b]`. */
export function invalid(
  of: { group: string; kind: string },
  name: string,
  errors: readonly FieldError[],
): StatusError {
  const causes = errors.map((e) => ({ reason: e.type, message: e.body, field: e.field }));
  const texts = [...new Set(errors.map(formatFieldError))];
  const list = texts.length === 1 ? texts[0] : `[${texts.join(', ')}]`;
  const kind = of.group === '' ? of.kind : `${of.kind}.${of.group}`;
  const message =
    errors.length === 0
      ? `${kind} ${quote(name)} is invalid`
      : `${kind} ${quote(name)} is invalid: ${list}`;
  return failure(422, 'Invalid', message, {
    ...(name === '' ? {} : { name }),
    ...(of.group === '' ? {} : { group: of.group }),
    ...(of.kind === '' ? {} : { kind: of.kind }),
    causes,
  });
}

export function badRequest(message: string): StatusError {
  return failure(400, 'BadRequest', message);
}

export function tooManyRequests(message: string, retryAfterSeconds: number): StatusError {
  return failure(429, 'TooManyRequests', message, { retryAfterSeconds });
}

export function serviceUnavailable(message: string): StatusError {
  return failure(503, 'ServiceUnavailable', message);
}

/** What the router says where a path has no such method. */
export function methodNotAllowed(
  message = 'the server does not allow this method on the requested resource',
): StatusError {
  return failure(405, 'MethodNotAllowed', message, {});
}

export function methodNotSupported(of: Qualified, verb: string): StatusError {
  return failure(
    405,
    'MethodNotAllowed',
    `${verb} is not supported on resources of kind ${quote(qualify(of))}`,
    detailsOf(of, ''),
  );
}

export function serverTimeout(
  of: Qualified,
  operation: string,
  retryAfterSeconds: number,
): StatusError {
  return failure(
    500,
    'ServerTimeout',
    `The ${operation} operation against ${qualify(of)} could not be completed at this time, please try again.`,
    { ...detailsOf(of, operation), retryAfterSeconds },
  );
}

export function timeout(message: string, retryAfterSeconds: number): StatusError {
  return failure(504, 'Timeout', `Timeout: ${message}`, { retryAfterSeconds });
}

export function tooLargeResourceVersion(requested: string, current: string): StatusError {
  return failure(
    504,
    'Timeout',
    `Timeout: Too large resource version: ${requested}, current: ${current}`,
    {
      causes: [{ reason: 'ResourceVersionTooLarge', message: 'Too large resource version' }],
      retryAfterSeconds: 1,
    },
  );
}

export function requestEntityTooLarge(limitBytes: number): StatusError {
  return failure(
    413,
    'RequestEntityTooLarge',
    `Request entity is too large: limit is ${limitBytes}`,
  );
}

export function unsupportedMediaType(accepted: readonly string[]): StatusError {
  return failure(
    415,
    'UnsupportedMediaType',
    `the body of the request was in an unknown format - accepted media types include: ${accepted.join(', ')}`,
  );
}

export function notAcceptable(accepted: readonly string[]): StatusError {
  return failure(
    406,
    'NotAcceptable',
    `only the following media types are accepted: ${accepted.join(', ')}`,
  );
}

/** An answer that has another form than the one that was asked for. */
export function notAcceptableForm(message: string): StatusError {
  return failure(406, 'NotAcceptable', message);
}

/** A kind that has no protobuf message. */
export function notAcceptableKind(value: { readonly kind?: string }): StatusError {
  return notAcceptableForm(
    `object ${value.kind ?? ''} does not implement the protobuf marshalling interface and cannot be encoded to a protobuf message`,
  );
}

/** What a path that no handler owns answers. */
export function unknownPath(): StatusError {
  return failure(404, 'NotFound', 'the server could not find the requested resource', {});
}

export function internalError(err: unknown): StatusError {
  const text = err instanceof Error ? err.message : String(err);
  return failure(500, 'InternalError', `Internal error occurred: ${text}`, {
    causes: [{ message: text }],
  });
}

function detailsOf(of: Qualified, name: string): StatusDetails {
  return {
    ...(name === '' ? {} : { name }),
    ...(of.group === '' ? {} : { group: of.group }),
    kind: of.resource,
  };
}

function quote(text: string): string {
  return JSON.stringify(text);
}
