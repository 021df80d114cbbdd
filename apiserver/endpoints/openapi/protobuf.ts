/**
 * A document of OpenAPI version 2 in the protobuf form that kubectl and helm ask for
 * (`application/com.github.proto-openapi.spec.v2@v1.0+protobuf`): gnostic's `openapi.v2.Document`.
 * https://github.com/google/gnostic-models/blob/main/openapiv2/OpenAPIv2.proto
 * Field numbers are from there. Only what our own documents hold is written.
 */
import type { Json, JsonObject } from './definitions.js';

const VARINT = 0;
const BYTES = 2;
/** A whole document takes a little more; then the buffer doubles. */
const FIRST_SIZE = 1 << 20;

/**
 * One buffer for all messages. A message is written where it belongs, behind one byte for its length; a
 * length that needs more moves the message on.
 */
class Writer {
  private buffer = Buffer.allocUnsafe(FIRST_SIZE);
  private length = 0;

  text(field: number, value: Json | undefined): this {
    if (typeof value !== 'string' || value === '') return this;
    const size = Buffer.byteLength(value);
    this.varint(field * 8 + BYTES);
    this.varint(size);
    this.reserve(size);
    this.length += this.buffer.write(value, this.length);
    return this;
  }

  texts(field: number, values: Json | undefined): this {
    for (const value of list(values)) this.text(field, value);
    return this;
  }

  flag(field: number, value: Json | undefined): this {
    if (value !== true) return this;
    this.varint(field * 8 + VARINT);
    this.varint(1);
    return this;
  }

  message(field: number, write: () => void): this {
    this.varint(field * 8 + BYTES);
    this.reserve(1);
    const at = this.length++;
    write();
    const size = this.length - at - 1;
    const more = varintSize(size) - 1;
    if (more > 0) {
      this.reserve(more);
      this.buffer.copyWithin(at + 1 + more, at + 1, this.length);
    }
    this.length = at;
    this.varint(size);
    this.length += size;
    return this;
  }

  /** One entry of a map: its name and its value. */
  named(field: number, name: string, write: () => void): this {
    return this.message(field, () => {
      this.text(1, name).message(2, write);
    });
  }

  bytes(): Buffer {
    return Buffer.from(this.buffer.subarray(0, this.length));
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

function varintSize(value: number): number {
  return value < 1 << 7 ? 1 : value < 1 << 14 ? 2 : value < 1 << 21 ? 3 : value < 1 << 28 ? 4 : 5;
}

export function encodeV2(document: JsonObject): Buffer {
  const w = new Writer();
  const info = object(document['info']);
  w.text(1, document['swagger']);
  w.message(2, () => w.text(1, info['title']).text(2, info['version']));
  w.message(8, () => {
    for (const [path, item] of entries(document['paths']))
      w.named(2, path, () => pathItem(w, object(item)));
  });
  w.message(9, () => {
    for (const [name, schema] of entries(document['definitions'])) {
      w.named(1, name, () => schemaBody(w, object(schema)));
    }
  });
  w.message(10, () => {
    for (const [name, value] of entries(document['parameters'])) {
      w.named(1, name, () => parameter(w, object(value)));
    }
  });
  for (const requirement of list(document['security'])) {
    w.message(12, () => {
      for (const [name, scopes] of entries(requirement)) w.named(1, name, () => w.texts(1, scopes));
    });
  }
  w.message(13, () => {
    for (const [name, value] of entries(document['securityDefinitions'])) {
      const key = object(value);
      w.named(1, name, () =>
        w.message(2, () => {
          w.text(1, key['type'])
            .text(2, key['name'])
            .text(3, key['in'])
            .text(4, key['description']);
        }),
      );
    }
  });
  return w.bytes();
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

function pathItem(w: Writer, item: JsonObject): void {
  for (const [method, field] of Object.entries(METHOD_FIELDS)) {
    if (item[method]) w.message(field, () => operation(w, object(item[method])));
  }
  for (const entry of list(item['parameters']))
    w.message(9, () => parametersItem(w, object(entry)));
}

function operation(w: Writer, value: JsonObject): void {
  w.texts(1, value['tags'])
    .text(3, value['description'])
    .text(5, value['operationId'])
    .texts(6, value['produces'])
    .texts(7, value['consumes']);
  for (const entry of list(value['parameters']))
    w.message(8, () => parametersItem(w, object(entry)));
  w.message(9, () => {
    for (const [code, response] of entries(value['responses'])) {
      const { description, schema } = object(response);
      w.named(1, code, () =>
        w.message(1, () => {
          w.text(1, description);
          if (schema) w.message(2, () => w.message(1, () => schemaBody(w, object(schema))));
        }),
      );
    }
  });
  w.texts(10, value['schemes']);
  extensions(w, 13, value);
}

function parametersItem(w: Writer, value: JsonObject): void {
  const { $ref } = value;
  if ($ref !== undefined) w.message(2, () => w.text(1, $ref));
  else w.message(1, () => parameter(w, value));
}

function parameter(w: Writer, value: JsonObject): void {
  if (value['in'] === 'body') {
    w.message(1, () => {
      w.text(1, value['description']).text(2, value['name']).text(3, value['in']);
      w.flag(4, value['required']).message(5, () => schemaBody(w, object(value['schema'])));
    });
    return;
  }
  const inPath = value['in'] === 'path';
  w.message(2, () =>
    w.message(inPath ? 4 : 3, () => {
      w.flag(1, value['required'])
        .text(2, value['in'])
        .text(3, value['description'])
        .text(4, value['name'])
        .text(inPath ? 5 : 6, value['type'])
        .flag(inPath ? 19 : 20, value['uniqueItems']);
    }),
  );
}

function schemaBody(w: Writer, schema: JsonObject): void {
  w.text(1, schema['$ref']).text(2, schema['format']).text(4, schema['description']);
  w.texts(19, schema['required']);
  for (const value of list(schema['enum'])) w.message(20, () => anyBody(w, value));
  const { additionalProperties: values, type, items, properties } = schema;
  if (values) w.message(21, () => w.message(1, () => schemaBody(w, object(values))));
  if (type !== undefined) w.message(22, () => w.text(1, type));
  if (items) w.message(23, () => w.message(1, () => schemaBody(w, object(items))));
  if (properties) {
    w.message(25, () => {
      for (const [field, property] of entries(properties)) {
        w.named(1, field, () => schemaBody(w, object(property)));
      }
    });
  }
  extensions(w, 31, schema);
}

function extensions(w: Writer, field: number, value: JsonObject): void {
  for (const [name, extension] of Object.entries(value)) {
    if (name.startsWith('x-') && extension !== undefined) {
      w.named(field, name, () => anyBody(w, extension));
    }
  }
}

/** As YAML text, which JSON is. */
function anyBody(w: Writer, value: Json): void {
  w.text(2, `${JSON.stringify(value)}\n`);
}

function object(value: Json | undefined): JsonObject {
  return isObject(value) ? value : {};
}

function entries(value: Json | undefined): [string, Json | undefined][] {
  return Object.entries(object(value));
}

function isObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function list(value: Json | undefined): readonly Json[] {
  return Array.isArray(value) ? value : [];
}
