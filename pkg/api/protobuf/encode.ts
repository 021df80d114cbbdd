/**
 * An object as JSON has it to Kubernetes' protobuf form, byte for byte what Kubernetes' own serializer makes
 * of it: fields by ascending number, maps by key, and fields without a pointer in Go always there.
 *
 * Each message is compiled once, when it is first written.
 */
import type { FieldTable, ProtobufField, ScalarCode } from './table.js';
import { absentValue, type SpecialValue, specialValue } from './values.js';
import { BYTES, FIXED64, VARINT, Writer } from './writer.js';

/** An object in its envelope. Shared: never write to it. */
export interface EncodedObject {
  /** `k8s\0` and a message `Unknown`. */
  readonly bytes: Buffer;
  /** Where the kind's own message lies in it: what a list holds. */
  readonly rawStart: number;
  readonly rawEnd: number;
}

type Record_ = Readonly<Record<string, unknown>>;
/** Writes a value with its tag. */
type WriteField = (w: Writer, value: unknown) => void;
/** Writes a value with its length, for its tag to come. */
type WriteValue = WriteField;

interface FieldPlan {
  readonly name: string;
  readonly inline: boolean;
  readonly write: WriteField;
  /** Tag and zero value, where the field is always there. */
  readonly absent: Buffer | undefined;
}

interface MessagePlan {
  /** In the order of writing: by descending number. */
  readonly fields: FieldPlan[];
}

const LIST_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ListMeta';
const MAGIC = Buffer.from('k8s\0');
/** Empty `contentEncoding` and `contentType`, which have no pointers. */
const ENVELOPE_TAIL = Buffer.from([0x1a, 0x00, 0x22, 0x00]);

export class ProtobufEncoder {
  private readonly plans = new Map<string, MessagePlan>();
  private readonly writer = new Writer();

  constructor(private readonly table: FieldTable) {}

  has(definition: string): boolean {
    return this.table[definition] !== undefined;
  }

  /** `type` stands in the envelope, whatever the object says. */
  encode(
    definition: string,
    type: { readonly apiVersion: string; readonly kind: string },
    object: object,
  ): EncodedObject {
    const w = this.writer;
    // An object that could not be written may have left its part.
    w.clear();
    w.bytes(ENVELOPE_TAIL);
    this.write(w, this.plan(definition), object as Record_);
    const rawLength = w.length - ENVELOPE_TAIL.length;
    w.close(2, ENVELOPE_TAIL.length);
    writeType(w, type);
    const bytes = w.take();
    const rawEnd = bytes.length - ENVELOPE_TAIL.length;
    return { bytes, rawStart: rawEnd - rawLength, rawEnd };
  }

  /** What stands before and after the items of a list that take `itemsLength` bytes with tags and lengths. */
  list(
    type: { readonly apiVersion: string; readonly kind: string },
    metadata: object,
    itemsLength: number,
  ): { readonly head: Buffer; readonly tail: Buffer } {
    const w = this.writer;
    w.clear();
    this.write(w, this.plan(LIST_META), metadata as Record_);
    w.close(1, 0);
    w.varint(w.length + itemsLength);
    w.tag(2, BYTES);
    writeType(w, type);
    return { head: w.take(), tail: ENVELOPE_TAIL };
  }

  private write(w: Writer, plan: MessagePlan, object: Record_): void {
    for (const field of plan.fields) {
      const value = field.inline ? object : object[field.name];
      if (value !== undefined && value !== null) field.write(w, value);
      else if (field.absent) w.bytes(field.absent);
    }
  }

  /** Messages refer to each other in circles (JSONSchemaProps), so a plan is known before its fields. */
  private plan(definition: string): MessagePlan {
    const known = this.plans.get(definition);
    if (known) return known;
    const fields = this.table[definition];
    if (!fields) throw new Error(`no protobuf message ${definition} is known`);
    const plan: MessagePlan = { fields: [] };
    this.plans.set(definition, plan);
    for (const field of fields) plan.fields.unshift(this.fieldPlan(field));
    return plan;
  }

