/**
 * Service account tokens: made by TokenRequest (bound to an audience, a time, and perhaps a Pod, Secret or
 * Node), or kept in a Secret (legacy, without an end). A token is good while its signature, times and
 * audience are, and while the account and what it is bound to still exist under the same uid; the signature
 * is checked once and remembered for some seconds, the rest on every request, from the caches.
 */
import { createHash, randomUUID } from 'node:crypto';
import { decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify, SignJWT } from 'jose';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { Clock } from '../../pkg/component/clock.js';
import { silentLogger } from '../../pkg/component/logger.js';
import { serverContext } from '../server/bootstrap/server-context.js';
import type { ServerAccess, UserInfo } from '../server/request-context.js';
import type { Authentication, TokenAuthenticator } from './authenticator.js';
import type { SigningKey, VerificationKey } from './service-account-keys.js';

export const LEGACY_ISSUER = 'kubernetes/serviceaccount';
/** As upstream: a token of a Pod that is being deleted is good for this much longer. */
const DELETED_LEEWAY_MS = 60_000;
/** As upstream, whose servers' clocks may differ by this much. */
const CLOCK_LEEWAY_SECONDS = 60;
const REMEMBER_MS = 10_000;
const MAX_REMEMBERED = 4_096;
const LAST_USED = 'kubernetes.io/legacy-token-last-used';
const INVALID_SINCE = 'kubernetes.io/legacy-token-invalid-since';
const NOTE_TIMEOUT_MS = 5_000;

export interface BoundObject {
  readonly kind: 'Pod' | 'Secret' | 'Node';
  readonly name: string;
  readonly uid: string;
}

interface ObjectClaim {
  readonly name?: string;
  readonly uid?: string;
}

interface PrivateClaims extends JWTPayload {
  readonly 'kubernetes.io'?: {
    readonly namespace?: string;
    readonly serviceaccount?: ObjectClaim;
    readonly pod?: ObjectClaim;
    readonly secret?: ObjectClaim;
    readonly node?: ObjectClaim;
  };
  readonly 'kubernetes.io/serviceaccount/namespace'?: string;
  readonly 'kubernetes.io/serviceaccount/service-account.name'?: string;
  readonly 'kubernetes.io/serviceaccount/service-account.uid'?: string;
  readonly 'kubernetes.io/serviceaccount/secret.name'?: string;
}

export interface TokenSigner {
  readonly issuer: string;
  readonly audiences: readonly string[];
  sign(request: {
    readonly account: { namespace: string; name: string; uid: string };
    readonly audiences: readonly string[];
    readonly seconds: number;
    readonly bound?: BoundObject;
    readonly node?: { name: string; uid?: string };
  }): Promise<string>;
}

export class ServiceAccountTokens implements TokenAuthenticator, TokenSigner {
  private readonly remembered = new Map<string, { claims: PrivateClaims; until: number }>();

  constructor(
    private readonly options: {
      readonly issuer: string;
      readonly audiences: readonly string[];
      readonly keys: readonly VerificationKey[];
      readonly signer?: SigningKey;
      readonly server: ServerAccess;
      readonly clock: Clock;
    },
  ) {}

  get issuer(): string {
    return this.options.issuer;
  }
  /** What `/openid/v1/jwks` shows. */
  get keys(): readonly VerificationKey[] {
    return this.options.keys;
  }
  get audiences(): readonly string[] {
    return this.options.audiences;
  }

  async sign(request: Parameters<TokenSigner['sign']>[0]): Promise<string> {
    const { signer, issuer, clock } = this.options;
    if (!signer) throw new Error('no --service-account-signing-key-file was given');
    const now = Math.floor(clock.now() / 1000);
    const { account, bound, node } = request;
    const claim: Record<string, unknown> = {
      namespace: account.namespace,
      ...(bound?.kind === 'Node' || node
        ? { node: bound?.kind === 'Node' ? ref(bound) : node }
        : {}),
      ...(bound?.kind === 'Pod' ? { pod: ref(bound) } : {}),
      ...(bound?.kind === 'Secret' ? { secret: ref(bound) } : {}),
      serviceaccount: { name: account.name, uid: account.uid },
    };
    return new SignJWT({ 'kubernetes.io': claim })
      .setProtectedHeader({ alg: signer.algorithm, kid: signer.id })
      .setAudience([...request.audiences])
      .setExpirationTime(now + request.seconds)
      .setIssuedAt(now)
      .setNotBefore(now)
      .setIssuer(issuer)
      .setJti(randomUUID())
      .setSubject(`system:serviceaccount:${account.namespace}:${account.name}`)
      .sign(signer.privateKey);
  }

