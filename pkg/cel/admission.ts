/**
 * What expressions of admission can speak of: `object`, `oldObject`, `request`, `namespaceObject`, and where
 * they are there `params`, `variables`, `authorizer` and `authorizer.requestResource`
 * (`k8s.io/apiserver/pkg/admission/plugin/cel`).
 */
import { type DeclField, type DeclType, list, map, object, scalar } from './decl-type.js';
import { CelIssues } from './issues.js';
import { AUTHORIZER_TYPE, RESOURCE_CHECK_TYPE } from './library/authorizer.js';
import { MUTATION } from './mutation.js';
import { compile, type Environment, type Program } from './program.js';
import {
  BOOL,
  DYN,
  declaredName,
  INT,
  opaque,
  STRING,
  sameType,
  TIMESTAMP,
  type Type,
} from './types.js';

const text = scalar(STRING);
const texts = list(text, 0);
const labels = map(text, 0);

/** An object with all these fields. */
export function struct(name: string, fields: Readonly<Record<string, DeclType>>): DeclType {
  const declared = new Map<string, DeclField>();
  for (const [field, type] of Object.entries(fields))
    declared.set(field, { name: field, declared: type });
  return object(name, declared, undefined, true);
}

const gvk = struct('kubernetes.GroupVersionKind', { group: text, version: text, kind: text });
const gvr = struct('kubernetes.GroupVersionResource', {
  group: text,
  version: text,
  resource: text,
});

export const REQUEST: DeclType = struct('kubernetes.AdmissionRequest', {
  kind: gvk,
  resource: gvr,
  subResource: text,
  requestKind: gvk,
  requestResource: gvr,
  requestSubResource: text,
  name: text,
  namespace: text,
  operation: text,
  userInfo: struct('kubernetes.UserInfo', {
    username: text,
    uid: text,
    groups: texts,
    extra: map(texts, 0),
  }),
  dryRun: scalar(BOOL),
  options: scalar(DYN, true),
});

export const NAMESPACE: DeclType = struct('kubernetes.Namespace', {
  metadata: struct('kubernetes.NamespaceMetadata', {
    name: text,
    generateName: text,
    namespace: text,
    labels,
    annotations: labels,
    UID: text,
    creationTimestamp: scalar(TIMESTAMP, true),
    deletionGracePeriodSeconds: scalar(INT),
    deletionTimestamp: scalar(TIMESTAMP, true),
    generation: scalar(INT),
    resourceVersion: text,
    finalizers: texts,
  }),
  spec: struct('kubernetes.NamespaceSpec', { finalizers: texts }),
  status: struct('kubernetes.NamespaceStatus', {
    conditions: list(
      struct('kubernetes.NamespaceCondition', {
        status: text,
        type: text,
        lastTransitionTime: scalar(TIMESTAMP, true),
        message: text,
        reason: text,
      }),
      0,
    ),
    phase: text,
  }),
});

export interface AdmissionOptions {
  readonly params?: boolean;
  readonly authorizer?: boolean;
  /** Types of the policy's variables. */
  readonly variables?: ReadonlyMap<string, Type>;
  /** Of `object` and `oldObject`, and of `params`, where they are known. */
  readonly objectType?: Type;
  readonly paramsType?: Type;
  /** Expressions that make patches. */
  readonly patches?: boolean;
}

export function admissionEnvironment(options: AdmissionOptions): Environment {
  const { params, authorizer, variables, objectType = DYN, paramsType = DYN } = options;
  const names = new Map<string, Type>([
    ['object', objectType],
    ['oldObject', objectType],
    ['request', REQUEST.type],
    ['namespaceObject', NAMESPACE.type],
  ]);
  if (params) names.set('params', paramsType);
  if (authorizer) {
    names.set('authorizer', opaque(AUTHORIZER_TYPE));
    names.set('authorizer.requestResource', opaque(RESOURCE_CHECK_TYPE));
  }
  if (variables) {
    const fields = Object.fromEntries([...variables].map(([name, type]) => [name, scalar(type)]));
    names.set('variables', struct('kubernetes.variables', fields).type);
  }
  return { variables: names, ...(options.patches ? MUTATION : {}) };
}

export type Compiled = { readonly program: Program } | { readonly error: string };

/** `expected`: empty where any type will do. */
export function compileExpression(
  source: string,
  env: Environment,
  expected: readonly Type[],
): Compiled {
  let program: Program;
  try {
    program = compile(source, env);
  } catch (err) {
    if (err instanceof CelIssues) return { error: `compilation failed: ${err.message}` };
    throw err;
  }
  if (expected.length === 0 || expected.some((type) => sameType(type, program.type)))
    return { program };
  const names = expected.map(declaredName);
  const wanted = names.length === 1 ? names[0] : `one of [${names.join(' ')}]`;
  return { error: `must evaluate to ${wanted} but got ${declaredName(program.type)}` };
}

export interface NamedExpression {
  readonly name: string;
  readonly expression: string;
}

/** Each variable may use those before it. */
export function compileVariables(
  variables: readonly NamedExpression[],
  options: AdmissionOptions,
): { readonly compiled: ReadonlyMap<string, Compiled>; readonly types: ReadonlyMap<string, Type> } {
  const compiled = new Map<string, Compiled>();
  const types = new Map<string, Type>();
  for (const { name, expression } of variables) {
    const made = compileExpression(
      expression,
      admissionEnvironment({ ...options, variables: new Map(types) }),
      [],
    );
    compiled.set(name, made);
    types.set(name, 'program' in made ? made.program.type : DYN);
  }
  return { compiled, types };
}
