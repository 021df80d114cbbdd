/**
 * Who asks. Each method looks at the request and answers a user, nothing (it has no such credentials), or
 * throws (it has, and they are bad). They are tried in upstream's order; the first user wins, and bad
 * credentials are only an answer when no later method knows the caller.
 */
import type { IncomingMessage } from 'node:http';
import { unauthorized } from '../../pkg/apimachinery/status.js';
import type { UserInfo } from '../server/request-context.js';
import type { AnonymousConfiguration } from './authentication-configuration.js';

export const ALL_AUTHENTICATED = 'system:authenticated';
export const ALL_UNAUTHENTICATED = 'system:unauthenticated';
export const ANONYMOUS: UserInfo = { name: 'system:anonymous', groups: [ALL_UNAUTHENTICATED] };

export interface Authentication {
  readonly user: UserInfo;
  /** Audiences that the token is good for and that were asked for. */
  readonly audiences?: readonly string[];
}

export interface RequestAuthenticator {
  readonly name: string;
  authenticate(req: IncomingMessage): Promise<UserInfo | undefined> | UserInfo | undefined;
}

export interface TokenAuthenticator {
  /** `audiences` empty: the server's own. Undefined: not a token of this kind. Throws: it is, and bad. */
  authenticateToken(
    token: string,
    audiences: readonly string[],
  ): Promise<Authentication | undefined>;
}

export class Authenticators {
  constructor(
    private readonly methods: readonly RequestAuthenticator[],
    private readonly anonymous: boolean | AnonymousConfiguration,
  ) {}

  /** Throws the 401. `onError` is told why, which the client is not. */
  async authenticate(
    req: IncomingMessage,
    onError: (method: string, err: unknown) => void,
  ): Promise<UserInfo> {
    let failed = false;
    for (const method of this.methods) {
      try {
        const pending = method.authenticate(req);
        const user = pending instanceof Promise ? await pending : pending;
        if (user) return authenticated(user);
      } catch (err) {
        failed = true;
        onError(method.name, err);
      }
    }
    if (failed || !this.mayBeAnonymous(req)) throw unauthorized();
    return ANONYMOUS;
  }

  private mayBeAnonymous({ url = '' }: IncomingMessage): boolean {
    if (typeof this.anonymous === 'boolean') return this.anonymous;
    const { enabled, paths } = this.anonymous;
    return enabled && (paths.length === 0 || paths.includes(url.split('?', 1)[0] ?? ''));
  }
}

/** Everyone who is known is in `system:authenticated`. */
export function authenticated(user: UserInfo): UserInfo {
  if (user.groups.includes(ALL_AUTHENTICATED) || user.groups.includes(ALL_UNAUTHENTICATED))
    return user;
  return { ...user, groups: [...user.groups, ALL_AUTHENTICATED] };
}

/** The token of `Authorization: Bearer`, or of a WebSocket's subprotocol (browsers can set nothing else). */
export function bearerToken(req: IncomingMessage): string | undefined {
  const header = req.headers.authorization?.trim();
  if (header) {
    const [scheme, token] = header.split(/\s+/, 2);
    return scheme?.toLowerCase() === 'bearer' && token ? token : undefined;
  }
  const protocols = req.headers['sec-websocket-protocol'];
  if (req.headers.upgrade?.toLowerCase() !== 'websocket' || !protocols) return undefined;
  const prefix = 'base64url.bearer.authorization.k8s.io.';
  const found = protocols
    .split(',')
    .map((protocol) => protocol.trim())
    .find((protocol) => protocol.startsWith(prefix));
  return found && Buffer.from(found.slice(prefix.length), 'base64url').toString('utf8');
}

export class BearerAuthenticator implements RequestAuthenticator {
  readonly name = 'bearer token';
  constructor(private readonly tokens: readonly TokenAuthenticator[]) {}

  async authenticate(req: IncomingMessage): Promise<UserInfo | undefined> {
    const token = bearerToken(req);
    if (token === undefined) return undefined;
    return (await authenticateToken(this.tokens, token, [])).user;
  }
}

/** Throws for a token that no method takes. */
export async function authenticateToken(
  methods: readonly TokenAuthenticator[],
  token: string,
  audiences: readonly string[],
): Promise<Authentication> {
  const errors: unknown[] = [];
  for (const method of methods) {
    try {
      const found = await method.authenticateToken(token, audiences);
      if (found) return found;
    } catch (err) {
      errors.push(err);
    }
  }
  throw errors[0] ?? new Error('invalid bearer token');
}
