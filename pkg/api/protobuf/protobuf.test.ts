import fc from 'fast-check';
import t from 'tap';
import { loadBuiltinSchemas } from '../schema/builtin.js';
import { decodeValue } from '../schema/decode.js';
import { Decoder } from '../schema/decoder.js';
import type { Schema, SchemaSet } from '../schema/model.js';
import { ProtobufDecoder, readEnvelope } from './decode.js';
import { ProtobufEncoder } from './encode.js';
import { loadFieldTable } from './table.js';
import { WireError } from './wire.js';

const CORE = 'io.k8s.api.core.v1';
const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
const EXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1';

const table = await loadFieldTable();
const schemas = await loadBuiltinSchemas();
const encoder = new ProtobufEncoder(table);
const decoder = new ProtobufDecoder(table);

type Fields = Readonly<Record<string, unknown>>;
const encode = (definition: string, object: Fields) => {
  const { apiVersion = '', kind = '' } = object;
  return encoder.encode(definition, { apiVersion: String(apiVersion), kind: String(kind) }, object);
};
const there = (definition: string, object: Fields) =>
  decoder.decode(definition, readEnvelope(encode(definition, object).bytes));

/** Values without zeros and nothing empty: of those JSON and protobuf tell different things apart. */
const FORMATS: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  byte: fc.uint8Array({ minLength: 1, maxLength: 9 }).map((b) => Buffer.from(b).toString('base64')),
  'date-time': fc.constantFrom('2026-01-02T03:04:05Z', '1969-12-31T23:59:59Z'),
  'micro-time': fc.constantFrom('2026-01-02T03:04:05.123456Z', '2026-01-02T03:04:05.000001Z'),
  'int-or-string': fc.constantFrom<unknown>(8080, '25%'),
  quantity: fc.constantFrom('100m', '1Gi', '12'),
  duration: fc.constantFrom('1m30s', '15s'),
  double: fc.constantFrom(0.5, -3),
  int32: fc.constantFrom(1, -1, 2 ** 31 - 1),
  int64: fc.constantFrom(1, 300, 2 ** 53 - 1, -(2 ** 53 - 1)),
};
const TEXT = fc.constantFrom('a', 'text', 'grün', 'x'.repeat(40));
const NAMED: Readonly<Record<string, fc.Arbitrary<unknown>>> = {
  [`${META}.Duration`]: FORMATS['duration'] ?? TEXT,
  [`${META}.FieldsV1`]: fc.constant({ 'f:metadata': { 'f:labels': {} } }),
  [`${EXTENSIONS}.JSON`]: fc.constantFrom<unknown>(1, 'a', { b: [true] }),
  [`${EXTENSIONS}.JSONSchemaPropsOrBool`]: fc.constantFrom<unknown>(true, { type: 'string' }),
  [`${EXTENSIONS}.JSONSchemaPropsOrArray`]: fc.constant({ type: 'string' }),
  [`${EXTENSIONS}.JSONSchemaPropsOrStringArray`]: fc.constantFrom<unknown>(['a'], {
    type: 'string',
  }),
};
const MAX_DEPTH = 9;

t.test('every kind comes back as it went', (t) => {
  const bodies = new Decoder(schemas);
  let count = 0;
  for (const definition of schemas.names()) {
    const [gvk] = schemas.get(definition).groupVersionKinds ?? [];
    if (!gvk || definition.endsWith('List') || definition.startsWith(META)) continue;
    // Only ever answered, and then whole.
    if (gvk.group === 'metrics.k8s.io') continue;
    if (!encoder.has(definition)) {
      t.fail(`${definition} has no message`);
      continue;
    }
    count++;
    const target = { ...gvk, definition };
    const asRead = (value: unknown) =>
      decodeValue(value, { decoder: bodies, target, fieldValidation: 'Strict' }).object;
    const apiVersion = gvk.group === '' ? gvk.version : `${gvk.group}/${gvk.version}`;
    fc.assert(
      fc.property(arbitraryOf(definition, 0), (made) => {
        const object = { ...(made as object), apiVersion, kind: gvk.kind };
        const expected = JSON.parse(JSON.stringify(asRead(structuredClone(object))));
        t.same(asRead(there(definition, object)), expected, definition);
      }),
      { numRuns: 4, seed: 35 },
    );
  }
  t.ok(count > 60, `${count} kinds`);
  t.end();
});

