/**
 * A connection that leaves HTTP (WebSocket, SPDY) passed through to an extension server, bytes for bytes, once
 * it has agreed. Its refusal is an answer like any other.
 */
import type { IncomingMessage } from 'node:http';
import { request } from 'node:https';
import type { Duplex } from 'node:stream';
import { exchangeOf } from '../endpoints/respond.js';
import type { RequestContext } from '../server/request-context.js';
import type { ServiceAddress } from '../server/service-resolver.js';
import { takeUpgrade } from '../server/upgrade.js';
import { forwardable, forwardedFor, identityHeaders } from './proxy-headers.js';
import type { RemoteApi } from './remote-api.js';

interface Agreed {
  readonly answer: IncomingMessage;
  readonly socket: Duplex;
  readonly head: Buffer;
}

/** Resolves when the connection has ended; or, to its answer, when the extension server stays with HTTP. */
export async function forwardUpgrade(
  ctx: RequestContext,
  remote: RemoteApi,
  at: ServiceAddress,
): Promise<IncomingMessage | undefined> {
  const { req, res } = exchangeOf(ctx);
  const outcome = await ask(ctx, remote, at);
  if (!('head' in outcome)) return outcome;
  const { answer, socket: theirs, head } = outcome;
  const taken = takeUpgrade(req);
  if (!taken) {
    theirs.destroy();
    return undefined;
  }
  res.statusCode = 101;
  const ours = taken.socket;
  const lines = [`HTTP/1.1 101 ${answer.statusMessage ?? 'Switching Protocols'}`];
  for (let i = 0; i + 1 < answer.rawHeaders.length; i += 2) {
    lines.push(`${answer.rawHeaders[i]}: ${answer.rawHeaders[i + 1]}`);
  }
  ours.write(`${lines.join('\r\n')}\r\n\r\n`);
  if (head.length > 0) ours.write(head);
  if (taken.head.length > 0) theirs.write(taken.head);
  await joined(ours, theirs, ctx.signal);
  return undefined;
}

function ask(
  ctx: RequestContext,
  remote: RemoteApi,
  at: ServiceAddress,
): Promise<Agreed | IncomingMessage> {
  const { req } = exchangeOf(ctx);
  return new Promise((resolve, reject) => {
    const outgoing = request({
      ...remote.tls,
      agent: false,
      host: at.host,
      port: at.port,
      method: req.method,
      path: req.url,
      headers: {
        ...forwardable(req.headers),
        ...forwardedFor(req),
        ...identityHeaders(ctx.user),
        Connection: 'Upgrade',
        Upgrade: String(req.headers.upgrade),
      },
      signal: ctx.signal,
    });
    outgoing.on('error', reject);
    outgoing.on('response', resolve);
    outgoing.on('upgrade', (answer, socket, head) => resolve({ answer, socket, head }));
    outgoing.end();
  });
}

/** Until either side ends, or the server stops; then both end. */
function joined(one: Duplex, other: Duplex, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const over = () => {
      one.destroy();
      other.destroy();
      resolve();
    };
    for (const socket of [one, other]) {
      socket.once('close', over);
      socket.once('error', over);
    }
    signal.addEventListener('abort', over, { once: true });
    if (signal.aborted) over();
    one.pipe(other);
    other.pipe(one);
  });
}
