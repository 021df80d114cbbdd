/**
 * What JSON and protobuf write in different ways: times, quantities, durations, int-or-strings, raw JSON and
 * the parts of a schema that may be one thing or another. Each is a message of its own on the wire.
 */
import { formatDuration, parseDuration } from '../../apimachinery/duration.js';
import { formatTime } from '../../apimachinery/meta.js';
import { readFields, WireError, type WireField } from './wire.js';
import { BYTES, VARINT, type Writer } from './writer.js';

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const EXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';

/** Reads and writes what is inside the message; `nested` does so for the definition that may be in it. */
export interface SpecialValue {
  read(bytes: Buffer, nested: (bytes: Buffer) => unknown): unknown;
  write(writer: Writer, value: unknown, nested: (value: object) => void): void;
  /** What `nested` is of. */
  readonly of?: string;
}

export function specialValue(definition: string): SpecialValue | undefined {
  // `type ExtraValue []string` of the review kinds.
  return SPECIAL.get(definition) ?? (definition.endsWith('.ExtraValue') ? STRINGS : undefined);
}

const TIME: SpecialValue = {
  read: (bytes) => timeOf(bytes, (seconds) => formatTime(new Date(seconds * 1000))),
  write: (w, value) => writeTime(w, String(value), () => 0),
};

const MICRO_TIME: SpecialValue = {
  read: (bytes) =>
    timeOf(bytes, (seconds, nanos) => {
      const micros = String(Math.floor(nanos / 1000)).padStart(6, '0');
      return `${new Date(seconds * 1000).toISOString().slice(0, 19)}.${micros}Z`;
    }),
  write: (w, value) =>
    writeTime(w, String(value), (text) => {
      const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
      return Number(fraction.slice(0, 6).padEnd(6, '0')) * 1000;
    }),
};

const DURATION: SpecialValue = {
  read: (bytes) => formatDuration((readFields(bytes)[0]?.value ?? 0) / 1e6),
  write: (w, value) => {
    w.varint(Math.round(parseDuration(String(value)) * 1e6));
    w.tag(1, VARINT);
  },
};

const STRINGS: SpecialValue = {
  read: (bytes) => readFields(bytes).map((field) => field.bytes.toString('utf8')),
  write: (w, value) => {
    if (!Array.isArray(value)) return;
    for (let i = value.length - 1; i >= 0; i--) writeText(w, 1, value[i]);
  },
};

const QUANTITY: SpecialValue = {
  read: (bytes) => bytesOf(readFields(bytes), 1).toString('utf8') || '0',
  write: (w, value) => writeText(w, 1, value),
};

const INT_OR_STRING: SpecialValue = {
  read: (bytes) => {
    const fields = readFields(bytes);
    return numberOf(fields, 1) === 1 ? bytesOf(fields, 3).toString('utf8') : numberOf(fields, 2);
  },
  write: (w, value) => {
    const isText = typeof value === 'string';
    writeText(w, 3, isText ? value : '');
    w.varint(isText ? 0 : Number(value));
    w.tag(2, VARINT);
    w.varint(isText ? 1 : 0);
    w.tag(1, VARINT);
  },
};

const RAW_JSON: SpecialValue = {
  read: (bytes) => jsonOf(bytesOf(readFields(bytes), 1)),
  write: (w, value) => writeText(w, 1, JSON.stringify(value)),
};

const SCHEMA_OR_BOOL: SpecialValue = {
  of: `${EXTENSIONS}.JSONSchemaProps`,
  read: (bytes, nested) => {
    const fields = readFields(bytes);
    const schema = fields.find((field) => field.number === 2);
    return schema ? nested(schema.bytes) : numberOf(fields, 1) !== 0;
  },
  write: (w, value, nested) => {
    if (isObject(value)) writeNested(w, 2, value, nested);
    w.varint(value === false ? 0 : 1);
    w.tag(1, VARINT);
  },
};

const SCHEMA_OR_ARRAY: SpecialValue = {
  of: `${EXTENSIONS}.JSONSchemaProps`,
  read: (bytes, nested) => oneOrList(bytes, nested, (field) => nested(field.bytes)),
  write: (w, value, nested) => {
    if (Array.isArray(value)) {
      for (let i = value.length - 1; i >= 0; i--) writeNested(w, 2, value[i], nested);
    } else if (isObject(value)) writeNested(w, 1, value, nested);
  },
};

