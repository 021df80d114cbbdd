import t from 'tap';
import { isReason } from '../../apimachinery/status.js';
import { loadBuiltinSchemas } from './builtin.js';
import { type DecodeTarget, decodeBody, decodeValue, type FieldValidation } from './decode.js';
import { Decoder } from './decoder.js';
import { Defaulter } from './defaults.js';
import { schemaAt } from './walk.js';

const schemas = await loadBuiltinSchemas();
const decoder = new Decoder(schemas);

const target = (group: string, version: string, kind: string, pkg: string): DecodeTarget => ({
  group,
  version,
  kind,
  definition: `io.k8s.api.${pkg}.${version}.${kind}`,
});
const POD = target('', 'v1', 'Pod', 'core');
const DEPLOYMENT = target('apps', 'v1', 'Deployment', 'apps');
const SECRET = target('', 'v1', 'Secret', 'core');
const LEASE = target('coordination.k8s.io', 'v1', 'Lease', 'coordination');

function decode(
  body: string | object,
  to: DecodeTarget,
  fieldValidation: FieldValidation = 'Strict',
  format: 'json' | 'yaml' = 'json',
) {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return decodeBody(Buffer.from(text), format, { decoder, target: to, fieldValidation });
}

function refusal(...args: Parameters<typeof decode>): string {
  try {
    decode(...args);
  } catch (err) {
    if (isReason(err, 'BadRequest')) return err.message;
    throw err;
  }
  return 'accepted';
}

const deployment = (spec: unknown) => ({ apiVersion: 'apps/v1', kind: 'Deployment', spec });
const container = (fields: object) => ({ spec: { containers: [{ name: 'a', ...fields }] } });

t.test('a body that does not fit is refused in the words of Kubernetes', async (t) => {
  const handled = (kind: string, version = 'v1') =>
    `${kind} in version "${version}" cannot be handled as a ${kind}: `;
  const rows: [string, string | object, DecodeTarget, string][] = [
    [
      'unknown field',
      deployment({ foo: 1 }),
      DEPLOYMENT,
      `${handled('Deployment')}strict decoding error: unknown field "spec.foo"`,
    ],
    [
      'unknown and duplicate fields',
      '{"metadata":{"name":"a","name":"b"},"spec":{"foo":[{"a":1}]}}',
      DEPLOYMENT,
      `${handled('Deployment')}strict decoding error: unknown field "spec.foo", duplicate field "metadata.name"`,
    ],
    [
      'unknown field in a list',
      container({ imag: 'x' }),
      POD,
      `${handled('Pod')}strict decoding error: unknown field "spec.containers[0].imag"`,
    ],
    [
      'field in another case',
      { Spec: {} },
      POD,
      `${handled('Pod')}strict decoding error: unknown field "Spec"`,
    ],
    [
      'text for a number',
      deployment({ replicas: '3' }),
      DEPLOYMENT,
      `${handled('Deployment')}json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32`,
    ],
    [
      'number for a text, inside a list',
      container({ image: 5 }),
      POD,
      `${handled('Pod')}json: cannot unmarshal number into Go struct field Container.spec.containers.image of type string`,
    ],
    [
      'fraction for an integer',
      deployment({ replicas: 1.5 }),
      DEPLOYMENT,
      `${handled('Deployment')}json: cannot unmarshal number 1.5 into Go struct field DeploymentSpec.spec.replicas of type int32`,
    ],
    [
      'integer written as a fraction',
      '{"spec":{"template":{"spec":{"containers":[{"image":"a:1.5","ports":[{"containerPort":80.0}]}]}}}}',
      DEPLOYMENT,
      `${handled('Deployment')}json: cannot unmarshal number 80.0 into Go struct field ContainerPort.spec.template.spec.containers.ports.containerPort of type int32`,
    ],
    [
      'too large an integer',
      deployment({ replicas: 3000000000 }),
      DEPLOYMENT,
      `${handled('Deployment')}json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32`,
    ],
    [
      'object for a list',
      { spec: { containers: {} } },
      POD,
      `${handled('Pod')}json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container`,
    ],
    [
      'list for an object',
      deployment([]),
      DEPLOYMENT,
      `${handled('Deployment')}json: cannot unmarshal array into Go struct field Deployment.spec of type v1.DeploymentSpec`,
    ],
    [
      'number for a label',
      { metadata: { labels: { a: 1 } } },
      POD,
      `${handled('Pod')}json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string`,
    ],
    [
      'impossible quantity',
      container({ resources: { limits: { cpu: 'lots' } } }),
      POD,
      `${handled('Pod')}quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'`,
    ],
    [
      'impossible time',
      { metadata: { creationTimestamp: 'yesterday' } },
      POD,
      `${handled('Pod')}parsing time "yesterday" as "2006-01-02T15:04:05Z07:00": cannot parse "yesterday" as "2006"`,
    ],
    [
      'no base64',
      { data: { a: 'x' } },
      SECRET,
      `${handled('Secret')}illegal base64 data at input byte 0`,
    ],
    [
      'another API version',
      { apiVersion: 'apps/v2', kind: 'Deployment' },
      DEPLOYMENT,
      'the API version in the data (apps/v2) does not match the expected API version (apps/v1)',
    ],
    [
      'another kind',
      { apiVersion: 'v1', kind: 'Pod' },
      DEPLOYMENT,
      'Pod in version "v1" cannot be handled as a Deployment: converting (v1.Pod) to (apps.Deployment): unknown conversion',
    ],
    [
      'a kind that is none',
      { apiVersion: 'v1', kind: 'Foo' },
      POD,
      'Foo in version "v1" cannot be handled as a Pod: no kind "Foo" is registered for version "v1" in scheme "pkg/api/legacyscheme/scheme.go:30"',
    ],
    [
      'no JSON',
      '{"a": x}',
      POD,
      `the object provided is unrecognized (must be of type Pod): couldn't get version/kind; json parse error: invalid character 'x' looking for beginning of value ({"a": x})`,
    ],
    [
      'half a JSON',
      '{"a": {"b": [1,',
      POD,
      `the object provided is unrecognized (must be of type Pod): couldn't get version/kind; json parse error: unexpected end of JSON input ({"a": {"b": [1,)`,
    ],
    [
      'nothing',
      '',
      POD,
      `the object provided is unrecognized (must be of type Pod): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)`,
    ],
    [
      'a kind that is a number',
      '{"kind":1}',
      POD,
      `the object provided is unrecognized (must be of type Pod): couldn't get version/kind; json parse error: json: cannot unmarshal number into Go struct field .kind of type string ({"kind":1})`,
    ],
  ];
  for (const [name, body, to, message] of rows) t.equal(refusal(body, to), message, name);
});

