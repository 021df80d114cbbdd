/**
 * A small extension API server, in the test's own process, as the aggregation layer expects one: HTTPS, a
 * client certificate of the front proxy, identities from its headers. It serves `wardle.example.com/v1`
 * with one resource, and one external metric whose value the test sets.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { ensurePki } from '../../pkg/component/pki.js';

const GROUP = 'wardle.example.com';
const ROOT = `/apis/${GROUP}/v1`;
const EXTERNAL = '/apis/external.metrics.k8s.io/v1beta1';
const FLUNDER = { group: GROUP, version: 'v1', kind: 'Flunder' };

export interface Asked {
  readonly method: string;
  readonly url: string;
  readonly user: string;
  readonly groups: readonly string[];
  /** Whether the caller's own credentials came along. */
  readonly authorization: boolean;
}

export class ExtensionServer {
  /** What was asked, without the checks of the aggregation layer itself. */
  readonly asked: Asked[] = [];
  /** Of the external metric `queue-length`. */
  queueLength = 0;
  /** What it answers at further paths; a Status goes with its own code. */
  readonly further = new Map<string, object>();

  private constructor(
    private readonly server: Server,
    /** For the APIService: PEM in base64. */
    readonly caBundle: string,
  ) {
    server.on('request', (req: IncomingMessage, res: ServerResponse) => this.answer(req, res));
    server.on('upgrade', (req: IncomingMessage, socket: TLSSocket, head: Buffer) => {
      socket.on('error', () => socket.destroy());
      const protocol = String(req.headers.upgrade);
      socket.write(
        `HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: ${protocol}\r\n\r\n`,
      );
      socket.write(`hello ${String(req.headers['x-remote-user'])}\n${head.toString()}`);
      socket.pipe(socket);
    });
  }

  /** `pki` is the folder of the cluster's. */
  static async start(pki: string, serverName: string, port = 0): Promise<ExtensionServer> {
    const own = mkdtempSync(join(tmpdir(), 'drydock-extension-'));
    await ensurePki(own, { apiserverNames: [serverName], nodes: [], now: Date.now() });
    const read = (file: string) => readFileSync(join(own, file));
    const [cert, key, ca] = [read('apiserver.crt'), read('apiserver.key'), read('ca.crt')];
    rmSync(own, { recursive: true });
    const server = createServer({
      cert,
      key,
      ca: readFileSync(join(pki, 'front-proxy-ca.crt')),
      requestCert: true,
      rejectUnauthorized: true,
    });
    await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
    return new ExtensionServer(server, ca.toString('base64'));
  }

  get port(): number {
    return (this.server.address() as AddressInfo).port;
  }

  async stop(): Promise<void> {
    this.server.closeAllConnections();
    await new Promise((resolve) => this.server.close(resolve));
  }

  private answer(req: IncomingMessage, res: ServerResponse): void {
    const url = new URL(req.url ?? '/', 'https://extension');
    const user = String(req.headers['x-remote-user']);
    if (!user.startsWith('system:kube-aggregator') && user !== 'system:aggregator') {
      this.asked.push({
        method: req.method ?? '',
        url: req.url ?? '',
        user,
        groups: req.headersDistinct['x-remote-group'] ?? [],
        authorization: req.headers.authorization !== undefined,
      });
    }
    if (url.pathname.startsWith(`${ROOT}/namespaces/`) && url.searchParams.get('watch')) {
      res.writeHead(200, { 'Content-Type': 'application/json' });
      res.write(`${JSON.stringify({ type: 'ADDED', object: flunder('one') })}\n`);
      setTimeout(() => res.end(), 500).unref();
      return;
    }
    if (url.pathname === `${ROOT}/namespaces/default/flunders` && req.method === 'POST') {
      const parts: Buffer[] = [];
      req.on('data', (part: Buffer) => parts.push(part));
      req.on('end', () => json(res, 201, JSON.parse(Buffer.concat(parts).toString())));
      return;
    }
    if (url.pathname === `${ROOT}/redirect`) {
      res.writeHead(302, { Location: 'https://elsewhere.example.com/' });
      res.end();
      return;
    }
    const body = this.further.get(url.pathname) ?? this.bodyAt(url.pathname);
    if (body) json(res, 'code' in body ? Number(body.code) : 200, body);
    else json(res, 404, { kind: 'Status', apiVersion: 'v1', status: 'Failure', code: 404 });
  }

  private bodyAt(path: string): object | undefined {
    switch (path) {
      case ROOT:
        return resourceList(`${GROUP}/v1`, [
          {
            name: 'flunders',
            singularName: 'flunder',
            namespaced: true,
            kind: 'Flunder',
            shortNames: ['fl'],
            verbs: ['create', 'get', 'list', 'watch'],
          },
        ]);
      case `${ROOT}/namespaces/default/flunders`:
        return {
          kind: 'FlunderList',
          apiVersion: `${GROUP}/v1`,
          metadata: { resourceVersion: '7' },
          items: [flunder('one')],
        };
      case `${ROOT}/namespaces/default/flunders/one`:
        return flunder('one');
      case EXTERNAL:
        return resourceList('external.metrics.k8s.io/v1beta1', []);
      case `${EXTERNAL}/namespaces/default/queue-length`:
        return {
          kind: 'ExternalMetricValueList',
          apiVersion: 'external.metrics.k8s.io/v1beta1',
          metadata: {},
          items: [
            {
              metricName: 'queue-length',
              metricLabels: {},
              timestamp: '2026-01-01T00:00:00Z',
              value: String(this.queueLength),
            },
          ],
        };
      case '/openapi/v3':
        return { paths: { [ROOT.slice(1)]: { serverRelativeURL: `/openapi/v3${ROOT}?hash=1` } } };
      case `/openapi/v3${ROOT}`:
        return { openapi: '3.0.0', info: {}, paths: PATHS, components: SCHEMAS };
      case '/openapi/v2':
        return {
          swagger: '2.0',
          info: {},
          paths: { ...PATHS, '/version/': {} },
          definitions: { 'com.example.wardle.v1.Flunder': SCHEMAS.schemas.Flunder },
        };
      default:
        return undefined;
    }
  }
}

/** `kubectl explain` finds the kind of a resource by its path. */
const PATHS = {
  [`${ROOT}/namespaces/{namespace}/flunders`]: {
    get: {
      'x-kubernetes-action': 'list',
      'x-kubernetes-group-version-kind': FLUNDER,
      responses: {},
    },
  },
};
const SCHEMAS = {
  schemas: {
    Flunder: {
      description: 'A flunder, whatever that is.',
      type: 'object',
      properties: { spec: { type: 'object', description: 'What is wanted of it.' } },
      'x-kubernetes-group-version-kind': [FLUNDER],
    },
  },
};

function flunder(name: string): object {
  return {
    kind: 'Flunder',
    apiVersion: `${GROUP}/v1`,
    metadata: { name, namespace: 'default', creationTimestamp: '2026-01-01T00:00:00Z' },
  };
}

function resourceList(groupVersion: string, resources: readonly object[]): object {
  return { kind: 'APIResourceList', apiVersion: 'v1', groupVersion, resources };
}

function json(res: ServerResponse, code: number, body: object): void {
  res.writeHead(code, { 'Content-Type': 'application/json' });
  res.end(JSON.stringify(body));
}
