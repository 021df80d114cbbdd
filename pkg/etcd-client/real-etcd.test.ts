import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { RealClock } from '../component/clock.js';
import { silentLogger } from '../component/logger.js';
import { connect } from './client.js';
import { UnavailableError } from './interface.js';

const clock = new RealClock();
const missing = spawnSync('etcd', ['--version']).error ? 'etcd is not installed' : false;

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}

/** Members of one real etcd cluster. */
async function startMembers(count: number): Promise<{ child: ChildProcess; endpoint: string }[]> {
  const peers: string[] = [];
  for (let i = 0; i < count; i++) peers.push(`http://127.0.0.1:${await freePort()}`);
  const cluster = peers.map((peer, i) => `m${i}=${peer}`).join(',');
  const members = [];
  for (const [i, peer] of peers.entries()) {
    const endpoint = `http://127.0.0.1:${await freePort()}`;
    const flags = {
      name: `m${i}`,
      'data-dir': mkdtempSync(join(tmpdir(), 'etcd-real-')),
      'listen-client-urls': endpoint,
      'advertise-client-urls': endpoint,
      'listen-peer-urls': peer,
      'initial-advertise-peer-urls': peer,
      'initial-cluster': cluster,
    };
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    members.push({ child: spawn('etcd', args, { stdio: 'ignore' }), endpoint });
  }
  return members;
}

t.test(
  'with three real members a watch goes on without a gap when one is killed',
  { skip: missing },
  async (t) => {
    const members = await startMembers(3);
    t.teardown(() => {
      for (const { child } of members) child.kill('SIGKILL');
    });
    const endpoints = members.map(({ endpoint }) => endpoint);
    let etcd = await connect({ endpoints, logger: silentLogger(), clock });
    const deadline = clock.monotonic() + 20_000;
    for (;;) {
      try {
        await etcd.range('/none');
        break;
      } catch (err) {
        if (!(err instanceof UnavailableError) || clock.monotonic() > deadline) throw err;
        await etcd.close();
        etcd = await connect({ endpoints, logger: silentLogger(), clock });
      }
    }
    t.teardown(() => etcd.close());
    const stop = new AbortController();
    const { revision } = await etcd.status();
    const seen: number[] = [];
    const watching = etcd.watch('/w/', {
      rangeEnd: '/w0',
      startRevision: revision + 1,
      signal: stop.signal,
      onBatch: ({ events }) => {
        for (const { kv } of events) seen.push(kv.modRevision);
      },
    });
    let last = revision;
    for (let i = 0; i < 60; i++) {
      if (i === 20) members[0]?.child.kill('SIGKILL');
      try {
        const value = Buffer.from(String(i));
        last = (await etcd.txn([], [{ type: 'put', key: `/w/${i}`, value }], [])).revision;
      } catch (err) {
        if (!(err instanceof UnavailableError)) throw err;
      }
    }
    const end = clock.monotonic() + 10_000;
    while ((seen.at(-1) ?? 0) < last && clock.monotonic() < end) await clock.sleep(20);
    stop.abort();
    await watching;
    const { kvs } = await etcd.range('/w/', { rangeEnd: '/w0' });
    t.ok(kvs.length >= 50, `${kvs.length} of 60 writes were carried out`);
    t.same(
      seen,
      kvs.map(({ modRevision }) => modRevision).sort((a, b) => a - b),
    );
  },
);
