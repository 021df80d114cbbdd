/**
 * Requests that ask to leave HTTP on their connection (WebSocket, SPDY). They take the same road through the
 * handler chain as all others, with a response of their own; whoever serves one may take the connection over
 * (`takeUpgrade`). One that nobody takes is answered as if it had not asked, and its connection ends.
 */
import { type IncomingMessage, type Server, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface Upgrade {
  readonly socket: Duplex;
  /** What the client sent on already. */
  readonly head: Buffer;
}

const offered = new WeakMap<IncomingMessage, Upgrade & { readonly res: ServerResponse }>();

/** Leads them to `serve`, which always answers. */
export function acceptUpgrades(
  server: Pick<Server, 'on'>,
  serve: (req: IncomingMessage, res: ServerResponse) => Promise<void>,
): void {
  server.on('upgrade', (req: IncomingMessage, socket: Duplex, head: Buffer) => {
    const res = new ServerResponse(req);
    // The parser is gone: nothing more can be asked on this connection.
    res.shouldKeepAlive = false;
    // The type of node's servers is wider than what they hand out.
    res.assignSocket(socket as Socket);
    res.once('finish', () => socket.end());
    socket.once('error', () => socket.destroy());
    socket.once('close', () => res.destroy());
    offered.set(req, { socket, head, res });
    serve(req, res).catch(() => socket.destroy());
  });
}

export function wantsUpgrade(req: IncomingMessage): boolean {
  return offered.has(req);
}

/** From here on the connection is the caller's, who says what came of it in `res.statusCode`. */
export function takeUpgrade(req: IncomingMessage): Upgrade | undefined {
  const found = offered.get(req);
  if (!found) return undefined;
  offered.delete(req);
  const { socket, head, res } = found;
  res.detachSocket(socket as Socket);
  return { socket, head };
}
