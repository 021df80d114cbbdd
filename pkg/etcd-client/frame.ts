/**
 * The framing of `GET /v3/stream`, drydock's own transport beside etcd's HTTP/JSON paths. Each binary
 * WebSocket message holds one or more frames, as many as were ready in one turn of the event loop:
 *
 *     u32 length of head | u32 length of body | head: JSON | body: bytes        (big-endian)
 *
 * A head from the client has `id` and `op`; the answer has the same `id`. Calls run side by side and are
 * answered in any order. Keys are byte strings in the head; values of puts and compares follow one another
 * in the body, their lengths stand in the head. Answers bring records in the body, in the layout of
 * kv-record.ts.
 *
 *     {id,op:'range',key,end?,rev?,limit?,keysOnly?,countOnly?}       → {id,rev,count,more} records
 *     {id,op:'txn',cmp:[{key,end?,target,result,operand}],then,else}  → {id,rev,ok,res:[n,…]} records
 *         operand: a number, a lease in text, or for `value` the length in the body
 *         then, else: {put,size,lease?} | {del,end?,prev?} | {get,end?,rev?,limit?}
 *         the body has the values of cmp, then those of then, then those of else
 *     {id,op:'watch',key,end?,rev?,prevKv?,noPut?,noDelete?}           → {id,rev,created:true}, then
 *         {id,rev,n} records, with a record's predecessor behind it where `prev` lists its place;
 *         n 0 is progress; {id,compacted:R} ends it
 *     {id,op:'cancel',watch} · {id,op:'progress'}                      → {id,rev}
 *     {id,op:'grant',ttl,lease?} · 'revoke',lease · 'keepalive',lease  → {id,rev,lease,ttl}
 *     {id,op:'compact',rev,physical?} · {id,op:'status'}               → {id,rev,…}
 *
 * An error is {id,error:{code,message}} with etcd's code and message.
 */

export interface Frame {
  readonly head: Record<string, unknown>;
  readonly body: Buffer;
}

const LENGTHS_BYTES = 8;

export function encodeFrame(head: object, body: readonly Buffer[]): Buffer[] {
  const text = Buffer.from(JSON.stringify(head));
  const lengths = Buffer.allocUnsafe(LENGTHS_BYTES);
  lengths.writeUInt32BE(text.length, 0);
  lengths.writeUInt32BE(byteLength(body), 4);
  return [lengths, text, ...body];
}

export function decodeFrames(message: Buffer): Frame[] {
  const frames: Frame[] = [];
  let offset = 0;
  while (offset < message.length) {
    if (message.length - offset < LENGTHS_BYTES) throw new Error('a frame is cut short');
    const headEnd = offset + LENGTHS_BYTES + message.readUInt32BE(offset);
    const end = headEnd + message.readUInt32BE(offset + 4);
    if (end > message.length) throw new Error('a frame is cut short');
    const head: unknown = JSON.parse(message.toString('utf8', offset + LENGTHS_BYTES, headEnd));
    if (!isObject(head)) throw new Error('a frame has no head');
    frames.push({ head, body: message.subarray(headEnd, end) });
    offset = end;
  }
  return frames;
}

export function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function byteLength(parts: readonly Buffer[]): number {
  let length = 0;
  for (const part of parts) length += part.length;
  return length;
}

/**
 * Frames gathered until the end of the turn and sent as one message. The owner looks at `bytes` to hold
 * back what may wait.
 */
export class FrameWriter {
  private parts: Buffer[] = [];
  private scheduled = false;
  bytes = 0;

  constructor(private readonly send: (message: Buffer) => void) {}

  write(head: object, body: readonly Buffer[] = []): void {
    for (const part of encodeFrame(head, body)) {
      this.parts.push(part);
      this.bytes += part.length;
    }
    if (this.scheduled) return;
    this.scheduled = true;
    setImmediate(() => this.flush());
  }

  private flush(): void {
    const message = Buffer.concat(this.parts, this.bytes);
    this.parts = [];
    this.bytes = 0;
    this.scheduled = false;
    this.send(message);
  }
}