t.test('the bytes are those of Kubernetes', (t) => {
  const rows: [string, string, Fields, string][] = [
    [
      'fields without a pointer are there although JSON has none',
      `${CORE}.ServiceAccount`,
      { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'a' } },
      '6b387300 0a14 0a027631 120e536572766963654163636f756e74' +
        '1213 0a11 0a0161 1200 1a00 2200 2a00 3200 3800 4200 1a00 2200',
    ],
    [
      'maps are sorted, bytes are bytes',
      `${CORE}.Secret`,
      { apiVersion: 'v1', kind: 'Secret', data: { b: '/w==', a: '' }, type: 'Opaque' },
      '6b387300 0a0c 0a027631 1206536563726574' +
        '1229 0a10 0a00 1200 1a00 2200 2a00 3200 3800 4200' +
        '1205 0a0161 1200 1206 0a0162 1201ff 1a064f7061717565 1a00 2200',
    ],
    [
      'a negative number takes ten bytes, a time its seconds and nanoseconds',
      `${META}.ListMeta`,
      { remainingItemCount: -1 },
      '6b387300 0a04 0a00 1200 1211 0a00 1200 1a00 20ffffffffffffffffff01 1a00 2200',
    ],
  ];
  for (const [name, definition, object, hex] of rows) {
    t.equal(encode(definition, object).bytes.toString('hex'), hex.replaceAll(' ', ''), name);
  }
  t.end();
});

t.test('zeros behind a pointer stay, others go', (t) => {
  const spec = {
    terminationGracePeriodSeconds: 0,
    automountServiceAccountToken: false,
    hostNetwork: false,
    containers: [{ name: 'c', livenessProbe: { periodSeconds: 0, httpGet: { port: 'web' } } }],
    volumes: [{ name: 'v', emptyDir: {} }],
  };
  t.same(there(`${CORE}.Pod`, { spec }).spec, {
    terminationGracePeriodSeconds: 0,
    automountServiceAccountToken: false,
    containers: [{ name: 'c', livenessProbe: { httpGet: { port: 'web' } } }],
    volumes: [{ name: 'v', emptyDir: {} }],
  });
  t.end();
});

t.test('what JSON writes in several ways comes back the way it went', (t) => {
  const schema = {
    type: 'object',
    additionalProperties: false,
    default: { any: ['thing', null, 1.5] },
    properties: {
      one: { items: { type: 'string' }, additionalProperties: { type: 'integer' } },
      many: { items: [{ type: 'string' }, { maximum: 0.5 }], enum: [1, 'a'] },
      refs: { $ref: '#/definitions/x', 'x-kubernetes-int-or-string': true },
    },
    dependencies: { a: ['b'], c: { type: 'string' } },
  };
  t.same(there(`${EXTENSIONS}.CustomResourceValidation`, { openAPIV3Schema: schema }), {
    apiVersion: '',
    kind: '',
    openAPIV3Schema: schema,
  });
  const lease = { spec: { renewTime: '2026-01-02T03:04:05.000678Z' } };
  t.match(there('io.k8s.api.coordination.v1.Lease', lease), lease, 'microseconds');
  const strange = { metadata: { annotations: { clé: '✓'.repeat(20_000), '': 'x'.repeat(70) } } };
  t.match(there(`${CORE}.ConfigMap`, strange), strange, 'text of any length and script');
  t.end();
});

