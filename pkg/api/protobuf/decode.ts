/**
 * Kubernetes' protobuf form of an object to the object as JSON has it. On the wire it is the four bytes
 * `k8s\0` and a message `Unknown { 1 typeMeta { 1 apiVersion, 2 kind }, 2 raw }`, whose raw bytes are the
 * kind's own message (`k8s.io/apimachinery/pkg/runtime/serializer/protobuf`).
 *
 * What differs from JSON: an embedded struct of Go (`Volume.volumeSource`) is a message of its own here and
 * not there; times, quantities, int-or-strings and raw JSON have messages; a plain scalar with its zero
 * value is absent in JSON. Fields that are not known are left out, as protobuf demands.
 */
import type { UnstructuredObject } from '../../apimachinery/meta.js';
import type { FieldTable, ProtobufField, ScalarCode } from './table.js';
import { bytesOf, type SpecialValue, specialValue } from './values.js';
import { readFields, readPacked, WireError, type WireField } from './wire.js';

export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
const MAGIC = Buffer.from('k8s\0');

export interface Envelope {
  readonly apiVersion: string;
  readonly kind: string;
  readonly raw: Buffer;
}

/** Throws WireError. */
export function readEnvelope(body: Buffer): Envelope {
  if (!body.subarray(0, MAGIC.length).equals(MAGIC)) {
    throw new WireError(
      'provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]',
    );
  }
  const fields = readFields(body.subarray(MAGIC.length));
  const typeMeta = readFields(bytesOf(fields, 1));
  return {
    apiVersion: bytesOf(typeMeta, 1).toString('utf8'),
    kind: bytesOf(typeMeta, 2).toString('utf8'),
    raw: bytesOf(fields, 2),
  };
}

type Message = ReadonlyMap<number, ProtobufField>;

export class ProtobufDecoder {
  private readonly messages = new Map<string, Message>();

  constructor(private readonly table: FieldTable) {}

  /** The object of `definition` that the envelope holds. Throws WireError. */
  decode(definition: string, envelope: Envelope): UnstructuredObject {
    const { apiVersion, kind } = envelope;
    return { apiVersion, kind, ...this.message(definition, envelope.raw) };
  }

  private message(definition: string, bytes: Buffer): Record<string, unknown> {
    const known = this.known(definition);
    const out: Record<string, unknown> = {};
    for (const wire of readFields(bytes)) {
      const field = known.get(wire.number);
      if (!field) continue;
      if (field.map) this.mapEntry(out, field, wire.bytes);
      else if (field.repeated) this.item(out, field, wire);
      else if (field.inline && typeof field.type === 'object') {
        Object.assign(out, this.message(field.type.message, wire.bytes));
      } else {
        const value = this.value(field.type, wire);
        if (value !== undefined && !(field.plain && isZero(value))) out[field.name] = value;
      }
    }
    return out;
  }

  private known(definition: string): Message {
    let message = this.messages.get(definition);
    if (!message) {
      const fields = this.table[definition];
      if (!fields) throw new WireError(`no message ${definition} is known`);
      message = new Map(fields.map((field) => [field.number, field]));
      this.messages.set(definition, message);
    }
    return message;
  }

  private mapEntry(out: Record<string, unknown>, field: ProtobufField, bytes: Buffer): void {
    const entry = readFields(bytes);
    const key = bytesOf(entry, 1).toString('utf8');
    const value = entry.find((each) => each.number === 2) ?? {
      number: 2,
      wire: 2,
      bytes: Buffer.alloc(0),
      value: 0,
    };
    out[field.name] ??= {};
    const map = out[field.name] as Record<string, unknown>;
    map[key] = this.value(field.type, value) ?? null;
  }

  private item(out: Record<string, unknown>, field: ProtobufField, wire: WireField): void {
    out[field.name] ??= [];
    const list = out[field.name] as unknown[];
    if (field.type === 'int' && wire.wire === 2) list.push(...readPacked(wire.bytes));
    else list.push(this.value(field.type, wire));
  }

  private value(type: ProtobufField['type'], wire: WireField): unknown {
    if (typeof type === 'string') return scalar(type, wire);
    const special = specialValue(type.message);
    if (!special) return this.message(type.message, wire.bytes);
    return special.read(wire.bytes, (nested) => this.nested(special, nested));
  }

  private nested({ of = '' }: SpecialValue, bytes: Buffer): unknown {
    return this.message(of, bytes);
  }
}

function scalar(type: ScalarCode, { bytes, value = 0 }: WireField): unknown {
  switch (type) {
    case 'string':
      return bytes.toString('utf8');
    case 'bytes':
      return bytes.toString('base64');
    case 'bool':
      return value !== 0;
    default:
      return value;
  }
}

function isZero(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}
