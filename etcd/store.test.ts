import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  cpSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  truncateSync,
  unlinkSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { RealClock } from '../pkg/component/clock.js';
import { silentLogger } from '../pkg/component/logger.js';
import { connect } from '../pkg/etcd-client/client.js';
import { CompactedError, type EtcdClient, UnavailableError } from '../pkg/etcd-client/interface.js';

// Stores are started and killed: on a busy machine that takes its time.
t.setTimeout(300_000);

const clock = new RealClock();
const extension = import.meta.url.endsWith('.ts') ? 'ts' : 'js';
const MAIN = new URL(`./main.${extension}`, import.meta.url).pathname;

/** The store as a process on a free port; resolves when it serves, rejects with its log when it ends. */
async function startStore(dir: string): Promise<{ child: ChildProcess; endpoint: string }> {
  const loader = extension === 'ts' ? ['--import', 'tsx'] : [];
  const flags = ['--data-dir', dir, '--listen-client-urls', 'http://127.0.0.1:0'];
  const child = spawn(process.execPath, [...loader, MAIN, ...flags], { stdio: 'pipe' });
  let log = '';
  const endpoint = await new Promise<string>((resolve, reject) => {
    child.stdout.on('data', (chunk: Buffer) => {
      log += chunk.toString();
      const address = /"address":"([^"]+)"/.exec(log)?.[1];
      if (address) resolve(address);
    });
    child.stderr.on('data', (chunk: Buffer) => {
      log += chunk.toString();
    });
    child.once('exit', () => reject(new Error(log)));
  });
  return { child, endpoint };
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  const exited = once(child, 'exit');
  child.kill(signal);
  await exited;
}

const client = (endpoint: string, transport?: 'stream' | 'json') =>
  connect({ endpoints: [endpoint], logger: silentLogger(), clock, transport });
const put = (etcd: EtcdClient, key: string, value = 'v') =>
  etcd.txn([], [{ type: 'put', key, value: Buffer.from(value) }], []);

t.test('both transports give the same answers', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'store-test-'));
  const { child, endpoint } = await startStore(dir);
  t.teardown(() => end(child, 'SIGKILL'));
  for (const transport of ['stream', 'json'] as const) {
    t.test(transport, async (t) => {
      const etcd = await client(endpoint, transport);
      t.teardown(() => etcd.close());
      const root = `/${transport}/é/`;
      const first = await put(etcd, `${root}a`, 'one');
      const again = await etcd.txn(
        [{ key: `${root}a`, modRevision: 0 }],
        [{ type: 'put', key: `${root}a`, value: Buffer.from('no') }],
        [{ type: 'range', key: `${root}a` }],
      );
      t.equal(again.succeeded, false);
      t.equal(again.responses[0]?.kvs[0]?.value.toString(), 'one');
      const second = await put(etcd, `${root}a`, 'two');
      const past = await etcd.range(`${root}a`, { revision: first.revision });
      t.equal(past.kvs[0]?.value.toString(), 'one', 'the past is kept');
      t.equal((await etcd.range(`${root}a`)).kvs[0]?.version, 2);
      const stop = new AbortController();
      const seen: string[] = [];
      await new Promise<void>((resolve, reject) => {
        etcd
          .watch(root, {
            rangeEnd: `/${transport}/é0`,
            startRevision: first.revision,
            prevKv: true,
            signal: stop.signal,
            onBatch: ({ events }) => {
              for (const { type, kv, prevKv } of events) {
                seen.push(`${type} ${kv.modRevision} ${prevKv?.value.toString() ?? '-'}`);
              }
              if (seen.length >= 3) resolve();
            },
          })
          .catch(reject);
        etcd.txn([], [{ type: 'delete', key: `${root}a` }], []).catch(reject);
      });
      stop.abort();
      const last = second.revision + 1;
      t.same(seen, [`put ${first.revision} -`, `put ${second.revision} one`, `delete ${last} two`]);
      await etcd.compact(last);
      await t.rejects(etcd.range(`${root}a`, { revision: first.revision }), CompactedError);
      const watching = etcd.watch(root, {
        rangeEnd: `/${transport}/é0`,
        startRevision: first.revision,
        signal: new AbortController().signal,
        onBatch: () => t.fail('nothing to deliver'),
      });
      await t.rejects(watching, CompactedError);
    });
  }
});

t.test('kill -9 under load loses no acknowledged write and halves no transaction', async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'store-crash-'));
  const acknowledged = new Set<number>();
  let n = 0;
  for (let round = 0; round < 4; round++) {
    const { child, endpoint } = await startStore(dir);
    const etcd = await client(endpoint);
    const all = await etcd.range('/', { rangeEnd: '0' });
    const keys = new Set(all.kvs.map(({ key }) => key));
    for (const i of acknowledged) if (!keys.has(`/a/${i}`)) t.fail(`write ${i} is lost`);
    for (const key of keys) {
      const twin = key.startsWith('/a/') ? `/b/${key.slice(3)}` : `/a/${key.slice(3)}`;
      if (!keys.has(twin)) t.fail(`${key} has no twin`);
    }
    let alive = true;
    const writers = Array.from({ length: 16 }, async () => {
      while (alive) {
        const i = n++;
        const value = Buffer.alloc(200, 65);
        try {
          await etcd.txn(
            [],
            [
              { type: 'put', key: `/a/${i}`, value },
              { type: 'put', key: `/b/${i}`, value },
            ],
            [],
          );
          acknowledged.add(i);
        } catch (err) {
          if (!(err instanceof UnavailableError)) throw err;
          return;
        }
      }
    });
    await clock.sleep(150 + clock.random() * 250);
    await end(child, 'SIGKILL');
    alive = false;
    await Promise.all(writers);
    await etcd.close();
  }
  t.ok(acknowledged.size > 100, `${acknowledged.size} writes were acknowledged`);
});

t.test('a damaged folder is refused', async (t) => {
  const whole = mkdtempSync(join(tmpdir(), 'store-damage-'));
  const { child, endpoint } = await startStore(whole);
  const etcd = await client(endpoint);
  for (let i = 0; i < 50; i++) await put(etcd, `/k/${i}`, 'x'.repeat(100));
  await etcd.close();
  await end(child, 'SIGTERM');
  const log = (dir: string) => {
    const name = readdirSync(join(dir, 'level')).find((file) => file.endsWith('.log')) ?? '';
    return join(dir, 'level', name);
  };
  const damages: Record<string, (dir: string) => void> = {
    'a log that is cut short': (dir) => truncateSync(log(dir), 2000),
    'a log that is gone': (dir) => unlinkSync(log(dir)),
    'a flipped byte': (dir) => {
      const bytes = readFileSync(log(dir));
      bytes[3000] = (bytes[3000] ?? 0) ^ 1;
      writeFileSync(log(dir), bytes);
    },
  };
  for (const [name, damage] of Object.entries(damages)) {
    t.test(name, async (t) => {
      const dir = mkdtempSync(join(tmpdir(), 'store-damage-'));
      cpSync(whole, dir, { recursive: true });
      damage(dir);
      await t.rejects(startStore(dir), { message: /can not be used/ });
    });
  }
  t.test('whole, it is not', async (t) => {
    const again = await startStore(whole);
    await end(again.child, 'SIGTERM');
    t.pass();
  });
});
