/** The RequestContext of a request over HTTP: filled in by the chain, step by step, then only read. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import { ANONYMOUS } from '../authn/authenticator.js';
import type { AuditRecord } from './audit/audit.js';
import type { RequestContext, RequestInfo, ServerAccess, UserInfo } from './request-context.js';

/** A header value may not hold these; upstream quotes and drops them alike. */
const UNPRINTABLE = /[^\x20-\x7e]/g;
/** More of them would only be cut by clients. */
const MAX_WARNINGS_BYTES = 4096;

export interface IncomingOptions {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly info: RequestInfo;
  readonly query: URLSearchParams;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly server: ServerAccess;
}

export class Incoming implements RequestContext {
  user: UserInfo = ANONYMOUS;
  audit?: AuditRecord;
  readonly requestInfo: RequestInfo;
  readonly query: URLSearchParams;
  readonly dryRun: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly server: ServerAccess;
  readonly exchange: { readonly req: IncomingMessage; readonly res: ServerResponse };
  private readonly aborter = new AbortController();
  private readonly warnings = new Set<string>();
  private warningBytes = 0;
  /** For the audit event. */
  readonly annotations = new Map<string, string>();

  constructor({ req, res, info, query, clock, logger, server }: IncomingOptions) {
    this.requestInfo = info;
    this.query = query;
    this.dryRun = query.getAll('dryRun').includes('All');
    this.clock = clock;
    this.logger = logger;
    this.server = server;
    this.exchange = { req, res };
  }

  get signal(): AbortSignal {
    return this.aborter.signal;
  }

  abort(reason: unknown): void {
    this.aborter.abort(reason);
  }

  get fieldManager(): string {
    const given = this.query.get('fieldManager');
    if (given) return given;
    const agent = this.exchange.req.headers['user-agent'] ?? '';
    return (agent.split('/')[0] ?? '').slice(0, 128) || 'unknown';
  }

  get cause(): string | undefined {
    const cause = this.exchange.req.headers['drydock-cause'];
    return typeof cause === 'string' ? cause : undefined;
  }

  annotate(key: string, value: string): void {
    if (!this.annotations.has(key)) this.annotations.set(key, value);
  }

  warn(text: string): void {
    const { res } = this.exchange;
    const clean = text.replace(UNPRINTABLE, ' ');
    if (clean === '' || this.warnings.has(clean) || res.headersSent) return;
    if (this.warningBytes + clean.length > MAX_WARNINGS_BYTES) return;
    this.warningBytes += clean.length;
    this.warnings.add(clean);
    res.setHeader(
      'Warning',
      [...this.warnings].map((warning) => `299 - "${warning.replace(/[\\"]/g, '\\$&')}"`),
    );
  }
}
