/**
 * What stands between who asks and the work: a request enters, gets a seat at once or when its turn comes, and
 * leaves. There are two kinds: priority and fairness, and plain limits for reads and for writes.
 */
import type { ServerResponse } from 'node:http';
import type { RequestInfo, UserInfo } from '../server/request-context.js';

export interface LimitedRequest {
  readonly user: UserInfo;
  readonly requestInfo: RequestInfo;
  readonly query: URLSearchParams;
  /** Aborts when nobody waits for the answer any more. */
  readonly signal: AbortSignal;
  readonly exchange: { readonly res: ServerResponse };
}

export interface Seat {
  /** Gives it back; a second time does nothing. */
  leave(): void;
}

export interface Limiter {
  /** Throws or rejects with `TooManyRequests`. `timeoutMs`: what the request has in all. */
  enter(request: LimitedRequest, timeoutMs: number): Seat | Promise<Seat>;
}

/** The 429. Its answer is plain text, as upstream. */
export class TooManyRequests extends Error {
  override name = 'TooManyRequests';
  constructor(readonly retryAfterSeconds: number) {
    super('Too many requests, please try again later.');
  }
}
