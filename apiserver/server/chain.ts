/**
 * What happens to every request before a resource sees it, in upstream's order (DefaultBuildHandlerChain):
 *
 *   audit id → request info → authenticate → impersonate → priority and fairness → authorise → time-out → serve
 *
 * Whatever is thrown on the way is answered here, as a Status; nothing escapes to the HTTP server.
 */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { DurationError, parseDuration } from '../../pkg/apimachinery/duration.js';
import { badRequest, StatusError, timeout, unknownPath } from '../../pkg/apimachinery/status.js';
import type { Clock, Timer } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import { attributesOf, refusal } from '../authz/attributes.js';
import { send, sendError } from '../endpoints/respond.js';
import { type Limiter, type Seat, TooManyRequests } from '../flow-control/limiter.js';
import { type AuditOptions, AuditRecord, onHeaders } from './audit/audit.js';
import { impersonate } from './impersonation.js';
import { Incoming } from './incoming.js';
import type { ServerMetrics } from './metrics.js';
import type { RequestContext, RequestInfo, ServerAccess, UserInfo } from './request-context.js';
import { isLongRunning, parseRequestInfo } from './request-info.js';

export interface ChainOptions {
  readonly authenticate: (req: IncomingMessage) => Promise<UserInfo>;
  readonly server: ServerAccess;
  readonly resources: { handle(ctx: RequestContext): Promise<void> };
  /** Whether a group and version has this resource. */
  readonly isServed: (group: string, version: string, resource: string) => boolean;
  /** Whether the group and version is served at all. */
  readonly isKnownVersion: (group: string, version: string) => boolean;
  /** Resolves when what others added to the API until now is known here, too. */
  readonly catchUp: (signal: AbortSignal) => Promise<void>;
  /** Groups that others serve; false where this server is to answer. */
  readonly aggregate: (ctx: RequestContext) => Promise<boolean>;
  /** Paths that are no resources; false where there is none. */
  readonly paths: (ctx: RequestContext) => Promise<boolean>;
  readonly metrics: ServerMetrics;
  readonly audit?: AuditOptions;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly limiter: Limiter;
  readonly requestTimeoutMs: number;
  /** Whoever comes while the server stops is sent away (`--shutdown-send-retry-after`). */
  readonly sendRetryAfter: boolean;
}

const READ_VERBS = new Set(['get', 'list', 'watch']);
/** Answered also by a server that sends all others away. */
const HEALTH_PATH = /^\/(healthz|livez|readyz)(\/|$)/;
const SHUTDOWN_RETRY_SECONDS = 5;
/** How long clients of watches may take to hear that the server stops. */
const FAREWELL_MS = 2_000;
/** The rest of a refused request's body is read up to this size, to keep the connection. */
const MAX_UNREAD_BYTES = 256 * 1024;

export class Chain {
  private reading = 0;
  private writing = 0;
  /** Long-running requests and others that are open, for a graceful stop. */
  private readonly open = new Set<Incoming>();
  private stopping = false;
  private draining = false;

  constructor(private readonly options: ChainOptions) {
    options.metrics.followInFlight(() => ({ readOnly: this.reading, mutating: this.writing }));
  }

  async serve(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { clock, logger, server, metrics } = this.options;
    const id = auditId(req);
    res.setHeader('Audit-Id', id);
    const began = clock.monotonic();
    const parsed = parse(req);
    const info = parsed.info ?? NO_INFO;
    const ctx = new Incoming({ req, res, info, query: parsed.query, clock, logger, server });
    const longRunning = isLongRunning(info);
    this.open.add(ctx);
    // An answer that is whole and sent leaves nothing behind that could be told to stop.
    const closed = () => {
      if (longRunning || !res.writableFinished) ctx.abort(new Error('the client went away'));
    };
    res.once('close', closed);
    // Somebody whose watch has just been ended, and who is back before the server listens no more.
    if (this.draining && longRunning) sendAway(ctx);
    const endLongRunning = longRunning ? metrics.longRunningStarted() : undefined;
    try {
      if (!parsed.info) throw parsed.fault;
      await this.process(ctx, longRunning);
    } catch (err) {
      if (err instanceof TooManyRequests) sendPlain(ctx, 429, err.message, err.retryAfterSeconds);
      else sendError(ctx, err);
    } finally {
      endLongRunning?.();
      ctx.audit?.stage('ResponseComplete', res.statusCode);
      this.open.delete(ctx);
      metrics.observe(
        this.known(info) ? info : NO_INFO,
        res.statusCode,
        (clock.monotonic() - began) / 1000,
        longRunning,
      );
    }
  }

