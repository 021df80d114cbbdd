/**
 * Hands a request to an extension server (`handler_proxy.go`): as the front proxy, whose certificate says that
 * the headers `X-Remote-…` are to be believed; the caller's own credentials go no further. Answers stream back
 * as they come.
 */
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import { pipeline } from 'node:stream/promises';
import { exchangeOf, send } from '../endpoints/respond.js';
import type { RequestContext } from '../server/request-context.js';
import type { ServiceAddress } from '../server/service-resolver.js';
import { wantsUpgrade } from '../server/upgrade.js';
import { forwardable, forwardedFor, identityHeaders } from './proxy-headers.js';
import type { RemoteApi } from './remote-api.js';
import { forwardUpgrade } from './upgrade-proxy.js';

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

function hasBody({ headers }: IncomingMessage): boolean {
  return headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined;
}

function sendText(ctx: RequestContext, code: number, text: string): void {
  exchangeOf(ctx).res.setHeader('X-Content-Type-Options', 'nosniff');
  send(ctx, code, 'text/plain; charset=utf-8', Buffer.from(`${text}\n`));
}
