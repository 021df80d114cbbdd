/** All issuers of OpenID Connect tokens, which may become others while the server runs. */
import type { Clock } from '../../pkg/component/clock.js';
import type { Authentication, TokenAuthenticator } from './authenticator.js';
import { type OidcIssuer, OidcTokens } from './oidc.js';

/** This long may new issuers take to say what their keys are. */
const READY_MS = 60_000;
const RETRY_MS = 10_000;

export class Issuers implements TokenAuthenticator {
  private current: readonly OidcTokens[];

  constructor(
    issuers: readonly OidcIssuer[],
    private readonly clock: Clock,
  ) {
    this.current = issuers.map((issuer) => new OidcTokens(issuer, clock));
  }

  async authenticateToken(token: string): Promise<Authentication | undefined> {
    for (const tokens of this.current) {
      const found = await tokens.authenticateToken(token);
      if (found) return found;
    }
    return undefined;
  }

  /** The new ones count when all of them can be reached; throws where one cannot, and nothing has changed. */
  async reconfigure(issuers: readonly OidcIssuer[], signal: AbortSignal): Promise<void> {
    const made = issuers.map((issuer) => new OidcTokens(issuer, this.clock));
    const began = this.clock.monotonic();
    for (;;) {
      try {
        await Promise.all(made.map((tokens) => tokens.ready()));
        this.current = made;
        return;
      } catch (err) {
        if (this.clock.monotonic() - began >= READY_MS) throw err;
        await this.clock.sleep(RETRY_MS, signal);
      }
    }
  }
}
