/**
 * `--authentication-config` (AuthenticationConfiguration, `apiserver.config.k8s.io/v1`, v1beta1): issuers of
 * JWTs, how users are made of their claims, and the paths that anonymous callers may reach.
 */
import { X509Certificate } from 'node:crypto';
import {
  duplicate,
  type FieldError,
  invalid,
  type Path,
  path,
  required,
  tooMany,
} from '../../pkg/apimachinery/field-error.js';
import { readAccessConfig } from '../server/access-config.js';
import type { ConfigFields } from '../server/config-fields.js';
import { userMapping } from './jwt-mappings.js';
import type { OidcIssuer } from './oidc.js';

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
const VERSIONS = ['v1', 'v1beta1'];
const MAX_ISSUERS = 64;
const MATCH_ANY = 'MatchAny';
const CERTIFICATE = /-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----/g;

/** Throws, naming every field that is wrong. `disallowed`: issuers whose tokens the server knows otherwise. */
export function parseAuthenticationConfiguration(
  text: string,
  disallowed: readonly string[] = [],
): AuthenticationConfiguration {
  return readAccessConfig(text, 'AuthenticationConfiguration', VERSIONS, (config, errors) => {
    const entries = config.objects('jwt');
    if (entries.length > MAX_ISSUERS)
      errors.push(tooMany(path('jwt'), entries.length, MAX_ISSUERS));
    const issuers = entries.map((jwt) => issuerOf(jwt, disallowed, errors));
    for (const field of ['url', 'discoveryUrl'] as const) {
      const values = issuers.map((issuer) => issuer[field] ?? '');
      values.forEach((value, i) => {
        const name = field === 'url' ? field : 'discoveryURL';
        if (value !== '' && values.indexOf(value) < i)
          errors.push(duplicate(path('jwt').index(i).child('issuer', name), value));
      });
    }
    if (!config.has('anonymous')) return { issuers };
    return { issuers, anonymous: anonymousOf(config.object('anonymous'), errors) };
  });
}

function anonymousOf(of: ConfigFields, errors: FieldError[]): AnonymousConfiguration {
  const enabled = of.flag('enabled', false);
  const paths = of.objects('conditions').map((condition) => condition.text('path'));
  if (!enabled && paths.length > 0) {
    const conditions = paths.map((allowed) => ({ Path: allowed }));
    const why = 'enabled should be set to true when conditions are defined';
    errors.push(invalid(of.path('conditions'), conditions, why));
  }
  return { enabled, paths };
}

function issuerOf(
  jwt: ConfigFields,
  disallowed: readonly string[],
  errors: FieldError[],
): OidcIssuer {
  const issuer = jwt.object('issuer');
  const url = issuer.text('url');
  const discoveryUrl = issuer.text('discoveryURL');
  const ca = issuer.text('certificateAuthority');
  if (url === '') errors.push(required(issuer.path('url')));
  else errors.push(...urlErrors(url, issuer.path('url'), disallowed));
  if (discoveryUrl !== '') {
    const at = issuer.path('discoveryURL');
    if (url.replace(/\/+$/, '') === discoveryUrl.replace(/\/+$/, ''))
      errors.push(invalid(at, discoveryUrl, 'discoveryURL must be different from URL'));
    errors.push(...urlErrors(discoveryUrl, at, []));
  }
  const audiences = audiencesOf(issuer, errors);
  if (ca !== '' && !isAuthority(ca)) {
    const why = 'data does not contain any valid RSA or ECDSA certificates';
    errors.push(invalid(issuer.path('certificateAuthority'), '<omitted>', why));
  }
  const egress = issuer.text('egressSelectorType');
  if (egress !== '') {
    const why = 'egress selectors are not supported by this server';
    errors.push(invalid(issuer.path('egressSelectorType'), egress, why));
  }
  return {
    url,
    ...(discoveryUrl === '' ? {} : { discoveryUrl }),
    ...(ca === '' ? {} : { ca }),
    audiences,
    signingAlgorithms: ALGORITHMS,
    ...userMapping(jwt, errors),
  };
}

function urlErrors(text: string, at: Path, disallowed: readonly string[]): FieldError[] {
  const errors: FieldError[] = [];
  const wrong = (why: string) => errors.push(invalid(at, text, why));
  if (disallowed.includes(text))
    wrong(`URL must not overlap with disallowed issuers: [${[...disallowed].sort().join(' ')}]`);
  let url: URL;
  try {
    url = new URL(text);
  } catch {
    wrong('URL scheme must be https');
    return errors;
  }
  if (url.protocol !== 'https:') wrong('URL scheme must be https');
  if (url.username !== '' || url.password !== '')
    wrong('URL must not contain a username or password');
  if (url.search !== '') wrong('URL must not contain a query');
  if (url.hash !== '') wrong('URL must not contain a fragment');
  return errors;
}

function audiencesOf(issuer: ConfigFields, errors: FieldError[]): string[] {
  const at = issuer.path('audiences');
  const audiences = issuer.texts('audiences');
  const policy = issuer.text('audienceMatchPolicy');
  if (audiences.length === 0) {
    errors.push(required(at, `at least one ${at} is required`));
    return audiences;
  }
  audiences.forEach((audience, i) => {
    if (audience === '') errors.push(required(at.index(i)));
    if (audiences.indexOf(audience) < i) errors.push(duplicate(at.index(i), audience));
  });
  const own = issuer.path('audienceMatchPolicy');
  if (audiences.length > 1 && policy !== MATCH_ANY)
    errors.push(
      invalid(own, policy, 'audienceMatchPolicy must be MatchAny for multiple audiences'),
    );
  if (audiences.length === 1 && policy !== '' && policy !== MATCH_ANY) {
    const why = 'audienceMatchPolicy must be empty or MatchAny for single audience';
    errors.push(invalid(own, policy, why));
  }
  return audiences;
}

function isAuthority(pem: string): boolean {
  const found = pem.match(CERTIFICATE) ?? [];
  return (
    found.length > 0 &&
    found.every((text) => {
      try {
        return new X509Certificate(text).raw.length > 0;
      } catch {
        return false;
      }
    })
  );
}
