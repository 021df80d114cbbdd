/**
 * Requests as bytes, with the admin's certificate and nothing added or corrected on the way: for what no
 * client library would send.
 */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Dispatcher, Pool } from 'undici';
import type { Cluster } from './cluster.js';
import type { KeyPair } from './credentials.js';

export interface RawRequest {
  readonly method?: string;
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
  /** Anything but text and bytes goes as JSON. */
  readonly body?: unknown;
}

export interface RawAnswer {
  readonly code: number;
  readonly text: string;
  readonly warnings: readonly string[];
  readonly headers: Readonly<Record<string, string | string[] | undefined>>;
}

export interface Status {
  readonly kind?: string;
  readonly reason?: string;
  readonly message?: string;
  readonly metadata?: { readonly [field: string]: unknown };
}

/** A watch has answered when it has said something or this time is over. */
const ANSWER_MS = 15_000;

export class RawApi {
  private constructor(private readonly pool: Pool) {}

  static async asAdmin(cluster: Cluster, connections = 4): Promise<RawApi> {
    const pki = (file: string) => readFileSync(join(cluster.dataDir, 'pki', file));
    return new RawApi(
      new Pool(await cluster.apiUrl(), {
        connections,
        connect: { ca: pki('ca.crt'), cert: pki('admin.crt'), key: pki('admin.key') },
      }),
    );
  }

  /** With a certificate of any kind. */
  static withCertificate(url: string, ca: Buffer, pair: KeyPair): RawApi {
    return new RawApi(new Pool(url, { connections: 1, connect: { ca, ...pair } }));
  }

  /** Without a certificate: whoever the request's own headers say. */
  static async asNobody(cluster: Cluster): Promise<RawApi> {
    const ca = readFileSync(join(cluster.dataDir, 'pki', 'ca.crt'));
    return new RawApi(new Pool(await cluster.apiUrl(), { connections: 1, connect: { ca } }));
  }

  async ask({ method = 'GET', path, headers = {}, body }: RawRequest): Promise<RawAnswer> {
    const plain = body === undefined || typeof body === 'string' || Buffer.isBuffer(body);
    const answer = await this.pool.request({
      method: method as Dispatcher.HttpMethod,
      path,
      headers: {
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...headers,
      },
      body: body === undefined ? null : plain ? (body as string | Buffer) : JSON.stringify(body),
      signal: AbortSignal.timeout(ANSWER_MS),
    });
    const { warning } = answer.headers;
    return {
      code: answer.statusCode,
      text: await answer.body.text(),
      warnings: warning === undefined ? [] : [warning].flat(),
      headers: answer.headers,
    };
  }

  close(): Promise<void> {
    return this.pool.close();
  }
}

/** The Status of an answer; an empty one for what is none. */
export function statusOf({ text }: RawAnswer): Status {
  try {
    return JSON.parse(text);
  } catch {
    return {};
  }
}
