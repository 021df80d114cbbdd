/**
 * One object as the apiserver holds it: its JSON, serialised once, with the resourceVersion in place and a
 * line feed at the end. GET, LIST and WATCH send these bytes; the parsed form is made when somebody asks,
 * is frozen, and may be dropped again by the garbage collector. The protobuf form is made for the first client
 * that speaks it, and kept for all others.
 *
 * The store's value is the same JSON without the resourceVersion, which is only known once it is written:
 *
 *   store:   {"kind":"Pod","apiVersion":"v1","metadata":{"name":"a",…},"spec":…}
 *   line:    {"kind":"Pod","apiVersion":"v1","metadata":{"resourceVersion":"7","name":"a",…},"spec":…}⏎
 *            └──────── head ────────────────────────────┘ (the same for every object of the kind)
 */
import type { EncodedObject } from '../../pkg/api/protobuf/encode.js';
import { deepFreeze } from '../../pkg/apimachinery/freeze.js';
import type { KubeObject, ObjectMeta } from '../../pkg/apimachinery/meta.js';
import type { StoredForm } from './stored-form.js';

const RV_OPEN = Buffer.from('"resourceVersion":"');
const LINE_FEED = 0x0a;
const END_OF_LINE = Buffer.from('\n');
const CLOSING_BRACE = 0x7d;

/** What makes and reads the stored form of one kind. */
export class ObjectCodec {
  /** `{"kind":"Pod","apiVersion":"v1","metadata":{` */
  readonly head: Buffer;
  /** Bytes of the head before `"metadata"`. */
  readonly typeLength: number;

  constructor(
    readonly kind: string,
    readonly apiVersion: string,
    /** Where objects lie in the store in another form than this. */
    readonly form?: StoredForm,
  ) {
    const type = `{"kind":${JSON.stringify(kind)},"apiVersion":${JSON.stringify(apiVersion)},`;
    this.typeLength = Buffer.byteLength(type);
    this.head = Buffer.from(`${type}"metadata":{`);
  }

  /** The value for the store. */
  encode(obj: KubeObject): Buffer {
    return Buffer.from(this.text(obj, this.form?.apiVersion ?? this.apiVersion));
  }

  /** An object of the kind as it will be at `revision`, without asking the store. */
  fromObject(key: string, obj: KubeObject, revision: number, lease = '0'): StoredObject {
    return this.line(key, Buffer.from(this.text(obj)), revision, lease);
  }

  /** What the store answered. Throws a SyntaxError when the value is not JSON. Revision 0: no resourceVersion (dry run). */
  fromValue(key: string, value: Buffer, revision: number, lease = '0'): StoredObject {
    const revive = this.form?.revive;
    if (!revive && this.isOwn(value)) return this.line(key, value, revision, lease);
    const obj: KubeObject = JSON.parse(value.toString());
    const changed = revive?.(obj) ?? false;
    const own = !changed && this.isOwn(value) ? value : Buffer.from(this.text(obj));
    return this.line(key, own, revision, lease);
  }

  /** What was just written for `obj`, without reading it again. */
  written(
    key: string,
    obj: KubeObject,
    value: Buffer,
    revision: number,
    lease?: string,
  ): StoredObject {
    return this.isOwn(value)
      ? this.line(key, value, revision, lease)
      : this.fromObject(key, obj, revision, lease);
  }

  private isOwn(value: Buffer): boolean {
    const { head } = this;
    return value.length > head.length + 1 && head.compare(value, 0, head.length) === 0;
  }

  /** `own` begins with the head. */
  private line(key: string, own: Buffer, revision: number, lease = '0'): StoredObject {
    const { head } = this;
    if (revision === 0)
      return new StoredObject(this, key, 0, Buffer.concat([own, END_OF_LINE]), lease);
    const rest = own[head.length] === CLOSING_BRACE ? '"' : '",';
    const rv = `${revision}${rest}`;
    const at = head.length + RV_OPEN.length;
    const line = Buffer.allocUnsafeSlow(own.length + RV_OPEN.length + rv.length + 1);
    head.copy(line, 0);
    RV_OPEN.copy(line, head.length);
    line.write(rv, at, 'latin1');
    own.copy(line, at + rv.length, head.length);
    line[line.length - 1] = LINE_FEED;
    return new StoredObject(this, key, revision, line, lease);
  }

  /** Type and metadata first, whatever order the object has; no resourceVersion and no selfLink. */
  private text(obj: KubeObject, apiVersion = this.apiVersion): string {
    const { metadata = {}, kind: _kind, apiVersion: _apiVersion, ...rest } = obj;
    const { resourceVersion: _rv, selfLink: _link, ...meta } = metadata;
    return JSON.stringify({
      kind: this.kind,
      apiVersion,
      metadata: meta,
      ...rest,
    });
  }
}

export class StoredObject {
  private parsed: WeakRef<KubeObject> | undefined;
  private binary: EncodedObject | undefined;
  private selectable: Record<string, string> | undefined;
  private labelMap: Readonly<Record<string, string>> | undefined;

  constructor(
    private readonly codec: ObjectCodec,
    /** Relative: `namespace/name` or `name`. */
    readonly key: string,
    readonly revision: number,
    /** JSON and a line feed. Shared: never write to it. */
    readonly line: Buffer,
    readonly lease: string,
  ) {}

  get name(): string {
    return this.key.slice(this.key.indexOf('/') + 1);
  }

  /** Empty for a cluster-scoped object. */
  get namespace(): string {
    const slash = this.key.indexOf('/');
    return slash < 0 ? '' : this.key.slice(0, slash);
  }

  get json(): Buffer {
    return this.line.subarray(0, this.line.length - 1);
  }

  /** Where the JSON after `{"kind":…,"apiVersion":…,` stands in `line`: what a typed list holds behind an opening brace. */
  get untypedStart(): number {
    return this.codec.typeLength;
  }

  get untypedLength(): number {
    return this.line.length - 1 - this.codec.typeLength;
  }

  /** Frozen. */
  get object(): KubeObject {
    let obj = this.parsed?.deref();
    if (!obj) {
      obj = deepFreeze(JSON.parse(this.line.toString())) as KubeObject;
      this.parsed = new WeakRef(obj);
    }
    return obj;
  }

  /** Its protobuf form, made by whoever asks for it first. */
  encoded(make: (object: KubeObject) => EncodedObject): EncodedObject {
    this.binary ??= make(this.object);
    return this.binary;
  }

  get metadata(): ObjectMeta {
    return this.object.metadata ?? {};
  }

  get labels(): Readonly<Record<string, string>> {
    this.labelMap ??= this.metadata.labels ?? NO_LABELS;
    return this.labelMap;
  }

  /** Computed once with the resource's function, and kept. */
  fields(of: (obj: KubeObject) => Record<string, string>): Readonly<Record<string, string>> {
    this.selectable ??= of(this.object);
    return this.selectable;
  }

  /** A copy that the caller may change. */
  clone(): KubeObject {
    return JSON.parse(this.line.toString()) as KubeObject;
  }

  /** The same object under another resourceVersion: what a DELETED event carries. */
  at(revision: number): StoredObject {
    const start = this.codec.head.length + RV_OPEN.length;
    const end = start + String(this.revision).length;
    const line = Buffer.concat([
      this.line.subarray(0, start),
      Buffer.from(String(revision)),
      this.line.subarray(end),
    ]);
    return new StoredObject(this.codec, this.key, revision, line, this.lease);
  }
}

const NO_LABELS: Readonly<Record<string, string>> = Object.freeze({});
