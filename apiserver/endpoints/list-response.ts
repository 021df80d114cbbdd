/**
 * The answer to a LIST, streamed: the objects' own bytes are copied into chunks and written as fast as the
 * client takes them. However long the list, it costs a chunk or two of memory and is never one string.
 */
import type { Writable } from 'node:stream';
import { constants, createGzip } from 'node:zlib';
import type { KubeObject, ListMeta } from '../../pkg/apimachinery/meta.js';
import type { RequestContext } from '../server/request-context.js';
import type { ListPage } from '../storage/resource-storage.js';
import type { Accepted } from './media-type.js';
import { contentTypeOf, encodeValue, exchangeOf, send, wantsPretty } from './respond.js';
import type { ServedView } from './served-view.js';
import { columnDefinitions, includeObject, partialMetadata, table, tableRow } from './table.js';

/** Large enough that a list of thousands is few writes, small enough to be cheap to hold for many clients. */
const CHUNK_BYTES = 256 * 1024;
/** Shorter answers are not worth a compressor; upstream's `defaultGzipThresholdBytes`. */
const GZIP_MIN_BYTES = 128 * 1024;
/** Upstream's level: speed over size. */
const GZIP_LEVEL = constants.Z_BEST_SPEED;
/** Rows that are made between two looks at other work. */
const ROWS_PER_TURN = 500;

const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;

export async function sendList(
  ctx: RequestContext,
  view: ServedView,
  page: ListPage,
  accepted: Accepted,
): Promise<void> {
  const metadata: ListMeta = {
    resourceVersion: String(page.revision),
    ...(page.continue === undefined ? {} : { continue: page.continue }),
    ...(page.remaining === undefined ? {} : { remainingItemCount: page.remaining }),
  };
  if (accepted.shape === 'object' && accepted.encoding === 'json' && !wantsPretty(ctx)) {
    await streamItems(ctx, view, page, metadata);
    return;
  }
  const value = await build(ctx, view, page, metadata, accepted);
  const body = encodeValue(value, accepted.encoding, wantsPretty(ctx));
  if (body.length < GZIP_MIN_BYTES || !acceptsGzip(ctx)) {
    send(ctx, 200, contentTypeOf(accepted.encoding), body);
    return;
  }
  const out = open(ctx, contentTypeOf(accepted.encoding), body.length);
  await write(out, body, ctx.signal);
  out.end();
}

async function streamItems(
  ctx: RequestContext,
  view: ServedView,
  page: ListPage,
  metadata: ListMeta,
): Promise<void> {
  const { definition, apiVersion } = view;
  const head = Buffer.from(
    `{"kind":"${listKindOf(definition)}","apiVersion":"${apiVersion}","metadata":${JSON.stringify(metadata)},"items":[`,
  );
  const tail = Buffer.from(']}\n');
  const items = view.converts ? page.items.map((item) => view.of(item)) : page.items;
  let length = head.length + tail.length + Math.max(0, items.length * 2 - 1);
  for (const item of items) length += item.untypedLength;
  const out = open(ctx, contentTypeOf('json'), length);
  const chunks = new ChunkWriter(out, ctx.signal);
  chunks.add(head);
  let first = true;
  for (const item of items) {
    if (!first) chunks.addByte(COMMA);
    first = false;
    chunks.addByte(OPEN_BRACE);
    chunks.add(item.line, item.untypedStart, item.untypedStart + item.untypedLength);
    if (chunks.full) await chunks.flush();
  }
  chunks.add(tail);
  await chunks.flush();
  out.end();
}

/** Tables, partial metadata, YAML and indented JSON: small lists for people, or rows without objects. */
async function build(
  ctx: RequestContext,
  view: ServedView,
  page: ListPage,
  metadata: ListMeta,
  accepted: Accepted,
): Promise<object> {
  const { definition, apiVersion } = view;
  const include = includeObject(ctx.query);
  const now = ctx.clock.now();
  const made: unknown[] = [];
  for (const item of page.items) {
    const obj = view.of(item).object;
    if (accepted.shape === 'Table') made.push(tableRow(definition, obj, include, now));
    else if (accepted.shape === 'PartialObjectMetadata') made.push(partialMetadata(obj));
    else made.push(withoutType(obj));
    if (made.length % ROWS_PER_TURN === 0) await turn(ctx.signal);
  }
  if (accepted.shape === 'Table')
    return table(columnDefinitions(definition), made as never[], metadata);
  if (accepted.shape === 'PartialObjectMetadata') {
    return {
      kind: 'PartialObjectMetadataList',
      apiVersion: 'meta.k8s.io/v1',
      metadata,
      items: made,
    };
  }
  return { kind: listKindOf(definition), apiVersion, metadata, items: made };
}

