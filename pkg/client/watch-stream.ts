/**
 * Decodes a watch: one JSON object a line. Lines may be split over chunks anywhere, also inside a
 * character, so bytes are kept until their line is whole; memory is bounded by the longest line.
 */
import type { KubeObject } from '../apimachinery/meta.js';
import { StatusError } from '../apimachinery/status.js';
import { ConnectionError, isStatus } from './errors.js';

export interface WatchEvent<T extends KubeObject = KubeObject> {
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED' | 'BOOKMARK';
  readonly object: T;
}

/** Set on the bookmark that ends the initial events of a streaming list. */
export const INITIAL_EVENTS_END = 'k8s.io/initial-events-end';

const NEWLINE = 0x0a;

/** Bytes → whole lines. */
export async function* decodeLines(
  body: AsyncIterable<Uint8Array>,
): AsyncGenerator<string[], void, undefined> {
  let parts: Uint8Array[] = [];
  for await (const chunk of body) {
    const end = chunk.lastIndexOf(NEWLINE);
    if (end < 0) {
      parts.push(chunk);
      continue;
    }
    parts.push(chunk.subarray(0, end));
    const text = (
      parts.length === 1 ? Buffer.from(chunk.buffer, chunk.byteOffset, end) : Buffer.concat(parts)
    ).toString('utf8');
    parts = end + 1 < chunk.length ? [chunk.subarray(end + 1)] : [];
    yield text.split('\n');
  }
  if (parts.length > 0) yield [Buffer.concat(parts).toString('utf8')];
}

/**
 * Events in order, together those that came together. An ERROR event throws its StatusError; a broken
 * connection a ConnectionError; either after the events before it.
 */
export async function* decodeWatch<T extends KubeObject>(
  body: AsyncIterable<Uint8Array>,
  path: string,
  signal?: AbortSignal,
): AsyncGenerator<readonly WatchEvent<T>[]> {
  const lines = decodeLines(body);
  for (;;) {
    let batch: IteratorResult<string[], void>;
    try {
      batch = await lines.next();
    } catch (err) {
      if (signal?.aborted) throw signal.reason;
      throw new ConnectionError('WATCH', path, err);
    }
    if (batch.done) return;
    const events: WatchEvent<T>[] = [];
    let failure: { err: unknown } | undefined;
    for (const line of batch.value) {
      if (line === '') continue;
      try {
        events.push(parseEvent<T>(line, path));
      } catch (err) {
        failure = { err };
        break;
      }
    }
    if (events.length > 0) yield events;
    if (failure) throw failure.err;
  }
}

function parseEvent<T extends KubeObject>(line: string, path: string): WatchEvent<T> {
  let event: { type: string; object: T };
  try {
    event = JSON.parse(line);
  } catch (err) {
    // The server died in the middle of a line.
    throw new ConnectionError('WATCH', path, err);
  }
  switch (event.type) {
    case 'ADDED':
    case 'MODIFIED':
    case 'DELETED':
    case 'BOOKMARK':
      return { type: event.type, object: event.object };
    case 'ERROR':
      if (isStatus(event.object)) throw new StatusError(event.object);
      throw new ConnectionError('WATCH', path, 'an ERROR event without a Status');
    default:
      throw new ConnectionError('WATCH', path, `an event of unknown type ${event.type}`);
  }
}
