/**
 * The HTTP side of the store, built apart from listening: etcd v3's JSON paths (`json-routes.ts`), the
 * stream, and what people and monitors ask: /version, /health, /metrics.
 */
import Fastify, { type FastifyInstance } from 'fastify';
import { Gauge, Registry } from 'prom-client';
import { WebSocketServer } from 'ws';
import type { KvServer } from '../kv-server.js';
import { addJsonRoutes } from './json-routes.js';
import { StreamConnection } from './stream.js';

/** The etcd API level that this server speaks; clients look at it. */
export const ETCD_VERSION = '3.5.0';
const CLUSTER_VERSION = '3.5.0';
/** Above etcd's request limit in base64, so that the limit's own error is answered. */
const BODY_LIMIT_BYTES = 4 * 1024 * 1024;
const MAX_MESSAGE_BYTES = 64 * 1024 * 1024;

export function buildApp(server: KvServer): FastifyInstance {
  const app = Fastify({ bodyLimit: BODY_LIMIT_BYTES, forceCloseConnections: true });
  // curl -d sends forms; etcd's gateway reads the body as JSON whatever it is called.
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) => {
    try {
      done(null, body === '' ? {} : JSON.parse(body.toString()));
    } catch (err) {
      done(Object.assign(err instanceof Error ? err : new Error('malformed'), { statusCode: 400 }));
    }
  });
  app.get('/version', async () => ({ etcdserver: ETCD_VERSION, etcdcluster: CLUSTER_VERSION }));
  app.get('/health', async () => ({ health: 'true' }));
  const metrics = buildMetrics(server);
  app.get('/metrics', async (_request, reply) => {
    return reply.type(metrics.contentType).send(await metrics.metrics());
  });
  addJsonRoutes(app, server, ETCD_VERSION);
  addStream(app, server);
  return app;
}

function addStream(app: FastifyInstance, server: KvServer): void {
  const sockets = new WebSocketServer({
    noServer: true,
    perMessageDeflate: false,
    maxPayload: MAX_MESSAGE_BYTES,
  });
  sockets.on('headers', (headers) => headers.push(`x-drydock-stream: ${ETCD_VERSION}`));
  app.server.on('upgrade', (request, socket, head) => {
    if (request.url !== '/v3/stream') {
      socket.end('HTTP/1.1 404 Not Found\r\nconnection: close\r\n\r\n');
      return;
    }
    sockets.handleUpgrade(request, socket, head, (ws) => new StreamConnection(ws, server));
  });
  app.addHook('preClose', async () => {
    for (const client of sockets.clients) client.close(1001, 'the store is stopping');
    sockets.close();
    // A client that does not answer the close is not waited for.
    setImmediate(() => {
      for (const client of sockets.clients) client.terminate();
    });
  });
}

function buildMetrics(server: KvServer): Registry {
  const registry = new Registry();
  const gauge = (name: string, help: string, read: () => number) =>
    new Gauge({
      name,
      help,
      registers: [registry],
      collect() {
        this.set(read());
      },
    });
  gauge('etcd_server_has_leader', 'Whether or not a leader exists. 1 is existence.', () => 1);
  gauge('etcd_debugging_mvcc_keys_total', 'Total number of keys.', () => server.store.keys);
  gauge('etcd_debugging_mvcc_current_revision', 'The current revision of store.', () => {
    return server.store.revision;
  });
  gauge('etcd_debugging_mvcc_compact_revision', 'The revision of the last compaction.', () => {
    return server.store.compactRevision;
  });
  gauge('etcd_debugging_mvcc_watcher_total', 'Total number of watchers.', () => {
    const { synced, unsynced } = server.watchable.watchers;
    return synced + unsynced;
  });
  gauge('etcd_debugging_mvcc_slow_watcher_total', 'Watchers that lag behind.', () => {
    return server.watchable.watchers.unsynced;
  });
  gauge('process_resident_memory_bytes', 'Resident memory size in bytes.', () => {
    return process.memoryUsage.rss();
  });
  return registry;
}