t.test('a list is its head, its items and its tail', (t) => {
  const items = ['a', 'b'].map((name) => encode(`${CORE}.ConfigMap`, { metadata: { name } }));
  const parts = items.map(({ bytes, rawStart, rawEnd }) =>
    Buffer.concat([Buffer.from([0x12, rawEnd - rawStart]), bytes.subarray(rawStart, rawEnd)]),
  );
  const length = parts.reduce((sum, part) => sum + part.length, 0);
  const type = { apiVersion: 'v1', kind: 'ConfigMapList' };
  const { head, tail } = encoder.list(type, { resourceVersion: '7', continue: 'c' }, length);
  const list = decoder.decode(
    `${CORE}.ConfigMapList`,
    readEnvelope(Buffer.concat([head, ...parts, tail])),
  );
  t.same(list, {
    ...type,
    metadata: { resourceVersion: '7', continue: 'c' },
    items: [{ metadata: { name: 'a' } }, { metadata: { name: 'b' } }],
  });
  t.end();
});

t.test('an object that cannot be written leaves nothing behind', (t) => {
  const broken = { spec: { holderIdentity: Symbol('no text') } };
  const lease = 'io.k8s.api.coordination.v1.Lease';
  t.doesNotThrow(() => encode(lease, broken));
  const duration = { window: 'no duration' };
  t.throws(() => encode('io.k8s.metrics.pkg.apis.metrics.v1beta1.PodMetrics', duration));
  t.match(there(lease, { metadata: { name: 'a' } }), { metadata: { name: 'a' } });
  t.end();
});

t.test('what is no message is a WireError, never another fault', (t) => {
  const good = encode(`${CORE}.Pod`, {
    metadata: { name: 'a', creationTimestamp: '2026-01-02T03:04:05Z' },
    spec: { containers: [{ name: 'c', image: 'i', ports: [{ containerPort: 1 }] }] },
  }).bytes;
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(good.length - 1), fc.nat(255))),
      fc.nat(good.length),
      (changes, cut) => {
        const bytes = Buffer.from(good.subarray(0, cut));
        for (const [at, byte] of changes) if (at < bytes.length) bytes[at] = byte;
        try {
          decoder.decode(`${CORE}.Pod`, readEnvelope(bytes));
        } catch (err) {
          if (!(err instanceof WireError)) throw err;
        }
      },
    ),
    { numRuns: 500, seed: 35 },
  );
  t.end();
});

function arbitraryOf(definition: string, depth: number): fc.Arbitrary<unknown> {
  return NAMED[definition] ?? ofSchema(schemas.get(definition), schemas, depth);
}

function ofSchema(schema: Schema, set: SchemaSet, depth: number): fc.Arbitrary<unknown> {
  if (schema.ref !== undefined) return arbitraryOf(schema.ref, depth);
  if (schema.enum) return fc.constantFrom(...schema.enum.filter((word) => word !== ''));
  const format = schema.format === undefined ? undefined : FORMATS[schema.format];
  if (format) return format;
  if (schema.properties) {
    const fields = Object.entries(schema.properties).filter(
      ([name, field]) =>
        name !== 'kind' && name !== 'apiVersion' && (depth < MAX_DEPTH || isPlain(field, set)),
    );
    if (fields.length === 0) return fc.constant({});
    return fc
      .subarray(fields, { minLength: 1, maxLength: Math.min(4, fields.length) })
      .chain((chosen) =>
        fc.record(
          Object.fromEntries(
            chosen.map(([name, field]) => [name, ofSchema(field, set, depth + 1)]),
          ),
        ),
      );
  }
  if (schema.additionalProperties)
    return fc.dictionary(TEXT, ofSchema(schema.additionalProperties, set, depth + 1), {
      minKeys: 1,
      maxKeys: 2,
    });
  if (schema.items)
    return fc.array(ofSchema(schema.items, set, depth + 1), { minLength: 1, maxLength: 2 });
  if (schema.preserveUnknownFields) return fc.constant({ any: 'thing' });
  if (schema.type === 'boolean') return fc.constant(true);
  if (schema.type === 'integer' || schema.type === 'number') return fc.constantFrom(1, 300);
  return TEXT;
}

/** Nothing is below it. */
function isPlain(schema: Schema, set: SchemaSet): boolean {
  const { properties, items, additionalProperties } = set.resolve(schema);
  return !properties && !items && !additionalProperties;
}
