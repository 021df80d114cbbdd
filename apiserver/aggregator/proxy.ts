/**
 * Hands a request to an extension server (`handler_proxy.go`): as the front proxy, whose certificate says that
 * the headers `X-Remote-…` are to be believed; the caller's own credentials go no further. Answers stream back
 * as they come.
 */
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { exchangeOf, send } from '../endpoints/respond.js';
import type { RequestContext, UserInfo } from '../server/request-context.js';
import type { ServiceAddress } from '../server/service-resolver.js';
import { wantsUpgrade } from '../server/upgrade.js';
import type { RemoteApi } from './remote-api.js';
import { forwardUpgrade } from './upgrade-proxy.js';

/** Between two neighbours only (RFC 9110), or this server's own business. */
const NOT_FORWARDED = new Set([
  'authorization',
  'connection',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);
const OF_THE_CALLER = /^(x-remote-|impersonate-)/;
const CONNECT_TIMEOUT_MS = 10_000;

/** `service unavailable`, as text: clients say of it that the server is unable to handle the request. */
export function sendUnavailable(ctx: RequestContext, why = 'service unavailable'): void {
  sendText(ctx, 503, why);
}

export async function forward(
  ctx: RequestContext,
  remote: RemoteApi,
  at: ServiceAddress,
): Promise<void> {
  const { req, res } = exchangeOf(ctx);
  let answer: IncomingMessage;
  try {
    if (wantsUpgrade(req)) {
      const refused = await forwardUpgrade(ctx, remote, at);
      if (!refused) return;
      answer = refused;
    } else answer = await exchange(ctx, remote, at);
  } catch (err) {
    if (ctx.signal.aborted) throw err;
    const why = err instanceof Error ? err.message : String(err);
    ctx.logger.debug({ err, name: remote.name }, 'An extension server could not be reached');
    if (!req.complete) res.setHeader('Connection', 'close');
    sendUnavailable(ctx, `error trying to reach service: ${why}`);
    return;
  }
  const status = answer.statusCode ?? 502;
  if (status >= 300 && status < 400 && status !== 304) {
    answer.destroy();
    sendText(ctx, 502, 'the backend attempted to redirect this request, which is not permitted');
    return;
  }
  if (res.headersSent || res.destroyed) {
    answer.destroy();
    return;
  }
  res.writeHead(status, answer.statusMessage, forwardable(answer.headers));
  // A watch may have nothing to say for long: its headers say that it is there.
  res.flushHeaders();
  try {
    await pipeline(answer, res, { signal: ctx.signal });
  } catch (err) {
    answer.destroy();
    res.destroy();
    if (!ctx.signal.aborted)
      ctx.logger.debug({ err, name: remote.name }, 'The answer of an extension server broke off');
  }
}

function exchange(
  ctx: RequestContext,
  remote: RemoteApi,
  at: ServiceAddress,
): Promise<IncomingMessage> {
  const { req } = exchangeOf(ctx);
  return new Promise((resolve, reject) => {
    const outgoing = request(
      {
        agent: remote.agent,
        host: at.host,
        port: at.port,
        method: req.method,
        path: req.url,
        headers: {
          ...forwardable(req.headers),
          ...forwardedFor(req),
          ...identityHeaders(ctx.user),
        },
        signal: ctx.signal,
      },
      resolve,
    );
    outgoing.on('error', reject);
    outgoing.on('socket', (socket) => {
      if (!socket.connecting) return;
      socket.setTimeout(CONNECT_TIMEOUT_MS, () => outgoing.destroy(new Error('i/o timeout')));
      socket.once('secureConnect', () => socket.setTimeout(0));
    });
    if (hasBody(req)) req.pipe(outgoing);
    else outgoing.end();
  });
}

/** How an extension server is told who asks. */
export function identityHeaders(user: UserInfo): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = { 'X-Remote-User': user.name };
  if (user.uid) headers['X-Remote-Uid'] = user.uid;
  if (user.groups.length > 0) headers['X-Remote-Group'] = [...user.groups];
  for (const [key, values] of Object.entries(user.extra ?? {})) {
    headers[`X-Remote-Extra-${escapeKey(key)}`] = [...values];
  }
  return headers;
}

/** What may not stand in a header's name is percent-encoded. */
function escapeKey(key: string): string {
  return [...Buffer.from(key)]
    .map((byte) => {
      const char = String.fromCharCode(byte);
      if (/[A-Za-z0-9!#$&'*+.^_`|~-]/.test(char)) return char;
      return `%${byte.toString(16).toUpperCase().padStart(2, '0')}`;
    })
    .join('');
}

export function forwardable(headers: IncomingHttpHeaders): Record<string, string | string[]> {
  const kept: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value === undefined || NOT_FORWARDED.has(name) || OF_THE_CALLER.test(name)) continue;
    kept[name] = value;
  }
  return kept;
}

export function forwardedFor(req: IncomingMessage): Record<string, string> {
  const before = req.headers['x-forwarded-for'];
  const client = req.socket.remoteAddress ?? '';
  return { 'x-forwarded-for': before === undefined ? client : `${String(before)}, ${client}` };
}

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

function sendText(ctx: RequestContext, code: number, text: string): void {
  exchangeOf(ctx).res.setHeader('X-Content-Type-Options', 'nosniff');
  send(ctx, code, 'text/plain; charset=utf-8', Buffer.from(`${text}\n`));
}
