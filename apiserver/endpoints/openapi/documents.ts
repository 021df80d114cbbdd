/** Paths and definitions put together into the documents of OpenAPI version 2 and version 3. */
import type { Json, JsonObject } from './definitions.js';
import { type DefinitionWriter, REF_PREFIX } from './definitions.js';
import { META, type Method, type Operation, type PathItem } from './operation.js';
import { PARAMETERS, type ParameterInfo, QUERY_PATH } from './parameters.js';

const OBJECT_TYPES = [
  'application/json',
  'application/yaml',
  'application/vnd.kubernetes.protobuf',
];
const WATCH_TYPES = [
  'application/json;stream=watch',
  'application/vnd.kubernetes.protobuf;stream=watch',
];
const PATCH_TYPES = [
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
  'application/apply-patch+yaml',
];
const STATUS_TEXTS: Readonly<Record<string, string>> = {
  200: 'OK',
  201: 'Created',
  202: 'Accepted',
};
/**
 * Written out wherever they are taken: kubectl before v1.27 looks for these two by name to see whether the
 * server knows them, and follows no reference.
 */
const NEVER_SHARED: ReadonlySet<string> = new Set(['dryRun', 'fieldValidation']);
const SECURITY = {
  description: 'Bearer Token authentication',
  in: 'header',
  name: 'authorization',
  type: 'apiKey',
};

export function documentV2(
  paths: readonly PathItem[],
  writer: DefinitionWriter,
  version: string,
): JsonObject {
  const names = writer.closure(definitionsOf(paths));
  const used = new Set(paths.flatMap((item) => allParameters(item)));
  return {
    swagger: '2.0',
    info: { title: 'Kubernetes', version },
    paths: Object.fromEntries(paths.map((item) => [item.path, pathV2(item)])),
    definitions: writer.definitions(names),
    parameters: Object.fromEntries(
      Object.keys(PARAMETERS)
        .filter((name) => used.has(name) && !NEVER_SHARED.has(name))
        .map((name) => [name, parameterV2(name)]),
    ),
    securityDefinitions: { BearerToken: SECURITY },
    security: [{ BearerToken: [] }],
  };
}

export function documentV3(
  paths: readonly PathItem[],
  writer: DefinitionWriter,
  version: string,
): JsonObject {
  const names = writer.closure(definitionsOf(paths));
  return {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version },
    paths: Object.fromEntries(paths.map((item) => [item.path, pathV3(item)])),
    components: {
      schemas: writer.definitions(names),
      securitySchemes: { BearerToken: SECURITY },
    },
  };
}

function definitionsOf(paths: readonly PathItem[]): string[] {
  const operations = paths.flatMap(({ operations: byMethod }) => Object.values(byMethod));
  return operations.flatMap(({ body, responses }) => [
    ...(body ? [body.definition] : []),
    ...Object.values(responses).filter((name) => name !== undefined),
  ]);
}

function allParameters({ parameters, operations }: PathItem): string[] {
  return [...parameters, ...Object.values(operations).flatMap((operation) => operation.parameters)];
}

function pathV2({ path, parameters, operations }: PathItem): Json {
  const own = [
    ...parameters.map(refV2),
    ...queryPath(path).map((info) => parameterOf('path', info)),
  ];
  return {
    ...mapOperations(operations, operationV2),
    parameters: own.length > 0 ? own : undefined,
  };
}

function pathV3({ path, parameters, operations }: PathItem): Json {
  const own = [
    ...parameters.map((name) => parameterV3(name, infoOf(name))),
    ...queryPath(path).map((info) => parameterV3('path', info)),
  ];
  return {
    ...mapOperations(operations, operationV3),
    parameters: own.length > 0 ? own : undefined,
  };
}

/** A proxy takes the path that it passes on in its query, too. */
function queryPath(path: string): ParameterInfo[] {
  return /\/proxy(\/\{path\})?$/.test(path) ? [QUERY_PATH] : [];
}

function mapOperations(
  operations: PathItem['operations'],
  write: (operation: Operation, method: Method) => Json,
): JsonObject {
  return Object.fromEntries(
    Object.entries(operations).map(([method, operation]) => [
      method,
      write(operation, method as Method),
    ]),
  );
}

function operationV2(operation: Operation): Json {
  const { body } = operation;
  const parameters: Json[] = [];
  if (body) {
    const schema = { $ref: REF_PREFIX[2] + body.definition };
    parameters.push({ name: 'body', in: 'body', required: body.required || undefined, schema });
  }
  parameters.push(...operation.parameters.map(refV2));
  return {
    ...describe(operation),
    consumes: consumedBy(operation),
    produces: typesOf(operation),
    schemes: ['https'],
    parameters: parameters.length > 0 ? parameters : undefined,
    responses: responsesOf(operation, (definition) => ({
      schema: definition === undefined ? { type: 'string' } : { $ref: REF_PREFIX[2] + definition },
    })),
  };
}

