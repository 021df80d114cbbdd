/**
 * A document of OpenAPI version 2 in the protobuf form that kubectl and helm ask for
 * (`application/com.github.proto-openapi.spec.v2@v1.0+protobuf`): gnostic's `openapi.v2.Document`.
 * https://github.com/google/gnostic-models/blob/main/openapiv2/OpenAPIv2.proto
 * Field numbers are from there. Only what our own documents hold is written.
 */
import type { Json, JsonObject } from './definitions.js';

const VARINT = 0;
const BYTES = 2;

/** Grows by doubling; every message is written into its own and then copied with its length before it. */
class Writer {
  private buffer = Buffer.allocUnsafe(256);
  private length = 0;

  text(field: number, value: Json | undefined): this {
    if (typeof value !== 'string' || value === '') return this;
    return this.raw(field, Buffer.from(value));
  }

  texts(field: number, values: Json | undefined): this {
    for (const value of list(values)) this.raw(field, Buffer.from(String(value)));
    return this;
  }

  flag(field: number, value: Json | undefined): this {
    if (value !== true) return this;
    this.varint(field * 8 + VARINT);
    this.varint(1);
    return this;
  }

  /** An absent message is left out; an empty one is not. */
  message(field: number, value: Writer | undefined): this {
    return value ? this.raw(field, value.bytes()) : this;
  }

  bytes(): Buffer {
    return this.buffer.subarray(0, this.length);
  }

  private raw(field: number, bytes: Buffer): this {
    this.varint(field * 8 + BYTES);
    this.varint(bytes.length);
    this.reserve(bytes.length);
    bytes.copy(this.buffer, this.length);
    this.length += bytes.length;
    return this;
  }

  private varint(value: number): void {
    this.reserve(5);
    let rest = value;
    while (rest > 127) {
      this.buffer[this.length++] = (rest & 127) | 128;
      rest >>>= 7;
    }
    this.buffer[this.length++] = rest;
  }

  private reserve(more: number): void {
    if (this.length + more <= this.buffer.length) return;
    const larger = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, this.length + more));
    this.buffer.copy(larger, 0, 0, this.length);
    this.buffer = larger;
  }
}

export function encodeV2(document: JsonObject): Buffer {
  const info = object(document['info']);
  const out = new Writer()
    .text(1, document['swagger'])
    .message(2, new Writer().text(1, info['title']).text(2, info['version']));
  const paths = new Writer();
  for (const [path, item] of Object.entries(object(document['paths']))) {
    paths.message(2, named(path, pathItem(object(item))));
  }
  out.message(8, paths);
  const definitions = new Writer();
  for (const [name, schema] of Object.entries(object(document['definitions']))) {
    definitions.message(1, named(name, schemaMessage(object(schema))));
  }
  out.message(9, definitions);
  const parameters = new Writer();
  for (const [name, value] of Object.entries(object(document['parameters']))) {
    parameters.message(1, named(name, parameter(object(value))));
  }
  out.message(10, parameters);
  for (const requirement of list(document['security'])) {
    const all = new Writer();
    for (const [name, scopes] of Object.entries(object(requirement))) {
      all.message(1, named(name, new Writer().texts(1, scopes)));
    }
    out.message(12, all);
  }
  const security = new Writer();
  for (const [name, value] of Object.entries(object(document['securityDefinitions']))) {
    const key = object(value);
    const apiKey = new Writer()
      .text(1, key['type'])
      .text(2, key['name'])
      .text(3, key['in'])
      .text(4, key['description']);
    security.message(1, named(name, new Writer().message(2, apiKey)));
  }
  return Buffer.from(out.message(13, security).bytes());
}

const METHOD_FIELDS = {
  get: 2,
  put: 3,
  post: 4,
  delete: 5,
  options: 6,
  head: 7,
  patch: 8,
} as const;

function pathItem(item: JsonObject): Writer {
  const out = new Writer();
  for (const [method, field] of Object.entries(METHOD_FIELDS)) {
    if (item[method]) out.message(field, operation(object(item[method])));
  }
  for (const entry of list(item['parameters'])) out.message(9, parametersItem(object(entry)));
  return out;
}

function operation(value: JsonObject): Writer {
  const out = new Writer()
    .texts(1, value['tags'])
    .text(3, value['description'])
    .text(5, value['operationId'])
    .texts(6, value['produces'])
    .texts(7, value['consumes']);
  for (const entry of list(value['parameters'])) out.message(8, parametersItem(object(entry)));
  const responses = new Writer();
  for (const [code, response] of Object.entries(object(value['responses']))) {
    const { description, schema } = object(response);
    const body = new Writer().text(1, description);
    if (schema) body.message(2, new Writer().message(1, schemaMessage(object(schema))));
    responses.message(1, named(code, new Writer().message(1, body)));
  }
  return extensions(out.message(9, responses).texts(10, value['schemes']), 13, value);
}

function parametersItem(value: JsonObject): Writer {
  const { $ref } = value;
  if ($ref !== undefined) return new Writer().message(2, new Writer().text(1, $ref));
  return new Writer().message(1, parameter(value));
}

function parameter(value: JsonObject): Writer {
  if (value['in'] === 'body') {
    const body = new Writer()
      .text(1, value['description'])
      .text(2, value['name'])
      .text(3, value['in'])
      .flag(4, value['required'])
      .message(5, schemaMessage(object(value['schema'])));
    return new Writer().message(1, body);
  }
  const inPath = value['in'] === 'path';
  const other = new Writer()
    .flag(1, value['required'])
    .text(2, value['in'])
    .text(3, value['description'])
    .text(4, value['name'])
    .text(inPath ? 5 : 6, value['type'])
    .flag(inPath ? 19 : 20, value['uniqueItems']);
  return new Writer().message(2, new Writer().message(inPath ? 4 : 3, other));
}

function schemaMessage(schema: JsonObject): Writer {
  const out = new Writer()
    .text(1, schema['$ref'])
    .text(2, schema['format'])
    .text(4, schema['description'])
    .texts(19, schema['required']);
  for (const value of list(schema['enum'])) out.message(20, anyMessage(value));
  const values = schema['additionalProperties'];
  if (values) out.message(21, new Writer().message(1, schemaMessage(object(values))));
  if (schema['type'] !== undefined) out.message(22, new Writer().text(1, schema['type']));
  if (schema['items'])
    out.message(23, new Writer().message(1, schemaMessage(object(schema['items']))));
  if (schema['properties']) {
    const properties = new Writer();
    for (const [field, property] of Object.entries(object(schema['properties']))) {
      properties.message(1, named(field, schemaMessage(object(property))));
    }
    out.message(25, properties);
  }
  return extensions(out, 31, schema);
}

function extensions(out: Writer, field: number, value: JsonObject): Writer {
  for (const [name, extension] of Object.entries(value)) {
    if (name.startsWith('x-') && extension !== undefined)
      out.message(field, named(name, anyMessage(extension)));
  }
  return out;
}

/** As YAML text, which JSON is. */
function anyMessage(value: Json): Writer {
  return new Writer().text(2, `${JSON.stringify(value)}\n`);
}

function named(name: string, value: Writer): Writer {
  return new Writer().text(1, name).message(2, value);
}

function object(value: Json | undefined): JsonObject {
  return isObject(value) ? { ...value } : {};
}

function isObject(value: Json | undefined): value is { readonly [key: string]: Json | undefined } {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
