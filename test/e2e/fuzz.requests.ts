/** What fuzz.test.ts sends: requests that are nearly right, of every kind that has a road of its own. */
import { join } from 'node:path';
import fc from 'fast-check';
import type { RawRequest } from '../support/raw-api.js';
import * as rows from './bad-input.rows.js';

export const WIDGETS = `/apis/fuzz.example.com/v1/namespaces/${rows.NAMESPACE}/widgets`;

export function widget(name: string, spec: object): object {
  return { apiVersion: 'fuzz.example.com/v1', kind: 'Widget', metadata: { name }, spec };
}

export const DEFINITION = {
  apiVersion: 'apiextensions.k8s.io/v1',
  kind: 'CustomResourceDefinition',
  metadata: { name: 'widgets.fuzz.example.com' },
  spec: {
    group: 'fuzz.example.com',
    scope: 'Namespaced',
    names: { plural: 'widgets', singular: 'widget', kind: 'Widget', listKind: 'WidgetList' },
    versions: [
      {
        name: 'v1',
        served: true,
        storage: true,
        subresources: {
          status: {},
          scale: { specReplicasPath: '.spec.size', statusReplicasPath: '.status.size' },
        },
        selectableFields: [{ jsonPath: '.spec.color' }],
        additionalPrinterColumns: [{ name: 'Size', type: 'integer', jsonPath: '.spec.size' }],
        schema: {
          openAPIV3Schema: {
            type: 'object',
            properties: {
              spec: {
                type: 'object',
                'x-kubernetes-validations': [
                  {
                    rule: '!has(self.parts) || self.parts.all(p, p.name != self.color)',
                    messageExpression: '"not " + self.color',
                  },
                ],
                properties: {
                  size: { type: 'integer', minimum: 0, maximum: 9, default: 1 },
                  color: { type: 'string', default: 'red', pattern: '^[a-z]*$' },
                  any: { 'x-kubernetes-preserve-unknown-fields': true },
                  port: { 'x-kubernetes-int-or-string': true },
                  when: { type: 'string', format: 'date-time' },
                  parts: {
                    type: 'array',
                    maxItems: 5,
                    'x-kubernetes-list-type': 'map',
                    'x-kubernetes-list-map-keys': ['name'],
                    items: {
                      type: 'object',
                      required: ['name'],
                      properties: { name: { type: 'string', maxLength: 20 } },
                    },
                  },
                },
              },
              status: { type: 'object', properties: { size: { type: 'integer' } } },
            },
          },
        },
      },
    ],
  },
};

const name = fc.constantFrom('have', 'none', 'fuzz', 'a.b', 'UPPER', '%2f', 'x'.repeat(254));
const part = fc.constantFrom(
  ...[
    '',
    'status',
    'scale',
    'exec',
    'attach',
    'portforward',
    'proxy',
    'proxy/a/b',
    'log',
    'resize',
  ],
  ...['ephemeralcontainers', 'eviction', 'binding', 'token', 'approval', 'nothing', 'status/x'],
);
const path = fc.oneof(
  { weight: 3, arbitrary: fc.tuple(name, part).map(([who, sub]) => join(WIDGETS, who, sub)) },
  { weight: 1, arbitrary: fc.constantFrom(WIDGETS, '/apis/fuzz.example.com/v1/widgets') },
  {
    weight: 3,
    arbitrary: fc
      .tuple(
        fc.constantFrom(
          ...[rows.PODS, `${rows.APPS}/deployments`, `${rows.CORE}/services`, '/api/v1/nodes'],
          ...[`${rows.CORE}/serviceaccounts`, `${rows.CORE}/persistentvolumeclaims`],
          '/apis/certificates.k8s.io/v1/certificatesigningrequests',
          '/apis/apiextensions.k8s.io/v1/customresourcedefinitions',
          '/apis/apiregistration.k8s.io/v1/apiservices',
          '/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies',
        ),
        name,
        part,
      )
      .map(([base, who, sub]) => join(base, who, sub)),
  },
  fc.constantFrom(
    ...['/apis/nowhere.example.com/v1', '/apis/nowhere.example.com/v1/things/x?a=b'],
    ...[
      '/apis/nowhere.example.com',
      '/apis/nowhere.example.com/v2',
      '/apis/metrics.k8s.io/v1beta1',
    ],
    ...['/apis/metrics.k8s.io/v1beta1/pods', '/apis/metrics.k8s.io/v1beta1/nodes/none'],
    ...['/openapi/v3/apis/fuzz.example.com/v1', '/openapi/v2', '/apis', '/api'],
    ...['/apis/authorization.k8s.io/v1/subjectaccessreviews', '/debug/pprof', '/metrics'],
  ),
);
const number = fc.constantFrom('', '0', '1', '-1', '1.5', '9223372036854775808', 'x', '%00');
const flag = fc.constantFrom('true', 'false', '1', '', 'maybe');
const query = fc
  .record(
    {
      watch: fc.constantFrom('true', 'false', '0', '', 'maybe'),
      resourceVersion: number,
      resourceVersionMatch: fc.constantFrom('Exact', 'NotOlderThan', 'x', ''),
      sendInitialEvents: flag,
      allowWatchBookmarks: flag,
      limit: number,
      continue: fc.constantFrom('', 'x', 'e30', 'eyJ2IjoibWV0YS5rOHMuaW8vdjEifQ'),
      labelSelector: fc.constantFrom('a', '!a', 'a+in+()', 'a%3Db%2Cb!%3Dc', '%2C%2C', '((('),
      fieldSelector: fc.constantFrom('spec.color%3Dred', 'metadata.name%3Dhave', 'a.b%3Dc', '%3D'),
      fieldManager: fc.constantFrom('m', '', 'x'.repeat(200), '%07'),
      fieldValidation: fc.constantFrom('Strict', 'Warn', 'Ignore', 'x'),
      dryRun: fc.constantFrom('All', 'x', ''),
      force: flag,
      command: fc.constantFrom('sh', '', '%F0%9F'),
      stdin: flag,
      stdout: flag,
      tty: flag,
      ports: number,
      follow: fc.constantFrom('false', 'x'),
    },
    { requiredKeys: [] },
  )
  // A watch ends by itself.
  .map((pairs) => {
    const said = Object.entries(pairs).map(([key, value]) => `${key}=${value}`);
    return ['timeoutSeconds=1', ...said.slice(0, 6)].join('&');
  });
