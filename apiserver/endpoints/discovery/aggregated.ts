/** The aggregated form of discovery over HTTP: who wants it, and how it is sent. */
import { createHash } from 'node:crypto';
import type { RequestContext } from '../../server/request-context.js';
import { isWorthGzip, startGzip } from '../compression.js';
import { contentTypeOf, type Encoding } from '../media-type.js';
import { encodeValue, exchangeOf } from '../respond.js';

const AGGREGATED_TYPE =
  /^application\/(json|vnd\.kubernetes\.protobuf);.*\bg=apidiscovery\.k8s\.io;.*\bas=APIGroupDiscoveryList/;
const PLAIN_TYPE = /^(application\/(json|yaml|vnd\.kubernetes\.protobuf|\*)|\*\/\*)\s*($|;\s*q)/;

/** What a client asks for. */
export interface AggregatedForm {
  readonly version: string;
  readonly encoding: Encoding;
}

export interface AggregatedDocument {
  readonly document: object;
  readonly body: Buffer;
  /** With quotes. */
  readonly etag: string;
}

/** The first form of the aggregated document that the client takes, if it comes before the plain one. */
export function aggregatedForm(accept: string): AggregatedForm | undefined {
  for (const part of accept.split(',')) {
    const clause = part.trim();
    const type = AGGREGATED_TYPE.exec(clause)?.[1];
    if (type) {
      const version = /;\s*v=(v2|v2beta1)\b/.exec(clause)?.[1];
      if (version) return { version, encoding: type === 'json' ? 'json' : 'protobuf' };
    } else if (PLAIN_TYPE.test(clause)) return undefined;
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
  return { document, body, etag: `"${etag}"` };
}

export function sendAggregated(
  ctx: RequestContext,
  { version, encoding }: AggregatedForm,
  { document, body, etag }: AggregatedDocument,
): void {
  const { req, res } = exchangeOf(ctx);
  res.setHeader('ETag', etag);
  res.setHeader('Cache-Control', 'public');
  if (req.headers['if-none-match'] === etag) {
    res.statusCode = 304;
    res.end();
    return;
  }
  const bytes = encoding === 'json' ? body : encodeValue(document, encoding, false);
  res.statusCode = 200;
  res.setHeader(
    'Content-Type',
    `${contentTypeOf(encoding)};g=apidiscovery.k8s.io;v=${version};as=APIGroupDiscoveryList`,
  );
  if (isWorthGzip(ctx, bytes.length)) {
    startGzip(res).end(bytes);
    return;
  }
  res.setHeader('Content-Length', bytes.length);
  res.end(bytes);
}
