import t from 'tap';
import { FakeClock } from '../component/clock.js';
import { currentCause, runWithCause, withCause } from './cause.js';
import { kubeconfigContext } from './config.js';
import { DelayingQueue } from './delaying-queue.js';
import { EventCorrelator } from './event-correlator.js';
import { ControllerRateLimiter, RateLimitingQueue } from './rate-limiting-queue.js';
import { CONFIG_MAPS } from './resources.js';
import { BY_NAMESPACE, namespaceIndex, Store } from './store.js';
import { decodeLines, decodeWatch } from './watch-stream.js';
import { runWorkers } from './workers.js';
import { WorkQueue } from './workqueue.js';

t.test('work queue', async (t) => {
  t.test('a key added many times is handed out once', async (t) => {
    const queue = new WorkQueue();
    for (const key of ['a', 'b', 'a', 'a']) queue.add(key);
    t.equal(queue.length, 2);
    t.equal((await queue.get())?.key, 'a');
    t.equal((await queue.get())?.key, 'b');
    t.equal(queue.length, 0);
  });

  t.test('a key that is worked on is handed out again only after it is done', async (t) => {
    const queue = new WorkQueue();
    queue.add('a');
    await queue.get();
    queue.add('a');
    queue.add('a');
    t.equal(queue.length, 0, 'not while it is worked on');
    queue.done('a');
    t.equal(queue.length, 1);
    await queue.get();
    queue.done('a');
    t.equal(queue.idle, true);
  });

  t.test('waiting workers get keys in turn, and nothing once the queue is shut down', async (t) => {
    const queue = new WorkQueue();
    const waiting = [queue.get(), queue.get(), queue.get()];
    queue.add('a');
    queue.add('b');
    queue.shutDown();
    t.same(
      (await Promise.all(waiting)).map((item) => item?.key),
      ['a', 'b', undefined],
    );
    queue.add('c');
    t.equal(await queue.get(), undefined);
  });

  t.test('a key carries the newest cause to its sync, also through a delay', async (t) => {
    const queue = new RateLimitingQueue(new FakeClock());
    const at = (resourceVersion: string) => ({
      metadata: { namespace: 'n', name: 'x', resourceVersion },
    });
    withCause(CONFIG_MAPS, at('1'), () => queue.add('k'));
    withCause(CONFIG_MAPS, at('2'), () => queue.add('k'));
    runWithCause(undefined, () => queue.add('k'));
    const seen: (string | undefined)[] = [];
    const stop = new AbortController();
    const workers = runWorkers({
      queue,
      concurrency: 1,
      sync: async () => {
        await Promise.resolve();
        seen.push(currentCause());
        stop.abort();
      },
      onError: () => true,
      signal: stop.signal,
    });
    await workers;
    t.same(seen, ['/v1/configmaps/n/x@2']);
  });

  t.test('no two workers are on one key', async (t) => {
    const queue = new RateLimitingQueue(new FakeClock());
    const stop = new AbortController();
    let running = 0;
    let most = 0;
    let rounds = 0;
    queue.add('k');
    await runWorkers({
      queue,
      concurrency: 5,
      signal: stop.signal,
      onError: () => true,
      sync: async () => {
        most = Math.max(most, ++running);
        queue.add('k');
        await new Promise((resolve) => setImmediate(resolve));
        running--;
        if (++rounds === 20) stop.abort();
      },
    });
    t.equal(most, 1);
    t.equal(rounds, 20);
  });
});

t.test('delaying queue', async (t) => {
  t.test('keys come when they are due, each once, for the earliest time asked', async (t) => {
    const clock = new FakeClock();
    const queue = new DelayingQueue(clock);
    queue.addAfter('late', 1000);
    queue.addAfter('soon', 500);
    queue.addAfter('soon', 10);
    queue.addAfter('soon', 700);
    t.equal(clock.pending, 1, 'one timer for all');
    await clock.advance(10);
    t.equal(queue.length, 1);
    await clock.advance(800);
    t.equal(queue.length, 1, 'the longer waits of the same key are void');
    await clock.advance(190);
    t.equal(queue.length, 2);
  });

  t.test('nothing is left behind by a shutdown', async (t) => {
    const clock = new FakeClock();
    const queue = new DelayingQueue(clock);
    queue.addAfter('a', 1000);
    queue.shutDown();
    t.equal(clock.pending, 0);
  });
});

t.test('rate limiting', async (t) => {
  t.test(
    'a key that fails waits twice as long each time, up to 1,000 s, until it is forgotten',
    async (t) => {
      const limiter = new ControllerRateLimiter(new FakeClock(), { burst: 1e6, perSecond: 1e6 });
      t.same(
        [1, 2, 3, 4].map(() => limiter.when('a')),
        [5, 10, 20, 40],
      );
      t.equal(limiter.when('b'), 5, 'keys do not share their wait');
      for (let i = 0; i < 60; i++) limiter.when('a');
      t.equal(limiter.when('a'), 1_000_000);
      limiter.forget('a');
      t.equal(limiter.when('a'), 5);
    },
  );

  t.test('all keys together are held to ten a second after a hundred', async (t) => {
    const clock = new FakeClock();
    const limiter = new ControllerRateLimiter(clock);
    for (let i = 0; i < 100; i++) limiter.when(`k${i}`);
    t.equal(limiter.when('x'), 100);
    t.equal(limiter.when('y'), 200);
    await clock.advance(60_000);
    t.equal(limiter.when('z'), 5);
  });
});

