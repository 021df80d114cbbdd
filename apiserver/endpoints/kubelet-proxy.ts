/**
 * The one call that runs back: apiserver → kubelet, for logs and the node's own API. The answer is streamed
 * through as it comes, with backpressure, and ends when either side goes away. The connection is HTTPS with
 * the apiserver's client certificate; the address and port are what the node reports of itself.
 */

import type { IncomingMessage } from 'node:http';
import { Agent, type RequestOptions, request } from 'node:https';
import { pipeline } from 'node:stream/promises';
import type { Node } from '../../pkg/api/types.js';
import { badRequest, failure, internalError } from '../../pkg/apimachinery/status.js';
import type { RequestContext } from '../server/request-context.js';

/** As upstream's `--kubelet-preferred-address-types`. */
const ADDRESS_TYPES = ['Hostname', 'InternalDNS', 'InternalIP', 'ExternalDNS', 'ExternalIP'];
/** More of an error's text than this is not read. */
const MAX_ERROR_BYTES = 2000;
const CONNECT_TIMEOUT_MS = 10_000;
/** Headers that are between two neighbours, not between the ends (RFC 9110). */
const HOP_HEADERS = new Set([
  'connection',
  'host',
  'keep-alive',
  'proxy-authenticate',
  'proxy-authorization',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

export interface KubeletConnectionOptions {
  /** PEM: who the apiserver is to a kubelet; empty: nobody. */
  readonly clientCertificate: string;
  readonly clientKey: string;
  /** PEM: who signs the kubelets' certificates. Absent: they are not checked, as upstream without the flag. */
  readonly certificateAuthority?: string;
  readonly preferredAddressTypes?: readonly string[];
}

/** Keeps connections to kubelets open between requests. `close` when the server stops. */
export class KubeletConnection {
  readonly agent: Agent;
  readonly addressTypes: readonly string[];

  constructor(options: KubeletConnectionOptions) {
    this.addressTypes = options.preferredAddressTypes ?? ADDRESS_TYPES;
    this.agent = new Agent({
      keepAlive: true,
      ...(options.clientCertificate
        ? { cert: options.clientCertificate, key: options.clientKey }
        : {}),
      ...(options.certificateAuthority
        ? { ca: options.certificateAuthority, checkServerIdentity: () => undefined }
        : { rejectUnauthorized: false }),
    });
  }

  close(): void {
    this.agent.destroy();
  }
}

export interface KubeletTarget {
  readonly host: string;
  readonly port: number;
}

/** Where a node's kubelet listens. Throws where the node does not say. */
export function kubeletTarget(node: Node, connection: KubeletConnection): KubeletTarget {
  const name = node.metadata?.name ?? '';
  const addresses = node.status?.addresses ?? [];
  for (const type of connection.addressTypes) {
    // A host name need not resolve here; it is used only if the node says no address that does.
    if (type === 'Hostname' || type === 'InternalDNS' || type === 'ExternalDNS') continue;
    const found = addresses.find((address) => address.type === type);
    if (found) return { host: found.address, port: portOf(node) };
  }
  const named = addresses[0];
  if (!named)
    throw internalError(`no preferred addresses found; known addresses: []: node ${name}`);
  return { host: named.address, port: portOf(node) };
}

export interface ForwardRequest {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  /** What is asked for, as Statuses name it: `pods web`. */
  readonly about: string;
  /** Logs: an answer that is no success becomes a Status. Proxies hand every answer through. */
  readonly checkAnswer: boolean;
  /** Proxies send the body and headers of the client's request on. */
  readonly withBody: boolean;
}

/** Sends a request to a kubelet and its answer to the client. Throws a StatusError while nothing was sent. */
export async function forwardToKubelet(
  connection: KubeletConnection,
  target: KubeletTarget,
  forward: ForwardRequest,
  ctx: RequestContext,
): Promise<void> {
  const { exchange } = ctx;
  if (!exchange) throw badRequest(`${forward.about} can be reached over HTTP only`);
  const answer = await send(connection, target, forward, ctx);
  const status = answer.statusCode ?? 502;
  if (forward.checkAnswer && (status < 200 || status > 206))
    throw await errorOf(answer, status, forward.about);
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(answer.headers)) {
    if (value !== undefined && !HOP_HEADERS.has(name)) headers[name] = value;
  }
  exchange.res.writeHead(status, headers);
  // The first line of a log that is followed may be long in coming: show that the stream is open.
  exchange.res.flushHeaders();
  try {
    await pipeline(answer, exchange.res, { signal: ctx.signal });
  } catch (err) {
    // Headers are out: all that is left is to end the connection, which tells the client that it is not whole.
    answer.destroy();
    exchange.res.destroy();
    if (!ctx.signal.aborted)
      ctx.logger.debug({ err, target: forward.about }, 'Stream from kubelet broke off');
  }
}

/** Exec, attach, port-forward: answered in a way that every client shows to its user. */
export function streamingNotImplemented(what: string): Error {
  return failure(
    501,
    'MethodNotAllowed',
    `${what} is not implemented by this server: it needs a streaming connection to the kubelet`,
  );
}

function send(
  connection: KubeletConnection,
  target: KubeletTarget,
  forward: ForwardRequest,
  ctx: RequestContext,
): Promise<IncomingMessage> {
  const options: RequestOptions = {
    agent: connection.agent,
    host: target.host,
    port: target.port,
    method: forward.method,
    path: forward.path,
    headers: forward.withBody ? endToEndHeaders(ctx) : {},
    signal: ctx.signal,
  };
  return new Promise((resolve, reject) => {
    const outgoing = request(options, resolve);
    const fail = (err: Error) => {
      ctx.signal.aborted
        ? reject(ctx.signal.reason)
        : reject(
            internalError(
              `${forward.method} "https://${target.host}:${target.port}${forward.path}": ${err.message}`,
            ),
          );
    };
    outgoing.on('error', fail);
    outgoing.on('socket', (socket) => {
      if (!socket.connecting) return;
      socket.setTimeout(CONNECT_TIMEOUT_MS, () => outgoing.destroy(new Error('i/o timeout')));
      socket.once('connect', () => socket.setTimeout(0));
    });
    if (forward.withBody && ctx.exchange) ctx.exchange.req.pipe(outgoing);
    else outgoing.end();
  });
}

function endToEndHeaders(ctx: RequestContext): Record<string, string | string[]> {
  const headers: Record<string, string | string[]> = {};
  for (const [name, value] of Object.entries(ctx.exchange?.req.headers ?? {})) {
    // The client's credentials are for this server and nobody behind it.
    if (
      value === undefined ||
      HOP_HEADERS.has(name) ||
      name === 'authorization' ||
      name === 'cookie'
    )
      continue;
    headers[name] = value;
  }
  return headers;
}

/** A failed answer in the words that client-go has for its code. */
async function errorOf(answer: IncomingMessage, status: number, about: string): Promise<Error> {
  let text = '';
  for await (const chunk of answer.setEncoding('utf8')) {
    text += String(chunk);
    if (text.length >= MAX_ERROR_BYTES) break;
  }
  text = text.slice(0, MAX_ERROR_BYTES);
  switch (status) {
    case 400:
      return badRequest(text);
    case 401:
      return failure(
        401,
        'Unauthorized',
        `the server has asked for the client to provide credentials ( ${about})`,
      );
    case 403:
      return failure(403, 'Forbidden', `${text || 'unknown'} ( ${about})`);
    case 404:
      return failure(
        404,
        'NotFound',
        `the server could not find the requested resource ( ${about})`,
      );
    case 500:
      return internalError(text);
    case 503:
      return failure(
        503,
        'ServiceUnavailable',
        `the server is currently unable to handle the request ( ${about})`,
      );
    default:
      return failure(
        status,
        '',
        status > 500
          ? `an error on the server (${JSON.stringify(text || 'unknown')}) has prevented the request from succeeding ( ${about})`
          : `the server responded with the status code ${status} but did not return more information ( ${about})`,
      );
  }
}

function portOf(node: Node): number {
  const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? 0;
  if (port === 0)
    throw internalError(`node ${node.metadata?.name ?? ''} does not say its kubelet's port`);
  return port;
}
