/**
 * Answers of one object: JSON as it is kept, or pretty, or YAML; and every Status. Lists and watches have
 * their own files.
 */
import {
  type CreateNodeOptions,
  type DocumentOptions,
  type SchemaOptions,
  stringify,
  type ToStringOptions,
} from 'yaml';
import { internalError, type Status, StatusError } from '../../pkg/apimachinery/status.js';
import type { RequestContext } from '../server/request-context.js';
import type { StoredObject } from '../storage/stored-object.js';
import { type Accepted, type Encoding, JSON_TYPE, negotiate, YAML_TYPE } from './media-type.js';

export type Exchange = NonNullable<RequestContext['exchange']>;

/** People at a terminal or in a browser get indented JSON, as upstream. */
const HUMAN_AGENTS = ['curl', 'Wget', 'Mozilla/5.0'];

/** Read by programs that know YAML 1.1: what looks like a date or a `yes` there is quoted. */
export const YAML_OPTIONS: DocumentOptions & SchemaOptions & CreateNodeOptions & ToStringOptions = {
  version: '1.1',
  aliasDuplicateObjects: false,
  lineWidth: 0,
};

export function wantsPretty(ctx: RequestContext): boolean {
  const asked = ctx.query.get('pretty');
  if (asked !== null) return asked !== 'false' && asked !== '0';
  const agent = ctx.exchange?.req.headers['user-agent'] ?? '';
  return HUMAN_AGENTS.some((name) => agent.startsWith(name));
}

export function exchangeOf(ctx: RequestContext): Exchange {
  if (!ctx.exchange) throw new Error('a request without an exchange reached the endpoints');
  return ctx.exchange;
}

export function contentTypeOf(encoding: Encoding): string {
  return encoding === 'yaml' ? YAML_TYPE : JSON_TYPE;
}

/** Sends an object's own bytes. */
export function sendStored(
  ctx: RequestContext,
  code: number,
  object: StoredObject,
  accepted: Accepted,
): void {
  if (accepted.encoding === 'json' && !wantsPretty(ctx)) {
    ctx.audit?.setResponse(() => object.object);
    send(ctx, code, JSON_TYPE, object.line);
    return;
  }
  sendValue(ctx, code, object.object, accepted.encoding);
}

/** Sends a value that is kept nowhere. */
export function sendValue(
  ctx: RequestContext,
  code: number,
  value: unknown,
  encoding: Encoding,
): void {
  ctx.audit?.setResponse(() => value);
  send(ctx, code, contentTypeOf(encoding), encodeValue(value, encoding, wantsPretty(ctx)));
}

export function encodeValue(value: unknown, encoding: Encoding, pretty: boolean): Buffer {
  if (encoding === 'yaml') return Buffer.from(stringify(value, YAML_OPTIONS));
  return Buffer.from(pretty ? JSON.stringify(value, null, 2) : `${JSON.stringify(value)}\n`);
}

export function send(ctx: RequestContext, code: number, contentType: string, body: Buffer): void {
  const { res } = exchangeOf(ctx);
  if (res.headersSent || res.destroyed) return;
  res.statusCode = code;
  res.setHeader('Cache-Control', 'no-cache, private');
  res.setHeader('Content-Type', contentType);
  res.setHeader('Content-Length', body.length);
  res.end(body);
}

/** The answer to an error: its Status, or a 500 that is logged. Nothing is sent when the client is gone. */
export function sendError(ctx: RequestContext, err: unknown): void {
  const { req, res } = exchangeOf(ctx);
  // Answered already, by a time-out for instance.
  if (res.writableEnded) return;
  let error: StatusError;
  if (err instanceof StatusError) error = err;
  else {
    if (res.destroyed || ctx.signal.aborted) return;
    ctx.logger.error(
      { err, path: ctx.requestInfo.path, verb: ctx.requestInfo.verb },
      'request failed',
    );
    error = internalError(err);
  }
  if (res.headersSent) {
    res.destroy();
    return;
  }
  // A body that nobody read would be taken for the connection's next request.
  if (!req.complete) res.setHeader('Connection', 'close');
  const retryAfter = error.status.details?.retryAfterSeconds;
  if (retryAfter) res.setHeader('Retry-After', String(retryAfter));
  sendValue(ctx, error.code, error.status, errorEncoding(req.headers.accept));
}

function errorEncoding(accept: string | undefined): Encoding {
  try {
    return negotiate(accept).encoding;
  } catch {
    return 'json';
  }
}

export function success(details: Status['details'], code?: number): Status {
  return {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Success',
    ...(details ? { details } : {}),
    ...(code === undefined ? {} : { code }),
  };
}
