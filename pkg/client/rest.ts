/**
 * The one road to the API for every component (`k8s.io/client-go/rest`). HTTP/1.1 with keep-alive; a pool
 * for requests and one for streams, so that open watches never stand in a request's way.
 *
 * Guarantees: an answer of 400 or more throws a `StatusError`, no answer a `ConnectionError`, an abort the
 * signal's reason. An answer with `Retry-After` (429, or 5xx) is waited for and tried again, at most ten
 * times, as client-go does; nothing else is retried here. Every request takes an AbortSignal and has a
 * timeout. Writes carry the current cause (`cause.ts`). There is no client-side rate limit: the server's
 * priority and fairness is the limit.
 */
import { readFile } from 'node:fs/promises';
import type { Dispatcher, Pool as PoolType } from 'undici';
import requestOn from 'undici/lib/api/api-request.js';
import Pool from 'undici/lib/dispatcher/pool.js';
import type { KubeObject } from '../apimachinery/meta.js';
import { type Clock, RealClock } from '../component/clock.js';
import { type Answer, ask } from './answer.js';
import { CAUSE_HEADER, currentCause } from './cause.js';
import type { RestConfig } from './config.js';
import { ConnectionError, statusErrorOf } from './errors.js';
import { ResourceClient, type ResourceClientOptions } from './resource-client.js';
import type { ResourceRef } from './resources.js';

/** The apiserver gives up after 60 s; wait a little longer to hear it say so. */
const DEFAULT_TIMEOUT_MS = 65_000;
const CONNECT_TIMEOUT_MS = 10_000;
const MAX_RETRIES = 10;
const TOKEN_TTL_MS = 60_000;
/** More connections than this only queue in the server. */
const DEFAULT_MAX_CONNECTIONS = 32;
/** How long an idle connection is kept if the server does not say. */
const KEEP_ALIVE_MS = 60_000;

export interface RestClientOptions {
  readonly config: RestConfig;
  /**
   * `kube-scheduler`: becomes the User-Agent `kube-scheduler/v1.35.0 (linux/amd64) drydock`, up to whose
   * slash the server names the manager in managedFields.
   */
  readonly userAgent: string;
  readonly clock?: Clock;
  readonly maxConnections?: number;
  readonly timeoutMs?: number;
}

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Between request and headers, and between parts of the body. */
  readonly timeoutMs?: number;
}

export type Method = 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';

export interface RawRequest extends CallOptions {
  readonly method?: Method;
  /** With its query, if any. */
  readonly path: string;
  readonly query?: Query;
  readonly body?: string | Buffer;
  readonly contentType?: string;
  readonly accept?: string;
  /** Of an answer below 400 the body is not wanted: its text is ''. */
  readonly unread?: boolean;
}

/** Undefined values are left out. */
export type Query = Readonly<Record<string, string | number | boolean | undefined>>;

/** One of the servers, and the connections to it. */
interface Server {
  readonly origin: string;
  readonly requests: PoolType;
  readonly streams: PoolType;
}

export class RestClient {
  readonly config: RestConfig;
  readonly clock: Clock;
  readonly userAgent: string;
  private readonly pools: Server[];
  private readonly timeoutMs: number;
  private token: { text: string; readAt: number } | undefined;
  /** The server in use; moves on when it cannot be reached. */
  private current = 0;

  constructor(options: RestClientOptions) {
    this.config = options.config;
    this.clock = options.clock ?? new RealClock();
    this.timeoutMs = options.timeoutMs ?? DEFAULT_TIMEOUT_MS;
    const arch = process.arch === 'x64' ? 'amd64' : process.arch;
    this.userAgent = `${options.userAgent}/v1.35.0 (${process.platform}/${arch}) drydock`;
    const { ca, cert, key, tlsServerName, insecureSkipTlsVerify } = this.config;
    const poolOptions = (connections: number | null): PoolType.Options => ({
      connections,
      pipelining: 1,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connect: {
        timeout: CONNECT_TIMEOUT_MS,
        ...(ca === undefined ? {} : { ca }),
        ...(cert === undefined ? {} : { cert }),
        ...(key === undefined ? {} : { key }),
        ...(tlsServerName === undefined ? {} : { servername: tlsServerName }),
        ...(insecureSkipTlsVerify ? { rejectUnauthorized: false } : {}),
      },
    });
    const servers =
      typeof this.config.server === 'string' ? [this.config.server] : this.config.server;
    this.pools = servers.map((server) => {
      const { origin } = new URL(server);
      return {
        origin,
        requests: new Pool(origin, poolOptions(options.maxConnections ?? DEFAULT_MAX_CONNECTIONS)),
        streams: new Pool(origin, poolOptions(null)),
      };
    });
    if (this.pools.length === 0) throw new Error('no server in the client configuration');
  }

  /** Typed verbs on one resource: `client.resource<Pod>(PODS).get('default', 'web')`. */
  resource<T extends KubeObject>(
    ref: ResourceRef,
    options?: ResourceClientOptions,
  ): ResourceClient<T> {
    return new ResourceClient<T>(this, ref, options);
  }

  /** One request and its whole answer; throws for an answer of 400 or more. */
  async request(request: RawRequest): Promise<Answer> {
    const { signal, unread } = request;
    for (let attempt = 0; ; attempt++) {
      const answer = await this.send(request, request.timeoutMs ?? this.timeoutMs, (at, call) =>
        ask(at.requests, { ...call, signal, unread }),
      );
      if (answer.code < 400) return answer;
      await this.beforeRetry(answer, attempt, signal);
    }
  }