t.test('a store finds objects by index, also after they change or go', async (t) => {
  const store = new Store({ [BY_NAMESPACE]: namespaceIndex });
  const obj = (namespace: string, name: string) => ({ metadata: { namespace, name } });
  store.set(obj('a', '1'));
  store.set(obj('a', '2'));
  store.set(obj('b', '1'));
  store.addIndexers({ name: (o) => [o.metadata?.name ?? ''] });
  t.equal(store.byIndex(BY_NAMESPACE, 'a').length, 2);
  t.equal(store.byIndex('name', '1').length, 2, 'an index added late knows what was there');
  store.delete('a/1');
  t.equal(store.byIndex('name', '1').length, 1);
  t.same([...store.indexValues(BY_NAMESPACE)], ['a', 'b']);
  t.throws(() => store.byIndex('nothing', 'x'), /no index named nothing/);
});

t.test('a watch is decoded whatever the chunks', async (t) => {
  const text = `${JSON.stringify({ type: 'ADDED', object: { metadata: { name: 'äöü€😀' } } })}\n${JSON.stringify({ type: 'DELETED', object: { metadata: { name: 'b' } } })}\n`;
  const bytes = Buffer.from(text);
  for (const size of [1, 2, 3, 7, 64, bytes.length]) {
    const chunks = (async function* () {
      for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
    })();
    const names: (string | undefined)[] = [];
    for await (const events of decodeWatch(chunks, '/x'))
      names.push(...events.map(({ object }) => object.metadata?.name));
    t.same(names, ['äöü€😀', 'b'], `${size} bytes a chunk`);
  }
  const broken = (async function* () {
    yield Buffer.from('{"type":"ADDED","obj');
  })();
  await t.rejects(decodeWatch(broken, '/x').next(), { name: 'ConnectionError' });
  const expired = (async function* () {
    yield Buffer.from(
      '{"type":"ERROR","object":{"kind":"Status","code":410,"reason":"Expired"}}\n',
    );
  })();
  await t.rejects(decodeWatch(expired, '/x').next(), { name: 'StatusError', reason: 'Expired' });
  const late = decodeWatch(
    (async function* () {
      yield Buffer.from('{"type":"ADDED","object":{}}\n{"type":"ERROR","object":{}}\n');
    })(),
    '/x',
  );
  t.equal((await late.next()).value?.length, 1, 'what came before an error is told first');
  await t.rejects(late.next(), { name: 'ConnectionError' });
  const lines: string[][] = [];
  for await (const batch of decodeLines(
    (async function* () {
      yield Buffer.from('a\nb\nc');
    })(),
  )) {
    lines.push(batch);
  }
  t.same(lines, [['a', 'b'], ['c']]);
});

t.test('events are counted up, combined and, past a burst, dropped', async (t) => {
  const clock = new FakeClock();
  const event = (message: string, name = 'x') => ({
    metadata: { name: `${name}.1`, namespace: 'default' },
    involvedObject: { kind: 'Pod', name, uid: name },
    source: { component: 'test' },
    type: 'Normal',
    reason: 'R',
    message,
    firstTimestamp: 'then',
    count: 1,
  });
  const repeats = new EventCorrelator(clock);
  t.equal(repeats.correlate(event('same'))?.previous, undefined);
  const second = repeats.correlate(event('same'));
  t.match(second, { previous: { name: 'x.1' }, event: { count: 2, firstTimestamp: 'then' } });
  for (let i = 2; i < 25; i++) t.ok(repeats.correlate(event('same')));
  t.equal(repeats.correlate(event('same')), undefined, 'the 26th is dropped');
  t.ok(repeats.correlate(event('same', 'y')), 'of this object only');
  await clock.advance(300_000);
  t.ok(repeats.correlate(event('same')), 'one more every five minutes');

  const many = new EventCorrelator(clock);
  const messages = Array.from(
    { length: 12 },
    (_, i) => many.correlate(event(`m${i}`))?.event.message,
  );
  t.equal(messages[8], 'm8');
  t.equal(messages[9], '(combined from similar events): m9');
  t.equal(messages[11], '(combined from similar events): m11');
});

t.test('a kubeconfig', async (t) => {
  const base = (user: Record<string, unknown>) => ({
    'current-context': 'c',
    clusters: [
      { name: 'k', cluster: { server: 'https://x:1', 'certificate-authority-data': 'Q0E=' } },
    ],
    users: [{ name: 'u', user }],
    contexts: [{ name: 'c', context: { cluster: 'k', user: 'u', namespace: 'n' } }],
  });
  t.same(kubeconfigContext(base({ token: 't' })), {
    server: 'https://x:1',
    ca: 'CA',
    token: 't',
    namespace: 'n',
  });
  t.throws(() => kubeconfigContext(base({ exec: { command: 'x' } })), /exec is not supported/);
  t.throws(() => kubeconfigContext(base({}), '.', 'other'), /context "other" does not exist/);
});