const types = fc.constantFrom(
  ...['application/json', 'application/yaml', 'application/vnd.kubernetes.protobuf', ''],
  ...['application/apply-patch+yaml', 'application/apply-patch+cbor', 'application/cbor'],
  ...['application/merge-patch+json', 'application/json-patch+json', 'text/plain'],
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml; charset=utf-16',
);
const accepts = fc.constantFrom(
  ...['*/*', 'application/json', 'application/yaml', 'application/cbor', 'text/html', 'a;b=c;;'],
  // What is not acceptable gets no further.
  ...Array<string>(8).fill('application/json'),
  ...['application/vnd.kubernetes.protobuf', 'application/vnd.kubernetes.protobuf;stream=watch'],
  'application/json;as=Table;v=v1;g=meta.k8s.io,application/json',
  'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io',
  'application/json;as=Table;v=v9;g=x',
  'application/vnd.kubernetes.protobuf;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
);
const plain = fc.record(
  {
    'content-type': types,
    accept: accepts,
    'content-encoding': fc.constantFrom('gzip', 'identity', 'br'),
    'accept-encoding': fc.constantFrom('gzip', 'deflate;q=0', '*'),
    'x-remote-user': fc.constant('root'),
  },
  { requiredKeys: [] },
);
const headers = fc
  .tuple(
    plain,
    fc.constantFrom('jane', 'system:node:x', '', ...Array<undefined>(17).fill(undefined)),
  )
  .map(([said, user]) => (user === undefined ? said : { ...said, 'impersonate-user': user }));
