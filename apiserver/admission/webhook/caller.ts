/**
 * One call of one webhook: where it is, what it is asked, what it said. A call that fails is not yet an
 * answer for the client: the plugins look at the webhook's failurePolicy.
 */
import { badRequest, failure, StatusError } from '../../../pkg/apimachinery/status.js';
import { callRemote, type RemoteCall } from '../../server/remote-call.js';
import type { RequestContext } from '../../server/request-context.js';
import type { ServiceResolver } from '../../server/service-resolver.js';
import type { Hook } from './hooks.js';
import type { WebhookMetrics } from './metrics.js';
import {
  denial,
  type Review,
  type ReviewAnswer,
  type ReviewRequest,
  readAnswer,
  reviewBody,
  reviewVersion,
} from './review.js';

const DEFAULT_PORT = 443;

/** `failed calling webhook "x": …`; subject to the webhook's failurePolicy. */
export class WebhookCallError extends Error {
  constructor(hook: string, reason: string) {
    super(`failed calling webhook ${JSON.stringify(hook)}: ${reason}`);
    this.name = 'WebhookCallError';
  }
}

export interface WebhookCallerOptions {
  readonly resolver: ServiceResolver;
  readonly metrics: WebhookMetrics;
}

export class WebhookCaller {
  constructor(private readonly options: WebhookCallerOptions) {}

  /** Resolves to an answer that allows. Throws a WebhookCallError, or the StatusError for the client. */
  async call(
    hook: Hook,
    request: ReviewRequest,
    mutating: boolean,
    ctx: RequestContext,
  ): Promise<ReviewAnswer> {
    const { metrics } = this.options;
    const labels = {
      name: hook.name,
      type: mutating ? 'admit' : 'validating',
      operation: String(request['operation']),
    };
    const began = ctx.clock.monotonic();
    const observe = (code: number, rejected: boolean) =>
      metrics.observe(labels, code, rejected, (ctx.clock.monotonic() - began) / 1000);
    try {
      const answer = await this.ask(hook, request, mutating, ctx);
      for (const [key, value] of Object.entries(answer.annotations))
        ctx.annotate(`${hook.name}/${key}`, value);
      for (const warning of answer.warnings) ctx.warn(warning);
      if (!answer.allowed) throw denial(hook.name, answer.result);
      observe(200, false);
      return answer;
    } catch (err) {
      ctx.signal.throwIfAborted();
      const refused = err instanceof StatusError;
      const rejected = refused || !hook.ignoresFailure;
      observe(refused ? err.code : 0, rejected);
      if (rejected)
        metrics.rejected(
          labels,
          refused ? 'no_error' : 'calling_webhook_error',
          refused ? err.code : 0,
        );
      else metrics.failedOpen(labels);
      throw err;
    }
  }

  private async ask(
    hook: Hook,
    request: ReviewRequest,
    mutating: boolean,
    ctx: RequestContext,
  ): Promise<ReviewAnswer> {
    if (request['dryRun'] === true && !['None', 'NoneOnDryRun'].includes(hook.sideEffects))
      throw badRequest(`admission webhook ${JSON.stringify(hook.name)} does not support dry run`);
    const version = reviewVersion(hook.reviewVersions);
    if (!version)
      throw new WebhookCallError(
        hook.name,
        `could not create admission objects: webhook does not accept known AdmissionReview versions (v1, v1beta1)`,
      );
    const review: Review = { version, request };
    const answer = await this.send(hook, review, ctx);
    try {
      return readAnswer(answer, review, mutating);
    } catch (err) {
      throw new WebhookCallError(hook.name, `received invalid webhook response: ${wordsOf(err)}`);
    }
  }

  private async send(hook: Hook, review: Review, ctx: RequestContext): Promise<string> {
    try {
      const target = await this.target(hook, ctx);
      const { code, text } = await callRemote({
        ...target,
        body: reviewBody(review),
        timeoutMs: hook.timeoutMs,
        signal: ctx.signal,
        clock: ctx.clock,
      });
      if (code < 200 || code > 206) throw httpError(code, text);
      return text;
    } catch (err) {
      throw new WebhookCallError(hook.name, `failed to call webhook: ${wordsOf(err)}`);
    }
  }

  private async target(
    { clientConfig, timeoutMs }: Hook,
    _ctx: RequestContext,
  ): Promise<Pick<RemoteCall, 'url' | 'dial' | 'serverName' | 'ca'>> {
    const { service, url, caBundle } = clientConfig;
    const ca = caBundle ? { ca: Buffer.from(caBundle, 'base64').toString('utf8') } : {};
    const query = `timeout=${timeoutMs / 1000}s`;
    if (!service) return { url: withQuery(url ?? '', query), ...ca };
    const port = service.port ?? DEFAULT_PORT;
    const shown = `https://${service.name}.${service.namespace}.svc:${port}${service.path ?? '/'}`;
    const address = withQuery(shown, query);
    try {
      const {
        host,
        port: at,
        serverName,
      } = await this.options.resolver.resolve(service.namespace, service.name, port);
      return { url: address, dial: { host, port: at }, serverName, ...ca };
    } catch (err) {
      throw new Error(`Post ${JSON.stringify(address)}: ${wordsOf(err)}`);
    }
  }
}

function withQuery(url: string, query: string): string {
  const parsed = new URL(url);
  parsed.search = query;
  const text = parsed.toString();
  // The URL class drops the port that is the scheme's own; upstream shows it.
  return /^https:\/\/[^/]*:443(\/|$)/.test(url)
    ? text.replace(parsed.host, `${parsed.host}:443`)
    : text;
}

/** In the words of upstream's REST client. */
function httpError(code: number, text: string): Error {
  const body = text.trim().slice(0, 2048);
  switch (code) {
    case 404:
      return failure(404, 'NotFound', 'the server could not find the requested resource');
    case 401:
      return failure(
        401,
        'Unauthorized',
        'the server has asked for the client to provide credentials',
      );
    case 403:
      return failure(403, 'Forbidden', body || 'unknown');
    case 400:
      return failure(400, 'BadRequest', 'the server rejected our request for an unknown reason');
    case 503:
      return failure(
        503,
        'ServiceUnavailable',
        'the server is currently unable to handle the request',
      );
    default:
      return code >= 500
        ? failure(
            code,
            'InternalError',
            `an error on the server (${JSON.stringify(body || 'unknown')}) has prevented the request from succeeding`,
          )
        : failure(
            code,
            'Unknown',
            `the server responded with the status code ${code} but did not return more information`,
          );
  }
}

function wordsOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}
