/** A request's context as the handler chain makes it, for a caller who may do everything. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import type { RequestContext, ServerAccess } from '../server/request-context.js';
import { parseRequestInfo } from '../server/request-info.js';

export interface TestContextOptions {
  readonly req: IncomingMessage;
  readonly res: ServerResponse;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly server: ServerAccess;
}

export function testContext({
  req,
  res,
  clock,
  logger,
  server,
}: TestContextOptions): RequestContext {
  const url = new URL(req.url ?? '/', 'http://localhost');
  const query = url.searchParams;
  const leaving = new AbortController();
  res.once('close', () => leaving.abort(new Error('the client left')));
  return {
    user: { name: 'test', groups: ['system:masters'] },
    requestInfo: parseRequestInfo(req.method ?? '', url.pathname, query),
    query,
    dryRun: query.getAll('dryRun').includes('All'),
    fieldManager:
      query.get('fieldManager') || (req.headers['user-agent'] ?? '').split('/', 1)[0] || 'unknown',
    signal: leaving.signal,
    clock,
    logger,
    server,
    exchange: { req, res },
    warn: (text) => res.appendHeader('Warning', `299 - ${JSON.stringify(text)}`),
    annotate: () => undefined,
  };
}