  /**
   * An answer that goes on: watch, logs. The caller reads the body to its end or aborts the signal; a body
   * that is dropped half-read holds its connection. `idleTimeoutMs` 0: parts may be any time apart.
   */
  async stream(request: RawRequest, idleTimeoutMs = 0): Promise<Dispatcher.ResponseData> {
    for (let attempt = 0; ; attempt++) {
      const response = await this.send(request, idleTimeoutMs, (at, call) =>
        requestOn.call(at.streams, { ...call, signal: request.signal ?? null }),
      );
      const { statusCode: code, headers } = response;
      if (code < 400) return response;
      const text = await this.textOf(response, request);
      await this.beforeRetry({ code, headers, text }, attempt, request.signal);
    }
  }

  /** Closes idle connections at once and the others when their request ends. */
  async close(): Promise<void> {
    await Promise.all(this.pools.flatMap((p) => [p.requests.destroy(), p.streams.destroy()]));
  }

  /** Throws what the server answered, unless another try may be answered better: then resolves when it is due. */
  private async beforeRetry(
    answer: Answer,
    attempt: number,
    signal: AbortSignal | undefined,
  ): Promise<void> {
    if (await this.renewedToken(answer.code, attempt)) return;
    const wait = retryAfterMs(answer);
    if (wait === undefined || attempt >= MAX_RETRIES) throw statusErrorOf(answer.code, answer.text);
    await this.clock.sleep(wait, signal);
  }

  private async send<T>(
    request: RawRequest,
    bodyTimeout: number,
    run: (server: Server, call: Dispatcher.DispatchOptions) => Promise<T>,
  ): Promise<T> {
    const method = request.method ?? 'GET';
    const at = this.current;
    const server = this.pools[at];
    if (!server) throw new Error('no server in the client configuration');
    const authorization = this.authorization();
    const call = {
      method,
      path: withQuery(request.path, request.query),
      headers: this.headersFor(
        method,
        request,
        authorization instanceof Promise ? await authorization : authorization,
      ),
      body: request.body ?? null,
      headersTimeout: request.timeoutMs ?? this.timeoutMs,
      bodyTimeout,
    };
    try {
      return await run(server, call);
    } catch (err) {
      if (request.signal?.aborted) throw request.signal.reason;
      if (this.current === at) this.current = (at + 1) % this.pools.length;
      throw new ConnectionError(method, server.origin + request.path, err);
    }
  }

  private async textOf(response: Dispatcher.ResponseData, request: RawRequest): Promise<string> {
    try {
      return await response.body.text();
    } catch (err) {
      if (request.signal?.aborted) throw request.signal.reason;
      throw new ConnectionError(request.method ?? 'GET', request.path, err);
    }
  }

  private headersFor(
    method: Method,
    request: RawRequest,
    authorization: string | undefined,
  ): Record<string, string> {
    const headers: Record<string, string> = {
      'User-Agent': this.userAgent,
      Accept: request.accept ?? 'application/json',
    };
    if (request.body !== undefined)
      headers['Content-Type'] = request.contentType ?? 'application/json';
    if (authorization !== undefined) headers['Authorization'] = authorization;
    if (method !== 'GET') {
      const cause = currentCause();
      if (cause !== undefined) headers[CAUSE_HEADER] = cause;
    }
    return headers;
  }

  /** A token may be void before its time: its account was deleted and made anew. One new try with a new one. */
  private async renewedToken(code: number, attempt: number): Promise<boolean> {
    const { tokenSource } = this.config;
    if (code !== 401 || attempt > 0 || !tokenSource) return false;
    await tokenSource(true);
    return true;
  }

  private authorization(): string | undefined | Promise<string> {
    const { token, tokenFile, tokenSource, username, password } = this.config;
    if (tokenSource) return tokenSource().then((text) => `Bearer ${text}`);
    if (tokenFile !== undefined) return this.fromFile(tokenFile);
    if (token !== undefined) return `Bearer ${token}`;
    if (username !== undefined) {
      return `Basic ${Buffer.from(`${username}:${password ?? ''}`).toString('base64')}`;
    }
    return undefined;
  }

  private async fromFile(path: string): Promise<string> {
    const now = this.clock.now();
    if (!this.token || now - this.token.readAt > TOKEN_TTL_MS) {
      this.token = { text: (await readFile(path, 'utf8')).trim(), readAt: now };
    }
    return `Bearer ${this.token.text}`;
  }
}

function withQuery(path: string, query: Query | undefined): string {
  if (!query) return path;
  let text = '';
  for (const [key, value] of Object.entries(query)) {
    if (value === undefined || value === '') continue;
    text += `${text === '' ? '' : '&'}${key}=${encodeURIComponent(String(value))}`;
  }
  if (text === '') return path;
  return `${path}${path.includes('?') ? '&' : '?'}${text}`;
}

function retryAfterMs({ code, headers }: Answer): number | undefined {
  if (code !== 429 && code < 500) return undefined;
  const header = headers['retry-after'];
  const seconds = Number(Array.isArray(header) ? header[0] : header);
  return header !== undefined && Number.isFinite(seconds) && seconds >= 0
    ? seconds * 1000
    : undefined;
}