t.test('what a patch made that does not fit is said of the patch', async (t) => {
  const refused = (value: object, strategic?: object) => {
    const patch = strategic ? { strategic } : {};
    try {
      decodeValue(value, { decoder, target: DEPLOYMENT, fieldValidation: 'Strict', patch });
    } catch (err) {
      if (isReason(err, 'Invalid')) return err.message;
      throw err;
    }
    return 'accepted';
  };
  const pod = (spec: object) => deployment({ template: { spec } });
  const env = (value: unknown) => pod({ containers: [{ env: [{ name: 'A', value }] }] });
  const rows: [string, object, string][] = [
    ['a text for a number', deployment({ replicas: 'x' }), 'unrecognized type: int32'],
    ['a fraction', deployment({ replicas: 1.5 }), 'cannot convert float64 to int32'],
    ['a number for a text', env(1), 'cannot convert int64 to string'],
    ['a boolean for a text', env(true), 'unrecognized type: string'],
    ['a number for a boolean', deployment({ paused: 1 }), 'unrecognized type: bool'],
    ['a text for a list', pod({ containers: 'x' }), 'cannot restore slice from string'],
    ['a list for a map', { metadata: { labels: [] } }, 'cannot restore map from slice'],
    ['a map for a list', pod({ containers: {} }), 'cannot restore slice from map'],
    ['a number for a structure', deployment(1), 'cannot restore struct from: int64'],
    [
      'a boolean for a number or a text',
      deployment({ strategy: { rollingUpdate: { maxSurge: true } } }),
      'json: cannot unmarshal bool into Go value of type int32',
    ],
    ['an unknown field', deployment({ foo: 1 }), 'strict decoding error: unknown field "spec.foo"'],
  ];
  const strategic = { spec: { replicas: 'x', template: null, hosts: ['a', 'b'] } };
  const shown = '"map[spec:map[hosts:[a b] replicas:x template:<nil>]]"';
  for (const [name, value, why] of rows) {
    const text = ` "" is invalid: patch: Invalid value: ${shown}: ${why}`;
    t.equal(refused(value, strategic), text, name);
  }
  t.equal(
    refused({ spec: { replicas: 'x' } }),
    ' "" is invalid: patch: Invalid value: "{\\"spec\\":{\\"replicas\\":\\"x\\"}}": json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
    'of other patches the result is shown, and parsed',
  );
});

