/**
 * `--authentication-config` (AuthenticationConfiguration, `apiserver.config.k8s.io/v1`, v1beta1): issuers of
 * JWTs, and the paths that anonymous callers may reach. What is written in CEL there is refused: a rule
 * that is not checked would let somebody in.
 */
import { parse } from 'yaml';
import type { ClaimMapping, OidcIssuer } from './oidc.js';

export interface AuthenticationConfiguration {
  readonly issuers: readonly OidcIssuer[];
  /** Absent: `--anonymous-auth` decides. */
  readonly anonymous?: AnonymousConfiguration;
}

export interface AnonymousConfiguration {
  readonly enabled: boolean;
  /** Empty: everywhere. */
  readonly paths: readonly string[];
}

/** Every algorithm that upstream takes from a configuration file. */
const ALGORITHMS = [
  'RS256',
  'RS384',
  'RS512',
  'ES256',
  'ES384',
  'ES512',
  'PS256',
  'PS384',
  'PS512',
];
const VERSIONS = ['apiserver.config.k8s.io/v1', 'apiserver.config.k8s.io/v1beta1'];

type Fields = Readonly<Record<string, unknown>>;

/** Throws, naming the field. */
export function parseAuthenticationConfiguration(text: string): AuthenticationConfiguration {
  const config: unknown = parse(text);
  if (!isFields(config) || config['kind'] !== 'AuthenticationConfiguration')
    throw new Error('authentication configuration: kind must be AuthenticationConfiguration');
  if (!VERSIONS.includes(String(config['apiVersion'])))
    throw new Error(
      `authentication configuration: apiVersion must be one of ${VERSIONS.join(', ')}`,
    );
  const issuers = list(config['jwt'], 'jwt').map((entry, i) => issuerOf(entry, `jwt[${i}]`));
  const seen = new Set<string>();
  issuers.forEach(({ url }, i) => {
    if (seen.has(url))
      throw new Error(`jwt[${i}].issuer.url: Duplicate value: ${JSON.stringify(url)}`);
    seen.add(url);
  });
  const anonymous = config['anonymous'];
  return { issuers, ...(isFields(anonymous) ? { anonymous: anonymousOf(anonymous) } : {}) };
}

function anonymousOf(value: Fields): AnonymousConfiguration {
  const enabled = value['enabled'] === true;
  const paths = list(value['conditions'], 'anonymous.conditions').map((condition, i) => {
    const path = isFields(condition) ? condition['path'] : undefined;
    if (typeof path !== 'string')
      throw new Error(`anonymous.conditions[${i}].path: Required value`);
    return path;
  });
  if (!enabled && paths.length > 0)
    throw new Error(
      'anonymous.conditions: Invalid value: enabled should be set to true when conditions are defined',
    );
  return { enabled, paths };
}

function issuerOf(value: unknown, at: string): OidcIssuer {
  const entry = fields(value, at);
  const issuer = fields(entry['issuer'], `${at}.issuer`);
  const mappings = fields(entry['claimMappings'], `${at}.claimMappings`);
  const url = text(issuer['url'], `${at}.issuer.url`);
  if (!url.startsWith('https://'))
    throw new Error(
      `${at}.issuer.url: Invalid value: ${JSON.stringify(url)}: URL scheme must be https`,
    );
  const audiences = list(issuer['audiences'], `${at}.issuer.audiences`).map(String);
  if (audiences.length === 0)
    throw new Error(
      `${at}.issuer.audiences: Required value: at least one jwt.issuer.audiences is required`,
    );
  for (const cel of ['userValidationRules'])
    if (list(entry[cel], `${at}.${cel}`).length > 0) throw unsupported(`${at}.${cel}`);
  if (list(mappings['extra'], `${at}.claimMappings.extra`).length > 0)
    throw unsupported(`${at}.claimMappings.extra`);
  const requiredClaims: Record<string, string> = {};
  list(entry['claimValidationRules'], `${at}.claimValidationRules`).forEach((value, i) => {
    const here = `${at}.claimValidationRules[${i}]`;
    const rule = fields(value, here);
    if (rule['expression']) throw unsupported(`${here}.expression`);
    requiredClaims[text(rule['claim'], `${here}.claim`)] = String(rule['requiredValue'] ?? '');
  });
  const { discoveryURL, certificateAuthority } = issuer;
  const groups = mapping(mappings['groups'], `${at}.claimMappings.groups`);
  const uid = isFields(mappings['uid']) ? mappings['uid'] : {};
  if (uid['expression']) throw unsupported(`${at}.claimMappings.uid.expression`);
  const username = mapping(mappings['username'], `${at}.claimMappings.username`);
  if (!username)
    throw new Error(
      `${at}.claimMappings.username: Required value: claim or expression is required`,
    );
  return {
    url,
    ...(typeof discoveryURL === 'string' ? { discoveryUrl: discoveryURL } : {}),
    ...(typeof certificateAuthority === 'string' ? { ca: certificateAuthority } : {}),
    audiences,
    signingAlgorithms: ALGORITHMS,
    username,
    ...(groups ? { groups } : {}),
    ...(typeof uid['claim'] === 'string' ? { uidClaim: uid['claim'] } : {}),
    requiredClaims,
  };
}

function mapping(value: unknown, at: string): ClaimMapping | undefined {
  if (!isFields(value)) return undefined;
  const { claim, prefix, expression } = value;
  if (expression) throw unsupported(`${at}.expression`);
  if (typeof claim !== 'string' || claim === '') return undefined;
  if (typeof prefix !== 'string')
    throw new Error(
      `${at}.prefix: Required value: prefix is required when claim is set. It can be set to an empty string to disable prefixing`,
    );
  return { claim, prefix };
}

function unsupported(at: string): Error {
  return new Error(`${at}: CEL expressions are not supported by this server`);
}

function fields(value: unknown, at: string): Fields {
  if (!isFields(value)) throw new Error(`${at}: Required value`);
  return value;
}

function text(value: unknown, at: string): string {
  if (typeof value !== 'string' || value === '') throw new Error(`${at}: Required value`);
  return value;
}

function list(value: unknown, at: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new Error(`${at}: must be a list`);
  return value;
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
