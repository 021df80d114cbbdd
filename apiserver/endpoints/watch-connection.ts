/**
 * What a watch is sent over: HTTP's chunked coding here, a WebSocket in `watch-websocket.ts`. Events come as
 * whole frames in HTTP's chunked coding, made once for all watchers and shared: never to be changed.
 */
import type { ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { write } from './list-response.js';
import { unframe } from './watch-hub.js';

export interface WatchConnection {
  /** Resolves when events may be sent. Rejects with ClientGone. */
  open(contentType: string): Promise<void> | void;
  /** Events without a frame. Waits while the client is behind; rejects with ClientGone when it is gone. */
  write(events: Buffer, signal: AbortSignal): Promise<void> | void;
  /** Does not wait. */
  send(framed: Buffer): void;
  /** What the client has not taken yet. */
  readonly behindBytes: number;
  readonly gone: boolean;
  /** Once, when the client is gone; the answer takes the listener back. */
  onGone(listener: () => void): () => void;
  /** After what was sent. */
  end(): void;
  /** At once. */
  destroy(): void;
}

export class HttpWatchConnection implements WatchConnection {
  constructor(private readonly res: ServerResponse) {}

  open(contentType: string): void {
    const { res } = this;
    res.statusCode = 200;
    res.setHeader('Cache-Control', 'no-cache, private');
    res.setHeader('Content-Type', contentType);
    res.setHeader('Transfer-Encoding', 'chunked');
    res.flushHeaders();
  }

  write(events: Buffer, signal: AbortSignal): Promise<void> | void {
    return write(this.res, events, signal);
  }

  send(framed: Buffer): void {
    const socket = rawSocket(this.res);
    if (socket) socket.write(framed);
    else this.res.write(unframe(framed));
  }

  get behindBytes(): number {
    return this.res.writableLength;
  }

  get gone(): boolean {
    return this.res.destroyed;
  }

  onGone(listener: () => void): () => void {
    this.res.once('close', listener);
    return () => this.res.off('close', listener);
  }

  end(): void {
    const { res } = this;
    if (!res.destroyed && !res.writableEnded && res.headersSent) res.end();
  }

  destroy(): void {
    this.res.destroy();
  }
}

/** The connection itself, where bytes may be written past the response's own framing: its headers are out. */
function rawSocket(res: ServerResponse): Socket | undefined {
  const socket = res.socket;
  if (!socket || !res.chunkedEncoding) return undefined;
  return typeof socket.cork === 'function' && socket.writable && 'remoteAddress' in socket
    ? socket
    : undefined;
}
