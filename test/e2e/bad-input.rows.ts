/**
 * Requests that Kubernetes v1.35 refuses, and its answer to each: the code, the reason and the message of
 * its Status. Everything happens in a namespace with one object of each kind, all named `have`.
 */
import type { RawRequest } from '../support/raw-api.js';

export interface Row extends RawRequest {
  readonly name: string;
  readonly code: number;
  readonly reason?: string;
  readonly message?: string | RegExp;
  /** What the Warning header must match; without it, there is none. */
  readonly warning?: RegExp;
}

export const NAMESPACE = 'bad';
export const CORE = `/api/v1/namespaces/${NAMESPACE}`;
export const APPS = `/apis/apps/v1/namespaces/${NAMESPACE}`;
export const CONFIG_MAPS = `${CORE}/configmaps`;
export const PODS = `${CORE}/pods`;
const SERVICES = `${CORE}/services`;
const DEPLOYMENTS = `${APPS}/deployments`;

const JSON_PATCH = { 'content-type': 'application/json-patch+json' };
const MERGE_PATCH = { 'content-type': 'application/merge-patch+json' };
const STRATEGIC = { 'content-type': 'application/strategic-merge-patch+json' };
const APPLY = { 'content-type': 'application/apply-patch+yaml' };
const YAML = { 'content-type': 'application/yaml' };

type Fields = Record<string, unknown>;

export function configMap(name: string, more: Fields = {}): Fields {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name }, ...more };
}

export function pod(name: string, container: Fields = {}, spec: Fields = {}): Fields {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'nginx', ...container }], ...spec },
  };
}

export function deployment(name: string, spec: Fields = {}): Fields {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      replicas: 1,
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'c', image: 'nginx' }] },
      },
      ...spec,
    },
  };
}

export function service(name: string, spec: Fields = {}): Fields {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name },
    spec: { selector: { app: name }, ports: [{ port: 80 }], ...spec },
  };
}

const SUBDOMAIN =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character (e.g. 'example.com', regex used for validation is '[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*')";
const NOT_THERE = 'the server could not find the requested resource';
const NOT_ALLOWED = 'the server does not allow this method on the requested resource';
const PORT = 'must be between 1 and 65535, inclusive';
const QUANTITY =
  /quantities must match the regular expression '\^\(\[\+-\]\?\[0-9\.\]\+\)\(\[eEinumkKMGTP\]\*\[-\+\]\?\[0-9\]\*\)\$'/;
const MODIFIED =
  'the object has been modified; please apply your changes to the latest version and try again';
const MAX_BODY = 3 * 1024 * 1024;

function create(name: string, path: string, body: unknown, more: Omit<Row, 'name' | 'path'>): Row {
  return { name, method: 'POST', path, body, ...more };
}

const BAD = { code: 400, reason: 'BadRequest' } as const;
const INVALID = { code: 422, reason: 'Invalid' } as const;
const NOT_FOUND = { code: 404, reason: 'NotFound' } as const;
const METHOD = { code: 405, reason: 'MethodNotAllowed', message: NOT_ALLOWED } as const;

