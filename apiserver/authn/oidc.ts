/**
 * Tokens of an OpenID Connect issuer. The issuer's keys are found by discovery, kept, and looked for again
 * when a token names one that is not among them. What user its claims make, `claims.ts` says.
 */
import {
  createLocalJWKSet,
  decodeJwt,
  errors,
  type JSONWebKeySet,
  type JWTPayload,
  jwtVerify,
} from 'jose';
import type { Clock } from '../../pkg/component/clock.js';
import { callRemote } from '../server/remote-call.js';
import type { Authentication, TokenAuthenticator } from './authenticator.js';
import { type UserMapping, userOf } from './claims.js';

const FETCH_TIMEOUT_MS = 10_000;
/** An issuer is not asked more often, whatever key ids tokens name. */
const REFETCH_MS = 10_000;

export interface OidcIssuer extends UserMapping {
  readonly url: string;
  /** Where discovery is, when it is not under `url`. */
  readonly discoveryUrl?: string;
  /** PEM; the machine's authorities when absent. */
  readonly ca?: string;
  readonly audiences: readonly string[];
  readonly signingAlgorithms: readonly string[];
}

export class OidcTokens implements TokenAuthenticator {
  private keys: Promise<ReturnType<typeof createLocalJWKSet>> | undefined;
  private fetchedAt = 0;

  constructor(
    private readonly issuer: OidcIssuer,
    private readonly clock: Clock,
  ) {}

  async authenticateToken(token: string): Promise<Authentication | undefined> {
    if (issuerOf(token) !== this.issuer.url) return undefined;
    let claims: JWTPayload;
    try {
      claims = await this.verified(token);
    } catch (err) {
      throw new Error(`oidc: verify token: ${err instanceof Error ? err.message : String(err)}`, {
        cause: err,
      });
    }
    return { user: userOf(claims, this.issuer) };
  }

  /** Resolves when the issuer's keys are known; throws where they cannot be had. */
  async ready(): Promise<void> {
    await this.currentKeys();
  }

  private async verified(token: string): Promise<JWTPayload> {
    try {
      return await this.verify(token);
    } catch (err) {
      const now = this.clock.monotonic();
      if (!(err instanceof errors.JWKSNoMatchingKey) || now - this.fetchedAt < REFETCH_MS)
        throw err;
      this.keys = undefined;
      return this.verify(token);
    }
  }

  private async verify(token: string): Promise<JWTPayload> {
    const { payload } = await jwtVerify(token, await this.currentKeys(), {
      issuer: this.issuer.url,
      audience: [...this.issuer.audiences],
      algorithms: [...this.issuer.signingAlgorithms],
      currentDate: new Date(this.clock.now()),
      requiredClaims: ['exp'],
    });
    return payload;
  }

  private currentKeys(): Promise<ReturnType<typeof createLocalJWKSet>> {
    if (!this.keys) {
      this.fetchedAt = this.clock.monotonic();
      const fetching = this.fetchKeys();
      this.keys = fetching;
      // The next token tries again.
      fetching.catch(() => {
        if (this.keys === fetching) this.keys = undefined;
      });
    }
    return this.keys;
  }

  private async fetchKeys(): Promise<ReturnType<typeof createLocalJWKSet>> {
    const { url, discoveryUrl } = this.issuer;
    const where = discoveryUrl ?? `${url.replace(/\/$/, '')}/.well-known/openid-configuration`;
    const document = await this.fetchJson(where);
    if (document['issuer'] !== url)
      throw new Error(
        `issuer did not match the issuer returned by provider, expected ${JSON.stringify(url)} got ${JSON.stringify(document['issuer'])}`,
      );
    const jwks = document['jwks_uri'];
    if (typeof jwks !== 'string') throw new Error('the discovery document has no jwks_uri');
    const { keys } = await this.fetchJson(jwks);
    if (!Array.isArray(keys)) throw new Error('the key set of the issuer has no keys');
    return createLocalJWKSet({ keys } as JSONWebKeySet);
  }

  private async fetchJson(url: string): Promise<Record<string, unknown>> {
    const { code, text } = await callRemote({
      url,
      method: 'GET',
      timeoutMs: FETCH_TIMEOUT_MS,
      clock: this.clock,
      ...(this.issuer.ca ? { ca: this.issuer.ca } : {}),
    });
    if (code !== 200) throw new Error(`${url}: status code ${code}`);
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value))
      throw new Error(`${url}: not a JSON object`);
    return value as Record<string, unknown>;
  }
}

/** Undefined for what is no JWT: then it is somebody else's token. */
function issuerOf(token: string): string | undefined {
  if (token.split('.').length !== 3) return undefined;
  try {
    return decodeJwt(token).iss;
  } catch {
    return undefined;
  }
}
