/**
 * A request of this server to somebody else's: webhooks, token reviewers, issuers of identities. HTTPS with
 * the authority that the configuration names, bounded in time and size; connections are kept. Failures have
 * the words that Go's client has for them, since they end up in messages that people search for.
 */
import type { IncomingMessage } from 'node:http';
import { request as httpRequest } from 'node:http';
import { Agent, request as httpsRequest } from 'node:https';
import { isIP } from 'node:net';
import type { Clock } from '../../pkg/component/clock.js';

/** Upstream's limit for an answer of a webhook. */
const MAX_ANSWER_BYTES = 3 * 1024 * 1024;
const MAX_SOCKETS_A_HOST = 64;

export interface RemoteCall {
  /** As it is shown in errors, and whose host stands in the request. */
  readonly url: string;
  readonly method?: 'GET' | 'POST';
  readonly body?: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Where to dial instead of the URL's host and port. */
  readonly dial?: { readonly host: string; readonly port: number };
  /** Which name the certificate must have; the URL's host when absent. */
  readonly serverName?: string;
  /** PEM; the machine's own authorities when absent. */
  readonly ca?: string;
  readonly insecure?: boolean;
  readonly clientCertificate?: { readonly cert: string; readonly key: string };
  readonly timeoutMs: number;
  readonly signal?: AbortSignal;
  readonly clock: Clock;
}

export interface RemoteAnswer {
  readonly code: number;
  readonly headers: IncomingMessage['headers'];
  readonly text: string;
}

/** The call got no answer. `message` is `Post "https://…": dial tcp …: connect: connection refused`. */
export class RemoteCallError extends Error {
  constructor(
    call: RemoteCall,
    why: string,
    readonly timedOut: boolean,
  ) {
    const method = call.method === 'GET' ? 'Get' : 'Post';
    super(`${method} ${JSON.stringify(call.url)}: ${why}`);
    this.name = 'RemoteCallError';
  }
}

const agent = new Agent({ keepAlive: true, maxSockets: MAX_SOCKETS_A_HOST, timeout: 60_000 });

export async function callRemote(call: RemoteCall): Promise<RemoteAnswer> {
  const url = new URL(call.url);
  const name = call.serverName ?? url.hostname.replace(/^\[|\]$/g, '');
  const ending = new AbortController();
  const timer = call.clock.after(call.timeoutMs, () => ending.abort('late'));
  const left = () => ending.abort('left');
  call.signal?.addEventListener('abort', left, { once: true });
  if (call.signal?.aborted) left();
  try {
    return await new Promise<RemoteAnswer>((resolve, reject) => {
      const secure = url.protocol === 'https:';
      const options = {
        host: call.dial?.host ?? url.hostname.replace(/^\[|\]$/g, ''),
        port: call.dial?.port ?? (Number(url.port) || (secure ? 443 : 80)),
        method: call.method ?? 'POST',
        path: `${url.pathname}${url.search}`,
        headers: {
          Host: url.host,
          Accept: 'application/json, */*',
          'User-Agent': 'kube-apiserver-admission',
          ...(call.body === undefined
            ? {}
            : {
                'Content-Type': 'application/json',
                'Content-Length': Buffer.byteLength(call.body),
              }),
          ...call.headers,
        },
        signal: ending.signal,
      };
      const take = (answer: IncomingMessage) => {
        collect(answer).then(
          (text) => resolve({ code: answer.statusCode ?? 0, headers: answer.headers, text }),
          reject,
        );
      };
      const outgoing = secure
        ? httpsRequest(
            {
              ...options,
              agent,
              servername: isIP(name) === 0 ? name : '',
              ...(call.ca === undefined ? {} : { ca: call.ca }),
              ...(call.insecure ? { rejectUnauthorized: false } : {}),
              ...call.clientCertificate,
            },
            take,
          )
        : httpRequest(options, take);
      outgoing.once('error', reject);
      outgoing.end(call.body);
    });
  } catch (err) {
    if (ending.signal.aborted) {
      const late = ending.signal.reason === 'late';
      throw new RemoteCallError(
        call,
        late ? 'context deadline exceeded' : 'context canceled',
        late,
      );
    }
    throw new RemoteCallError(call, inGoWords(err), false);
  } finally {
    timer.stop();
    call.signal?.removeEventListener('abort', left);
  }
}

async function collect(answer: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of answer) {
    const bytes = Buffer.from(chunk as Buffer);
    size += bytes.length;
    if (size > MAX_ANSWER_BYTES) {
      answer.destroy();
      throw new Error(`request entity too large: limit is ${MAX_ANSWER_BYTES}`);
    }
    chunks.push(bytes);
  }
  return Buffer.concat(chunks).toString('utf8');
}

const UNVERIFIED = 'tls: failed to verify certificate: x509: ';
const TLS_ERRORS: Readonly<Record<string, string>> = {
  SELF_SIGNED_CERT_IN_CHAIN: `${UNVERIFIED}certificate signed by unknown authority`,
  DEPTH_ZERO_SELF_SIGNED_CERT: `${UNVERIFIED}certificate signed by unknown authority`,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: `${UNVERIFIED}certificate signed by unknown authority`,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: `${UNVERIFIED}certificate signed by unknown authority`,
  CERT_SIGNATURE_FAILURE: `${UNVERIFIED}certificate signed by unknown authority`,
  CERT_HAS_EXPIRED: `${UNVERIFIED}certificate has expired or is not yet valid`,
  CERT_NOT_YET_VALID: `${UNVERIFIED}certificate has expired or is not yet valid`,
  INVALID_PURPOSE: `${UNVERIFIED}certificate specifies an incompatible key usage`,
};

interface SystemError extends Error {
  readonly code?: string;
  readonly address?: string;
  readonly port?: number;
  readonly hostname?: string;
  readonly errors?: readonly SystemError[];
  readonly cert?: { readonly subjectaltname?: string };
  readonly host?: string;
}

function inGoWords(err: unknown): string {
  if (!(err instanceof Error)) return String(err);
  const all = err as SystemError;
  // Several addresses were tried: the last one speaks for them.
  const failed = all.errors?.at(-1) ?? all;
  const { code = '', address, port } = failed;
  const where = address?.includes(':') ? `[${address}]:${port}` : `${address}:${port}`;
  const known = TLS_ERRORS[code];
  if (known) return known;
  switch (code) {
    case 'ECONNREFUSED':
      return `dial tcp ${where}: connect: connection refused`;
    case 'EHOSTUNREACH':
      return `dial tcp ${where}: connect: no route to host`;
    case 'ENETUNREACH':
      return `dial tcp ${where}: connect: network is unreachable`;
    case 'ETIMEDOUT':
      return `dial tcp ${where}: i/o timeout`;
    case 'ENOTFOUND':
    case 'EAI_AGAIN':
      return `dial tcp: lookup ${failed.hostname ?? ''}: no such host`;
    case 'ECONNRESET':
      return failed.message === 'socket hang up' ? 'EOF' : 'read: connection reset by peer';
    case 'ERR_TLS_CERT_ALTNAME_INVALID': {
      const names = (failed.cert?.subjectaltname ?? '').replaceAll(/DNS:|IP Address:/g, '');
      return `${UNVERIFIED}certificate is valid for ${names}, not ${failed.host ?? ''}`;
    }
    default:
      return code.startsWith('ERR_SSL') ? `remote error: tls: ${failed.message}` : failed.message;
  }
}
