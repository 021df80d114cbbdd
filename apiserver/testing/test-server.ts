/**
 * The whole server over a real store, with TLS, its authorities and its policy, on a free port of this
 * process. Callers are told apart by the certificates of a real cluster or by static tokens:
 *
 *   const server = await TestServer.start();
 *   const { code, body } = await server.as('alice').get('/api/v1/namespaces/default/pods');
 *   await server.stop();
 *
 * Tokens: `admin` (system:masters), `node-1` and `node-2` (kubelets), any of `users` in no group of the system.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Agent, request } from 'undici';
import type { UnstructuredObject } from '../../pkg/apimachinery/meta.js';
import { type Clock, RealClock } from '../../pkg/component/clock.js';
import { silentLogger } from '../../pkg/component/logger.js';
import { ensurePki } from '../../pkg/component/pki.js';
import { KubeletConnection } from '../endpoints/kubelet-proxy.js';
import { ApiServer } from '../server/api-server.js';
import type { ApiServerOptions } from '../server/api-server-options.js';
import { DEFAULT_LOAD } from '../server/load.js';
import { type Answer, TestWatch } from './test-api.js';
import { TestStore } from './test-store.js';

const HOST = '127.0.0.1';
const PATIENCE_MS = 20_000;

export interface TestServerOptions {
  readonly users?: readonly string[];
  readonly clock?: Clock;
  /** An earlier one's: a second server of the same cluster. */
  readonly beside?: TestServer;
  readonly options?: Partial<ApiServerOptions>;
}

export class TestServer {
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;
  private readonly agents = new Map<string, Agent>();
  private port = 0;

  private constructor(
    readonly pki: string,
    private readonly store: TestStore,
    readonly server: ApiServer,
    private readonly owns: boolean,
  ) {}

  static async start(given: TestServerOptions = {}): Promise<TestServer> {
    const { beside } = given;
    const clock = given.clock ?? new RealClock();
    const pki = beside?.pki ?? mkdtempSync(join(tmpdir(), 'drydock-pki-'));
    if (!beside)
      await ensurePki(pki, {
        apiserverNames: [HOST],
        nodes: ['node-1', 'node-2'].map((name) => ({ name, addresses: [HOST] })),
        now: Date.now(),
      });
    const store = beside?.store ?? (await TestStore.start());
    const read = (file: string) => readFileSync(join(pki, file), 'utf8');
    const server = await ApiServer.create({
      etcd: await store.client(),
      clock,
      logger: silentLogger(),
      tls: { cert: read('apiserver.crt'), key: read('apiserver.key') },
      kubelet: new KubeletConnection({ clientCertificate: '', clientKey: '' }),
      proxyClient: { cert: read('front-proxy-client.crt'), key: read('front-proxy-client.key') },
      authentication: {
        anonymous: true,
        clientCa: read('ca.crt'),
        tokenFile: tokens(given.users ?? []),
        serviceAccount: {
          issuer: 'https://kubernetes.default.svc',
          audiences: [],
          keys: [read('sa.pub')],
          signingKey: read('sa.key'),
        },
        requestHeader: {
          clientCa: read('front-proxy-ca.crt'),
          allowedNames: ['front-proxy-client'],
          usernameHeaders: ['X-Remote-User'],
          groupHeaders: ['X-Remote-Group'],
          extraHeaderPrefixes: ['X-Remote-Extra-'],
        },
      },
      authorizationModes: ['Node', 'RBAC'],
      resources: {
        serviceClusterIPRanges: ['10.96.0.0/16'],
        serviceNodePortRange: { from: 30_000, to: 32_767 },
      },
      enableAdmissionPlugins: [],
      disableAdmissionPlugins: [],
      defaultNotReadyTolerationSeconds: 300,
      defaultUnreachableTolerationSeconds: 300,
      load: DEFAULT_LOAD,
      compactionIntervalMs: 0,
      advertiseAddress: HOST,
      ...given.options,
    });
    const made = new TestServer(pki, store, server, beside === undefined);
    made.port = await server.listen(HOST, 0);
    made.running = server.run(made.stopping.signal);
    await made.ready();
    return made;
  }

