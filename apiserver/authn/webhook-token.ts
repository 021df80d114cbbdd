/**
 * Tokens that somebody else knows (`--authentication-token-webhook-config-file`): a TokenReview is posted
 * there. Answers are kept for `--authentication-token-webhook-cache-ttl`, by a digest of the token.
 */
import { createHash } from 'node:crypto';
import type { RestConfig } from '../../pkg/client/config.js';
import type { Clock } from '../../pkg/component/clock.js';
import { callRemote } from '../server/remote-call.js';
import type { Authentication, TokenAuthenticator } from './authenticator.js';
import { remoteTarget } from './remote-target.js';

const TIMEOUT_MS = 30_000;
const MAX_KEPT = 4_096;

export interface WebhookTokenOptions {
  readonly target: RestConfig;
  readonly cacheTtlMs: number;
  readonly clock: Clock;
}

export class WebhookTokens implements TokenAuthenticator {
  private readonly kept = new Map<string, { found: Authentication | undefined; until: number }>();

  constructor(private readonly options: WebhookTokenOptions) {}

  async authenticateToken(
    token: string,
    audiences: readonly string[],
  ): Promise<Authentication | undefined> {
    const { clock, cacheTtlMs } = this.options;
    const id = createHash('sha256')
      .update(`${token}\0${audiences.join('\0')}`)
      .digest('base64');
    const known = this.kept.get(id);
    if (known && known.until > clock.now()) return known.found;
    const found = await this.review(token, audiences);
    if (this.kept.size >= MAX_KEPT) {
      const oldest = this.kept.keys().next().value;
      if (oldest !== undefined) this.kept.delete(oldest);
    }
    this.kept.delete(id);
    if (cacheTtlMs > 0) this.kept.set(id, { found, until: clock.now() + cacheTtlMs });
    return found;
  }

  private async review(
    token: string,
    audiences: readonly string[],
  ): Promise<Authentication | undefined> {
    const { target, clock } = this.options;
    const { code, text } = await callRemote({
      ...remoteTarget(target),
      timeoutMs: TIMEOUT_MS,
      clock,
      body: JSON.stringify({
        kind: 'TokenReview',
        apiVersion: 'authentication.k8s.io/v1',
        metadata: {},
        spec: { token, ...(audiences.length > 0 ? { audiences } : {}) },
      }),
    });
    if (code < 200 || code > 201) throw new Error(`the token webhook answered with status ${code}`);
    const status = statusOf(JSON.parse(text));
    if (!status.authenticated) {
      if (status.error) throw new Error(status.error);
      return undefined;
    }
    const { username = '', uid, groups = [], extra } = status.user ?? {};
    if (username === '') return undefined;
    return {
      user: { name: username, groups, ...(uid ? { uid } : {}), ...(extra ? { extra } : {}) },
      ...(status.audiences ? { audiences: status.audiences } : {}),
    };
  }
}

interface ReviewStatus {
  readonly authenticated?: boolean;
  readonly error?: string;
  readonly audiences?: readonly string[];
  readonly user?: {
    readonly username?: string;
    readonly uid?: string;
    readonly groups?: readonly string[];
    readonly extra?: Readonly<Record<string, readonly string[]>>;
  };
}

function statusOf(value: unknown): ReviewStatus {
  const review = value as { kind?: unknown; status?: ReviewStatus } | null;
  if (review?.kind !== 'TokenReview' || typeof review.status !== 'object')
    throw new Error('the token webhook did not answer with a TokenReview');
  return review.status;
}
