/**
 * `GET /containerLogs/NAMESPACE/POD/CONTAINER`: lines of a log in CRI's format, as the API's PodLogOptions
 * ask: tailLines, sinceSeconds, sinceTime, limitBytes, timestamps, stream. With `follow` it goes on until
 * the container has ended or the client is gone. Reading is bounded: a tail is read from the end.
 */
import { open, stat } from 'node:fs/promises';
import type { Clock } from '../../pkg/component/clock.js';

const CHUNK_BYTES = 64 * 1024;
/** New lines reach a follower within this time. */
const POLL_MS = 100;
const MAX_FILES = 5;

export interface LogOptions {
  readonly follow: boolean;
  readonly timestamps: boolean;
  readonly tailLines?: number;
  /** Milliseconds since the epoch. */
  readonly since?: number;
  readonly limitBytes?: number;
}

/** Throws a text for a 400 or 422 answer. */
export function parseLogOptions(query: URLSearchParams, now: number): LogOptions {
  const number = (name: string) => {
    const text = query.get(name);
    if (text === null || text === '') return undefined;
    if (!/^-?\d+$/.test(text))
      throw new Error(`invalid value for ${name}: ${JSON.stringify(text)}`);
    return Number(text);
  };
  const flag = (name: string) => /^(true|1)$/.test(query.get(name) ?? '');
  const tailLines = number('tailLines');
  const limitBytes = number('limitBytes');
  const sinceSeconds = number('sinceSeconds');
  const sinceTime = query.get('sinceTime');
  const since =
    sinceSeconds !== undefined
      ? now - sinceSeconds * 1000
      : sinceTime
        ? Date.parse(sinceTime)
        : undefined;
  if (since !== undefined && Number.isNaN(since)) throw new Error('invalid value for sinceTime');
  if (tailLines !== undefined && tailLines < 0)
    throw new Error('tailLines must be greater than or equal to 0');
  return {
    follow: flag('follow'),
    timestamps: flag('timestamps'),
    ...(tailLines === undefined ? {} : { tailLines }),
    ...(limitBytes === undefined ? {} : { limitBytes }),
    ...(since === undefined ? {} : { since }),
  };
}

/** One CRI line as the client sees it; undefined where `since` leaves it out. */
export function formatLine(line: string, options: LogOptions): string | undefined {
  const first = line.indexOf(' ');
  const second = line.indexOf(' ', first + 1);
  const third = line.indexOf(' ', second + 1);
  if (first < 0 || second < 0 || third < 0) return undefined;
  const time = line.slice(0, first);
  if (options.since !== undefined && Date.parse(time) < options.since) return undefined;
  const text = line.slice(third + 1) + (line[second + 1] === 'P' ? '' : '\n');
  return options.timestamps ? `${time} ${text}` : text;
}

export interface LogSource {
  readonly path: string;
  /** Whether more may come. */
  running(): Promise<boolean>;
}

export async function* readLogs(
  source: LogSource,
  options: LogOptions,
  clock: Clock,
  signal: AbortSignal,
): AsyncGenerator<string> {
  let left = options.limitBytes ?? Number.POSITIVE_INFINITY;
  let position = await startOf(source.path, options.tailLines);
  let rest = '';
  const files = options.tailLines === undefined ? await rotated(source.path) : [];
  for (const file of files) {
    for await (const chunk of readFrom(file, 0)) {
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const text of shown(lines, options)) {
        if (left <= 0) return;
        yield text.slice(0, left);
        left -= text.length;
      }
    }
  }
  for (;;) {
    // Asked before reading, so that what is written just before the end is still read.
    const more = options.follow && (await source.running());
    const size = await sizeOf(source.path);
    if (size < position) position = 0;
    for await (const chunk of readFrom(source.path, position)) {
      position += Buffer.byteLength(chunk);
      const lines = (rest + chunk).split('\n');
      rest = lines.pop() ?? '';
      for (const text of shown(lines, options)) {
        if (left <= 0) return;
        yield text.slice(0, left);
        left -= text.length;
      }
    }
    if (!more || left <= 0 || signal.aborted) return;
    await clock.sleep(POLL_MS, signal);
  }
}

function shown(lines: readonly string[], options: LogOptions): string[] {
  return lines.map((line) => formatLine(line, options)).filter((text) => text !== undefined);
}

async function* readFrom(path: string, start: number): AsyncGenerator<string> {
  const file = await openOrNone(path);
  if (!file) return;
  try {
    // `stream` would cut characters in two at the start of a chunk; a decoder keeps the rest.
    const decoder = new TextDecoder();
    const buffer = Buffer.alloc(CHUNK_BYTES);
    for (let at = start; ; ) {
      const { bytesRead } = await file.read(buffer, 0, CHUNK_BYTES, at);
      if (bytesRead === 0) return;
      at += bytesRead;
      yield decoder.decode(buffer.subarray(0, bytesRead), { stream: true });
    }
  } finally {
    await file.close();
  }
}

/** Where the last `lines` lines begin. */
async function startOf(path: string, lines: number | undefined): Promise<number> {
  if (lines === undefined) return 0;
  const size = await sizeOf(path);
  if (lines === 0) return size;
  const file = await openOrNone(path);
  if (!file) return 0;
  try {
    const buffer = Buffer.alloc(CHUNK_BYTES);
    let found = 0;
    for (let end = size; end > 0; ) {
      const from = Math.max(0, end - CHUNK_BYTES);
      const { bytesRead } = await file.read(buffer, 0, end - from, from);
      for (let i = bytesRead - 1; i >= 0; i--) {
        // The line end at the very end of the file ends the last line, it begins none.
        if (buffer[i] !== 0x0a || from + i === size - 1) continue;
        if (++found === lines) return from + i + 1;
      }
      end = from;
    }
    return 0;
  } finally {
    await file.close();
  }
}

async function rotated(path: string): Promise<string[]> {
  const files: string[] = [];
  for (let n = MAX_FILES - 1; n > 0; n--)
    if ((await sizeOf(`${path}.${n}`)) > 0) files.push(`${path}.${n}`);
  return files;
}

async function openOrNone(path: string) {
  try {
    return await open(path, 'r');
  } catch (err) {
    if (isMissing(err)) return undefined;
    throw err;
  }
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size;
  } catch (err) {
    if (isMissing(err)) return 0;
    throw err;
  }
}

function isMissing(err: unknown): boolean {
  return err instanceof Error && 'code' in err && err.code === 'ENOENT';
}
