/**
 * Answers of one object: JSON or protobuf as it is kept, or pretty, or YAML; and every Status. Lists and watches have
 * their own files.
 */
import {
  type CreateNodeOptions,
  type DocumentOptions,
  type SchemaOptions,
  stringify,
  type ToStringOptions,
} from 'yaml';
import type { EncodedObject } from '../../pkg/api/protobuf/encode.js';
import {
  internalError,
  notAcceptableKind,
  type Status,
  StatusError,
} from '../../pkg/apimachinery/status.js';
import type { RequestContext } from '../server/request-context.js';
import type { StoredObject } from '../storage/stored-object.js';
import { isWorthGzip, startGzip } from './compression.js';
import {
  type Accepted,
  contentTypeOf,
  type Encoding,
  JSON_TYPE,
  negotiate,
  PLAIN,
} from './media-type.js';
import { protobufCodec } from './protobuf.js';

export type Exchange = NonNullable<RequestContext['exchange']>;

/** People at a terminal or in a browser get indented JSON, as upstream. */
const HUMAN_AGENTS = ['curl', 'Wget', 'Mozilla/5.0'];

/** What Go's `strconv.ParseBool` takes for true. */
const TRUE_WORDS = new Set(['1', 't', 'T', 'true', 'TRUE', 'True']);

/** Read by programs that know YAML 1.1: what looks like a date or a `yes` there is quoted. */
export const YAML_OPTIONS: DocumentOptions & SchemaOptions & CreateNodeOptions & ToStringOptions = {
  version: '1.1',
  aliasDuplicateObjects: false,
  // As Go writes it.
  sortMapEntries: true,
  indentSeq: false,
  lineWidth: 0,
};

export function wantsPretty(ctx: RequestContext, accepted: Accepted = PLAIN): boolean {
  if (accepted.pretty) return true;
  const asked = ctx.query.get('pretty');
  if (asked) return TRUE_WORDS.has(asked);
  const agent = ctx.exchange?.req.headers['user-agent'] ?? '';
  return HUMAN_AGENTS.some((name) => agent.startsWith(name));
}

export function exchangeOf(ctx: RequestContext): Exchange {
  if (!ctx.exchange) throw new Error('a request without an exchange reached the endpoints');
  return ctx.exchange;
}

/** Sends an object's own bytes. */
export function sendStored(
  ctx: RequestContext,
  code: number,
  object: StoredObject,
  accepted: Accepted,
): void {
  ctx.audit?.setResponse(() => object.object);
  if (accepted.encoding === 'json' && !wantsPretty(ctx, accepted)) {
    send(ctx, code, JSON_TYPE, object.line);
  } else if (accepted.encoding === 'protobuf') {
    send(ctx, code, contentTypeOf('protobuf'), protobufOf(object).bytes);
  } else {
    const pretty = wantsPretty(ctx, accepted);
    const body = encodeValue(object.object, accepted.encoding, pretty);
    send(ctx, code, contentTypeOf(accepted.encoding), body);
  }
}

/** Sends a value that is kept nowhere. */
export function sendValue(
  ctx: RequestContext,
  code: number,
  value: object,
  accepted: Accepted | Encoding,
): void {
  const as = typeof accepted === 'string' ? { ...PLAIN, encoding: accepted } : accepted;
  ctx.audit?.setResponse(() => value);
  send(
    ctx,
    code,
    contentTypeOf(as.encoding),
    encodeValue(value, as.encoding, wantsPretty(ctx, as)),
  );
}

export function encodeValue(value: object, encoding: Encoding, pretty: boolean): Buffer {
  if (encoding === 'yaml') return Buffer.from(stringify(value, YAML_OPTIONS));
  if (encoding === 'json')
    return Buffer.from(pretty ? JSON.stringify(value, null, 2) : `${JSON.stringify(value)}\n`);
  const encoded = protobufCodec().encode(value);
  if (!encoded) throw notAcceptableKind(value);
  return encoded.bytes;
}

/** Made once for each object, and kept with it. */
export function protobufOf(object: StoredObject): EncodedObject {
  return object.encoded((value) => {
    const encoded = protobufCodec().encode(value);
    if (!encoded) throw notAcceptableKind(value);
    return encoded;
  });
}

export function send(ctx: RequestContext, code: number, contentType: string, body: Buffer): void {
  const { res } = exchangeOf(ctx);
  if (res.headersSent || res.destroyed) return;
  res.statusCode = code;
  res.setHeader('Cache-Control', 'no-cache, private');
  res.setHeader('Content-Type', contentType);
  if (isWorthGzip(ctx, body.length)) {
    startGzip(res).end(body);
    return;
  }
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
  const accepted = errorForm(req.headers.accept);
  if (accepted) sendValue(ctx, error.code, error.status, accepted);
  else send(ctx, error.code, JSON_TYPE, encodeValue(error.status, 'json', true));
}

/** The error outlasts a client that takes nothing we have: then it is JSON for people. */
function errorForm(accept: string | undefined): Accepted | undefined {
  try {
    return negotiate(accept, { shapes: false });
  } catch {
    return undefined;
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