t.test('fieldValidation decides what unknown and duplicate fields do', async (t) => {
  const body = '{"metadata":{"name":"a","name":"b"},"spec":{"foo":1},"bar":{"x":{}}}';
  t.same(decode(body, POD, 'Ignore').warnings, []);
  const warned = decode(body, POD, 'Warn');
  t.same(warned.warnings, [
    'unknown field "spec.foo"',
    'unknown field "bar"',
    'duplicate field "metadata.name"',
  ]);
  t.equal(warned.object.metadata?.name, 'b', 'the last one counts');
  t.notOk('bar' in warned.object, 'unknown fields are dropped');
  t.match(
    refusal('metadata:\n  name: a\n  name: b\n', POD, 'Strict', 'yaml'),
    /line 3: key "name" already set in map/,
  );
});

t.test('an object is held as the types of Kubernetes hold it', async (t) => {
  const { object } = decode(
    {
      metadata: {
        name: 'a',
        labels: { x: null, y: 'z' },
        creationTimestamp: '2024-01-01T02:00:00+02:00',
        finalizers: [],
      },
      spec: {
        hostNetwork: false,
        hostname: '',
        nodeSelector: null,
        terminationGracePeriodSeconds: 0,
        volumes: [{ name: 'v', emptyDir: {} }],
        containers: [
          {
            name: 'c',
            args: [],
            resources: { requests: { cpu: 0.5, memory: '1024Mi', 'ephemeral-storage': '1000m' } },
            livenessProbe: { httpGet: { port: 'http' } },
          },
        ],
      },
    },
    POD,
  );
  t.strictSame(object, {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'a', labels: { x: '', y: 'z' }, creationTimestamp: '2024-01-01T00:00:00Z' },
    spec: {
      terminationGracePeriodSeconds: 0,
      volumes: [{ name: 'v', emptyDir: {} }],
      containers: [
        {
          name: 'c',
          resources: { requests: { cpu: '500m', memory: '1Gi', 'ephemeral-storage': '1' } },
          livenessProbe: { httpGet: { port: 'http' } },
        },
      ],
    },
    status: {},
  });
  const lease = decode({ spec: { renewTime: '2024-01-01T00:00:00.000001+00:00' } }, LEASE).object;
  t.same(lease['spec'], { renewTime: '2024-01-01T00:00:00.000001Z' });
  const odd = decode(
    '{"metadata":{"annotations":{"__proto__":"x","constructor":"y"}}}',
    POD,
  ).object;
  t.same(Object.keys(odd.metadata?.annotations ?? {}), ['__proto__', 'constructor']);
  t.match(refusal('{"constructor":1}', POD), /unknown field "constructor"/);
});

t.test('schema defaults are put where a field is absent', async (t) => {
  const pod = {
    spec: {
      containers: [{ ports: [{ containerPort: 1 }, { protocol: 'UDP' }] }],
      imagePullSecrets: [{}],
    },
  };
  new Defaulter(schemas).apply(POD.definition, pod);
  t.same(pod.spec.containers[0]?.ports, [
    { containerPort: 1, protocol: 'TCP' },
    { protocol: 'UDP' },
  ]);
  t.same(pod.spec.imagePullSecrets, [{}]);
});

t.test('a part of an object is found in the schema by its path', async (t) => {
  const pod = schemas.get(POD.definition);
  t.equal(schemaAt(schemas, pod, ['spec', 'containers', 0, 'env', 1, 'name'])?.type, 'string');
  t.equal(schemaAt(schemas, pod, ['metadata', 'labels', 'anything'])?.type, 'string');
  t.equal(schemaAt(schemas, pod, ['spec', 'constructor']), undefined);
  t.equal(
    schemas.get('io.k8s.api.core.v1.PodSpec').properties?.['containers']?.patchMergeKey,
    'name',
  );
});
