/**
 * The HTTPS server. Fastify starts, listens and closes it; a request goes from Node to the chain at once, since
 * what a path means is for the chain to say, and a route for everything would cost each request a good part of
 * a GET. Bodies are left unread for whoever needs them. Built apart from listening.
 */
import {
  createServer,
  type IncomingMessage,
  type RequestListener,
  type ServerResponse,
} from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import fastify, { type FastifyInstance } from 'fastify';
import { prepareProtobuf } from '../endpoints/protobuf.js';
import type { Chain } from './chain.js';
import { acceptUpgrades } from './upgrade.js';

export interface AppOptions {
  readonly chain: Chain;
  /** PEM. Absent: plain HTTP, for tests. */
  readonly tls?: {
    readonly cert: string | Buffer;
    readonly key: string | Buffer;
    /** Authorities of client certificates. */
    readonly ca: readonly (string | Buffer)[];
  };
}

/** Longer than clients keep idle connections, so that it is never the server who hangs up first. */
const KEEP_ALIVE_MS = 180_000;
const HEADERS_TIMEOUT_MS = 32_000;
const MAX_HEADER_BYTES = 64 * 1024;

export function createApp({ chain, tls }: AppOptions): FastifyInstance {
  const http = {
    maxHeaderSize: MAX_HEADER_BYTES,
    headersTimeout: HEADERS_TIMEOUT_MS,
  };
  const serve = async (req: IncomingMessage, res: ServerResponse) => {
    // Any answer, a refusal too, may have to be in it.
    const loading = prepareProtobuf(req.headers.accept);
    if (loading) await loading;
    await chain.serve(req, res);
  };
  const onRequest: RequestListener = (req, res) => {
    serve(req, res).catch((err: unknown) => res.destroy(err instanceof Error ? err : undefined));
  };
  const app = fastify({
    serverFactory: () => {
      const server = tls
        ? createSecureServer(
            {
              ...http,
              cert: tls.cert,
              key: tls.key,
              ca: [...tls.ca],
              requestCert: true,
              // A bad certificate is answered with a 401 that says so, not with a broken handshake.
              rejectUnauthorized: false,
              minVersion: 'TLSv1.2',
              ALPNProtocols: ['http/1.1'],
            },
            onRequest,
          )
        : createServer(http, onRequest);
      server.keepAliveTimeout = KEEP_ALIVE_MS;
      // The chain has limits of its own for each kind of request.
      server.requestTimeout = 0;
      return server;
    },
  });
  acceptUpgrades(app.server, serve);
  return app;
}