const bodies: Row[] = [
  create('no body', CONFIG_MAPS, '', {
    ...BAD,
    message:
      "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input (<empty>)",
  }),
  create('half an object', CONFIG_MAPS, '{', {
    ...BAD,
    message:
      "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: unexpected end of JSON input ({)",
  }),
  create('text', CONFIG_MAPS, 'hello', {
    ...BAD,
    message:
      "the object provided is unrecognized (must be of type ConfigMap): couldn't get version/kind; json parse error: invalid character 'h' looking for beginning of value (68656c6c6f)",
  }),
  create('a list of JSON', CONFIG_MAPS, '[]', {
    ...BAD,
    message:
      /^the object provided is unrecognized \(must be of type ConfigMap\): couldn't get version\/kind; json parse error: json: cannot unmarshal array into Go value of type struct \{.*\} \(5b5d\)$/,
  }),
  create('a trailing comma', CONFIG_MAPS, '{"a":1,}', {
    ...BAD,
    message: /invalid character '}' looking for beginning of object key string/,
  }),
  create('two objects', CONFIG_MAPS, '{}{}', {
    ...BAD,
    message: /invalid character '\{' after top-level value/,
  }),
  {
    name: 'YAML that is none',
    method: 'POST',
    path: CONFIG_MAPS,
    headers: YAML,
    body: 'a: b: c',
    ...BAD,
    message:
      /^the object provided is unrecognized \(must be of type ConfigMap\): error converting YAML to JSON: yaml: line 1: .* \(613a20623a2063\)$/,
  },
  create('a number for a map', CONFIG_MAPS, configMap('x', { data: 7 }), {
    ...BAD,
    message:
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type map[string]string',
  }),
  create('a number for a text in a map', CONFIG_MAPS, configMap('x', { data: { a: 7 } }), {
    ...BAD,
    message:
      'ConfigMap in version "v1" cannot be handled as a ConfigMap: json: cannot unmarshal number into Go struct field ConfigMap.data of type string',
  }),
  create('a text for a number', DEPLOYMENTS, deployment('x', { replicas: '3' }), {
    ...BAD,
    message:
      'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32',
  }),
  create('an object for a list', PODS, pod('x', {}, { containers: {} }), {
    ...BAD,
    message:
      'Pod in version "v1" cannot be handled as a Pod: json: cannot unmarshal object into Go struct field PodSpec.spec.containers of type []v1.Container',
  }),
  create('a number beyond 32 bits', DEPLOYMENTS, deployment('x', { replicas: 3000000000 }), {
    ...BAD,
    message:
      'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal number 3000000000 into Go struct field DeploymentSpec.spec.replicas of type int32',
  }),
  create(
    'an impossible date',
    CONFIG_MAPS,
    configMap('x', { metadata: { name: 'x', creationTimestamp: 'now' } }),
    {
      ...BAD,
      message:
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: parsing time "now" as "2006-01-02T15:04:05Z07:00": cannot parse "now" as "2006"',
    },
  ),
  create(
    'bytes that are no base64',
    `${CORE}/secrets`,
    { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' }, data: { a: '***' } },
    {
      ...BAD,
      message:
        'Secret in version "v1" cannot be handled as a Secret: illegal base64 data at input byte 0',
    },
  ),
  create('another kind', CONFIG_MAPS, pod('x'), {
    ...BAD,
    message:
      /^Pod in version "v1" cannot be handled as a ConfigMap: converting \(v1\.Pod\) to \(core\.ConfigMap\): unknown conversion$/,
  }),
  create(
    'another version',
    CONFIG_MAPS,
    { ...deployment('x') },
    {
      ...BAD,
      message:
        'Deployment in version "v1" cannot be handled as a ConfigMap: converting (v1.Deployment) to (core.ConfigMap): unknown conversion',
    },
  ),
  create(
    'a kind that there is not',
    CONFIG_MAPS,
    { apiVersion: 'v1', kind: 'Nothing' },
    {
      ...BAD,
      message:
        /^Nothing in version "v1" cannot be handled as a ConfigMap: no kind "Nothing" is registered for version "v1" in scheme/,
    },
  ),
  create(
    'an apiVersion that is none',
    CONFIG_MAPS,
    { apiVersion: 'a/b/c', kind: 'ConfigMap' },
    {
      ...BAD,
      message: /unexpected GroupVersion string: a\/b\/c/,
    },
  ),
  create('more than 3 MiB', CONFIG_MAPS, ' '.repeat(MAX_BODY + 1), {
    code: 413,
    reason: 'RequestEntityTooLarge',
    message: `Request entity is too large: limit is ${MAX_BODY}`,
  }),
  create(
    'a ConfigMap of more than 1 MiB',
    CONFIG_MAPS,
    configMap('x', { data: { a: 'x'.repeat(1024 * 1024 + 1) } }),
    {
      ...INVALID,
      message: /ConfigMap "x" is invalid: \[?: Too long: may not be more than 1048576 bytes/,
    },
  ),
  create(
    '20,000 lists in one another',
    CONFIG_MAPS,
    `{"a":${'['.repeat(20_000)}${']'.repeat(20_000)}}`,
    {
      ...BAD,
      message: /exceeded max depth/,
    },
  ),
];

const unknownFields: Row[] = [
  create(
    'an unknown field, strictly',
    `${CONFIG_MAPS}?fieldValidation=Strict`,
    configMap('x', { bogus: 1 }),
    {
      ...BAD,
      message:
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "bogus"',
    },
  ),
  create(
    'an unknown field in depth, strictly',
    `${PODS}?fieldValidation=Strict`,
    pod('x', { bogus: 1 }),
    {
      ...BAD,
      message:
        'Pod in version "v1" cannot be handled as a Pod: strict decoding error: unknown field "spec.containers[0].bogus"',
    },
  ),
  create(
    'two unknown fields, strictly',
    `${CONFIG_MAPS}?fieldValidation=Strict`,
    configMap('x', { a: 1, b: 2 }),
    {
      ...BAD,
      message:
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: unknown field "a", unknown field "b"',
    },
  ),
  create(
    'an unknown field, with a warning',
    `${CONFIG_MAPS}?dryRun=All&fieldValidation=Warn`,
    configMap('x', { bogus: 1 }),
    {
      code: 201,
      warning: /^299 - "unknown field \\"bogus\\""$/,
    },
  ),
  create('an unknown field, as ever', `${CONFIG_MAPS}?dryRun=All`, configMap('x', { bogus: 1 }), {
    code: 201,
    warning: /unknown field/,
  }),
  create(
    'an unknown field, ignored',
    `${CONFIG_MAPS}?dryRun=All&fieldValidation=Ignore`,
    configMap('x', { bogus: 1 }),
    {
      code: 201,
    },
  ),
  create(
    'a field twice, strictly',
    `${CONFIG_MAPS}?fieldValidation=Strict`,
    '{"metadata":{"name":"x"},"data":{},"data":{}}',
    {
      ...BAD,
      message:
        'ConfigMap in version "v1" cannot be handled as a ConfigMap: strict decoding error: duplicate field "data"',
    },
  ),
  create(
    'a field twice, with a warning',
    `${CONFIG_MAPS}?dryRun=All`,
    '{"metadata":{"name":"x"},"data":{},"data":{}}',
    {
      code: 201,
      warning: /duplicate field \\"data\\"/,
    },
  ),
  {
    name: 'a field twice in YAML, strictly',
    method: 'POST',
    path: `${CONFIG_MAPS}?fieldValidation=Strict`,
    headers: YAML,
    body: 'metadata: {name: x}\ndata: {}\ndata: {}\n',
    ...BAD,
    message:
      /strict decoding error: yaml: unmarshal errors:\n {2}line 3: key "data" already set in map/,
  },
  create('fieldValidation of another name', `${CONFIG_MAPS}?fieldValidation=Foo`, configMap('x'), {
    ...INVALID,
    message:
      'CreateOptions.meta.k8s.io "" is invalid: fieldValidation: Unsupported value: "Foo": supported values: "", "Ignore", "Strict", "Warn"',
  }),
];

const selectors: Row[] = [
  ['labelSelector=a+in+(b', /^unable to parse requirement: found '', expected: ',' or '\)'$/],
  [
    'labelSelector=a%3D%3D%3Db',
    /^found '=', expected: identifier$|unable to parse requirement: found '=', expected: identifier/,
  ],
  ['labelSelector=,', /^found ',', expected: !, identifier, or 'end of string'$|unable to parse/],
  ['labelSelector=a%3D%21%21', /unable to parse requirement: |values\[0\]/],
  [
    'labelSelector=-a-%3Db',
    /unable to parse requirement: <nil>: Invalid value: "-a-": name part must consist of alphanumeric characters/,
  ],
  ['labelSelector=a%3E' + 'x', /for 'Gt', 'Lt' operators, the value must be an integer/],
  [`labelSelector=a%3D${'x'.repeat(64)}`, /must be no more than 63 (characters|bytes)/],
  ['fieldSelector=nonsense', "invalid selector: 'nonsense'; can't understand 'nonsense'"],
  ['fieldSelector=spec.color%3Dred', 'field label not supported: spec.color'],
].map(([query, message]) => ({
  name: `pods?${String(query).slice(0, 40)}`,
  path: `${PODS}?${query}`,
  ...BAD,
  message: message ?? '',
}));

const options: Row[] = [
  {
    name: 'configmaps by a field that they lack',
    path: `${CONFIG_MAPS}?fieldSelector=data.a%3Db`,
    ...BAD,
    message: '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"',
  },
  {
    name: 'a limit that is no number',
    path: `${PODS}?limit=abc`,
    ...BAD,
    message: 'strconv.ParseInt: parsing "abc": invalid syntax',
  },
  {
    name: 'a limit beyond 64 bits',
    path: `${PODS}?limit=99999999999999999999`,
    ...BAD,
    message: 'strconv.ParseInt: parsing "99999999999999999999": value out of range',
  },
  {
    name: 'a time that is no number',
    path: `${PODS}?timeoutSeconds=x`,
    ...BAD,
    message: 'strconv.ParseInt: parsing "x": invalid syntax',
  },
  {
    name: 'a continue token that is no base64',
    path: `${PODS}?limit=1&continue=%25`,
    ...BAD,
    message:
      'invalid continue token: continue key is not valid: illegal base64 data at input byte 0',
  },
  {
    name: 'a continue token that is no JSON',
    path: `${PODS}?limit=1&continue=aGVsbG8`,
    ...BAD,
    message:
      "invalid continue token: continue key is not valid: invalid character 'h' looking for beginning of value",
  },
  {
    name: 'a continue token of another version',
    path: `${PODS}?limit=1&continue=${token({ v: 'meta.k8s.io/v9', rv: 1, start: 'x' })}`,
    ...BAD,
    message:
      'invalid continue token: continue key is not valid: server does not recognize this encoded version meta.k8s.io/v9',
  },
  {
    name: 'a continue token without a revision',
    path: `${PODS}?limit=1&continue=${token({ v: 'meta.k8s.io/v1', start: 'x' })}`,
    ...BAD,
    message:
      'invalid continue token: continue key is not valid: incorrect encoded start resourceVersion (version meta.k8s.io/v1)',
  },
  {
    name: 'a continue token without a key',
    path: `${PODS}?limit=1&continue=${token({ v: 'meta.k8s.io/v1', rv: 1 })}`,
    ...BAD,
    message:
      'invalid continue token: continue key is not valid: encoded start key empty (version meta.k8s.io/v1)',
  },
  {
    name: 'a continue token that climbs out',
    path: `${PODS}?limit=1&continue=${token({ v: 'meta.k8s.io/v1', rv: 1, start: '../../secrets/x' })}`,
    ...BAD,
    message: 'invalid continue token: continue key is not valid: ../../secrets/x',
  },
  {
    name: 'a list at a version that is none',
    path: `${PODS}?resourceVersion=abc`,
    ...INVALID,
    message:
      'pods "" is invalid: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
  },
  {
    name: 'a list at a version to come',
    path: `${PODS}?resourceVersion=99999999&resourceVersionMatch=Exact&limit=1`,
    code: 504,
    reason: 'Timeout',
    message: /^Timeout: Too large resource version: 99999999, current: \d+$/,
  },
  {
    name: 'a match without a version',
    path: `${PODS}?resourceVersionMatch=Exact`,
    ...INVALID,
    message:
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden unless resourceVersion is provided',
  },
  {
    name: 'a match that there is not',
    path: `${PODS}?resourceVersion=1&resourceVersionMatch=Foo`,
    ...INVALID,
    message:
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Unsupported value: "Foo": supported values: "Exact", "NotOlderThan", ""',
  },
  {
    name: 'exactly version 0',
    path: `${PODS}?resourceVersion=0&resourceVersionMatch=Exact`,
    ...INVALID,
    message:
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch "exact" is forbidden for resourceVersion "0"',
  },
  {
    name: 'initial events of a list',
    path: `${PODS}?sendInitialEvents=true`,
    ...INVALID,
    message:
      'ListOptions.meta.k8s.io "" is invalid: sendInitialEvents: Forbidden: sendInitialEvents is forbidden for list',
  },
  {
    name: 'a watch with initial events and no match',
    path: `${PODS}?watch=1&sendInitialEvents=true`,
    ...INVALID,
    message:
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: sendInitialEvents requires setting resourceVersionMatch to NotOlderThan',
  },
  {
    name: 'a watch with a match alone',
    path: `${PODS}?watch=1&resourceVersionMatch=NotOlderThan`,
    ...INVALID,
    message:
      'ListOptions.meta.k8s.io "" is invalid: resourceVersionMatch: Forbidden: resourceVersionMatch is forbidden for watch unless sendInitialEvents is provided',
  },
  {
    name: 'a watch from a version that is none',
    path: `${PODS}?watch=1&resourceVersion=abc`,
    ...INVALID,
    message:
      'pods "" is invalid: resourceVersion: Invalid value: "abc": strconv.ParseUint: parsing "abc": invalid syntax',
  },
  {
    name: 'a watch of one under the name of another',
    path: `${PODS}?watch=1&fieldSelector=spec.color%3Dx`,
    ...BAD,
    message: 'field label not supported: spec.color',
  },
  create('dryRun=Some', `${CONFIG_MAPS}?dryRun=Some`, configMap('x'), {
    ...INVALID,
    message:
      'CreateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
  }),
  create(
    'a field manager of 129 characters',
    `${CONFIG_MAPS}?fieldManager=${'x'.repeat(129)}`,
    configMap('x'),
    {
      ...INVALID,
      message:
        'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Too long: may not be more than 128 bytes',
    },
  ),
  create(
    'a field manager that cannot be printed',
    `${CONFIG_MAPS}?fieldManager=a%07`,
    configMap('x'),
    {
      ...INVALID,
      message:
        'CreateOptions.meta.k8s.io "" is invalid: fieldManager: Invalid value: "a\\a": invalid character U+0007 (at position 1)',
    },
  ),
  {
    name: 'an update with dryRun=Some',
    method: 'PUT',
    path: `${CONFIG_MAPS}/have?dryRun=Some`,
    body: configMap('have'),
    ...INVALID,
    message:
      'UpdateOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
  },
  {
    name: 'a deletion with dryRun=Some',
    method: 'DELETE',
    path: `${CONFIG_MAPS}/have?dryRun=Some`,
    ...INVALID,
    message:
      'DeleteOptions.meta.k8s.io "" is invalid: dryRun: Unsupported value: ["Some"]: supported values: "All"',
  },
  {
    name: 'a deletion with propagationPolicy=Foo',
    method: 'DELETE',
    path: `${CONFIG_MAPS}/have?propagationPolicy=Foo`,
    ...INVALID,
    message:
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Unsupported value: "Foo": supported values: "Foreground", "Background", "Orphan", "nil"',
  },
  {
    name: 'a deletion with two policies',
    method: 'DELETE',
    path: `${CONFIG_MAPS}/have?propagationPolicy=Orphan&orphanDependents=true`,
    ...INVALID,
    message:
      'DeleteOptions.meta.k8s.io "" is invalid: propagationPolicy: Invalid value: "Orphan": orphanDependents and deletionPropagation cannot be both set',
  },
  {
    name: 'a grace period that is no number',
    method: 'DELETE',
    path: `${CONFIG_MAPS}/have?gracePeriodSeconds=x`,
    ...BAD,
    message: 'strconv.ParseInt: parsing "x": invalid syntax',
  },
  {
    name: 'options of a deletion that are none',
    method: 'DELETE',
    path: `${CONFIG_MAPS}/have`,
    body: '{',
    ...BAD,
    message: /couldn't get version\/kind; json parse error: unexpected end of JSON input/,
  },
  {
    name: 'a deletion of another uid',
    method: 'DELETE',
    path: `${CONFIG_MAPS}/have`,
    body: { kind: 'DeleteOptions', apiVersion: 'v1', preconditions: { uid: 'other' } },
    code: 409,
    reason: 'Conflict',
    message:
      /^Operation cannot be fulfilled on configmaps "have": (the UID in the precondition \(other\) does not match the UID in record \([-0-9a-f]+\)\. The object might have been deleted and then recreated|Precondition failed: UID in precondition: other, UID in object meta: [-0-9a-f]+)$/,
  },
  {
    name: 'a table with objects of another sort',
    path: `${PODS}?includeObject=Foo`,
    headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
    ...BAD,
    message:
      /unrecognized includeObject value: "Foo"|must be 'Metadata', 'Object', 'None', or empty/,
  },
];

const types: Row[] = [
  {
    name: 'a body of text',
    method: 'POST',
    path: CONFIG_MAPS,
    headers: { 'content-type': 'text/plain' },
    body: 'x',
    code: 415,
    reason: 'UnsupportedMediaType',
    message:
      /^the body of the request was in an unknown format - accepted media types include: application\/json, application\/yaml/,
  },
  {
    name: 'a body of a form',
    method: 'PUT',
    path: `${CONFIG_MAPS}/have`,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: 'a=b',
    code: 415,
    reason: 'UnsupportedMediaType',
    message: /in an unknown format/,
  },
  {
    name: 'a patch as plain JSON',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have`,
    body: {},
    code: 415,
    reason: 'UnsupportedMediaType',
    message:
      'the body of the request was in an unknown format - accepted media types include: application/json-patch+json, application/merge-patch+json, application/strategic-merge-patch+json, application/apply-patch+yaml',
  },
  {
    name: 'options of a deletion as text',
    method: 'DELETE',
    path: `${CONFIG_MAPS}/have`,
    headers: { 'content-type': 'text/plain' },
    body: 'x',
    code: 415,
    reason: 'UnsupportedMediaType',
    message: /in an unknown format/,
  },
  {
    name: 'an answer in HTML',
    path: PODS,
    headers: { accept: 'text/html' },
    code: 406,
    reason: 'NotAcceptable',
    message: /^only the following media types are accepted: application\/json, application\/yaml/,
  },
  {
    name: 'one object in HTML',
    path: `${CONFIG_MAPS}/have`,
    headers: { accept: 'text/html' },
    code: 406,
    reason: 'NotAcceptable',
    message: /^only the following media types are accepted: /,
  },
  {
    name: 'an Accept that is none',
    path: PODS,
    headers: { accept: ';;;' },
    code: 406,
    reason: 'NotAcceptable',
  },
];

const names: Row[] = [
  create(
    'no name',
    CONFIG_MAPS,
    { apiVersion: 'v1', kind: 'ConfigMap' },
    {
      ...INVALID,
      message:
        'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
    },
  ),
  create('a name in upper case', CONFIG_MAPS, configMap('UPPER'), {
    ...INVALID,
    message: `ConfigMap "UPPER" is invalid: metadata.name: Invalid value: "UPPER": ${SUBDOMAIN}`,
  }),
  create('a name of 254 characters', CONFIG_MAPS, configMap('x'.repeat(254)), {
    ...INVALID,
    message:
      /is invalid: metadata\.name: Invalid value: "x+": must be no more than 253 (characters|bytes)$/,
  }),
  create('a name with a slash', CONFIG_MAPS, configMap('a/b'), {
    ...INVALID,
    message:
      /metadata\.name: Invalid value: "a\/b": may not contain '\/'|a lowercase RFC 1123 subdomain/,
  }),
  create('a name of dots', CONFIG_MAPS, configMap('..'), {
    ...INVALID,
    message: /metadata\.name: Invalid value: "\.\.": /,
  }),
  create('a name that ends in a dash', CONFIG_MAPS, configMap('a-'), {
    ...INVALID,
    message: `ConfigMap "a-" is invalid: metadata.name: Invalid value: "a-": ${SUBDOMAIN}`,
  }),
  create('a service named as none may be', SERVICES, service('1a'), {
    ...INVALID,
    message:
      /^Service "1a" is invalid: metadata\.name: Invalid value: "1a": a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character/,
  }),
  create(
    'a namespace with a dot',
    '/api/v1/namespaces',
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'a.b' } },
    {
      ...INVALID,
      message: `Namespace "a.b" is invalid: metadata.name: Invalid value: "a.b": must not contain dots`,
    },
  ),
  create(
    'a generateName that is none',
    CONFIG_MAPS,
    { apiVersion: 'v1', kind: 'ConfigMap', metadata: { generateName: 'A_' } },
    {
      ...INVALID,
      message: /metadata\.generateName: Invalid value: "A_": a lowercase RFC 1123 subdomain/,
    },
  ),
  create(
    'another namespace',
    CONFIG_MAPS,
    configMap('x', { metadata: { name: 'x', namespace: 'other' } }),
    {
      ...BAD,
      message:
        'the namespace of the provided object does not match the namespace sent on the request',
    },
  ),
  create('a namespace that there is not', '/api/v1/namespaces/none/configmaps', configMap('x'), {
    ...NOT_FOUND,
    message: 'namespaces "none" not found',
  }),
  create(
    'a namespace in what has none',
    '/api/v1/namespaces',
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'x', namespace: 'other' } },
    {
      ...BAD,
      message:
        'the namespace of the provided object does not match the namespace sent on the request',
    },
  ),
  create('a name that is taken', CONFIG_MAPS, configMap('have'), {
    code: 409,
    reason: 'AlreadyExists',
    message: 'configmaps "have" already exists',
  }),
  create(
    'a resourceVersion of what is new',
    CONFIG_MAPS,
    configMap('x', { metadata: { name: 'x', resourceVersion: '1' } }),
    // Upstream says so with a 500.
    { ...BAD, message: 'resourceVersion should not be set on objects to be created' },
  ),
  {
    name: 'an update under another name',
    method: 'PUT',
    path: `${CONFIG_MAPS}/have`,
    body: configMap('other'),
    ...BAD,
    message: 'the name of the object (other) does not match the name on the URL (have)',
  },
  {
    name: 'an update without a name',
    method: 'PUT',
    path: `${CONFIG_MAPS}/have`,
    body: { apiVersion: 'v1', kind: 'ConfigMap' },
    ...BAD,
    message:
      /name of the object.* does not match the name on the URL \(have\)|name must be provided|name of the object is missing/,
  },
  {
    name: 'an update in another namespace',
    method: 'PUT',
    path: `${CONFIG_MAPS}/have`,
    body: configMap('have', { metadata: { name: 'have', namespace: 'other' } }),
    ...BAD,
    message:
      /^the namespace of the (provided )?object( \(other\))? does not match the namespace (sent on the request|on the request \(bad\)|on the URL \(bad\))$/,
  },
  {
    name: 'an update of what is not there',
    method: 'PUT',
    path: `${PODS}/none`,
    body: pod('none'),
    ...NOT_FOUND,
    message: 'pods "none" not found',
  },
  {
    name: 'what is not there',
    path: `${CONFIG_MAPS}/none`,
    ...NOT_FOUND,
    message: 'configmaps "none" not found',
  },
  {
    name: 'what is not there in a group',
    path: `${DEPLOYMENTS}/none`,
    ...NOT_FOUND,
    message: 'deployments.apps "none" not found',
  },
  {
    name: 'the status of what is not there',
    path: `${DEPLOYMENTS}/none/status`,
    ...NOT_FOUND,
    message: 'deployments.apps "none" not found',
  },
  {
    name: 'the scale of what is not there',
    path: `${DEPLOYMENTS}/none/scale`,
    ...NOT_FOUND,
    message: /^deployments\.apps "none" not found$/,
  },
  {
    name: 'the log of what is not there',
    path: `${PODS}/none/log`,
    ...NOT_FOUND,
    message: 'pods "none" not found',
  },
  {
    name: 'a deletion of what is not there',
    method: 'DELETE',
    path: `${CONFIG_MAPS}/none`,
    ...NOT_FOUND,
    message: 'configmaps "none" not found',
  },
  {
    name: 'a patch of what is not there',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/none`,
    headers: MERGE_PATCH,
    body: {},
    ...NOT_FOUND,
    message: 'configmaps "none" not found',
  },
  {
    name: 'a name that no object can have',
    path: `${CONFIG_MAPS}/UPPER%20CASE`,
    ...NOT_FOUND,
    message: 'configmaps "UPPER CASE" not found',
  },
  { name: 'a name of 5,000 characters', path: `${CONFIG_MAPS}/${'x'.repeat(5000)}`, ...NOT_FOUND },
  {
    name: 'the log of a container that there is not',
    path: `${PODS}/have/log?container=none`,
    ...BAD,
    message: 'container none is not valid for pod have',
  },
  {
    name: 'a binding to no node',
    method: 'POST',
    path: `${PODS}/have/binding`,
    body: {
      apiVersion: 'v1',
      kind: 'Binding',
      metadata: { name: 'have' },
      target: { kind: 'Node' },
    },
    ...INVALID,
    message: /target\.name: Required value/,
  },
];

const paths: Row[] = [
  {
    name: 'a resource that there is not',
    path: `${CORE}/nothing`,
    ...NOT_FOUND,
    message: NOT_THERE,
  },
  {
    name: 'a version that there is not',
    path: '/api/v9/pods',
    code: 404,
    message: /404 page not found/,
  },
  {
    name: 'a group that there is not',
    path: '/apis/none.example.com/v1/things',
    code: 404,
    message: /404 page not found/,
  },
  {
    name: 'a subresource that there is not',
    path: `${PODS}/have/nothing`,
    ...NOT_FOUND,
    message: NOT_THERE,
  },
  { name: 'a path that there is not', path: '/nothing', code: 404 },
  { name: 'a broken escape', path: '/api/v1/namespaces/%zz/pods', code: 400 },
  { name: 'bytes that are no UTF-8', path: '/api/v1/namespaces/%ff/pods/x', ...BAD },
  { name: 'a null byte', path: `${CONFIG_MAPS}/a%00b`, code: 404 },
  { name: 'a path of 8 KiB', path: `/${'a/'.repeat(4096)}`, code: 404 },
  { name: 'dots in a path', path: `${CONFIG_MAPS}/../../../../etc/passwd`, code: 404 },
  { name: 'dots behind escapes', path: `${CONFIG_MAPS}/%2e%2e%2f%2e%2e`, code: 404 },
  {
    name: 'a name in a namespace of nodes',
    path: `${CORE}/nodes/x`,
    ...NOT_FOUND,
    message: NOT_THERE,
  },
  { name: 'a pod in no namespace', path: '/api/v1/pods/x', ...NOT_FOUND, message: NOT_THERE },
  // Upstream says so with a 500.
  {
    name: 'a watch path without a resource',
    path: '/api/v1/watch',
    ...BAD,
    message: 'unable to determine kind and namespace from url, /api/v1/watch',
  },
  {
    name: 'a create of one',
    method: 'POST',
    path: `${CONFIG_MAPS}/have`,
    body: configMap('have'),
    ...METHOD,
  },
  { name: 'an update of all', method: 'PUT', path: CONFIG_MAPS, body: configMap('x'), ...METHOD },
  {
    name: 'a patch of all',
    method: 'PATCH',
    path: CONFIG_MAPS,
    headers: MERGE_PATCH,
    body: {},
    ...METHOD,
  },
  {
    name: 'a create across namespaces',
    method: 'POST',
    path: '/api/v1/configmaps',
    body: configMap('x'),
    ...METHOD,
  },
  { name: 'a deletion of all services', method: 'DELETE', path: '/api/v1/services', ...METHOD },
  { name: 'OPTIONS', method: 'OPTIONS', path: `${CONFIG_MAPS}/have`, code: 405 },
  { name: 'TRACE', method: 'TRACE', path: CONFIG_MAPS, code: 405 },
  { name: 'PROPFIND', method: 'PROPFIND', path: CONFIG_MAPS, code: 405 },
  {
    name: 'a deletion of a status',
    method: 'DELETE',
    path: `${DEPLOYMENTS}/have/status`,
    ...METHOD,
  },
  {
    name: 'a create of a scale',
    method: 'POST',
    path: `${DEPLOYMENTS}/have/scale`,
    body: {},
    ...METHOD,
  },
  {
    name: 'a list of reviews',
    path: '/apis/authorization.k8s.io/v1/subjectaccessreviews',
    ...METHOD,
  },
];

function invalidPod(
  name: string,
  message: string | RegExp,
  container: Fields,
  spec: Fields = {},
): Row {
  return create(name, PODS, pod('x', container, spec), { ...INVALID, message });
}

const values: Row[] = [
  create('a quantity that is none', PODS, pod('x', { resources: { limits: { cpu: 'lots' } } }), {
    ...BAD,
    message: QUANTITY,
  }),
  create('an empty quantity', PODS, pod('x', { resources: { limits: { cpu: '' } } }), {
    ...BAD,
    message: QUANTITY,
  }),
  create('a quantity of two units', PODS, pod('x', { resources: { limits: { memory: '1GiB' } } }), {
    ...BAD,
    message: /unable to parse quantity's suffix|quantities must match/,
  }),
  invalidPod(
    'a negative quantity',
    /spec\.containers\[0\]\.resources\.limits\[cpu\]: Invalid value: "-1": must be greater than or equal to 0/,
    { resources: { limits: { cpu: '-1' } } },
  ),
  invalidPod(
    'more requested than allowed',
    /spec\.containers\[0\]\.resources\.requests: Invalid value: "2": must be less than or equal to cpu limit of 1/,
    { resources: { limits: { cpu: '1' }, requests: { cpu: '2' } } },
  ),
  invalidPod(
    'a port beyond 65535',
    `Pod "x" is invalid: spec.containers[0].ports[0].containerPort: Invalid value: 70000: ${PORT}`,
    { ports: [{ containerPort: 70000 }] },
  ),
  invalidPod(
    'port 0',
    'Pod "x" is invalid: spec.containers[0].ports[0].containerPort: Required value',
    { ports: [{ containerPort: 0 }] },
  ),
  invalidPod(
    'a protocol that there is not',
    'Pod "x" is invalid: spec.containers[0].ports[0].protocol: Unsupported value: "IP": supported values: "SCTP", "TCP", "UDP"',
    { ports: [{ containerPort: 80, protocol: 'IP' }] },
  ),
  invalidPod('no image', 'Pod "x" is invalid: spec.containers[0].image: Required value', {
    image: '',
  }),
  invalidPod(
    'a container without a name',
    'Pod "x" is invalid: spec.containers[0].name: Required value',
    { name: '' },
  ),
  invalidPod(
    'no containers',
    'Pod "x" is invalid: spec.containers: Required value',
    {},
    { containers: [] },
  ),
  invalidPod(
    'two containers of a name',
    'Pod "x" is invalid: spec.containers[1].name: Duplicate value: "c"',
    {},
    {
      containers: [
        { name: 'c', image: 'i' },
        { name: 'c', image: 'i' },
      ],
    },
  ),
  invalidPod(
    'a pull policy that there is not',
    'Pod "x" is invalid: spec.containers[0].imagePullPolicy: Unsupported value: "Sometimes": supported values: "Always", "IfNotPresent", "Never"',
    { imagePullPolicy: 'Sometimes' },
  ),
  invalidPod(
    'a restart policy that there is not',
    'Pod "x" is invalid: spec.restartPolicy: Unsupported value: "Maybe": supported values: "Always", "OnFailure", "Never"',
    {},
    { restartPolicy: 'Maybe' },
  ),
  invalidPod(
    'a mount of no volume',
    'Pod "x" is invalid: spec.containers[0].volumeMounts[0].name: Not found: "v"',
    { volumeMounts: [{ name: 'v', mountPath: '/v' }] },
  ),
  invalidPod(
    'a volume of two sources',
    /spec\.volumes\[0\]\.hostPath: Forbidden: may not specify more than 1 volume type/,
    {},
    { volumes: [{ name: 'v', emptyDir: {}, hostPath: { path: '/x' } }] },
  ),
  invalidPod(
    'a variable of a name that is none',
    /spec\.containers\[0\]\.env\[0\]\.name: Invalid value: "=": a valid environment variable name must consist only of printable ASCII characters other than '='/,
    { env: [{ name: '=', value: '' }] },
  ),
  create(
    'a service account that there is not',
    PODS,
    pod('x', {}, { serviceAccountName: 'none' }),
    {
      code: 403,
      reason: 'Forbidden',
      message:
        'pods "x" is forbidden: error looking up service account bad/none: serviceaccount "none" not found',
    },
  ),
  create('a priority class that there is not', PODS, pod('x', {}, { priorityClassName: 'none' }), {
    code: 403,
    reason: 'Forbidden',
    message: 'pods "x" is forbidden: no PriorityClass with name none was found',
  }),
  create('negative replicas', DEPLOYMENTS, deployment('x', { replicas: -1 }), {
    ...INVALID,
    message:
      'Deployment.apps "x" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  }),
  create(
    'a selector that misses its pods',
    DEPLOYMENTS,
    deployment('x', { selector: { matchLabels: { a: 'b' } } }),
    {
      ...INVALID,
      message:
        'Deployment.apps "x" is invalid: spec.template.metadata.labels: Invalid value: {"app":"x"}: `selector` does not match template `labels`',
    },
  ),
  create('no selector', DEPLOYMENTS, deployment('x', { selector: null }), {
    ...INVALID,
    message: /^Deployment\.apps "x" is invalid: \[spec\.selector: Required value, /,
  }),
  create(
    'a strategy that there is not',
    DEPLOYMENTS,
    deployment('x', { strategy: { type: 'Never' } }),
    {
      ...INVALID,
      message:
        'Deployment.apps "x" is invalid: spec.strategy: Unsupported value: {"type":"Never"}: supported values: "Recreate", "RollingUpdate"',
    },
  ),
  create(
    'a roll-out that cannot move',
    DEPLOYMENTS,
    deployment('x', { strategy: { rollingUpdate: { maxSurge: 0, maxUnavailable: 0 } } }),
    {
      ...INVALID,
      message:
        'Deployment.apps "x" is invalid: spec.strategy.rollingUpdate.maxUnavailable: Invalid value: 0: may not be 0 when `maxSurge` is 0',
    },
  ),
  create('a service on port 0', SERVICES, service('x', { ports: [{ port: 0 }] }), {
    ...INVALID,
    message: `Service "x" is invalid: [spec.ports[0].port: Invalid value: 0: ${PORT}, spec.ports[0].targetPort: Invalid value: 0: ${PORT}]`,
  }),
  create('a service without ports', SERVICES, service('x', { ports: [] }), {
    ...INVALID,
    message: 'Service "x" is invalid: spec.ports: Required value',
  }),
  create(
    'a node port out of range',
    SERVICES,
    service('x', { type: 'NodePort', ports: [{ port: 80, nodePort: 80 }] }),
    {
      ...INVALID,
      message:
        'Service "x" is invalid: spec.ports[0].nodePort: Invalid value: 80: provided port is not in the valid range. The range of valid ports is 30000-32767',
    },
  ),
  create('an address out of range', SERVICES, service('x', { clusterIP: '1.2.3.4' }), {
    ...INVALID,
    message:
      /^Service "x" is invalid: spec\.clusterIPs: Invalid value: \["1\.2\.3\.4"\]: failed to allocate IP 1\.2\.3\.4: the provided network does not match the current range|the provided IP \(1\.2\.3\.4\) is not in the valid range\. The range of valid IPs is /,
  }),
  create('a service type that there is not', SERVICES, service('x', { type: 'Magic' }), {
    ...INVALID,
    message:
      /spec\.type: Unsupported value: "Magic": supported values: "ClusterIP", "ExternalName", "LoadBalancer", "NodePort"/,
  }),
  create(
    'a label key that is none',
    CONFIG_MAPS,
    configMap('x', { metadata: { name: 'x', labels: { 'a b': 'c' } } }),
    {
      ...INVALID,
      message:
        /^ConfigMap "x" is invalid: metadata\.labels: Invalid value: "a b": name part must consist of alphanumeric characters, '-', '_' or '\.'/,
    },
  ),
  create(
    'a label value that is none',
    CONFIG_MAPS,
    configMap('x', { metadata: { name: 'x', labels: { a: 'b c' } } }),
    {
      ...INVALID,
      message:
        /^ConfigMap "x" is invalid: metadata\.labels: Invalid value: "b c": a valid label must be an empty string or consist of/,
    },
  ),
  create(
    'a key of a ConfigMap that is none',
    CONFIG_MAPS,
    configMap('x', { data: { 'a b': '' } }),
    {
      ...INVALID,
      message:
        /^ConfigMap "x" is invalid: data\[a b\]: Invalid value: "a b": a valid config key must consist of alphanumeric characters, '-', '_' or '\.'/,
    },
  ),
  create(
    'a finalizer that is none',
    CONFIG_MAPS,
    configMap('x', { metadata: { name: 'x', finalizers: ['a b'] } }),
    { ...INVALID, message: /metadata\.finalizers(\[0\])?: Invalid value: "a b": / },
  ),
  create(
    'an owner without a uid',
    CONFIG_MAPS,
    configMap('x', {
      metadata: {
        name: 'x',
        ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'p', uid: '' }],
      },
    }),
    {
      ...INVALID,
      message:
        /metadata\.ownerReferences\[0\]\.uid: (Required value|Invalid value: "": uid must not be empty)|metadata\.ownerReferences\.uid: /,
    },
  ),
  create(
    'a schedule that is none',
    `/apis/batch/v1/namespaces/${NAMESPACE}/cronjobs`,
    {
      apiVersion: 'batch/v1',
      kind: 'CronJob',
      metadata: { name: 'x' },
      spec: {
        schedule: 'never',
        jobTemplate: {
          spec: {
            template: { spec: { restartPolicy: 'Never', containers: [{ name: 'c', image: 'i' }] } },
          },
        },
      },
    },
    {
      ...INVALID,
      message:
        /^CronJob\.batch "x" is invalid: spec\.schedule: Invalid value: "never": expected exactly 5 fields, found 1: \[never\]$/,
    },
  ),
  create(
    'a job that is always restarted',
    `/apis/batch/v1/namespaces/${NAMESPACE}/jobs`,
    {
      apiVersion: 'batch/v1',
      kind: 'Job',
      metadata: { name: 'x' },
      spec: { template: { spec: { containers: [{ name: 'c', image: 'i' }] } } },
    },
    {
      ...INVALID,
      message:
        'Job.batch "x" is invalid: spec.template.spec.restartPolicy: Required value: valid values: "OnFailure", "Never"',
    },
  ),
  create(
    'an autoscaler from many to few',
    `/apis/autoscaling/v2/namespaces/${NAMESPACE}/horizontalpodautoscalers`,
    {
      apiVersion: 'autoscaling/v2',
      kind: 'HorizontalPodAutoscaler',
      metadata: { name: 'x' },
      spec: {
        minReplicas: 5,
        maxReplicas: 2,
        scaleTargetRef: { kind: 'Deployment', name: 'have', apiVersion: 'apps/v1' },
      },
    },
    {
      ...INVALID,
      message:
        /spec\.maxReplicas: Invalid value: 2: must be greater than or equal to `minReplicas`/,
    },
  ),
  create(
    'a role without verbs',
    `/apis/rbac.authorization.k8s.io/v1/namespaces/${NAMESPACE}/roles`,
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'Role',
      metadata: { name: 'x' },
      rules: [{ apiGroups: [''], resources: ['pods'], verbs: [] }],
    },
    {
      ...INVALID,
      message:
        'Role.rbac.authorization.k8s.io "x" is invalid: rules[0].verbs: Required value: verbs must contain at least one value',
    },
  ),
];

const changes: Row[] = [
  {
    name: 'an update of an older version',
    method: 'PUT',
    path: `${CONFIG_MAPS}/have`,
    body: configMap('have', { metadata: { name: 'have', resourceVersion: '1' } }),
    code: 409,
    reason: 'Conflict',
    message: `Operation cannot be fulfilled on configmaps "have": ${MODIFIED}`,
  },
  {
    name: 'an update of a version that is none',
    method: 'PUT',
    path: `${CONFIG_MAPS}/have`,
    body: configMap('have', { metadata: { name: 'have', resourceVersion: 'abc' } }),
    code: 409,
    reason: 'Conflict',
    message: `Operation cannot be fulfilled on configmaps "have": ${MODIFIED}`,
  },
  {
    name: 'an update of another uid',
    method: 'PUT',
    path: `${CONFIG_MAPS}/have`,
    body: configMap('have', { metadata: { name: 'have', uid: 'other' } }),
    code: 409,
    reason: 'Conflict',
    message:
      /^Operation cannot be fulfilled on configmaps "have": StorageError: invalid object, Code: 4, Key: \/registry\/configmaps\/bad\/have, ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: other, UID in object meta: [-0-9a-f]+$/,
  },
  {
    name: 'a patch of an older version',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have`,
    headers: MERGE_PATCH,
    body: { metadata: { resourceVersion: '1' } },
    code: 409,
    reason: 'Conflict',
    message: `Operation cannot be fulfilled on configmaps "have": ${MODIFIED}`,
  },
  {
    name: 'another selector',
    method: 'PATCH',
    path: `${DEPLOYMENTS}/have`,
    headers: MERGE_PATCH,
    body: {
      spec: {
        selector: { matchLabels: { a: 'b' } },
        template: { metadata: { labels: { a: 'b' } } },
      },
    },
    ...INVALID,
    message:
      /^Deployment\.apps "have" is invalid: spec\.selector: Invalid value: \{"matchLabels":\{("app":"have","a":"b"|"a":"b","app":"have")\}\}: field is immutable$/,
  },
  {
    name: 'another address of a service',
    method: 'PATCH',
    path: `${SERVICES}/have`,
    headers: MERGE_PATCH,
    body: { spec: { clusterIP: '10.96.99.99', clusterIPs: ['10.96.99.99'] } },
    ...INVALID,
    message: /spec\.clusterIPs\[0\]: Invalid value: \["10\.96\.99\.99"\]: may not change once set/,
  },
  {
    name: 'another name of a container',
    method: 'PATCH',
    path: `${PODS}/have`,
    headers: JSON_PATCH,
    body: [{ op: 'replace', path: '/spec/containers/0/name', value: 'other' }],
    ...INVALID,
    message:
      /^Pod "have" is invalid: spec: Forbidden: pod updates may not change fields other than `spec\.containers\[\*\]\.image`,`spec\.initContainers\[\*\]\.image`,`spec\.activeDeadlineSeconds`,`spec\.tolerations` \(only additions to existing tolerations\),`spec\.terminationGracePeriodSeconds` \(allow it to be set to 1 if it was previously negative\)/,
  },
  {
    name: 'a container more',
    method: 'PATCH',
    path: `${PODS}/have`,
    headers: JSON_PATCH,
    body: [{ op: 'add', path: '/spec/containers/-', value: { name: 'd', image: 'i' } }],
    ...INVALID,
    message:
      'Pod "have" is invalid: spec.containers: Forbidden: pod updates may not add or remove containers',
  },
  {
    name: 'an immutable ConfigMap',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/fixed`,
    headers: MERGE_PATCH,
    body: { data: { a: 'c' } },
    ...INVALID,
    message:
      'ConfigMap "fixed" is invalid: data: Forbidden: field is immutable when `immutable` is set',
  },
  {
    name: 'another type of a secret',
    method: 'PATCH',
    path: `${CORE}/secrets/have`,
    headers: MERGE_PATCH,
    body: { type: 'other' },
    ...INVALID,
    message: 'Secret "have" is invalid: type: Invalid value: "other": field is immutable',
  },
  {
    name: 'another name by a patch',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have`,
    headers: MERGE_PATCH,
    body: { metadata: { name: 'other' } },
    ...BAD,
    message: 'the name of the object (other) does not match the name on the URL (have)',
  },
  {
    name: 'another kind by a patch',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have`,
    headers: MERGE_PATCH,
    body: { kind: 'Secret' },
    ...BAD,
  },
  {
    name: 'a negative scale',
    method: 'PUT',
    path: `${DEPLOYMENTS}/have/scale`,
    body: {
      apiVersion: 'autoscaling/v1',
      kind: 'Scale',
      metadata: { name: 'have', namespace: NAMESPACE },
      spec: { replicas: -1 },
    },
    ...INVALID,
    message:
      'Scale.autoscaling "have" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
  },
  {
    name: 'a JSON patch that is none',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have`,
    headers: JSON_PATCH,
    body: '{',
    ...BAD,
    message: 'error decoding patch: unexpected end of JSON input',
  },
  {
    name: 'a JSON patch that is an object',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have`,
    headers: JSON_PATCH,
    body: '{}',
    ...BAD,
    message:
      'error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp',
  },
  {
    name: 'a JSON patch that removes nothing',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have`,
    headers: JSON_PATCH,
    body: [{ op: 'remove', path: '/data/none' }],
    code: 422,
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
  },
  {
    name: 'a JSON patch whose test fails',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have`,
    headers: JSON_PATCH,
    body: [{ op: 'test', path: '/data/a', value: 'z' }],
    code: 422,
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
  },
  {
    name: 'a JSON patch of another operation',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have`,
    headers: JSON_PATCH,
    body: [{ op: 'frobnicate', path: '/data/a' }],
    code: 422,
    reason: 'Invalid',
    message: 'the server rejected our request due to an error in our request',
  },
  {
    name: 'a JSON patch of 10,001 operations',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have`,
    headers: JSON_PATCH,
    body: Array.from({ length: 10_001 }, () => ({ op: 'test', path: '/kind', value: 'ConfigMap' })),
    code: 413,
    reason: 'RequestEntityTooLarge',
    message:
      'Request entity is too large: The allowed maximum operations in a JSON patch is 10000, got 10001',
  },
  {
    name: 'a merge patch that is none',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have`,
    headers: MERGE_PATCH,
    body: '{',
    ...BAD,
    message: 'error decoding patch: unexpected end of JSON input',
  },
  {
    name: 'a merge patch that is a list',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have`,
    headers: MERGE_PATCH,
    body: '[]',
    ...BAD,
    message:
      'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
  },
  {
    name: 'a strategic patch that is none',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have`,
    headers: STRATEGIC,
    body: 'x',
    ...BAD,
    message: "error decoding patch: invalid character 'x' looking for beginning of value",
  },
  {
    name: 'a strategic patch of an unknown directive',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have`,
    headers: STRATEGIC,
    body: { data: { $patch: 'frobnicate' } },
    ...BAD,
    message: /unknown patch type: frobnicate|Unknown patch type found: frobnicate|invalid patch/,
  },
  {
    name: 'a strategic patch without a merge key',
    method: 'PATCH',
    path: `${DEPLOYMENTS}/have`,
    headers: STRATEGIC,
    body: { spec: { template: { spec: { containers: [{ image: 'i' }] } } } },
    ...BAD,
    message: /map: map\[image:i\] does not contain declared merge key: name/,
  },
  {
    name: 'a patch with a wrong type',
    method: 'PATCH',
    path: `${DEPLOYMENTS}/have`,
    headers: MERGE_PATCH,
    body: { spec: { replicas: 'x' } },
    ...INVALID,
    message:
      /^ "" is invalid: patch: Invalid value: "\{.*\}": json: cannot unmarshal string into Go struct field DeploymentSpec\.spec\.replicas of type int32$/,
  },
  {
    name: 'a strategic patch with a wrong type',
    method: 'PATCH',
    path: `${DEPLOYMENTS}/have`,
    headers: STRATEGIC,
    body: { spec: { replicas: 'x' } },
    ...INVALID,
    message:
      ' "" is invalid: patch: Invalid value: "map[spec:map[replicas:x]]": unrecognized type: int32',
  },
  {
    name: 'a patch with an unknown field, strictly',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have?fieldValidation=Strict`,
    headers: MERGE_PATCH,
    body: { bogus: 1 },
    ...INVALID,
    message:
      / "" is invalid: patch: Invalid value: "\{.*\}": strict decoding error: unknown field "bogus"$/,
  },
  {
    name: 'a patch with force',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have?force=true`,
    headers: MERGE_PATCH,
    body: {},
    ...INVALID,
    message:
      'PatchOptions.meta.k8s.io "" is invalid: force: Forbidden: may not be specified for non-apply patch',
  },
  {
    name: 'apply without a manager',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have`,
    headers: APPLY,
    body: configMap('have'),
    ...INVALID,
    message:
      'PatchOptions.meta.k8s.io "" is invalid: fieldManager: Required value: is required for apply patch',
  },
  {
    name: 'apply of YAML that is none',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have?fieldManager=a`,
    headers: APPLY,
    body: 'a: b: c',
    ...BAD,
    message: /^error decoding YAML: /,
  },
  {
    name: 'apply without a kind',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have?fieldManager=a`,
    headers: APPLY,
    body: 'metadata: {name: have}',
    ...BAD,
  },
  {
    name: 'apply of another name',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have?fieldManager=a`,
    headers: APPLY,
    body: configMap('other'),
    ...BAD,
    message: 'the name of the object (other) does not match the name on the URL (have)',
  },
  {
    name: 'apply of managed fields',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have?fieldManager=a`,
    headers: APPLY,
    body: configMap('have', {
      metadata: { name: 'have', managedFields: [{ manager: 'x', operation: 'Apply' }] },
    }),
    ...BAD,
    message: 'metadata.managedFields must be nil',
  },
  {
    name: 'apply of what another manager has',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/have?fieldManager=a`,
    headers: APPLY,
    body: configMap('have', { data: { a: 'mine' } }),
    code: 409,
    reason: 'Conflict',
    message: /^Apply failed with 1 conflict: conflict with "setup" using v1: \.data\.a$/,
  },
  {
    name: 'apply of an unknown field, strictly',
    method: 'PATCH',
    path: `${CONFIG_MAPS}/new?fieldManager=a&fieldValidation=Strict`,
    headers: APPLY,
    body: configMap('new', { bogus: 1 }),
    code: 400,
  },
  {
    name: 'a deletion of the default namespace',
    method: 'DELETE',
    path: '/api/v1/namespaces/kube-system',
    code: 403,
    reason: 'Forbidden',
    message: 'namespaces "kube-system" is forbidden: this namespace may not be deleted',
  },
  {
    name: 'an eviction that names another pod',
    method: 'POST',
    path: `${PODS}/have/eviction`,
    body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'other' } },
    ...BAD,
    message: 'name in URL does not match name in Eviction object',
  } as Row,
];

