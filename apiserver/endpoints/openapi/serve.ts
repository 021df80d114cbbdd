/**
 * Answers `/openapi/v2` and `/openapi/v3…` with the headers of Kubernetes: an ETag that If-None-Match may
 * name; with `?hash=` an answer that never changes, or a redirect to the hash that is now.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { notAcceptable, unknownPath } from '../../../pkg/apimachinery/status.js';
import type { Clock } from '../../../pkg/component/clock.js';
import type { OpenApi, OpenApiDocument } from './openapi.js';

const JSON_TYPE = 'application/json';
const V2_PROTOBUF = 'application/com.github.proto-openapi.spec.v2.v1.0+protobuf';
/** What clients ask for; the answer names the newer form. */
const V2_PROTOBUF_OLD = 'application/com.github.proto-openapi.spec.v2@v1.0+protobuf';
const V3_PROTOBUF = 'application/com.github.proto-openapi.spec.v3.v1.0+protobuf';
const V3_PROTOBUF_OLD = 'application/com.github.proto-openapi.spec.v3@v1.0+protobuf';
const YEAR_MS = 365 * 24 * 3600 * 1000;

/** Throws a StatusError for a path or a type that is not served. */
export async function serveOpenApi(
  openApi: OpenApi,
  req: IncomingMessage,
  res: ServerResponse,
  clock: Clock,
): Promise<void> {
  const url = new URL(req.url ?? '/', 'http://localhost');
  const accept = req.headers.accept ?? '';
  if (url.pathname === '/openapi/v2') {
    await sendV2(req, res, (format) => openApi.v2(format));
    return;
  }
  if (url.pathname === '/openapi/v3' || url.pathname === '/openapi/v3/') {
    sendIndex(req, res, openApi.index());
    return;
  }
  const path = url.pathname.startsWith('/openapi/v3/')
    ? url.pathname.slice('/openapi/v3/'.length)
    : '';
  const etag = openApi.etagOf(path);
  if (etag === undefined) throw unknownPath();
  const format = formatOfV3(accept);
  if (!format) throw notAcceptable([JSON_TYPE, V3_PROTOBUF]);
  res.setHeader('Vary', 'Accept');
  const hash = url.searchParams.get('hash');
  if (hash !== null && hash !== '') {
    if (hash !== etag) {
      res.setHeader('Location', `/openapi/v3/${path}?hash=${etag}`);
      res.statusCode = 301;
      res.end();
      return;
    }
    res.setHeader('Cache-Control', 'public, immutable');
    res.setHeader('Expires', new Date(clock.now() + YEAR_MS).toUTCString());
  }
  if (isKnown(req, etag)) {
    notModified(res, etag);
    return;
  }
  const document = await openApi.v3(path, format);
  if (!document) throw unknownPath();
  send(req, res, document, format === 'json' ? JSON_TYPE : V3_PROTOBUF);
}

/** The one document of version 2, in the form that the client takes. */
export async function sendV2(
  req: IncomingMessage,
  res: ServerResponse,
  make: (format: 'json' | 'protobuf') => Promise<OpenApiDocument>,
): Promise<void> {
  const protobuf = prefersProtobuf(req.headers.accept ?? '');
  const document = await make(protobuf ? 'protobuf' : 'json');
  res.setHeader('Vary', 'Accept-Encoding, Accept');
  send(req, res, document, protobuf ? V2_PROTOBUF : JSON_TYPE);
}

/** The list of the documents of version 3. */
export function sendIndex(req: IncomingMessage, res: ServerResponse, index: OpenApiDocument): void {
  send(req, res, index, JSON_TYPE);
}

function send(
  req: IncomingMessage,
  res: ServerResponse,
  document: OpenApiDocument,
  type: string,
): void {
  if (isKnown(req, document.etag)) {
    notModified(res, document.etag);
    return;
  }
  res.setHeader('Content-Type', type);
  res.setHeader('Etag', `"${document.etag}"`);
  res.setHeader('Content-Length', document.body.length);
  res.statusCode = 200;
  res.end(req.method === 'HEAD' ? undefined : document.body);
}

function notModified(res: ServerResponse, etag: string): void {
  res.setHeader('Etag', `"${etag}"`);
  res.statusCode = 304;
  res.end();
}

function isKnown(req: IncomingMessage, etag: string): boolean {
  const tags = req.headers['if-none-match']?.split(',') ?? [];
  return tags.some((tag) => tag.trim().replace(/^W\//, '') === `"${etag}"`);
}

/** The first type of the list that is served counts. */
function prefersProtobuf(accept: string): boolean {
  for (const clause of accept.split(',')) {
    const type = clause.split(';')[0]?.trim() ?? '';
    if (type === V2_PROTOBUF || type === V2_PROTOBUF_OLD) return true;
    if (type === JSON_TYPE || type === '*/*') return false;
  }
  return false;
}

/** The first type of the list that is served counts; undefined where none is. */
function formatOfV3(accept: string): 'json' | 'protobuf' | undefined {
  if (accept === '') return 'json';
  for (const clause of accept.split(',')) {
    const type = clause.split(';')[0]?.trim() ?? '';
    if (type === V3_PROTOBUF || type === V3_PROTOBUF_OLD) return 'protobuf';
    if (type === JSON_TYPE || type === '*/*' || type === 'application/*') return 'json';
  }
  return undefined;
}