  private fieldPlan(field: ProtobufField): FieldPlan {
    const { name, number, inline = false } = field;
    const tag = number * 8 + wireOf(field);
    const value = this.valueWriter(field.type);
    const one: WriteField = (w, given) => {
      value(w, given);
      w.varint(tag);
    };
    const write = field.map ? this.mapWriter(field, value) : field.repeated ? listWriter(one) : one;
    const always = field.plain && !field.map && !field.repeated;
    return { name, inline, write, absent: always ? this.absent(field, one) : undefined };
  }

  private absent({ type }: ProtobufField, one: WriteField): Buffer {
    const w = new Writer();
    if (typeof type === 'string') one(w, ZERO[type]);
    else one(w, absentValue(type.message) ?? NOTHING);
    return w.take();
  }

  private valueWriter(type: ProtobufField['type']): WriteValue {
    if (typeof type === 'string') return SCALARS[type];
    const special = specialValue(type.message);
    if (special) return this.specialWriter(special);
    let plan: MessagePlan | undefined;
    return (w, value) => {
      plan ??= this.plan(type.message);
      const mark = w.length;
      this.write(w, plan, value as Record_);
      w.varint(w.length - mark);
    };
  }

  private specialWriter(special: SpecialValue): WriteValue {
    return (w, value) => {
      const mark = w.length;
      if (value !== NOTHING) {
        special.write(w, value, (nested) =>
          this.write(w, this.plan(special.of ?? ''), nested as Record_),
        );
      }
      w.varint(w.length - mark);
    };
  }

  private mapWriter(field: ProtobufField, value: WriteValue): WriteField {
    const { type } = field;
    const tag = 2 * 8 + wireOf(field);
    const zero = typeof type === 'string' ? ZERO[type] : NOTHING;
    return (w, given) => {
      const map = given as Record_;
      const keys = Object.keys(map).sort();
      for (let i = keys.length - 1; i >= 0; i--) {
        const key = keys[i] ?? '';
        const mark = w.length;
        value(w, map[key] ?? zero);
        w.varint(tag);
        writeText(w, key);
        w.varint(1 * 8 + BYTES);
        w.close(field.number, mark);
      }
    };
  }
}

/** A message with nothing in it. */
const NOTHING: Record_ = Object.freeze({});

const ZERO: Readonly<Record<ScalarCode, unknown>> = {
  string: '',
  bytes: '',
  int: 0,
  bool: false,
  double: 0,
};

const SCALARS: Readonly<Record<ScalarCode, WriteValue>> = {
  string: writeText,
  bytes: (w, value) => {
    const bytes = Buffer.from(String(value), 'base64');
    w.bytes(bytes);
    w.varint(bytes.length);
  },
  int: (w, value) => w.varint(Number(value)),
  bool: (w, value) => w.varint(value === true ? 1 : 0),
  double: (w, value) => w.double(Number(value)),
};

function writeText(w: Writer, value: unknown): void {
  const mark = w.length;
  w.text(typeof value === 'string' ? value : String(value));
  w.varint(w.length - mark);
}

function listWriter(one: WriteField): WriteField {
  return (w, value) => {
    if (!Array.isArray(value)) return;
    for (let i = value.length - 1; i >= 0; i--) one(w, value[i] ?? NOTHING);
  };
}

function wireOf({ type }: Pick<ProtobufField, 'type'>): number {
  if (type === 'double') return FIXED64;
  return type === 'int' || type === 'bool' ? VARINT : BYTES;
}

export function varintSize(value: number): number {
  return value < 1 << 7 ? 1 : value < 1 << 14 ? 2 : value < 1 << 21 ? 3 : value < 1 << 28 ? 4 : 5;
}

/** The magic number and `typeMeta`, in front of what is written. */
function writeType(
  w: Writer,
  { apiVersion, kind }: { readonly apiVersion: string; readonly kind: string },
): void {
  const mark = w.length;
  writeText(w, kind);
  w.tag(2, BYTES);
  writeText(w, apiVersion);
  w.tag(1, BYTES);
  w.close(1, mark);
  w.bytes(MAGIC);
}