  async authenticateToken(
    token: string,
    audiences: readonly string[],
  ): Promise<Authentication | undefined> {
    const claims = await this.claimsOf(token);
    if (!claims) return undefined;
    const now = this.options.clock.now() / 1000;
    const { exp, nbf } = claims;
    if (exp !== undefined && exp + CLOCK_LEEWAY_SECONDS < now) throw new Error('token has expired');
    if (nbf !== undefined && nbf - CLOCK_LEEWAY_SECONDS > now)
      throw new Error('token not valid yet');
    if (claims.iss === LEGACY_ISSUER) return { user: await this.legacyUser(claims, token) };
    const wanted = audiences.length > 0 ? audiences : this.options.audiences;
    const granted = [claims.aud ?? []].flat();
    const common = granted.length === 0 ? wanted : granted.filter((aud) => wanted.includes(aud));
    if (common.length === 0)
      throw new Error(
        `token audiences ${JSON.stringify(granted)} is invalid for the target audiences ${JSON.stringify(wanted)}`,
      );
    return { user: await this.boundUser(claims), audiences: common };
  }

  /** The verified claims; undefined for a token of another issuer. */
  private async claimsOf(token: string): Promise<PrivateClaims | undefined> {
    const now = this.options.clock.monotonic();
    const id = createHash('sha256').update(token).digest('base64');
    const known = this.remembered.get(id);
    if (known && known.until > now) return known.claims;
    const issuer = issuerOf(token);
    if (issuer !== this.options.issuer && issuer !== LEGACY_ISSUER) return undefined;
    const { kid } = decodeProtectedHeader(token);
    const keys = this.options.keys.filter(
      (key) => kid === undefined || kid === '' || key.id === kid,
    );
    for (const { key, algorithm } of keys) {
      try {
        const { payload } = await jwtVerify<PrivateClaims>(token, key, {
          algorithms: [algorithm],
          currentDate: new Date(this.options.clock.now()),
          clockTolerance: CLOCK_LEEWAY_SECONDS,
        });
        if (this.remembered.size >= MAX_REMEMBERED) this.remembered.clear();
        this.remembered.set(id, { claims: payload, until: now + REMEMBER_MS });
        return payload;
      } catch (err) {
        if (keys.length === 1) throw err;
      }
    }
    throw new Error('invalid bearer token: no key verifies it');
  }

  private async boundUser(claims: PrivateClaims): Promise<UserInfo> {
    const own = claims['kubernetes.io'];
    const namespace = own?.namespace ?? '';
    const name = own?.serviceaccount?.name ?? '';
    const uid = own?.serviceaccount?.uid ?? '';
    if (claims.sub !== `system:serviceaccount:${namespace}:${name}` || name === '')
      throw new Error('token claims do not name a service account');
    await this.alive('serviceaccounts', namespace, { name, uid }, 'ServiceAccount');
    const extra: Record<string, string[]> = {};
    if (claims.jti) extra['authentication.kubernetes.io/credential-id'] = [`JTI=${claims.jti}`];
    if (own?.secret) await this.alive('secrets', namespace, own.secret, 'Secret');
    if (own?.pod) {
      await this.alive('pods', namespace, own.pod, 'Pod');
      extra['authentication.kubernetes.io/pod-name'] = [own.pod.name ?? ''];
      extra['authentication.kubernetes.io/pod-uid'] = [own.pod.uid ?? ''];
    }
    if (own?.node) {
      if (!own.pod && !own.secret) await this.alive('nodes', '', own.node, 'Node');
      extra['authentication.kubernetes.io/node-name'] = [own.node.name ?? ''];
      if (own.node.uid) extra['authentication.kubernetes.io/node-uid'] = [own.node.uid];
    }
    return serviceAccountUser(namespace, name, uid, extra);
  }