const leaf = fc.constantFrom<unknown>(
  ...[null, true, 0, -1, 1e300, 1.5, '', 'a', 'red', 'x'.repeat(300), '💥', '2020-01-01T00:00:00Z'],
  ...['__proto__', 'have', '10', '$(x)'],
);
const field = fc.constantFrom(
  ...[
    'size',
    'color',
    'any',
    'port',
    'when',
    'parts',
    'name',
    'spec',
    'status',
    'metadata',
    'kind',
  ],
  ...['apiVersion', 'labels', 'annotations', 'finalizers', 'managedFields', 'ownerReferences'],
  ...['generateName', 'resourceVersion', 'uid', 'creationTimestamp', 'deletionTimestamp'],
  ...['replicas', 'selector', 'template', 'containers', 'ephemeralContainers', '$patch'],
  ...['$setElementOrder/parts', '$retainKeys', '__proto__', 'op', 'path', 'from', 'value'],
  ...['versions', 'schema', 'openAPIV3Schema', 'properties', 'items', 'type', 'conditions'],
);
const json = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    leaf,
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(field, tie('value'), { maxKeys: 4 }),
  ),
})).value;
const spec = fc.record(
  { size: json, color: json, any: json, port: json, when: json, parts: json },
  { requiredKeys: [] },
);
const objects = fc.oneof(
  fc.tuple(fc.constantFrom('have', 'fuzz'), spec).map(([who, what]) => widget(who, what)),
  fc
    .tuple(
      fc.constantFrom<object>(
        widget('have', { size: 1 }),
        rows.pod('fuzz'),
        rows.deployment('have'),
      ),
      fc.dictionary(field, json, { maxKeys: 2 }),
    )
    .map(([good, change]) => ({ ...good, ...change })),
);
const patches = fc.array(
  fc.record({
    op: fc.constantFrom('add', 'remove', 'replace', 'move', 'copy', 'test', 'x'),
    path: fc.constantFrom(
      '',
      '/',
      '/spec',
      '/spec/parts/-',
      '/metadata/name',
      '/a/b/c',
      '/spec/~2',
    ),
    from: fc.constantFrom('/spec', '/metadata', '', '/x'),
    value: json,
  }),
  { maxLength: 4 },
);
/** The magic of Kubernetes' protobuf, an envelope that may even be one, and rubbish. */
const protobuf = fc
  .tuple(fc.boolean(), fc.uint8Array({ maxLength: 120 }))
  .map(([envelope, bytes]) => {
    const kind = Buffer.from('\n\x02v1\x12\x03Pod', 'latin1');
    const unknown = envelope
      ? Buffer.concat([
          Buffer.from([0x0a, kind.length]),
          kind,
          Buffer.from([0x12, bytes.length]),
          bytes,
        ])
      : Buffer.from(bytes);
    return Buffer.concat([Buffer.from('k8s\0'), unknown]);
  });
const body = fc.oneof(
  { weight: 5, arbitrary: objects },
  { weight: 2, arbitrary: json },
  { weight: 2, arbitrary: patches },
  { weight: 2, arbitrary: protobuf },
  fc.string({ maxLength: 80 }),
  fc.constantFrom('&a [*a, *a]', '--- a\n--- b', 'a: &x [1]\nb: *x', '!!js/function x', '\u0000'),
  fc.constant(Buffer.from('d9d9f7a1616101', 'hex')),
);
export const anyRequest: fc.Arbitrary<RawRequest> = fc
  .record({
    method: fc.constantFrom('GET', 'GET', 'POST', 'PUT', 'PATCH', 'PATCH', 'DELETE', 'HEAD'),
    path,
    query,
    headers,
    body,
  })
  .map(({ method, path: at, query: asked, headers: said, body: sent }) => {
    const whole = `${at}${at.includes('?') ? '&' : '?'}${asked}`;
    return method === 'GET' || method === 'HEAD'
      ? { method, path: whole, headers: said }
      : { method, path: whole, headers: said, body: sent };
  });

export const upgrade: fc.Arbitrary<Buffer> = fc
  .record({
    path: fc.constantFrom(
      ...[`${rows.PODS}/have/exec?command=sh&stdin=true`, `${rows.PODS}/have/portforward?ports=80`],
      ...[`${rows.PODS}/have/attach`, `${rows.PODS}?watch=1&timeoutSeconds=1`, '/apis', '/'],
      ...['/apis/nowhere.example.com/v1/x', `${WIDGETS}?watch=1&timeoutSeconds=1`, '/v3/stream'],
    ),
    protocol: fc.constantFrom('websocket', 'websocket', 'websocket', 'SPDY/3.1', 'h2c', ''),
    version: fc.constantFrom('13', '13', '13', '8', ''),
    key: fc.constantFrom(...Array<string>(4).fill('dGhlIHNhbXBsZSBub25jZQ=='), 'short'),
    sub: fc.constantFrom('v5.channel.k8s.io', 'channel.k8s.io', 'v4.channel.k8s.io, x', '', ',,'),
    connection: fc.constantFrom('Upgrade', 'keep-alive, Upgrade', 'close'),
    rest: fc.uint8Array({ maxLength: 200 }),
  })
  .map(({ path: at, protocol, version, key, sub, connection, rest }) => {
    const head = [
      `GET ${at} HTTP/1.1`,
      'Host: localhost',
      `Connection: ${connection}`,
      `Upgrade: ${protocol}`,
      `Sec-WebSocket-Version: ${version}`,
      `Sec-WebSocket-Key: ${key}`,
      ...(sub ? [`Sec-WebSocket-Protocol: ${sub}`, `X-Stream-Protocol-Version: ${sub}`] : []),
    ];
    return Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(rest)]);
  });
