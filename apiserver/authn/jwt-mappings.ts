/** Of one issuer in an AuthenticationConfiguration: how users are made of claims, and what is wrong with it. */
import {
  duplicate,
  type FieldError,
  invalid,
  type Path,
  required,
} from '../../pkg/apimachinery/field-error.js';
import { isDNS1123Subdomain } from '../../pkg/apimachinery/validation/names.js';
import { compileExpression } from '../../pkg/cel/admission.js';
import { CLAIMS_ENVIRONMENT, USER_ENVIRONMENT, usesClaim } from '../../pkg/cel/claims.js';
import type { Environment } from '../../pkg/cel/program.js';
import { BOOL, sameType } from '../../pkg/cel/types.js';
import type { ConfigFields } from '../server/config-fields.js';
import type { ClaimMapping, ClaimRule, CompiledExpression, UserMapping } from './claims.js';

const BOTH = "claim and expression can't both be set";
const RESERVED_DOMAINS = ['kubernetes.io', 'k8s.io'];

export function userMapping(jwt: ConfigFields, errors: FieldError[]): UserMapping {
  const { requiredClaims, claimRules } = claimRulesOf(jwt.objects('claimValidationRules'), errors);
  const mappings = jwt.object('claimMappings');
  const username = mapping(mappings.object('username'), true, errors);
  const groups = mapping(mappings.object('groups'), false, errors);
  const uid = uidOf(mappings.object('uid'), errors);
  const extra = extraOf(mappings.objects('extra'), errors);
  const expressions = [username, ...extra, ...claimRules];
  const uses = (claim: string) => (of: ClaimMapping | CompiledExpression | undefined) =>
    of !== undefined && 'program' in of && usesClaim(of.program, claim);
  if (uses('email')(username) && !expressions.some(uses('email_verified'))) {
    errors.push(
      invalid(
        mappings.path('username', 'expression'),
        username && 'text' in username ? username.text : '',
        'claims.email_verified must be used in claimMappings.username.expression or claimMappings.extra[*].valueExpression or claimValidationRules[*].expression when claims.email is used in claimMappings.username.expression',
      ),
    );
  }
  return {
    username: username ?? { claim: '', prefix: '' },
    ...(groups ? { groups } : {}),
    ...(uid ? { uid } : {}),
    extra,
    requiredClaims,
    claimRules,
    userRules: userRulesOf(jwt.objects('userValidationRules'), errors),
  };
}

function claimRulesOf(rules: readonly ConfigFields[], errors: FieldError[]) {
  const requiredClaims: Record<string, string> = {};
  const claimRules: ClaimRule[] = [];
  const seen = new Set<string>();
  for (const rule of rules) {
    const claim = rule.text('claim');
    const value = rule.text('requiredValue');
    const text = rule.text('expression');
    const message = rule.text('message');
    if (claim !== '' && text !== '') errors.push(invalid(rule.at, claim, BOTH));
    else if (claim !== '') {
      if (message !== '') {
        const why = 'may not be specified when claim is set';
        errors.push(invalid(rule.path('message'), message, why));
      }
      if (Object.hasOwn(requiredClaims, claim)) errors.push(duplicate(rule.path('claim'), claim));
      requiredClaims[claim] = value;
    } else if (text !== '') {
      if (value !== '') {
        const why = 'may not be specified when expression is set';
        errors.push(invalid(rule.path('requiredValue'), value, why));
      }
      const compiled = once(text, rule.path('expression'), seen, CLAIMS_ENVIRONMENT, errors);
      if (compiled) claimRules.push({ ...compiled, message });
    } else errors.push(required(rule.at, 'claim or expression is required'));
  }
  return { requiredClaims, claimRules };
}

function userRulesOf(rules: readonly ConfigFields[], errors: FieldError[]): ClaimRule[] {
  const seen = new Set<string>();
  return rules.flatMap((rule) => {
    const text = rule.text('expression');
    const message = rule.text('message');
    const at = rule.path('expression');
    if (text === '') {
      errors.push(required(at));
      return [];
    }
    const compiled = once(text, at, seen, USER_ENVIRONMENT, errors);
    return compiled ? [{ ...compiled, message }] : [];
  });
}

