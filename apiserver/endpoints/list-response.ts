/**
 * The answer to a LIST, streamed: the objects' own bytes are copied into chunks and written as fast as the
 * client takes them. However long the list, it costs a chunk or two of memory and is never one string.
 */
import type { Writable } from 'node:stream';
import { type EncodedObject, varintSize } from '../../pkg/api/protobuf/encode.js';
import type { KubeObject, ListMeta } from '../../pkg/apimachinery/meta.js';
import type { RequestContext } from '../server/request-context.js';
import type { ListPage } from '../storage/resource-storage.js';
import type { StoredObject } from '../storage/stored-object.js';
import { isWorthGzip, startGzip } from './compression.js';
import { type Accepted, contentTypeOf } from './media-type.js';
import { protobufCodec } from './protobuf.js';
import { encodeValue, exchangeOf, protobufOf, wantsPretty } from './respond.js';
import type { ServedView } from './served-view.js';
import {
  columnDefinitions,
  includeObject,
  partialMetadata,
  type TableRow,
  table,
  tableRow,
} from './table.js';
import { notOneObject, partialMetadataList } from './target.js';

/** Large enough that a list of thousands is few writes, small enough to be cheap to hold for many clients. */
const CHUNK_BYTES = 256 * 1024;
/** Rows that are made between two looks at other work. */
const ROWS_PER_TURN = 500;

const COMMA = 0x2c;
const OPEN_BRACE = 0x7b;
/** A stored line ends with one. */
const LINE_END = 1;
/** Tag of `2 items`, which all lists have. */
const LIST_ITEM = 0x12;

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
  const { shape, encoding } = accepted;
  if (shape === 'object' && encoding === 'protobuf') {
    await streamMessages(ctx, view, page, metadata);
    return;
  }
  const pretty = wantsPretty(ctx, accepted);
  if (shape === 'object' && encoding === 'json' && !pretty) {
    await streamItems(ctx, view, page, metadata);
    return;
  }
  const value = await build(ctx, view, page, metadata, accepted);
  const body = encodeValue(value, encoding, pretty);
  const out = open(ctx, contentTypeOf(encoding), body.length);
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
  const typed = saysTypes(definition);
  const sizeOf = ({ line, untypedLength }: StoredObject) =>
    typed ? line.length - LINE_END : 1 + untypedLength;
  let length = head.length + tail.length + Math.max(0, items.length - 1);
  for (const item of items) length += sizeOf(item);
  const out = open(ctx, contentTypeOf('json'), length);
  const chunks = new ChunkWriter(out, ctx.signal);
  chunks.add(head);
  let first = true;
  for (const item of items) {
    if (!first) chunks.addByte(COMMA);
    first = false;
    if (typed) chunks.add(item.line, 0, item.line.length - LINE_END);
    else {
      chunks.addByte(OPEN_BRACE);
      chunks.add(item.line, item.untypedStart, item.untypedStart + item.untypedLength);
    }
    if (chunks.full) await chunks.flush();
  }
  chunks.add(tail);
  await chunks.flush();
  out.end();
}

/** The same in protobuf: a list's message holds its objects' messages one after the other. */
async function streamMessages(
  ctx: RequestContext,
  view: ServedView,
  page: ListPage,
  metadata: ListMeta,
): Promise<void> {
  const { encoder } = protobufCodec();
  const items: EncodedObject[] = [];
  let length = 0;
  for (const item of page.items) {
    const encoded = protobufOf(view.of(item));
    const size = encoded.rawEnd - encoded.rawStart;
    length += 1 + varintSize(size) + size;
    items.push(encoded);
    if (items.length % ROWS_PER_TURN === 0) await turn(ctx.signal);
  }
  const type = { apiVersion: view.apiVersion, kind: listKindOf(view.definition) };
  const { head, tail } = encoder.list(type, metadata, length);
  const out = open(ctx, contentTypeOf('protobuf'), head.length + length + tail.length);
  const chunks = new ChunkWriter(out, ctx.signal);
  chunks.add(head);
  for (const { bytes, rawStart, rawEnd } of items) {
    chunks.addByte(LIST_ITEM);
    let rest = rawEnd - rawStart;
    for (; rest >= 128; rest >>>= 7) chunks.addByte((rest & 127) | 128);
    chunks.addByte(rest);
    chunks.add(bytes, rawStart, rawEnd);
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
  const { shape, metaVersion } = accepted;
  if (shape === 'PartialObjectMetadata') throw notOneObject(definition);
  const made: object[] = [];
  const rows: TableRow[] = [];
  for (const item of page.items) {
    const obj = view.of(item).object;
    if (shape === 'Table') rows.push(tableRow(definition, obj, include, now, metaVersion));
    else if (shape === 'object') made.push(saysTypes(definition) ? obj : withoutType(obj));
    else made.push(partialMetadata(obj, metaVersion));
    if ((made.length + rows.length) % ROWS_PER_TURN === 0) await turn(ctx.signal);
  }
  if (shape === 'Table') return table(columnDefinitions(definition), rows, metadata, metaVersion);
  if (shape !== 'object') return partialMetadataList(made, metadata, metaVersion);
  return { kind: listKindOf(definition), apiVersion, metadata, items: made };
}

function listKindOf({ kind, listKind }: ServedView['definition']): string {
  return listKind ?? `${kind}List`;
}

/** Custom objects, and they alone, say in a list, too, what they are. */
function saysTypes({ custom }: ServedView['definition']): boolean {
  return custom !== undefined;
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
  if (isWorthGzip(ctx, length)) return startGzip(res);
  res.setHeader('Content-Length', length);
  return res;
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