  /** From now on the server calls itself not ready; it goes on serving. */
  stop(): void {
    this.stopping = true;
  }

  /**
   * Ends what would never end by itself; the rest has as long as the caller gives it. Resolves when the ends of
   * watches are with their clients, so that these see an answer that is whole, and come back.
   */
  async drain(): Promise<void> {
    this.stopping = true;
    this.draining = true;
    const ends: Promise<unknown>[] = [];
    for (const ctx of this.open) {
      const { req, res } = ctx.exchange;
      if (!isLongRunning(ctx.requestInfo)) {
        if (!res.headersSent) res.setHeader('Connection', 'close');
        continue;
      }
      const { socket } = req;
      ends.push(new Promise((resolve) => socket.once('close', resolve)));
      sendAway(ctx);
    }
    if (ends.length === 0) return;
    let timer: Timer | undefined;
    const late = new Promise<void>((resolve) => {
      timer = this.options.clock.after(FAREWELL_MS, resolve);
    });
    await Promise.race([Promise.all(ends), late]);
    timer?.stop();
  }

  get isStopping(): boolean {
    return this.stopping;
  }

  private async process(ctx: Incoming, longRunning: boolean): Promise<void> {
    const { server, limiter, clock } = this.options;
    const { req, res } = ctx.exchange;
    if (this.draining) {
      res.setHeader('Connection', 'close');
      if (this.options.sendRetryAfter && !HEALTH_PATH.test(ctx.requestInfo.path)) {
        const text = 'The apiserver is shutting down, please try again later.';
        sendPlain(ctx, 429, text, SHUTDOWN_RETRY_SECONDS);
        return;
      }
    }
    ctx.user = await this.authenticated(ctx);
    this.record(ctx, longRunning);
    const other = await impersonate(ctx.user, req.headers, (attributes) =>
      server.authorize(attributes),
    );
    if (other) {
      ctx.user = other;
      if (ctx.audit) ctx.audit.impersonated = other;
    }
    // Logs, exec and proxies hold no seat: they may take hours and cost little.
    const limited = !longRunning || ctx.requestInfo.verb === 'watch';
    const timeoutMs = longRunning ? this.options.requestTimeoutMs : this.timeoutOf(ctx);
    const begun = clock.monotonic();
    const entered = limited ? limiter.enter(ctx, timeoutMs) : undefined;
    const seat = entered instanceof Promise ? await entered : entered;
    const done = this.count(ctx, seat);
    // A watch gives its seat back as soon as it has begun to answer.
    if (longRunning && seat) onHeaders(res, done);
    const timer = longRunning
      ? undefined
      : clock.after(timeoutMs - (clock.monotonic() - begun), () => {
          const late = timeout('request did not complete within the allotted timeout', 0);
          ctx.abort(late);
          sendError(ctx, late);
        });
    try {
      const attributes = attributesOf(ctx.user, ctx.requestInfo);
      const decision = await server.authorize(attributes);
      ctx.annotate('authorization.k8s.io/decision', decision.allowed ? 'allow' : 'forbid');
      ctx.annotate('authorization.k8s.io/reason', decision.reason ?? '');
      if (!decision.allowed) throw refusal(attributes, decision.reason ?? '');
      await this.dispatch(ctx);
    } finally {
      timer?.stop();
      done();
      if (!res.writableEnded && !res.headersSent && ctx.signal.aborted) res.destroy();
    }
  }

  /** Of a request that is not long-running: what it asks for, at most what the server gives. */
  private timeoutOf({ query }: Incoming): number {
    const { requestTimeoutMs } = this.options;
    const asked = query.get('timeout');
    if (asked === null || asked === '') return requestTimeoutMs;
    try {
      const ms = parseDuration(asked);
      return ms === 0 ? requestTimeoutMs : Math.min(ms, requestTimeoutMs);
    } catch (err) {
      if (!(err instanceof DurationError)) throw err;
      throw badRequest(`invalid timeout specified in the request URL - ${err.message}`);
    }
  }

  /** Counts the request among those that run; the result ends that and gives its seat back, once. */
  private count({ requestInfo: { verb } }: Incoming, seat: Seat | undefined): () => void {
    if (!seat) return () => undefined;
    const reads = READ_VERBS.has(verb);
    if (reads) this.reading++;
    else this.writing++;
    let running = true;
    return () => {
      if (!running) return;
      running = false;
      if (reads) this.reading--;
      else this.writing--;
      seat.leave();
    };
  }