function operationV3(operation: Operation): Json {
  const { body } = operation;
  const content = (definition: string | undefined, types: readonly string[]): JsonObject => {
    const schema =
      definition === undefined ? { type: 'string' } : { $ref: REF_PREFIX[3] + definition };
    return Object.fromEntries(types.map((type) => [type, { schema }]));
  };
  const parameters = operation.parameters.map((name) => parameterV3(name, infoOf(name)));
  return {
    ...describe(operation),
    parameters: parameters.length > 0 ? parameters : undefined,
    requestBody: body && {
      content: content(body.definition, bodyTypes(body)),
      required: body.required || undefined,
    },
    responses: responsesOf(operation, (definition) => ({
      content: content(definition, typesOf(operation)),
    })),
  };
}

function consumedBy({ action, body, produces }: Operation): readonly string[] | undefined {
  if (action) return bodyTypes(body);
  return produces === 'object'
    ? OBJECT_TYPES
    : produces === 'version'
      ? ['application/json']
      : undefined;
}

function bodyTypes(body: Operation['body']): readonly string[] {
  if (!body?.patch) return ['*/*'];
  return body.patch === 'any'
    ? PATCH_TYPES
    : PATCH_TYPES.filter((type) => !type.includes('strategic'));
}

function describe({ id, description, tag, action, kind }: Operation): JsonObject {
  return {
    description,
    operationId: id,
    tags: [tag],
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': kind && {
      group: kind.group,
      kind: kind.kind,
      version: kind.version,
    },
  };
}

function responsesOf(
  { responses }: Operation,
  write: (definition: string | undefined) => JsonObject,
): Json {
  const good = Object.entries(responses).map(([code, definition]): [string, Json] => [
    code,
    { description: STATUS_TEXTS[code] ?? 'OK', ...write(definition) },
  ]);
  return { ...Object.fromEntries(good), 401: { description: 'Unauthorized' } };
}

function typesOf({ produces }: Operation): readonly string[] {
  switch (produces) {
    case 'list':
      return [...OBJECT_TYPES, ...WATCH_TYPES];
    case 'text':
      return ['text/plain', ...OBJECT_TYPES];
    case 'any':
      return ['*/*'];
    case 'json':
    case 'version':
      return ['application/json'];
    case 'keys':
      return ['application/jwk-set+json'];
    default:
      return OBJECT_TYPES;
  }
}

function infoOf(name: string): ParameterInfo {
  const info = PARAMETERS[name];
  if (!info) throw new Error(`no parameter ${name}`);
  return info;
}

function refV2(name: string): Json {
  if (NEVER_SHARED.has(name)) return parameterV2(name);
  return { $ref: `#/parameters/${name}` };
}

function parameterV2(name: string): Json {
  return parameterOf(name, infoOf(name));
}

function parameterOf(name: string, info: ParameterInfo): Json {
  return {
    name,
    in: info.in,
    description: info.description,
    type: info.type,
    required: info.in === 'path' || undefined,
    uniqueItems: true,
  };
}

function parameterV3(name: string, info: ParameterInfo): Json {
  return {
    name,
    in: info.in,
    description: info.description,
    required: info.in === 'path' || undefined,
    schema: { type: info.type, uniqueItems: true },
  };
}

/** A path that lists what there is: groups and their versions. */
export function smallPath(path: string, id: string, definition: string): PathItem {
  const ofGroup = definition === GROUP_DEFINITIONS.group;
  // `getCoreAPIVersions`, `getRbacAuthorizationAPIGroup`; all groups together have no name.
  const word = /^get(.*)API/.exec(id)?.[1] ?? '';
  const get: Operation = {
    id,
    description: ofGroup ? 'get information of a group' : 'get available API versions',
    tag: word === '' ? 'apis' : word.charAt(0).toLowerCase() + word.slice(1),
    parameters: [],
    responses: { 200: definition },
    produces: 'object',
  };
  return { path, parameters: [], operations: { get } };
}

/** Where others learn how to check the tokens of ServiceAccounts, and where the server says its version. */
export const WELL_KNOWN: readonly PathItem[] = [
  wellKnown('/.well-known/openid-configuration/', {
    id: 'getServiceAccountIssuerOpenIDConfiguration',
    description:
      "get service account issuer OpenID configuration, also known as the 'OIDC discovery doc'",
    tag: 'WellKnown',
    responses: { 200: undefined },
    produces: 'json',
  }),
  wellKnown('/openid/v1/jwks/', {
    id: 'getServiceAccountIssuerOpenIDKeyset',
    description:
      'get service account issuer OpenID JSON Web Key Set (contains public token verification keys)',
    tag: 'openid',
    responses: { 200: undefined },
    produces: 'keys',
  }),
  wellKnown('/version/', {
    id: 'getCodeVersion',
    description: 'get the version information for this server',
    tag: 'version',
    responses: { 200: 'io.k8s.apimachinery.pkg.version.Info' },
    produces: 'version',
  }),
];

function wellKnown(path: string, get: Omit<Operation, 'parameters'>): PathItem {
  return { path, parameters: [], operations: { get: { ...get, parameters: [] } } };
}

export const GROUP_DEFINITIONS = {
  api: `${META}APIVersions`,
  apis: `${META}APIGroupList`,
  group: `${META}APIGroup`,
} as const;