/** A rule, which is a condition; a second one of the same text is one too many. */
function once(
  text: string,
  at: Path,
  seen: Set<string>,
  env: Environment,
  errors: FieldError[],
): CompiledExpression | undefined {
  if (seen.has(text)) {
    errors.push(duplicate(at, text));
    return undefined;
  }
  seen.add(text);
  const compiled = compiledAt(text, at, env, errors);
  if (!compiled || sameType(compiled.program.type, BOOL)) return compiled;
  errors.push(invalid(at, text, 'must evaluate to bool'));
  return undefined;
}

function compiledAt(
  text: string,
  at: Path,
  env: Environment,
  errors: FieldError[],
): CompiledExpression | undefined {
  const compiled = compileExpression(text, env, []);
  if ('program' in compiled) return { text, program: compiled.program };
  errors.push(invalid(at, text, compiled.error));
  return undefined;
}

function mapping(
  of: ConfigFields,
  needed: boolean,
  errors: FieldError[],
): ClaimMapping | CompiledExpression | undefined {
  const claim = of.text('claim');
  const hasPrefix = of.has('prefix');
  const prefix = of.text('prefix');
  const text = of.text('expression');
  if (claim !== '' && text !== '') errors.push(invalid(of.at, '', BOTH));
  else if (text !== '') {
    if (hasPrefix) {
      const why = 'may not be specified when expression is set';
      errors.push(invalid(of.path('prefix'), prefix, why));
    }
    return compiledAt(text, of.path('expression'), CLAIMS_ENVIRONMENT, errors);
  } else if (claim !== '') {
    if (!hasPrefix) {
      const why =
        'prefix is required when claim is set. It can be set to an empty string to disable prefixing';
      errors.push(required(of.path('prefix'), why));
    }
    return { claim, prefix };
  } else if (needed) errors.push(required(of.at, 'claim or expression is required'));
  return undefined;
}

function uidOf(of: ConfigFields, errors: FieldError[]): UserMapping['uid'] {
  const claim = of.text('claim');
  const text = of.text('expression');
  if (claim !== '' && text !== '') errors.push(invalid(of.at, '', BOTH));
  else if (text !== '') return compiledAt(text, of.path('expression'), CLAIMS_ENVIRONMENT, errors);
  return claim === '' ? undefined : { claim };
}

function extraOf(mappings: readonly ConfigFields[], errors: FieldError[]) {
  const seen = new Set<string>();
  return mappings.flatMap((of) => {
    const key = of.text('key');
    const text = of.text('valueExpression');
    const own = of.path('key');
    errors.push(...keyErrors(key, own));
    if (seen.has(key)) {
      errors.push(duplicate(own, key));
      return [];
    }
    seen.add(key);
    const at = of.path('valueExpression');
    if (text === '') {
      errors.push(required(at));
      return [];
    }
    const compiled = compiledAt(text, at, CLAIMS_ENVIRONMENT, errors);
    return compiled ? [{ ...compiled, key }] : [];
  });
}

/** `example.org/foo`: of somebody's domain, and not of Kubernetes'. */
function keyErrors(key: string, at: Path): FieldError[] {
  if (key === '') return [required(at)];
  const errors: FieldError[] = [];
  const slash = key.indexOf('/');
  const domain = key.slice(0, Math.max(0, slash));
  const rest = key.slice(slash + 1);
  if (slash < 0 || domain === '' || rest === '') {
    const why = 'must be a domain-prefixed path (such as "acme.io/foo")';
    errors.push(invalid(at, key, why));
  } else {
    errors.push(...isDNS1123Subdomain(domain).map((why) => invalid(at, domain, why)));
    if (!/^[A-Za-z0-9/\-._~%!$&'()*+,;=:]+$/.test(rest)) {
      const why = `Invalid path (regex used for validation is '[A-Za-z0-9/\\-._~%!$&'()*+,;=:]+')`;
      errors.push(invalid(at, rest, why));
    }
  }
  if (key !== key.toLowerCase()) errors.push(invalid(at, key, 'must be lowercase'));
  if (RESERVED_DOMAINS.some((known) => domain === known || domain.endsWith(`.${known}`))) {
    const why = 'k8s.io, kubernetes.io and their subdomains are reserved for Kubernetes use';
    errors.push(invalid(at, key, why));
  }
  return errors;
}
