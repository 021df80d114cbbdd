/** The aggregated form of discovery over HTTP: who wants it, and how it is sent. */
import { createHash } from 'node:crypto';
import type { RequestContext } from '../../server/request-context.js';
import { exchangeOf } from '../respond.js';

const AGGREGATED_TYPE =
  /application\/json;.*\bg=apidiscovery\.k8s\.io;.*\bas=APIGroupDiscoveryList/;

export interface AggregatedDocument {
  readonly body: Buffer;
  /** With quotes. */
  readonly etag: string;
}

/** The first version of the aggregated form that the client takes, if it comes before the plain one. */
export function aggregatedVersion(accept: string): string | undefined {
  for (const part of accept.split(',')) {
    const clause = part.trim();
    if (AGGREGATED_TYPE.test(clause)) {
      const version = /;\s*v=(v2|v2beta1)\b/.exec(clause)?.[1];
      if (version) return version;
    } else if (/^(application\/json|\*\/\*|application\/\*)\s*($|;q)/.test(clause))
      return undefined;
  }
  return undefined;
}

export function aggregatedDocument(version: string, items: readonly object[]): AggregatedDocument {
  const document = {
    kind: 'APIGroupDiscoveryList',
    apiVersion: `apidiscovery.k8s.io/${version}`,
    metadata: {},
    items,
  };
  const body = Buffer.from(JSON.stringify(document));
  const etag = createHash('sha512').update(body).digest('hex').toUpperCase();
  return { body, etag: `"${etag}"` };
}

export function sendAggregated(
  ctx: RequestContext,
  version: string,
  { body, etag }: AggregatedDocument,
): void {
  const { req, res } = exchangeOf(ctx);
  res.setHeader('ETag', etag);
  res.setHeader('Cache-Control', 'public');
  if (req.headers['if-none-match'] === etag) {
    res.statusCode = 304;
    res.end();
    return;
  }
  res.statusCode = 200;
  res.setHeader(
    'Content-Type',
    `application/json;g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
  );
  res.setHeader('Content-Length', body.length);
  res.end(body);
}
