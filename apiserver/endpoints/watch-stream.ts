/**
 * One watch on one connection.
 *
 *   initial (the state, or the events since a resourceVersion; waits for the client)
 *     └─▶ live (each turn's events, one write) ─▶ ended: its time is up, the client left or is too slow,
 *                                                  the cache started again, the server stops
 *
 * While the initial part is sent, the channel's Buffers are kept in order behind it. The same limit holds
 * for them and for what the socket has not taken yet.
 */
import { expired } from '../../pkg/apimachinery/status.js';
import type { Timer } from '../../pkg/component/clock.js';
import type { RequestContext } from '../server/request-context.js';
import { ClientGone } from './list-response.js';
import type { WatchConnection } from './watch-connection.js';
import type { WatchEncoder } from './watch-encoder.js';
import { type ChannelMember, frame, type WatchChannel } from './watch-hub.js';

/** Unsent bytes at which a client counts as too slow. Shared between watchers, so it costs little. */
const MAX_BEHIND_BYTES = 8 * 1024 * 1024;
/** Initial events are put together up to this size. */
const INITIAL_CHUNK_BYTES = 64 * 1024;
/** How long a cut client may take to read why. */
const FAREWELL_MS = 5_000;
/** Upstream's period of bookmarks, and how long before the end the last one comes. */
export const BOOKMARK_MS = 60_000;
const LAST_BOOKMARK_MS = 2_000;

export interface WatchStreamOptions {
  readonly ctx: RequestContext;
  readonly connection: WatchConnection;
  readonly channel: WatchChannel;
  readonly encoder: WatchEncoder;
  readonly contentType: string;
  readonly timeoutMs: number;
  readonly bookmarks: boolean;
  /** The revision that the cache is at. */
  readonly revision: () => number;
}

export class WatchStream implements ChannelMember {
  private readonly options: WatchStreamOptions;
  private readonly timers: Timer[] = [];
  private waiting: Buffer[] | undefined = [];
  private waitingBytes = 0;
  private ended = false;
  private finish: (() => void) | undefined;

  constructor(options: WatchStreamOptions) {
    this.options = options;
  }

  /**
   * Sends `initial`, then what the channel brings, until the watch ends. The caller joined the channel in
   * the same turn in which it took `initial` from the cache, so that nothing is missed or sent twice.
   */
  async run(initial: Iterable<readonly Buffer[]>): Promise<void> {
    const { ctx, connection, contentType, timeoutMs } = this.options;
    const over = new Promise<void>((resolve) => {
      this.finish = resolve;
    });
    const onGone = () => this.end();
    ctx.signal.addEventListener('abort', onGone, { once: true });
    const forget = connection.onGone(onGone);
    try {
      await connection.open(contentType);
      this.timers.push(ctx.clock.after(timeoutMs, () => this.end()));
      this.armBookmarks(timeoutMs);
      await this.sendInitial(initial);
      if (ctx.signal.aborted || connection.gone) this.end();
      await over;
    } catch (err) {
      if (!(err instanceof ClientGone) && !ctx.signal.aborted) throw err;
    } finally {
      this.end();
      ctx.signal.removeEventListener('abort', onGone);
      forget();
    }
  }

  deliver(framed: Buffer): void {
    if (this.ended) return;
    if (this.waiting) {
      this.waiting.push(framed);
      this.waitingBytes += framed.length;
      if (this.waitingBytes > MAX_BEHIND_BYTES) this.cut();
      return;
    }
    this.send(framed);
  }

  reset(): void {
    this.end();
  }

  private async sendInitial(initial: Iterable<readonly Buffer[]>): Promise<void> {
    const { ctx, connection } = this.options;
    let parts: Buffer[] = [];
    let bytes = 0;
    for (const event of initial) {
      for (const part of event) {
        parts.push(part);
        bytes += part.length;
      }
      if (bytes < INITIAL_CHUNK_BYTES) continue;
      await connection.write(Buffer.concat(parts), ctx.signal);
      if (this.ended) return;
      parts = [];
      bytes = 0;
    }
    if (parts.length > 0) await connection.write(Buffer.concat(parts), ctx.signal);
    const waiting = this.waiting ?? [];
    this.waiting = undefined;
    for (const framed of waiting) this.send(framed);
  }

  private send(framed: Buffer): void {
    if (this.ended) return;
    const { connection } = this.options;
    connection.send(framed);
    if (connection.behindBytes > MAX_BEHIND_BYTES) this.cut();
  }

  private armBookmarks(timeoutMs: number): void {
    const { bookmarks, ctx, channel, encoder, revision } = this.options;
    if (!bookmarks) return;
    const bookmark = () => {
      // What it says is behind the client must be.
      channel.flush();
      if (!this.waiting) this.send(frame([encoder.bookmark(String(revision()), false)]));
    };
    // The first comes at a random moment of the period, so that watches that began together spread out.
    const period = (ms: number) => {
      this.timers[1] = ctx.clock.after(ms, () => {
        bookmark();
        period(BOOKMARK_MS);
      });
    };
    period(BOOKMARK_MS * (0.75 + ctx.clock.random() / 4));
    if (timeoutMs > LAST_BOOKMARK_MS)
      this.timers[2] = ctx.clock.after(timeoutMs - LAST_BOOKMARK_MS, bookmark);
  }

  /** The client is too slow: it is told so, and lists again. */
  private cut(): void {
    if (this.ended) return;
    const { ctx, connection, encoder } = this.options;
    ctx.logger.info({ path: ctx.requestInfo.path }, 'a watch was too slow and was ended');
    const { status } = expired('The resourceVersion for the provided watch is too old.');
    connection.send(frame([encoder.error(status)]));
    const timer = ctx.clock.after(FAREWELL_MS, () => connection.destroy());
    connection.onGone(() => timer.stop());
    this.end();
  }

  private end(): void {
    if (this.ended) return;
    this.ended = true;
    this.options.channel.leave(this);
    for (const timer of this.timers) timer?.stop();
    this.options.connection.end();
    this.finish?.();
  }
}