  private async authenticated(ctx: Incoming): Promise<UserInfo> {
    try {
      return await this.options.authenticate(ctx.exchange.req);
    } catch (err) {
      ctx.user = NOBODY;
      this.record(ctx, false);
      throw err;
    }
  }

  /** Begins the request's audit record, as far as the policy wants one. */
  private record(ctx: Incoming, longRunning: boolean): void {
    const { audit } = this.options;
    if (!audit) return;
    const decision = audit.policy.decide(ctx.user, ctx.requestInfo);
    if (decision.level === 'None') return;
    const { req, res } = ctx.exchange;
    const { user, requestInfo: info, annotations } = ctx;
    const auditId = String(res.getHeader('Audit-Id'));
    const record = new AuditRecord(audit, decision, { req, info, auditId, user, annotations });
    ctx.audit = record;
    record.stage('RequestReceived');
    if (longRunning) onHeaders(res, () => record.stage('ResponseStarted', res.statusCode));
  }

  private async dispatch(ctx: Incoming): Promise<void> {
    const { group, version, isResourceRequest } = ctx.requestInfo;
    if (await this.options.aggregate(ctx)) return;
    if (isResourceRequest && group.includes('.') && !this.known(ctx.requestInfo))
      await this.options.catchUp(ctx.signal);
    if (isResourceRequest && this.options.isKnownVersion(group, version)) {
      if (!this.known(ctx.requestInfo)) throw unknownPath();
      await this.options.resources.handle(ctx);
      return;
    }
    if (!isResourceRequest && (await this.options.paths(ctx))) return;
    const { res } = ctx.exchange;
    res.setHeader('X-Content-Type-Options', 'nosniff');
    send(ctx, 404, 'text/plain; charset=utf-8', Buffer.from('404 page not found\n'));
  }

  private known(info: RequestInfo): boolean {
    return info.isResourceRequest && this.options.isServed(info.group, info.version, info.resource);
  }
}

/** What would go on for long ends as soon as it can end whole, and its connection with it. */
function sendAway(ctx: Incoming): void {
  const { req, res } = ctx.exchange;
  res.once('finish', () => req.socket.destroySoon());
  ctx.abort(new Error('the server is shutting down'));
}

/** As Go's `http.Error`. The connection stays of use, unless too much of the request is still to come. */
function sendPlain(ctx: Incoming, code: number, text: string, retryAfterSeconds: number): void {
  const { req, res } = ctx.exchange;
  if (!req.complete) {
    const length = req.headers['content-length'];
    if (length !== undefined && Number(length) <= MAX_UNREAD_BYTES) req.resume();
    else res.setHeader('Connection', 'close');
  }
  res.setHeader('Retry-After', String(retryAfterSeconds));
  res.setHeader('X-Content-Type-Options', 'nosniff');
  send(ctx, code, 'text/plain; charset=utf-8', Buffer.from(`${text}\n`));
}

const NOBODY: UserInfo = { name: '', groups: [] };

const NO_INFO: RequestInfo = {
  isResourceRequest: false,
  path: '',
  verb: '',
  apiPrefix: '',
  group: '',
  version: '',
  namespace: '',
  resource: '',
  subresource: '',
  name: '',
  parts: [],
};

type Parsed = { readonly query: URLSearchParams } & (
  | { readonly info: RequestInfo }
  | { readonly info: undefined; readonly fault: StatusError }
);

function parse(req: IncomingMessage): Parsed {
  const url = req.url ?? '/';
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  const query = new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1));
  try {
    // A name may not hold a slash or a percent sign, so decoding the whole path at once loses nothing.
    return { info: parseRequestInfo(req.method ?? 'GET', decodeURIComponent(path), query), query };
  } catch (err) {
    if (err instanceof StatusError) return { info: undefined, query, fault: err };
    if (err instanceof URIError) {
      return { info: undefined, query, fault: badRequest('the request path cannot be decoded') };
    }
    throw err;
  }
}

/** The caller's, where it sent a sensible one. */
function auditId(req: IncomingMessage): string {
  const given = req.headers['audit-id'];
  return typeof given === 'string' && /^[\w-]{1,64}$/.test(given) ? given : randomUUID();
}