function listKindOf({ kind, listKind }: ServedView['definition']): string {
  return listKind ?? `${kind}List`;
}

function withoutType(obj: KubeObject): object {
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = obj;
  return rest;
}

/** The stream to write to; compressed when it is long and the client takes it. */
function open(ctx: RequestContext, contentType: string, length: number): Writable {
  const { res } = exchangeOf(ctx);
  res.statusCode = 200;
  res.setHeader('Cache-Control', 'no-cache, private');
  res.setHeader('Content-Type', contentType);
  if (length < GZIP_MIN_BYTES || !acceptsGzip(ctx)) {
    res.setHeader('Content-Length', length);
    return res;
  }
  res.setHeader('Content-Encoding', 'gzip');
  res.setHeader('Vary', 'Accept-Encoding');
  const gzip = createGzip({ level: GZIP_LEVEL });
  gzip.pipe(res);
  res.once('close', () => gzip.destroy());
  return gzip;
}

function acceptsGzip(ctx: RequestContext): boolean {
  const accepted = exchangeOf(ctx).req.headers['accept-encoding'];
  return String(accepted ?? '')
    .split(',')
    .some((part) => /^\s*gzip\s*(;\s*q=(0?\.\d*[1-9]\d*|1(\.0*)?))?\s*$/.test(part));
}

/** Collects small parts into chunks. `add` never waits; `flush` does when the client is behind. */
class ChunkWriter {
  private chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
  private used = 0;
  private ready: Buffer[] = [];

  constructor(
    private readonly out: Writable,
    private readonly signal: AbortSignal,
  ) {}

  get full(): boolean {
    return this.ready.length > 0;
  }

  addByte(byte: number): void {
    if (this.used === CHUNK_BYTES) this.cut();
    this.chunk[this.used++] = byte;
  }

  add(part: Buffer, start = 0, end = part.length): void {
    let from = start;
    while (from < end) {
      if (this.used === CHUNK_BYTES) this.cut();
      const copied = part.copy(this.chunk, this.used, from, end);
      from += copied;
      this.used += copied;
    }
  }

  async flush(): Promise<void> {
    if (!this.full) this.cut();
    const ready = this.ready;
    this.ready = [];
    for (const chunk of ready) await write(this.out, chunk, this.signal);
  }

  private cut(): void {
    if (this.used === 0) return;
    this.ready.push(this.chunk.subarray(0, this.used));
    this.chunk = Buffer.allocUnsafeSlow(CHUNK_BYTES);
    this.used = 0;
  }
}

/** Writes, and waits while the client is behind. Rejects when it is gone. */
export function write(out: Writable, chunk: Buffer, signal: AbortSignal): Promise<void> | void {
  if (out.destroyed) throw new ClientGone();
  if (!out.write(chunk)) return drained(out, signal);
}

/** The client closed its connection: there is nobody left to tell. */
export class ClientGone extends Error {
  override name = 'ClientGone';
}

function drained(out: Writable, signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    const settle = (done: () => void) => () => {
      out.off('drain', onDrain);
      out.off('close', onClose);
      signal.removeEventListener('abort', onAbort);
      done();
    };
    const onDrain = settle(resolve);
    const onClose = settle(() => reject(new ClientGone()));
    const onAbort = settle(() => reject(signal.reason));
    out.on('drain', onDrain);
    out.on('close', onClose);
    signal.addEventListener('abort', onAbort);
    if (out.destroyed) onClose();
    else if (signal.aborted) onAbort();
  });
}

function turn(signal: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    setImmediate(() => (signal.aborted ? reject(signal.reason) : resolve()));
  });
}
