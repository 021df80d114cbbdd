/**
 * `authorizer.group('').resource('pods').namespace('x').check('create').allowed()` (`library/authz.go`).
 *
 * Evaluation is synchronous, a decision is not: where one is missing, `check` throws a PendingCheck; who
 * evaluates fetches it and evaluates again (see `program.ts`).
 */
import { asText } from '../equality.js';
import { define, type Library } from '../function.js';
import { CelFailure, noSuchOverload, Opaque, type Value } from '../values.js';

export interface Check {
  readonly verb: string;
  /** A service account whose rights are meant in place of the caller's. */
  readonly serviceAccount?: { readonly namespace: string; readonly name: string };
  readonly path?: string;
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
  readonly fieldSelector?: string;
  readonly labelSelector?: string;
}

export interface CheckDecision {
  readonly allowed: boolean;
  readonly reason: string;
  readonly error: string;
}

/** The decisions that are known, by `checkKey`. */
export interface Decisions {
  get(check: Check): CheckDecision | undefined;
}

/** Not a CelFailure: nothing absorbs it. */
export class PendingCheck {
  constructor(readonly check: Check) {}
}

const AUTHORIZER = 'kubernetes.authorization.Authorizer';
const PATH = 'kubernetes.authorization.PathCheck';
const GROUP = 'kubernetes.authorization.GroupCheck';
const RESOURCE = 'kubernetes.authorization.ResourceCheck';
const DECISION = 'kubernetes.authorization.Decision';

export const AUTHORIZER_TYPE = AUTHORIZER;
export const RESOURCE_CHECK_TYPE = RESOURCE;

const NOTHING = { group: '', resource: '', subresource: '', namespace: '', name: '' };

class Builder extends Opaque {
  constructor(
    readonly type: string,
    readonly decisions: Decisions,
    readonly check: Omit<Check, 'verb'>,
  ) {
    super();
  }
  equals(other: Opaque): boolean {
    return other === this;
  }
  with(type: string, fields: Partial<Check>): Builder {
    return new Builder(type, this.decisions, { ...this.check, ...fields });
  }
}

class Decision extends Opaque {
  readonly type = DECISION;
  constructor(readonly decision: CheckDecision) {
    super();
  }
  equals(other: Opaque): boolean {
    return other === this;
  }
}

/** The value of the variable `authorizer`. */
export function authorizerValue(decisions: Decisions): Value {
  return new Builder(AUTHORIZER, decisions, NOTHING);
}

/** The value of `authorizer.requestResource`. */
export function resourceCheckValue(decisions: Decisions, of: Omit<Check, 'verb'>): Value {
  return new Builder(RESOURCE, decisions, of);
}

export function checkKey(check: Check): string {
  return JSON.stringify(check, Object.keys(check).sort());
}

function builder(value: Value | undefined): Builder {
  if (!(value instanceof Builder)) throw noSuchOverload();
  return value;
}

function decision(value: Value | undefined): CheckDecision {
  if (!(value instanceof Decision)) throw noSuchOverload();
  return value.decision;
}

const refine = (name: 'subresource' | 'namespace' | 'name' | 'fieldSelector' | 'labelSelector') =>
  define(name, [`resourcecheck_${name}: ${RESOURCE}.(string) -> ${RESOURCE}`], ([on, text]) =>
    builder(on).with(RESOURCE, { [name]: asText(text) }),
  );

export const authorization: Library = [
  define('path', [`authorizer_path: ${AUTHORIZER}.(string) -> ${PATH}`], ([on, path]) => {
    const text = asText(path);
    if (text === '') throw new CelFailure('path must not be empty');
    return builder(on).with(PATH, { path: text });
  }),
  define('group', [`authorizer_group: ${AUTHORIZER}.(string) -> ${GROUP}`], ([on, group]) =>
    builder(on).with(GROUP, { group: asText(group) }),
  ),
  define(
    'serviceAccount',
    [`authorizer_serviceaccount: ${AUTHORIZER}.(string, string) -> ${AUTHORIZER}`],
    ([on, namespace, name]) => {
      const account = { namespace: asText(namespace), name: asText(name) };
      return builder(on).with(AUTHORIZER, { serviceAccount: account });
    },
  ),
  define('resource', [`groupcheck_resource: ${GROUP}.(string) -> ${RESOURCE}`], ([on, resource]) =>
    builder(on).with(RESOURCE, { resource: asText(resource) }),
  ),
  refine('subresource'),
  refine('namespace'),
  refine('name'),
  refine('fieldSelector'),
  refine('labelSelector'),
  define(
    'check',
    [
      `pathcheck_check: ${PATH}.(string) -> ${DECISION}`,
      `resourcecheck_check: ${RESOURCE}.(string) -> ${DECISION}`,
    ],
    ([on, verb]) => {
      const { decisions, check } = builder(on);
      const asked = { ...check, verb: asText(verb) };
      const known = decisions.get(asked);
      if (!known) throw new PendingCheck(asked);
      return new Decision(known);
    },
  ),
  define('allowed', [`decision_allowed: ${DECISION}.() -> bool`], ([on]) => decision(on).allowed),
  define('reason', [`decision_reason: ${DECISION}.() -> string`], ([on]) => decision(on).reason),
  define(
    'errored',
    [`decision_errored: ${DECISION}.() -> bool`],
    ([on]) => decision(on).error !== '',
  ),
  define('error', [`decision_error: ${DECISION}.() -> string`], ([on]) => decision(on).error),
];