const callers: Row[] = [
  {
    name: 'to be somebody without a name',
    path: PODS,
    headers: { 'impersonate-group': 'x' },
    ...BAD,
    message: 'requested impersonation without impersonating a user',
  } as Row,
  {
    name: 'to be somebody who may not',
    path: PODS,
    headers: { 'impersonate-user': 'jane' },
    code: 403,
    reason: 'Forbidden',
    message:
      'pods is forbidden: User "jane" cannot list resource "pods" in API group "" in the namespace "bad"',
  },
  {
    name: 'to create as somebody who may not',
    method: 'POST',
    path: CONFIG_MAPS,
    body: configMap('x'),
    headers: { 'impersonate-user': 'jane' },
    code: 403,
    reason: 'Forbidden',
    message:
      'configmaps is forbidden: User "jane" cannot create resource "configmaps" in API group "" in the namespace "bad"',
  },
  {
    name: 'to get one as somebody who may not',
    path: `${DEPLOYMENTS}/have`,
    headers: { 'impersonate-user': 'jane' },
    code: 403,
    reason: 'Forbidden',
    message:
      'deployments.apps "have" is forbidden: User "jane" cannot get resource "deployments" in API group "apps" in the namespace "bad"',
  },
  {
    name: 'nodes as somebody who may not',
    path: '/api/v1/nodes',
    headers: { 'impersonate-user': 'jane' },
    code: 403,
    reason: 'Forbidden',
    message:
      'nodes is forbidden: User "jane" cannot list resource "nodes" in API group "" at the cluster scope',
  },
  {
    name: 'metrics as somebody who may not',
    path: '/metrics',
    headers: { 'impersonate-user': 'jane' },
    code: 403,
    reason: 'Forbidden',
    message: 'forbidden: User "jane" cannot get path "/metrics"',
  },
];

