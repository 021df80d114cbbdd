/**
 * What expressions of authentication speak of: the `claims` of a token, as JSON has them, and the `user` that
 * was made of them (`k8s.io/apiserver/pkg/authentication/cel`).
 */
import { REQUEST } from './admission.js';
import { toValue } from './data.js';
import { escapedFieldOf } from './decl-type.js';
import type { Activation } from './frame.js';
import type { Environment, Program } from './program.js';
import { DYN, mapOf, STRING } from './types.js';
import { CelMap, Double, isList, type Value } from './values.js';

const USER = REQUEST.fields?.get('userInfo')?.declared;

/** Any value may come of it; the type is checked when it is there. */
export const CLAIMS_ENVIRONMENT: Environment = {
  variables: new Map([['claims', mapOf(STRING, DYN)]]),
};

export const USER_ENVIRONMENT: Environment = {
  variables: new Map(USER ? [['user', USER.type]] : []),
};

export function claimsActivation(claims: Readonly<Record<string, unknown>>): Activation {
  const value = new Claims(claims);
  return { variable: (name) => (name === 'claims' ? value : undefined) };
}

/** `user`: with every field, as `authentication.k8s.io` names them. */
export function userActivation(user: Readonly<Record<string, unknown>>): Activation {
  const value = toValue(user, USER);
  return { variable: (name) => (name === 'user' ? value : undefined) };
}

/** Whether the program reads a claim by its name. */
export function usesClaim(program: Program, claim: string): boolean {
  return program.selects('claims', claim);
}

/** A JSON object. Every number is a double, and keys may be escaped, as those of fields are. */
class Claims extends CelMap {
  constructor(private readonly members: Readonly<Record<string, unknown>>) {
    super();
  }

  get size(): number {
    return Object.keys(this.members).length;
  }

  keys(): string[] {
    return Object.keys(this.members);
  }

  get(key: Value): Value | undefined {
    if (typeof key !== 'string') return undefined;
    const name = escapedFieldOf(key) ?? key;
    return Object.hasOwn(this.members, name) ? claimValue(this.members[name]) : undefined;
  }
}

function claimValue(raw: unknown): Value {
  if (typeof raw === 'number') return new Double(raw);
  if (Array.isArray(raw)) return raw.map(claimValue);
  if (typeof raw === 'object' && raw !== null) return new Claims(raw as Record<string, unknown>);
  return toValue(raw, undefined);
}

/** A text, or texts, of which those that are empty do not count. Undefined where the value is neither. */
export function textsOf(value: Value): string[] | undefined {
  if (value === null) return [];
  const all = isList(value) ? value : [value];
  const texts: string[] = [];
  for (const text of all) {
    if (typeof text !== 'string') return undefined;
    if (text !== '') texts.push(text);
  }
  return texts;
}