const SCHEMA_OR_STRINGS: SpecialValue = {
  of: `${EXTENSIONS}.JSONSchemaProps`,
  read: (bytes, nested) => oneOrList(bytes, nested, (field) => field.bytes.toString('utf8')),
  write: (w, value, nested) => {
    if (Array.isArray(value)) {
      for (let i = value.length - 1; i >= 0; i--) writeText(w, 2, value[i]);
    } else if (isObject(value)) writeNested(w, 1, value, nested);
  },
};

const SPECIAL: ReadonlyMap<string, SpecialValue> = new Map([
  [`${META}.Time`, TIME],
  [`${META}.MicroTime`, MICRO_TIME],
  [`${META}.Duration`, DURATION],
  [`${META}.Verbs`, STRINGS],
  [`${META}.FieldsV1`, RAW_JSON],
  ['io.k8s.apimachinery.pkg.api.resource.Quantity', QUANTITY],
  ['io.k8s.apimachinery.pkg.util.intstr.IntOrString', INT_OR_STRING],
  ['io.k8s.apimachinery.pkg.runtime.RawExtension', RAW_JSON],
  [`${EXTENSIONS}.JSON`, RAW_JSON],
  [`${EXTENSIONS}.JSONSchemaPropsOrBool`, SCHEMA_OR_BOOL],
  [`${EXTENSIONS}.JSONSchemaPropsOrArray`, SCHEMA_OR_ARRAY],
  [`${EXTENSIONS}.JSONSchemaPropsOrStringArray`, SCHEMA_OR_STRINGS],
]);

/** What a field that is always there holds where JSON has nothing. */
export function absentValue(definition: string): unknown {
  switch (specialValue(definition)) {
    case QUANTITY:
      return '0';
    case INT_OR_STRING:
      return 0;
    case DURATION:
      return '0s';
    default:
      return undefined;
  }
}

/** An empty message stands for no time. */
function timeOf(
  bytes: Buffer,
  format: (seconds: number, nanos: number) => string,
): string | undefined {
  const fields = readFields(bytes);
  const seconds = fields.find((field) => field.number === 1)?.value;
  if (seconds === undefined) return undefined;
  if (Math.abs(seconds) > MAX_SECONDS) throw new WireError('a time is out of range');
  return format(seconds, numberOf(fields, 2));
}

/** What a `Date` can hold. */
const MAX_SECONDS = 8.64e12;

function writeTime(w: Writer, text: string, nanosOf: (text: string) => number): void {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) return;
  w.varint(nanosOf(text));
  w.tag(2, VARINT);
  w.varint(Math.floor(ms / 1000));
  w.tag(1, VARINT);
}

function writeText(w: Writer, field: number, value: unknown): void {
  const mark = w.length;
  w.text(typeof value === 'string' ? value : String(value));
  w.close(field, mark);
}

function writeNested(
  w: Writer,
  field: number,
  value: object,
  nested: (value: object) => void,
): void {
  const mark = w.length;
  nested(value);
  w.close(field, mark);
}

function oneOrList(
  bytes: Buffer,
  nested: (bytes: Buffer) => unknown,
  item: (field: WireField) => unknown,
): unknown {
  const fields = readFields(bytes);
  const one = fields.find((field) => field.number === 1);
  return one ? nested(one.bytes) : fields.filter(({ number }) => number === 2).map(item);
}

function jsonOf(raw: Buffer): unknown {
  if (raw.length === 0) return undefined;
  try {
    return JSON.parse(raw.toString('utf8'));
  } catch {
    throw new WireError('a raw extension holds no JSON');
  }
}

export function bytesOf(fields: readonly WireField[], number: number): Buffer {
  return fields.find((field) => field.number === number && field.wire === BYTES)?.bytes ?? NONE;
}

function numberOf(fields: readonly WireField[], number: number): number {
  return fields.find((field) => field.number === number)?.value ?? 0;
}

const NONE = Buffer.alloc(0);

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
