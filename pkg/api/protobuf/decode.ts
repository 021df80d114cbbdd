/**
 * Kubernetes' protobuf form of an object to the object as JSON has it. On the wire it is the four bytes
 * `k8s\0` and a message `Unknown { 1 typeMeta { 1 apiVersion, 2 kind }, 2 raw }`, whose raw bytes are the
 * kind's own message (`k8s.io/apimachinery/pkg/runtime/serializer/protobuf`).
 *
 * What differs from JSON: an embedded struct of Go (`Volume.volumeSource`) is a message of its own here and
 * not there; times, quantities, int-or-strings and raw JSON have messages; a plain scalar with its zero
 * value is absent in JSON. Fields that are not known are left out, as protobuf demands.
 */
import { formatDuration } from '../../apimachinery/duration.js';
import type { UnstructuredObject } from '../../apimachinery/meta.js';
import { formatMicroTime, formatTime } from '../../apimachinery/meta.js';
import type { SchemaSet } from '../schema/model.js';
import type { FieldTable, ProtobufField, ScalarCode } from './table.js';
import { readFields, readPacked, WireError, type WireField } from './wire.js';

export const PROTOBUF_TYPE = 'application/vnd.kubernetes.protobuf';
const MAGIC = Buffer.from('k8s\0');
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';

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

export class ProtobufDecoder {
  private readonly inlined = new Map<string, boolean>();

  constructor(
    private readonly table: FieldTable,
    private readonly schemas: SchemaSet,
  ) {}

  /** The object of `definition` that the envelope holds. Throws WireError. */
  decode(definition: string, envelope: Envelope): UnstructuredObject {
    const { apiVersion, kind } = envelope;
    return { apiVersion, kind, ...this.message(definition, envelope.raw) };
  }

  private message(definition: string, bytes: Buffer): Record<string, unknown> {
    const known = this.table[definition];
    if (!known) throw new WireError(`no message ${definition} is known`);
    const out: Record<string, unknown> = {};
    for (const wire of readFields(bytes)) {
      const field = known.find((each) => each.number === wire.number);
      if (!field) continue;
      if (field.map) this.mapEntry(out, field, wire.bytes);
      else if (field.repeated) this.item(out, field, wire);
      else if (typeof field.type === 'object' && this.isInlined(definition, field)) {
        Object.assign(out, this.message(field.type.message, wire.bytes));
      } else {
        const value = this.value(field.type, wire);
        if (value !== undefined && !(field.plain && isZero(value))) out[field.name] = value;
      }
    }
    return out;
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
    map[key] = this.value(field.type, value);
  }

  private item(out: Record<string, unknown>, field: ProtobufField, wire: WireField): void {
    out[field.name] ??= [];
    const list = out[field.name] as unknown[];
    if (field.type === 'int' && wire.wire === 2) list.push(...readPacked(wire.bytes));
    else list.push(this.value(field.type, wire));
  }

  private value(type: ProtobufField['type'], wire: WireField): unknown {
    return typeof type === 'string' ? scalar(type, wire) : this.special(type.message, wire.bytes);
  }

  /** Messages that are something simpler in JSON. */
  private special(definition: string, bytes: Buffer): unknown {
    switch (definition) {
      case `${META}.Time`:
        return timeOf(bytes, formatTime);
      case `${META}.MicroTime`:
        return timeOf(bytes, formatMicroTime);
      case `${META}.Duration`:
        return formatDuration((readFields(bytes)[0]?.value ?? 0) / 1e6);
      case `${META}.Verbs`:
        return readFields(bytes).map((field) => field.bytes.toString('utf8'));
      case 'io.k8s.apimachinery.pkg.api.resource.Quantity':
        return bytesOf(readFields(bytes), 1).toString('utf8');
      case 'io.k8s.apimachinery.pkg.util.intstr.IntOrString': {
        const fields = readFields(bytes);
        const isText = fields.find((field) => field.number === 1)?.value === 1;
        return isText
          ? bytesOf(fields, 3).toString('utf8')
          : (fields.find((field) => field.number === 2)?.value ?? 0);
      }
      case `${META}.FieldsV1`:
      case 'io.k8s.apimachinery.pkg.runtime.RawExtension':
        return jsonOf(bytesOf(readFields(bytes), 1));
    }
    // `type ExtraValue []string` of the review kinds.
    if (definition.endsWith('.ExtraValue'))
      return readFields(bytes).map((field) => field.bytes.toString('utf8'));
    return this.message(definition, bytes);
  }

  /** Whether JSON has the fields of the message in the place of the message. */
  private isInlined(definition: string, field: ProtobufField): boolean {
    const key = `${definition}.${field.name}`;
    let inlined = this.inlined.get(key);
    if (inlined === undefined) {
      const schema = this.schemas.has(definition) ? this.schemas.get(definition) : undefined;
      inlined = schema?.properties !== undefined && schema.properties[field.name] === undefined;
      this.inlined.set(key, inlined);
    }
    return inlined;
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

/** An empty message stands for no time. */
function timeOf(bytes: Buffer, format: (at: Date) => string): string | undefined {
  const fields = readFields(bytes);
  const seconds = fields.find((field) => field.number === 1)?.value;
  if (seconds === undefined) return undefined;
  const nanos = fields.find((field) => field.number === 2)?.value ?? 0;
  return format(new Date(seconds * 1000 + Math.floor(nanos / 1e6)));
}

function jsonOf(raw: Buffer): unknown {
  if (raw.length === 0) return undefined;
  try {
    return JSON.parse(raw.toString('utf8'));
  } catch {
    throw new WireError('a raw extension holds no JSON');
  }
}

function isZero(value: unknown): boolean {
  if (value === '' || value === 0 || value === false) return true;
  return typeof value === 'object' && value !== null && Object.keys(value).length === 0;
}

function bytesOf(fields: readonly WireField[], number: number): Buffer {
  return fields.find((field) => field.number === number)?.bytes ?? Buffer.alloc(0);
}
