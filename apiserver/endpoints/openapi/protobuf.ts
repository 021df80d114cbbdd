/**
 * A document of OpenAPI version 2 in the protobuf form that kubectl and helm ask for
 * (`application/com.github.proto-openapi.spec.v2@v1.0+protobuf`): gnostic's `openapi.v2.Document`.
 * https://github.com/google/gnostic-models/blob/main/openapiv2/OpenAPIv2.proto
 * Field numbers are from there. Only what our own documents hold is written.
 */
import type { JsonObject } from './definitions.js';
import { anyBody, entries, extensions, list, object, Writer } from './protobuf-writer.js';

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