  private async legacyUser(claims: PrivateClaims, token: string): Promise<UserInfo> {
    const namespace = claims['kubernetes.io/serviceaccount/namespace'] ?? '';
    const name = claims['kubernetes.io/serviceaccount/service-account.name'] ?? '';
    const uid = claims['kubernetes.io/serviceaccount/service-account.uid'] ?? '';
    const secretName = claims['kubernetes.io/serviceaccount/secret.name'] ?? '';
    if (claims.sub !== `system:serviceaccount:${namespace}:${name}` || secretName === '')
      throw new Error('token claims do not name a service account');
    const secret = await this.find('secrets', namespace, secretName);
    const data = secret && 'data' in secret ? (secret.data as Record<string, string>) : {};
    if (!secret || Buffer.from(data.token ?? '', 'base64').toString() !== token)
      throw new Error('Token has been invalidated');
    await this.alive('serviceaccounts', namespace, { name, uid }, 'ServiceAccount');
    if (secret.metadata?.labels?.[INVALID_SINCE] !== undefined)
      throw new Error(
        `the token in secret ${namespace}/${secretName} for service account ${namespace}/${name} has been marked invalid. Use tokens from the TokenRequest API or manually created secret-based tokens, or remove the '${INVALID_SINCE}' label from the secret to temporarily allow use of this token`,
      );
    await this.noteUse(secret);
    return serviceAccountUser(namespace, name, uid, {});
  }

  /** On which day it was last used: a token that nobody uses is cleaned up in the end. */
  private async noteUse(secret: KubeObject): Promise<void> {
    const { server, clock } = this.options;
    const today = new Date(clock.now()).toISOString().slice(0, 10);
    const isNoted = ({ metadata }: KubeObject) => metadata?.labels?.[LAST_USED] === today;
    if (isNoted(secret)) return;
    const signal = AbortSignal.timeout(NOTE_TIMEOUT_MS);
    const ctx = serverContext({ server, clock, logger: silentLogger(), signal });
    const { namespace = '', name = '' } = secret.metadata ?? {};
    const noted = (now: KubeObject) => {
      if (isNoted(now)) return now;
      const labels = { ...now.metadata?.labels, [LAST_USED]: today };
      return { ...now, metadata: { ...now.metadata, labels } };
    };
    try {
      await server.store('', 'secrets').update(namespace, name, noted, ctx);
    } catch {
      // It is no reason to refuse the token; its next use is noted.
    }
  }

  private async alive(resource: string, namespace: string, claim: ObjectClaim, kind: string) {
    const found = await this.find(resource, namespace, claim.name ?? '');
    if (!found || found.metadata?.uid !== claim.uid)
      throw new Error(`${kind} that the token is bound to is gone`);
    const deleted = found.metadata?.deletionTimestamp;
    if (deleted && Date.parse(deleted) + DELETED_LEEWAY_MS < this.options.clock.now())
      throw new Error(`${kind} that the token is bound to has been deleted`);
  }

  /** The cache first; it may lag behind what another server wrote, so what it lacks is asked for. */
  private async find(
    resource: string,
    namespace: string,
    name: string,
  ): Promise<KubeObject | undefined> {
    const store = this.options.server.store('', resource);
    const cached = store.peek(namespace, name);
    if (cached) return cached;
    try {
      return await store.get(namespace, name);
    } catch {
      // Absent, or unreadable now: either way it vouches for nobody.
      return undefined;
    }
  }
}

export function serviceAccountUser(
  namespace: string,
  name: string,
  uid: string,
  extra: Readonly<Record<string, readonly string[]>>,
): UserInfo {
  return {
    name: `system:serviceaccount:${namespace}:${name}`,
    uid,
    groups: [
      'system:serviceaccounts',
      `system:serviceaccounts:${namespace}`,
      'system:authenticated',
    ],
    ...(Object.keys(extra).length > 0 ? { extra } : {}),
  };
}

function issuerOf(token: string): string | undefined {
  if (token.split('.').length !== 3) return undefined;
  try {
    return decodeJwt(token).iss;
  } catch {
    // Three parts, but no JWT: another method's token.
    return undefined;
  }
}

function ref(bound: BoundObject): ObjectClaim {
  return { name: bound.name, uid: bound.uid };
}
