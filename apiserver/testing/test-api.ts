/**
 * The endpoints over a real store, behind plain HTTP on a free port and without the server's handler chain:
 * everybody may do everything.
 *
 *   const api = await TestApi.start({ definitions: [configMap] });
 *   const { code, body } = await api.post('/api/v1/namespaces/default/configmaps', { … });
 *   const watch = await api.watch('/api/v1/configmaps?watch=true');
 *   t.match(await watch.next(), { type: 'ADDED' });
 *   await api.stop();
 */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { Agent, request } from 'undici';
import { loadBuiltinSchemas } from '../../pkg/api/schema/builtin.js';
import type { UnstructuredObject } from '../../pkg/apimachinery/meta.js';
import { type Clock, RealClock } from '../../pkg/component/clock.js';
import { silentLogger } from '../../pkg/component/logger.js';
import type { EtcdClient } from '../../pkg/etcd-client/interface.js';
import type { AdmissionChain } from '../admission/admission.js';
import { CrdController } from '../apiextensions/crd-controller.js';
import { CustomResources } from '../apiextensions/custom-resources.js';
import { ResourceHandler } from '../endpoints/resource-handler.js';
import type { ResourceDefinition } from '../registry/resource.js';
import { Stores } from '../registry/stores.js';
import { serverContext } from '../server/bootstrap/server-context.js';
import type { ServerAccess } from '../server/request-context.js';
import { ServiceResolver } from '../server/service-resolver.js';
import { testContext } from './test-context.js';
import { TestStore } from './test-store.js';

export interface TestApiOptions {
  /** Some need the store to be made. */
  readonly definitions:
    | readonly ResourceDefinition[]
    | ((client: EtcdClient) => readonly ResourceDefinition[]);
  /** An earlier one's, to run a second server on it; it is then left running at the end. */
  readonly store?: TestStore;
  readonly clock?: Clock;
  readonly admission?: AdmissionChain;
  /** Serves what CustomResourceDefinitions define; they must be among the definitions. */
  readonly customResources?: boolean;
}

export interface Answer {
  readonly code: number;
  readonly headers: IncomingHttpHeaders;
  readonly text: string;
  /** Parsed, where it is JSON; an empty object otherwise. */
  readonly body: UnstructuredObject;
}

export interface TestEvent {
  readonly type: string;
  readonly object: UnstructuredObject;
}

const EVERYTHING_ALLOWED: AdmissionChain = {
  admit: async () => undefined,
  validate: async () => undefined,
};
/** Longer than anything that a test waits for; a hang fails with a clear text. */
const PATIENCE_MS = 10_000;

export class TestApi {
  private readonly agent = new Agent();
  private readonly stopping = new AbortController();
  private running: Promise<void> | undefined;

  private constructor(
    readonly store: TestStore,
    readonly stores: Stores,
    private readonly server: Server,
    private readonly ownsStore: boolean,
  ) {}

  static async start(options: TestApiOptions): Promise<TestApi> {
    const store = options.store ?? (await TestStore.start());
    const schemas = await loadBuiltinSchemas();
    const clock = options.clock ?? new RealClock();
    const logger = silentLogger();
    const client = await store.client();
    const { definitions } = options;
    const stores = new Stores({
      definitions: typeof definitions === 'function' ? definitions(client) : definitions,
      schemas,
      client,
      admission: options.admission ?? EVERYTHING_ALLOWED,
      clock,
      logger,
    });
    const access: ServerAccess = {
      store: (group, resource) => stores.internal(group, resource),
      authorize: async () => ({ allowed: true }),
    };
    const handler = new ResourceHandler({ stores, schemas });
    const server = createServer((req, res) => {
      handler
        .handle(testContext({ req, res, clock, logger, server: access }))
        .catch((err: unknown) => res.destroy(err instanceof Error ? err : undefined));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const api = new TestApi(store, stores, server, options.store === undefined);
    const { signal } = api.stopping;
    const running = [stores.run(signal)];
    if (options.customResources) {
      const services = new ServiceResolver(access);
      const custom = new CustomResources({ stores, schemas, services, clock, logger });
      const ctx = serverContext({ server: access, signal, clock, logger });
      running.push(
        custom.run(signal),
        new CrdController({ stores, custom, clock, logger }).run(ctx),
      );
    }
    api.running = Promise.all(running).then(() => undefined);
    return api;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async stop(): Promise<void> {
    this.stopping.abort(new Error('the test is over'));
    await this.agent.destroy();
    this.server.closeAllConnections();
    this.server.close();
    await this.running;
    if (this.ownsStore) await this.store.remove();
  }

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
        ...headers,
      },
      ...(sent === undefined ? {} : { body: sent }),
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const text = await answer.body.text();
    return { code: answer.statusCode, headers: answer.headers, text, body: parse(text) };
  }

  get(path: string, headers?: Record<string, string>): Promise<Answer> {
    return this.send('GET', path, undefined, headers);
  }
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.send('POST', path, body, headers);
  }
  put(path: string, body: unknown, headers?: Record<string, string>): Promise<Answer> {
    return this.send('PUT', path, body, headers);
  }
  patch(path: string, body: unknown, type = 'application/merge-patch+json'): Promise<Answer> {
    return this.send('PATCH', path, body, { 'content-type': type });
  }
  apply(path: string, body: unknown, manager: string, query = ''): Promise<Answer> {
    return this.send('PATCH', `${path}?fieldManager=${manager}${query}`, body, {
      'content-type': 'application/apply-patch+yaml',
    });
  }
  delete(path: string, options?: unknown): Promise<Answer> {
    return this.send('DELETE', path, options);
  }

  async watch(path: string, headers: Record<string, string> = {}): Promise<TestWatch> {
    const leave = new AbortController();
    const answer = await request(this.url + path, {
      dispatcher: this.agent,
      headers,
      signal: leave.signal,
    });
    return new TestWatch(answer.statusCode, answer.body, leave);
  }
}

/** A watch as a client reads it: an event at a time. */
export class TestWatch {
  private readonly lines: AsyncGenerator<string>;

  constructor(
    readonly code: number,
    body: AsyncIterable<Buffer>,
    private readonly leave: AbortController,
  ) {
    this.lines = linesOf(body);
  }

  /** Undefined when the server has ended the watch. */
  async next(): Promise<TestEvent | undefined> {
    const late = AbortSignal.timeout(PATIENCE_MS);
    const timer = new Promise<never>((_, reject) => {
      late.addEventListener('abort', () => reject(new Error('no event came')), { once: true });
    });
    const line = await Promise.race([this.lines.next(), timer]);
    return line.done ? undefined : (JSON.parse(line.value) as TestEvent);
  }

  async take(count: number): Promise<TestEvent[]> {
    const events: TestEvent[] = [];
    while (events.length < count) {
      const event = await this.next();
      if (!event) break;
      events.push(event);
    }
    return events;
  }

  close(): void {
    this.leave.abort();
  }
}

async function* linesOf(body: AsyncIterable<Buffer>): AsyncGenerator<string> {
  let rest = '';
  for await (const chunk of body) {
    rest += chunk.toString();
    const lines = rest.split('\n');
    rest = lines.pop() ?? '';
    for (const line of lines) if (line !== '') yield line;
  }
}

function parse(text: string): UnstructuredObject {
  try {
    return JSON.parse(text) as UnstructuredObject;
  } catch {
    return {};
  }
}
