/**
 * From the claims of a verified token to a user: by the names of claims, or by expressions; and the rules that
 * claims and users must pass (`plugin/pkg/authenticator/token/oidc`).
 */
import type { JWTPayload } from 'jose';
import { claimsActivation, textsOf, userActivation } from '../../pkg/cel/claims.js';
import type { Activation } from '../../pkg/cel/frame.js';
import type { Program } from '../../pkg/cel/program.js';
import type { Value } from '../../pkg/cel/values.js';
import type { UserInfo } from '../server/request-context.js';

export interface ClaimMapping {
  readonly claim: string;
  readonly prefix: string;
}

export interface CompiledExpression {
  readonly text: string;
  readonly program: Program;
}

export interface ClaimRule extends CompiledExpression {
  readonly message: string;
}

/** How a user is made of claims. */
export interface UserMapping {
  readonly username: ClaimMapping | CompiledExpression;
  readonly groups?: ClaimMapping | CompiledExpression;
  readonly uid?: { readonly claim: string } | CompiledExpression;
  readonly extra?: readonly (CompiledExpression & { readonly key: string })[];
  /** Claims that must have these values. */
  readonly requiredClaims: Readonly<Record<string, string>>;
  readonly claimRules?: readonly ClaimRule[];
  readonly userRules?: readonly ClaimRule[];
}

/** Throws, saying what is wrong with the token. */
export function userOf(claims: JWTPayload, mapping: UserMapping): UserInfo {
  const activation = claimsActivation(claims);
  const name = usernameOf(claims, mapping.username, activation);
  const groups = groupsOf(claims, mapping.groups, activation);
  const uid = uidOf(claims, mapping.uid, activation);
  const extra: Record<string, readonly string[]> = {};
  if (typeof claims.jti === 'string')
    extra['authentication.kubernetes.io/credential-id'] = [`JTI=${claims.jti}`];
  for (const { key, ...expression } of mapping.extra ?? []) {
    const values = texts(expression, activation, 'extra', `${expression.text}: `);
    if (values.length > 0) extra[key] = values;
  }
  checkRequired(claims, mapping.requiredClaims);
  check(mapping.claimRules, activation, 'claim validation expression');
  const user: UserInfo = {
    name,
    groups,
    ...(uid === '' ? {} : { uid }),
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
  if (mapping.userRules?.length) {
    const seen = userActivation({ username: name, uid, groups, extra });
    check(mapping.userRules, seen, 'user info validation rule');
  }
  return user;
}

function usernameOf(
  claims: JWTPayload,
  mapping: UserMapping['username'],
  activation: Activation,
): string {
  if ('program' in mapping) {
    const value = evaluate(mapping, activation, 'username claim expression');
    if (typeof value !== 'string')
      throw new Error(
        'oidc: error evaluating username claim expression: username claim expression must return a string',
      );
    if (value === '') throw new Error('oidc: empty username via CEL expression is not allowed');
    return value;
  }
  const { claim, prefix } = mapping;
  const name = claims[claim];
  if (typeof name !== 'string')
    throw new Error(`oidc: parse username claims ${JSON.stringify(claim)}: claim not present`);
  if (claim === 'email' && claims['email_verified'] !== undefined) {
    if (claims['email_verified'] !== true) throw new Error('oidc: email not verified');
  }
  return prefix + name;
}

/** One name, or a list of them. */
function groupsOf(
  claims: JWTPayload,
  mapping: UserMapping['groups'],
  activation: Activation,
): readonly string[] {
  if (!mapping) return [];
  if ('program' in mapping) return texts(mapping, activation, 'group', '');
  const { claim, prefix } = mapping;
  const value = claims[claim];
  if (value === undefined) return [];
  const all: readonly unknown[] = Array.isArray(value) ? value : [value];
  return all.map((group) => {
    if (typeof group !== 'string')
      throw new Error(`oidc: parse groups claim ${JSON.stringify(claim)}: not a list of strings`);
    return prefix + group;
  });
}

function uidOf(claims: JWTPayload, mapping: UserMapping['uid'], activation: Activation): string {
  if (!mapping) return '';
  if ('program' in mapping) {
    const value = evaluate(mapping, activation, 'uid claim expression');
    if (typeof value === 'string') return value;
    throw new Error(
      'oidc: error evaluating uid claim expression: uid claim expression must return a string',
    );
  }
  const value = claims[mapping.claim];
  const why = value === undefined ? 'claim not present' : 'not a string';
  if (typeof value === 'string') return value;
  throw new Error(`oidc: parse uid claim ${JSON.stringify(mapping.claim)}: ${why}`);
}

function checkRequired(claims: JWTPayload, required: UserMapping['requiredClaims']): void {
  for (const [claim, wanted] of Object.entries(required)) {
    const value = claims[claim];
    if (value === undefined)
      throw new Error(`oidc: required claim ${claim} not present in ID token`);
    if (value !== wanted)
      throw new Error(
        `oidc: required claim ${claim} value does not match. Got = ${String(value)}, want = ${wanted}`,
      );
  }
}

function check(
  rules: readonly ClaimRule[] | undefined,
  activation: Activation,
  what: string,
): void {
  const results = (rules ?? []).map((rule) => ({
    rule,
    value: evaluate(rule, activation, what),
  }));
  for (const { rule, value } of results) {
    const failed = (why: string) => new Error(`oidc: error evaluating ${what}: ${why}`);
    if (typeof value !== 'boolean') throw failed('validation expression must return a boolean');
    if (!value) throw failed(`validation expression '${rule.text}' failed: ${rule.message}`);
  }
}

function texts(
  expression: CompiledExpression,
  activation: Activation,
  what: string,
  before: string,
): string[] {
  const about = `${what} claim expression`;
  const found = textsOf(evaluate(expression, activation, about));
  if (found) return found;
  throw new Error(
    `oidc: error evaluating ${about}: ${before}expression must return a string or a list of strings`,
  );
}

function evaluate(
  { text, program }: CompiledExpression,
  activation: Activation,
  what: string,
): Value {
  const { value, failure } = program.evaluate(activation);
  if (failure) {
    throw new Error(
      `oidc: error evaluating ${what}: expression '${text}' resulted in error: ${failure.message}`,
    );
  }
  return value;
}
