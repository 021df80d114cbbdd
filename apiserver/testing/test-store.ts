/**
 * A real store in a temporary folder that tests may stop and start again: drydock's own, in this process, or
 * with `TEST_ETCD=/usr/bin/etcd` any etcd, so that the same tests show that the apiserver runs on it.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { KvServer } from '../../etcd/kv-server.js';
import { buildApp } from '../../etcd/server/app.js';
import { RealClock } from '../../pkg/component/clock.js';
import { silentLogger } from '../../pkg/component/logger.js';
import { connect } from '../../pkg/etcd-client/client.js';
import type { EtcdClient } from '../../pkg/etcd-client/interface.js';

const HOST = '127.0.0.1';
const BINARY = process.env.TEST_ETCD;
const HEALTH_TRIES = 100;
const HEALTH_EVERY_MS = 50;

/** Ends what was started. */
type Stop = () => Promise<void>;

export class TestStore {
  private readonly dir = mkdtempSync(join(tmpdir(), 'drydock-apiserver-'));
  private readonly clock = new RealClock();
  private stopRunning: Stop | undefined;
  private port = 0;
  private readonly clients: EtcdClient[] = [];

  static async start(): Promise<TestStore> {
    const store = new TestStore();
    await store.start();
    return store;
  }

  async start(): Promise<void> {
    this.stopRunning = await (BINARY ? this.startBinary(BINARY) : this.startOwn());
  }

  async stop(): Promise<void> {
    const stop = this.stopRunning;
    this.stopRunning = undefined;
    await stop?.();
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

  private async startOwn(): Promise<Stop> {
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
    return async () => {
      await app.close();
      await server.close();
    };
  }

  private async startBinary(binary: string): Promise<Stop> {
    if (this.port === 0) this.port = await freePort();
    const peers = `http://${HOST}:${await freePort()}`;
    const clients = `http://${HOST}:${this.port}`;
    const child: ChildProcess = spawn(
      binary,
      [
        ...[
          '--data-dir',
          this.dir,
          '--listen-client-urls',
          clients,
          '--advertise-client-urls',
          clients,
        ],
        ...['--listen-peer-urls', peers, '--initial-advertise-peer-urls', peers],
        ...['--initial-cluster', `default=${peers}`],
      ],
      { stdio: 'ignore' },
    );
    for (let tries = 1; ; tries++) {
      try {
        if ((await fetch(`${clients}/health`)).ok) break;
      } catch (err) {
        if (tries === HEALTH_TRIES) throw err;
      }
      await this.clock.sleep(HEALTH_EVERY_MS);
    }
    return async () => {
      const exited = once(child, 'exit');
      child.kill('SIGKILL');
      await exited;
    };
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, HOST);
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
