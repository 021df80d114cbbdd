/**
 * The HTTPS server: fastify with one route for everything, since what a path means is for the chain to say.
 * Bodies are left unread for whoever needs them. Built apart from listening, so that tests inject.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
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
  const answer = (request: FastifyRequest, reply: FastifyReply) => {
    reply.hijack();
    return serve(request.raw, reply.raw);
  };
  const options = {
    keepAliveTimeout: KEEP_ALIVE_MS,
    exposeHeadRoutes: false,
    // Who asks while the server stops is answered like all others.
    return503OnClosing: false,
    // The chain has limits of its own for each kind of request.
    requestTimeout: 0,
    // A path that cannot be decoded gets the API's own 400.
    frameworkErrors: (_error: Error, request: FastifyRequest, reply: FastifyReply) => {
      void answer(request, reply);
    },
  };
  const app = (
    tls
      ? fastify({
          ...options,
          https: {
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
        })
      : fastify({ ...options, http })
  ) as FastifyInstance;
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', (_request, _payload, done) => done(null));
  app.addHttpMethod('CONNECT');
  app.all('/*', answer);
  app.setNotFoundHandler(answer);
  acceptUpgrades(app.server, serve);
  return app;
}
