import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { FakeClock } from '../../pkg/component/clock.js';
import { silentLogger } from '../../pkg/component/logger.js';
import { recordKey, recordMod, recordValue } from '../../pkg/etcd-client/kv-record.js';
import { KvServer } from '../kv-server.js';

const SEED = 20260101;

async function open(dir: string, clock = new FakeClock()): Promise<KvServer> {
  return KvServer.open({
    dataDir: dir,
    name: 'test',
    clock,
    logger: silentLogger(),
    signal: new AbortController().signal,
    onFailure: (what, err) => {
      throw new Error(what, { cause: err });
    },
  });
}

type Step =
  | { readonly do: 'put'; readonly keys: readonly string[] }
  | { readonly do: 'delete'; readonly from: string; readonly to: string }
  | { readonly do: 'compact'; readonly back: number }
  | { readonly do: 'restart' };

const key = fc.constantFrom('a', 'b', 'c', 'd', 'e');
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant('put' as const),
      keys: fc.uniqueArray(key, { minLength: 1 }),
    }),
  },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('delete' as const), from: key, to: key }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('compact' as const), back: fc.nat(4) }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('restart' as const) }) },
);

t.test('any history reads, watches and restarts as a simple model says', async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 30 }), async (steps) => {
      const dir = mkdtempSync(join(tmpdir(), 'mvcc-'));
      let server = await open(dir);
      const states = new Map<number, Map<string, number>>([[1, new Map()]]);
      const events: string[] = [];
      let compacted = 0;
      for (const one of steps) {
        const revision = server.store.revision;
        const state = new Map(states.get(revision));
        if (one.do === 'put') {
          const success = one.keys.map((name) => ({
            type: 'put' as const,
            key: name,
            value: Buffer.from(`${name}${revision + 1}`),
          }));
          await server.store.txn({ compare: [], success, failure: [] });
          for (const name of one.keys) state.set(name, revision + 1);
          for (const name of one.keys) events.push(`${revision + 1} ${name} put`);
          states.set(revision + 1, state);
        } else if (one.do === 'delete') {
          await server.store.deleteRange({ key: one.from, rangeEnd: one.to });
          const gone = [...state.keys()].filter((name) => name >= one.from && name < one.to).sort();
          for (const name of gone) state.delete(name);
          for (const name of gone) events.push(`${revision + 1} ${name} delete`);
          if (gone.length > 0) states.set(revision + 1, state);
        } else if (one.do === 'compact') {
          const to = revision - one.back;
          if (to <= compacted) continue;
          await server.compact(to, true);
          compacted = to;
        } else {
          await server.close();
          server = await open(dir);
        }
      }
      const newest = server.store.revision;
      for (let at = Math.max(compacted, 1); at <= newest; at++) {
        const { records } = await server.store.range({ key: 'a', rangeEnd: 'z', revision: at });
        const expected = [...(states.get(at) ?? [])].sort(([a], [b]) => (a < b ? -1 : 1));
        const found = records.map((record) => [recordKey(record), recordMod(record)]);
        if (JSON.stringify(found) !== JSON.stringify(expected)) {
          throw new Error(`at ${at}: ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`);
        }
        for (const record of records) {
          const value = recordValue(record).toString();
          if (value !== `${recordKey(record)}${recordMod(record)}`) throw new Error(value);
        }
      }
      const from = compacted + 1;
      const expected = events.filter((event) => Number(event.split(' ')[0]) >= from);
      const seen: string[] = [];
      await new Promise<void>((resolve) => {
        const watcher = server.watchable.watch(
          { key: 'a', rangeEnd: 'z', startRevision: from },
          {
            ready: () => true,
            compacted: () => seen.push('compacted'),
            deliver: (_revision, batch) => {
              for (const { record } of batch) {
                const type = recordValue(record).length > 0 ? 'put' : 'delete';
                seen.push(`${recordMod(record)} ${recordKey(record)} ${type}`);
              }
              if (batch.length === 0) resolve();
            },
          },
        );
        watcher.progress();
      });
      await server.close();
      if (JSON.stringify(seen) !== JSON.stringify(expected)) {
        throw new Error(`watched ${seen.join(', ')}, not ${expected.join(', ')}`);
      }
    }),
    { seed: SEED, numRuns: 40 },
  );
});

t.test('a lease that runs out takes its keys in one revision', async (t) => {
  const clock = new FakeClock();
  const server = await open(mkdtempSync(join(tmpdir(), 'lease-')), clock);
  t.teardown(() => server.close());
  const { id } = await server.lessor.grant('0', 5);
  await server.store.put({ key: 'a', value: Buffer.from('1'), lease: id });
  const { revision } = await server.store.put({ key: 'b', value: Buffer.from('1'), lease: id });
  await clock.advance(4000);
  t.equal(server.lessor.keepAlive(id), 5);
  await clock.advance(4000);
  t.ok(server.lessor.has(id), 'kept alive');
  const gone = new Promise<number>((resolve) =>
    server.watchable.watch(
      { key: 'a', rangeEnd: 'c' },
      {
        ready: () => true,
        compacted: () => t.fail('compacted'),
        deliver: (_at, events) => resolve(events.length),
      },
    ),
  );
  await clock.advance(1500);
  t.equal(await gone, 2);
  t.equal(server.store.revision, revision + 1);
});

t.test('a watcher without room misses nothing once it has room', async (t) => {
  const server = await open(mkdtempSync(join(tmpdir(), 'slow-')));
  t.teardown(() => server.close());
  let room = false;
  const seen: number[] = [];
  let done: () => void = () => undefined;
  const all = new Promise<void>((resolve) => {
    done = resolve;
  });
  server.watchable.watch(
    { key: 'k', rangeEnd: 'l' },
    {
      ready: () => room,
      compacted: () => t.fail('compacted'),
      deliver: (_revision, events) => {
        for (const { record } of events) seen.push(recordMod(record));
        if (seen.length === 20) done();
      },
    },
  );
  for (let i = 0; i < 20; i++) await server.store.put({ key: `k${i}`, value: Buffer.from('v') });
  t.same(seen, []);
  room = true;
  server.watchable.resume();
  await all;
  t.same(
    seen,
    Array.from({ length: 20 }, (_, i) => i + 2),
  );
});

t.test('a watch from the past gets all of it, however much that is', async (t) => {
  const server = await open(mkdtempSync(join(tmpdir(), 'past-')));
  t.teardown(() => server.close());
  // More than one read of LevelDB hands out, more than a chunk holds, and more than a read takes.
  const rows = [
    { values: 2_500, bytes: 100 },
    { values: 12, bytes: 1024 * 1024 },
  ];
  for (const { values, bytes } of rows) {
    await t.test(`${values} values of ${bytes} bytes`, async (t) => {
      const startRevision = server.store.revision + 1;
      const value = Buffer.alloc(bytes, 'v');
      const puts = Array.from({ length: values }, (_, i) =>
        server.store.put({ key: `k${i}`, value }),
      );
      const wanted = (await Promise.all(puts)).map(({ revision }) => revision);
      const seen: number[] = [];
      await new Promise<void>((resolve) => {
        const watcher = server.watchable.watch(
          { key: 'k', rangeEnd: 'l', startRevision },
          {
            ready: () => true,
            compacted: () => t.fail('compacted'),
            deliver: (revision, events) => {
              for (const { record } of events) seen.push(recordMod(record));
              if (revision >= startRevision + values - 1) resolve();
            },
          },
        );
        watcher.progress();
      });
      t.same(seen, wanted);
    });
  }
});
