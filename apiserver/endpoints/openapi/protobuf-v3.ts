/**
 * A document of OpenAPI version 3 in its protobuf form
 * (`application/com.github.proto-openapi.spec.v3@v1.0+protobuf`): gnostic's `openapi.v3.Document`.
 * https://github.com/google/gnostic-models/blob/main/openapiv3/OpenAPIv3.proto
 * Field numbers are from there. Custom kinds bring schemas of their own, so all of a schema is written;
 * of the rest what our own documents hold.
 */
import type { Json, JsonObject } from './definitions.js';
import { anyBody, entries, extensions, list, object, Writer } from './protobuf-writer.js';

export function encodeV3(document: JsonObject): Buffer {
  const w = new Writer();
  const info = object(document['info']);
  const components = object(document['components']);
  w.text(1, document['openapi']);
  w.message(2, () =>
    w.text(1, info['title']).text(2, info['description']).text(6, info['version']),
  );
  w.message(4, () => {
    for (const [path, item] of entries(document['paths']))
      w.named(1, path, () => pathItem(w, object(item)));
  });
  w.message(5, () => {
    w.message(1, () => {
      for (const [name, schema] of entries(components['schemas']))
        w.named(1, name, () => schemaOrReference(w, schema));
    });
    w.message(7, () => {
      for (const [name, value] of entries(components['securitySchemes'])) {
        const scheme = object(value);
        w.named(1, name, () =>
          w.message(1, () => {
            w.text(1, scheme['type'])
              .text(2, scheme['description'])
              .text(3, scheme['name'])
              .text(4, scheme['in']);
          }),
        );
      }
    });
  });
  return w.bytes();
}

const METHOD_FIELDS = {
  get: 4,
  put: 5,
  post: 6,
  delete: 7,
  options: 8,
  head: 9,
  patch: 10,
  trace: 11,
} as const;

function pathItem(w: Writer, item: JsonObject): void {
  w.text(3, item['description']);
  for (const [method, field] of Object.entries(METHOD_FIELDS)) {
    if (item[method]) w.message(field, () => operation(w, object(item[method])));
  }
  for (const entry of list(item['parameters'])) w.message(13, () => parameter(w, object(entry)));
}

function operation(w: Writer, value: JsonObject): void {
  w.texts(1, value['tags']).text(3, value['description']).text(5, value['operationId']);
  for (const entry of list(value['parameters'])) w.message(6, () => parameter(w, object(entry)));
  const body = object(value['requestBody']);
  if (body['content']) {
    w.message(7, () =>
      w.message(1, () => {
        w.text(1, body['description'])
          .message(2, () => content(w, body['content']))
          .flag(3, body['required']);
      }),
    );
  }
  w.message(8, () => {
    for (const [code, response] of entries(value['responses'])) {
      const { description, content: answer } = object(response);
      w.named(2, code, () =>
        w.message(1, () => {
          w.text(1, description);
          if (answer) w.message(3, () => content(w, answer));
        }),
      );
    }
  });
  w.flag(10, value['deprecated']);
  extensions(w, 13, value);
}

function parameter(w: Writer, value: JsonObject): void {
  w.message(1, () => {
    w.text(1, value['name'])
      .text(2, value['in'])
      .text(3, value['description'])
      .flag(4, value['required'])
      .message(10, () => schemaOrReference(w, value['schema']));
  });
}

/** By media type. */
function content(w: Writer, value: Json | undefined): void {
  for (const [type, media] of entries(value)) {
    const { schema } = object(media);
    w.named(1, type, () => {
      if (schema) w.message(1, () => schemaOrReference(w, schema));
    });
  }
}

function schemaOrReference(w: Writer, value: Json | undefined): void {
  const schema = object(value);
  const { $ref } = schema;
  if ($ref !== undefined) w.message(2, () => w.text(1, $ref));
  else w.message(1, () => schemaBody(w, schema));
}

function schemaBody(w: Writer, schema: JsonObject): void {
  w.flag(1, schema['nullable']);
  if (schema['externalDocs']) {
    const docs = object(schema['externalDocs']);
    w.message(6, () => w.text(1, docs['description']).text(2, docs['url']));
  }
  const { example, default: fallback, not, items, properties } = schema;
  if (example !== undefined) w.message(7, () => anyBody(w, example));
  w.text(9, schema['title'])
    .number(10, schema['multipleOf'])
    .number(11, schema['maximum'])
    .flag(12, schema['exclusiveMaximum'])
    .number(13, schema['minimum'])
    .flag(14, schema['exclusiveMinimum'])
    .count(15, schema['maxLength'])
    .count(16, schema['minLength'])
    .text(17, schema['pattern'])
    .count(18, schema['maxItems'])
    .count(19, schema['minItems'])
    .flag(20, schema['uniqueItems'])
    .count(21, schema['maxProperties'])
    .count(22, schema['minProperties'])
    .texts(23, schema['required']);
  for (const value of list(schema['enum'])) w.message(24, () => anyBody(w, value));
  w.text(25, schema['type']);
  for (const [field, name] of [
    [26, 'allOf'],
    [27, 'oneOf'],
    [28, 'anyOf'],
  ] as const)
    for (const part of list(schema[name])) w.message(field, () => schemaOrReference(w, part));
  if (not) w.message(29, () => schemaBody(w, object(not)));
  if (items) w.message(30, () => w.message(1, () => schemaOrReference(w, items)));
  if (properties) {
    w.message(31, () => {
      for (const [field, property] of entries(properties))
        w.named(1, field, () => schemaOrReference(w, property));
    });
  }
  additional(w, schema['additionalProperties']);
  // A default that is no scalar has no place in the message; that there is one is still said.
  if (fallback !== undefined && fallback !== null)
    w.message(33, () => {
      if (typeof fallback === 'number') w.choice(1, fallback);
      else if (typeof fallback === 'boolean') w.choice(2, fallback);
      else if (typeof fallback === 'string') w.choice(3, fallback);
    });
  w.text(34, schema['description']).text(35, schema['format']);
  extensions(w, 36, schema);
}

function additional(w: Writer, value: Json | undefined): void {
  if (value === undefined || value === null) return;
  w.message(32, () => {
    if (typeof value === 'boolean') w.choice(2, value);
    else w.message(1, () => schemaOrReference(w, value));
  });
}
