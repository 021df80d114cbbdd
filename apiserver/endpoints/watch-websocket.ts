/**
 * Watches over WebSocket: one message an event, text for JSON and binary for protobuf. What the client sends
 * is ignored. The handshake is as strict as upstream's: an Origin has to be there, and of the subprotocols,
 * of which none means anything to a watch, at most one may be named.
 */
import type { IncomingMessage } from 'node:http';
import { type WebSocket, WebSocketServer } from 'ws';
import { takeUpgrade, wantsUpgrade } from '../server/upgrade.js';
import { ClientGone } from './list-response.js';
import type { Encoding } from './media-type.js';
import type { Exchange } from './respond.js';
import type { WatchConnection } from './watch-connection.js';
import { unframe } from './watch-hub.js';

const NORMAL_CLOSURE = 1000;
/** Nobody has anything to say to a watch. */
const MAX_RECEIVED_BYTES = 64 * 1024;
const LINE_FEED = 0x0a;
/** Of the length in front of an event in protobuf. */
const LENGTH_BYTES = 4;

const server = new WebSocketServer({
  noServer: true,
  perMessageDeflate: false,
  maxPayload: MAX_RECEIVED_BYTES,
  handleProtocols: (protocols) => [...protocols][0] ?? false,
});

export function wantsWebSocket(req: IncomingMessage): boolean {
  return req.headers.upgrade?.toLowerCase() === 'websocket' && wantsUpgrade(req);
}

export class WebSocketWatchConnection implements WatchConnection {
  private socket: WebSocket | undefined;
  private closed = false;
  private readonly listeners = new Set<() => void>();

  constructor(
    private readonly exchange: Exchange,
    private readonly encoding: Exclude<Encoding, 'yaml'>,
  ) {}

  async open(): Promise<void> {
    const { req, res } = this.exchange;
    const refused = refusal(req);
    if (refused !== undefined) {
      res.statusCode = refused;
      res.end();
      throw new ClientGone();
    }
    const taken = takeUpgrade(req);
    if (!taken) throw new ClientGone();
    res.statusCode = 101;
    await new Promise<void>((resolve, reject) => {
      const gone = () => reject(new ClientGone());
      taken.socket.once('close', gone);
      server.handleUpgrade(req, taken.socket, taken.head, (socket) => {
        taken.socket.off('close', gone);
        socket.once('close', () => this.end());
        socket.on('error', () => socket.terminate());
        this.socket = socket;
        resolve();
      });
    });
  }

  async write(events: Buffer, signal: AbortSignal): Promise<void> {
    let last: Buffer | undefined;
    for (const message of messages(events, this.encoding)) {
      if (last) this.message(last);
      last = message;
    }
    const { socket } = this;
    if (!last || !socket) return;
    const message = this.payload(last);
    await new Promise<void>((resolve, reject) => {
      const aborted = () => reject(signal.reason);
      signal.addEventListener('abort', aborted, { once: true });
      socket.send(message, (err) => {
        signal.removeEventListener('abort', aborted);
        if (err) reject(new ClientGone());
        else resolve();
      });
    });
  }

  send(framed: Buffer): void {
    for (const message of messages(unframe(framed), this.encoding)) this.message(message);
  }

  get behindBytes(): number {
    return this.socket?.bufferedAmount ?? 0;
  }

  get gone(): boolean {
    return this.closed;
  }

  onGone(listener: () => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }

  end(): void {
    if (this.closed) return;
    this.closed = true;
    this.socket?.close(NORMAL_CLOSURE);
    for (const listener of [...this.listeners]) listener();
  }

  destroy(): void {
    this.socket?.terminate();
  }

  private message(message: Buffer): void {
    if (this.closed) return;
    this.socket?.send(this.payload(message));
  }

  /** Text for what is text, so that browsers get strings. */
  private payload(message: Buffer): Buffer | string {
    return this.encoding === 'json' ? message.toString('utf8') : message;
  }
}

/** The code to refuse the handshake with. */
function refusal(req: IncomingMessage): 400 | 403 | undefined {
  const { origin } = req.headers;
  if (!origin || !(origin.startsWith('/') || URL.canParse(origin))) return 403;
  const protocols = req.headers['sec-websocket-protocol'] ?? '';
  return protocols.includes(',') ? 400 : undefined;
}

function* messages(events: Buffer, encoding: Encoding): Generator<Buffer> {
  let at = 0;
  while (at < events.length) {
    if (encoding === 'json') {
      const end = events.indexOf(LINE_FEED, at);
      const next = end < 0 ? events.length : end + 1;
      yield events.subarray(at, next);
      at = next;
    } else {
      const start = at + LENGTH_BYTES;
      at = start + events.readUInt32BE(at);
      yield events.subarray(start, at);
    }
  }
}