export const ROWS: readonly Row[] = [
  ...bodies,
  ...unknownFields,
  ...selectors,
  ...options,
  ...types,
  ...names,
  ...paths,
  ...values,
  ...changes,
  ...callers,
];

/** Rows for a caller who has no certificate. */
export const STRANGERS: readonly Row[] = [
  {
    name: 'a token that is none',
    path: PODS,
    headers: { authorization: 'Bearer garbage' },
    code: 401,
    reason: 'Unauthorized',
    message: 'Unauthorized',
  },
  {
    name: 'a token signed by another',
    path: PODS,
    headers: { authorization: 'Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiJhZG1pbiJ9.c2ln' },
    code: 401,
    reason: 'Unauthorized',
    message: 'Unauthorized',
  },
  {
    name: 'no token',
    path: PODS,
    code: 403,
    reason: 'Forbidden',
    message:
      'pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "bad"',
  },
  {
    name: 'no token, and a path',
    path: '/metrics',
    code: 403,
    reason: 'Forbidden',
    message: 'forbidden: User "system:anonymous" cannot get path "/metrics"',
  },
  {
    name: 'a front proxy that is none',
    path: PODS,
    headers: { 'x-remote-user': 'admin', 'x-remote-group': 'system:masters' },
    code: 403,
    reason: 'Forbidden',
    message: /User "system:anonymous"/,
  },
  {
    name: 'nobody who wants to be an admin',
    path: PODS,
    headers: { 'impersonate-user': 'admin', 'impersonate-group': 'system:masters' },
    code: 403,
    reason: 'Forbidden',
    message:
      'users "admin" is forbidden: User "system:anonymous" cannot impersonate resource "users" in API group "" at the cluster scope',
  },
];

function token(value: Fields): string {
  return Buffer.from(JSON.stringify(value)).toString('base64url');
}
