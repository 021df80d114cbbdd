/** A real store in a temporary folder, in this process, that tests may stop and start again. */
import { mkdtempSync, rmSync } from 'node:fs';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { FastifyInstance } from 'fastify';
import { KvServer } from '../../etcd/kv-server.js';
import { buildApp } from '../../etcd/server/app.js';
import { RealClock } from '../../pkg/component/clock.js';
import { silentLogger } from '../../pkg/component/logger.js';
import { connect } from '../../pkg/etcd-client/client.js';
import type { EtcdClient } from '../../pkg/etcd-client/interface.js';

const HOST = '127.0.0.1';

export class TestStore {
  private readonly dir = mkdtempSync(join(tmpdir(), 'drydock-apiserver-'));
  private readonly clock = new RealClock();
  private running: { server: KvServer; app: FastifyInstance } | undefined;
  private port = 0;
  private readonly clients: EtcdClient[] = [];

  static async start(): Promise<TestStore> {
    const store = new TestStore();
    await store.start();
    return store;
  }

  async start(): Promise<void> {
    const server = await KvServer.open({
      dataDir: this.dir,
      name: 'test',
      clock: this.clock,
      logger: silentLogger(),
      signal: new AbortController().signal,
      onFailure: (what, err) => {
        throw new Error(`the store failed: ${what}`, { cause: err });
      },
    });
    const app = buildApp(server);
    await app.listen({ host: HOST, port: this.port });
    this.port = (app.server.address() as AddressInfo).port;
    this.running = { server, app };
  }

  async stop(): Promise<void> {
    const { running } = this;
    this.running = undefined;
    await running?.app.close();
    await running?.server.close();
  }

  async client(): Promise<EtcdClient> {
    const client = await connect({
      endpoints: [`http://${HOST}:${this.port}`],
      logger: silentLogger(),
      clock: this.clock,
    });
    this.clients.push(client);
    return client;
  }

  /** Ends all, and removes the folder. */
  async remove(): Promise<void> {
    await Promise.all(this.clients.map((client) => client.close()));
    await this.stop();
    rmSync(this.dir, { recursive: true, force: true });
  }
}