  /** What a graceful stop does; resolves when it is done. */
  async end(): Promise<void> {
    this.stopping.abort(new Error('the test is over'));
    await this.running;
  }

  async stop(): Promise<void> {
    await Promise.all([...this.agents.values()].map((agent) => agent.destroy()));
    await this.end();
    if (!this.owns) return;
    await this.store.remove();
    rmSync(this.pki, { recursive: true, force: true });
  }

  /** A client of the store itself, to see what stands there. */
  storeClient(): ReturnType<TestStore['client']> {
    return this.store.client();
  }

  /** Resolves when the caches hold what was written so far, by anybody. */
  async settled(): Promise<void> {
    await this.server.stores.feed.consistent();
  }

  /** The bearer of a token of the token file, or of any other token. */
  as(token: string): Caller {
    return new Caller(this.agent(''), this.url, { authorization: `Bearer ${token}` });
  }

  /** Who shows a certificate of `pki`, by its file's name; nobody, for an empty one. */
  with(certificate: string, headers: Record<string, string> = {}, pki = this.pki): Caller {
    return new Caller(this.agent(certificate, pki), this.url, headers);
  }

  private get url(): string {
    return `https://${HOST}:${this.port}`;
  }

  private agent(certificate: string, pki = this.pki): Agent {
    const id = join(pki, certificate);
    let agent = this.agents.get(id);
    if (!agent) {
      agent = new Agent({
        connect: {
          ca: readFileSync(join(this.pki, 'ca.crt'), 'utf8'),
          ...(certificate === ''
            ? {}
            : {
                cert: readFileSync(`${id}.crt`, 'utf8'),
                key: readFileSync(`${id}.key`, 'utf8'),
              }),
        },
      });
      this.agents.set(id, agent);
    }
    return agent;
  }

  private async ready(): Promise<void> {
    const clock = new RealClock();
    const late = clock.monotonic() + PATIENCE_MS;
    while ((await this.as('admin').get('/readyz')).code !== 200) {
      if (clock.monotonic() > late) throw new Error('the server does not become ready');
      await clock.sleep(10);
    }
  }
}

export class Caller {
  constructor(
    private readonly agent: Agent,
    private readonly url: string,
    private readonly headers: Record<string, string>,
  ) {}

  async send(
    method: string,
    path: string,
    body?: unknown,
    headers: Record<string, string> = {},
  ): Promise<Answer> {
    const sent = body === undefined || typeof body === 'string' ? body : JSON.stringify(body);
    const answer = await request(this.url + path, {
      method: method as 'GET',
      dispatcher: this.agent,
      headers: {
        'user-agent': 'test/1',
        ...(sent === undefined ? {} : { 'content-type': 'application/json' }),
        ...this.headers,
        ...headers,
      },
      ...(sent === undefined ? {} : { body: sent }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await answer.body.text();
    return { code: answer.statusCode, headers: answer.headers, text, body: parsed(text) };
  }

  get(path: string, headers?: Record<string, string>): Promise<Answer> {
    return this.send('GET', path, undefined, headers);
  }
  post(path: string, body: unknown): Promise<Answer> {
    return this.send('POST', path, body);
  }
  put(path: string, body: unknown): Promise<Answer> {
    return this.send('PUT', path, body);
  }
  patch(path: string, body: unknown): Promise<Answer> {
    return this.send('PATCH', path, body, { 'content-type': 'application/merge-patch+json' });
  }
  delete(path: string, options?: unknown): Promise<Answer> {
    return this.send('DELETE', path, options);
  }

  async watch(path: string): Promise<TestWatch> {
    const leave = new AbortController();
    const answer = await request(this.url + path, {
      dispatcher: this.agent,
      headers: this.headers,
      signal: leave.signal,
    });
    return new TestWatch(answer.statusCode, answer.body, leave);
  }
}

function tokens(users: readonly string[]): string {
  return [
    'admin,admin,1,system:masters',
    'node-1,system:node:node-1,2,system:nodes',
    'node-2,system:node:node-2,3,system:nodes',
    ...users.map((name) => `${name},${name},${name}`),
  ].join('\n');
}

function parsed(text: string): UnstructuredObject {
  try {
    return JSON.parse(text) as UnstructuredObject;
  } catch {
    return {};
  }
}
