import net from 'node:net';
import t from 'tap';
import type { UnstructuredObject } from '../../pkg/apimachinery/meta.js';
import { FakeClock } from '../../pkg/component/clock.js';
import { configMap } from '../registry/resources/config-map.js';
import { event } from '../registry/resources/event.js';
import { pod } from '../registry/resources/pod.js';
import { Compactor } from '../storage/compactor.js';
import { TestApi } from '../testing/test-api.js';
import { TestStore } from '../testing/test-store.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
const PODS = '/api/v1/namespaces/default/pods';

const map = (name: string, metadata = {}, data: Record<string, string> = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});
type Listed = { metadata?: { name?: string } }[];
const names = (body: UnstructuredObject) =>
  ((body.items ?? []) as Listed).map((item) => item.metadata?.name);
const definitions = [configMap, pod([])];

t.test('lists', async (t) => {
  const api = await TestApi.start({ definitions });
  t.teardown(() => api.stop());
  for (const name of ['a', 'b', 'c', 'd', 'e'])
    await api.post(MAPS, map(name, { labels: { odd: String('ace'.includes(name)) } }));
  await api.post('/api/v1/namespaces/default-2/configmaps', map('z'));
  await api.post('/api/v1/namespaces/a/configmaps', map('y'));
  const first = (await api.get(MAPS)).body.metadata?.resourceVersion ?? '';
  await api.patch(`${MAPS}/b`, { data: { changed: '1' } });
  await api.delete(`${MAPS}/c`);

  await t.test('are in key order over namespaces', async (t) => {
    const { body } = await api.get('/api/v1/configmaps');
    t.same(names(body), ['y', 'z', 'a', 'b', 'd', 'e'], '`default-2/` sorts before `default/`');
  });

  await t.test('what a resourceVersion asks for', async (t) => {
    const rows: [string, string, (string | undefined)[]][] = [
      ['none: the newest', '', ['a', 'b', 'd', 'e']],
      ['0: whatever there is', '?resourceVersion=0', ['a', 'b', 'd', 'e']],
      ['0 ignores a limit', '?resourceVersion=0&limit=1', ['a', 'b', 'd', 'e']],
      ['one: at least as new', `?resourceVersion=${first}`, ['a', 'b', 'd', 'e']],
      [
        'not older than it',
        `?resourceVersion=${first}&resourceVersionMatch=NotOlderThan`,
        ['a', 'b', 'd', 'e'],
      ],
      [
        'exactly it',
        `?resourceVersion=${first}&resourceVersionMatch=Exact`,
        ['a', 'b', 'c', 'd', 'e'],
      ],
      ['with a limit: exactly it', `?resourceVersion=${first}&limit=3`, ['a', 'b', 'c']],
      [
        'exactly it, selected',
        `?resourceVersion=${first}&resourceVersionMatch=Exact&labelSelector=odd%3Dtrue`,
        ['a', 'c', 'e'],
      ],
    ];
    for (const [name, query, expected] of rows) {
      const { code, body } = await api.get(MAPS + query);
      t.equal(code, 200, name);
      t.same(names(body), expected, name);
    }
    const exact = await api.get(`${MAPS}?resourceVersion=${first}&resourceVersionMatch=Exact`);
    t.equal(exact.body.metadata?.resourceVersion, first);
  });

  await t.test('pages are of one revision', async (t) => {
    const one = await api.get(`${MAPS}?limit=2`);
    t.same(names(one.body), ['a', 'b']);
    t.match(one.body.metadata, { continue: /./, remainingItemCount: 2 });
    await api.delete(`${MAPS}/d`);
    await api.post(MAPS, map('bb'));
    const token = (one.body.metadata as { continue?: string }).continue;
    const two = await api.get(`${MAPS}?limit=1&continue=${token}`);
    t.same(names(two.body), ['d'], 'what was deleted meanwhile is still there, what came is not');
    t.equal(two.body.metadata?.resourceVersion, one.body.metadata?.resourceVersion);
    t.match(two.body.metadata, { remainingItemCount: 1 });
    const rest = await api.get(
      `${MAPS}?limit=5&continue=${(two.body.metadata as { continue?: string }).continue}`,
    );
    t.same(names(rest.body), ['e']);
    t.notOk('continue' in (rest.body.metadata ?? {}));
    const all = await api.get('/api/v1/configmaps?limit=2');
    const more = await api.get(
      `/api/v1/configmaps?limit=2&continue=${(all.body.metadata as { continue?: string }).continue}`,
    );
    t.same([...names(all.body), ...names(more.body)], ['y', 'z', 'a', 'b']);
    const selected = await api.get(`${MAPS}?limit=1&labelSelector=odd%3Dtrue`);
    t.notOk(
      'remainingItemCount' in (selected.body.metadata ?? {}),
      'with a selector nobody knows how many are left',
    );
  });

  await t.test(
    'a token whose revision was compacted is expired, and has a successor',
    async (t) => {
      const one = await api.get(`${MAPS}?limit=1`);
      await api.post(MAPS, map('f'));
      const client = await api.store.client();
      await client.compact(Number((await api.get(MAPS)).body.metadata?.resourceVersion));
      const token = (one.body.metadata as { continue?: string }).continue;
      const { code, body } = await api.get(`${MAPS}?limit=9&continue=${token}`);
      t.equal(code, 410);
      t.match(body, { reason: 'Expired', message: /^The provided continue parameter is too old/ });
      const next = await api.get(
        `${MAPS}?limit=9&continue=${(body.metadata as { continue?: string }).continue}`,
      );
      t.same(names(next.body), ['b', 'bb', 'e', 'f']);
      const exact = await api.get(`${MAPS}?resourceVersion=${first}&resourceVersionMatch=Exact`);
      t.equal(exact.code, 410);
      t.equal(exact.body.reason, 'Expired');
    },
  );

  await t.test('a long list is compressed for who takes it', async (t) => {
    const big = { big: 'x'.repeat(50_000) };
    for (const name of ['g1', 'g2', 'g3']) await api.post(MAPS, map(name, {}, big));
    const { headers } = await api.get(MAPS, { 'accept-encoding': 'gzip' });
    t.equal(headers['content-encoding'], 'gzip');
    t.notOk(
      (await api.get(`${MAPS}?limit=1`, { 'accept-encoding': 'gzip' })).headers['content-encoding'],
    );
  });
});

t.test('watches', async (t) => {
  const api = await TestApi.start({ definitions });
  t.teardown(() => api.stop());
  const summary = (event: { type: string; object: { metadata?: { name?: string } } } | undefined) =>
    event && `${event.type} ${event.object.metadata?.name}`;

  await t.test('from a version: every change after it, in order', async (t) => {
    const { body } = await api.post(MAPS, map('one'));
    const version = body.metadata?.resourceVersion;
    await api.patch(`${MAPS}/one`, { data: { a: '1' } });
    const watch = await api.watch(`${MAPS}?watch=true&resourceVersion=${version}`);
    await api.post(MAPS, map('two'));
    await api.delete(`${MAPS}/one`);
    const events = await watch.take(3);
    t.same(events.map(summary), ['MODIFIED one', 'ADDED two', 'DELETED one']);
    t.match(
      events[2]?.object,
      { data: { a: '1' }, kind: 'ConfigMap' },
      'a deleted object is sent as it last was',
    );
    t.ok(
      Number(events[2]?.object.metadata?.resourceVersion) >
        Number(events[1]?.object.metadata?.resourceVersion),
    );
    watch.close();
  });

  await t.test('without a version: the state first', async (t) => {
    for (const query of ['', '&resourceVersion=0']) {
      const watch = await api.watch(`${MAPS}?watch=true${query}`);
      t.equal(summary(await watch.next()), 'ADDED two');
      watch.close();
    }
  });

  await t.test('sendInitialEvents marks the end of the state', async (t) => {
    const watch = await api.watch(
      `${MAPS}?watch=true&sendInitialEvents=true&resourceVersionMatch=NotOlderThan&allowWatchBookmarks=true`,
    );
    t.equal(summary(await watch.next()), 'ADDED two');
    t.match(await watch.next(), {
      type: 'BOOKMARK',
      object: {
        kind: 'ConfigMap',
        metadata: { resourceVersion: /./, annotations: { 'k8s.io/initial-events-end': 'true' } },
      },
    });
    watch.close();
    const refused = await api.get(`${MAPS}?watch=true&sendInitialEvents=true`);
    t.equal(refused.code, 422);
  });

  await t.test('a selector sees objects enter and leave', async (t) => {
    const version = (await api.get(MAPS)).body.metadata?.resourceVersion;
    const watch = await api.watch(
      `${MAPS}?watch=true&labelSelector=team%3Dred&resourceVersion=${version}`,
    );
    await api.post(MAPS, map('plain'));
    await api.post(MAPS, map('mover', { labels: { team: 'red' } }, { n: '1' }));
    await api.patch(`${MAPS}/mover`, { data: { n: '2' } });
    const left = await api.patch(`${MAPS}/mover`, { metadata: { labels: { team: 'blue' } } });
    await api.patch(`${MAPS}/mover`, { data: { n: '3' } });
    await api.patch(`${MAPS}/mover`, { metadata: { labels: { team: 'red' } } });
    await api.delete(`${MAPS}/mover`);
    const events = await watch.take(5);
    t.same(events.map(summary), [
      'ADDED mover',
      'MODIFIED mover',
      'DELETED mover',
      'ADDED mover',
      'DELETED mover',
    ]);
    t.match(events[2]?.object, {
      metadata: { labels: { team: 'red' }, resourceVersion: left.body.metadata?.resourceVersion },
    });
    watch.close();
  });

  await t.test('a field selector and a name', async (t) => {
    const version = (await api.get(PODS)).body.metadata?.resourceVersion;
    const byNode = await api.watch(
      `/api/v1/pods?watch=true&fieldSelector=spec.nodeName%3Dn1&resourceVersion=${version}`,
    );
    const byName = await api.watch(
      `${PODS}?watch=true&fieldSelector=metadata.name%3Dp2&resourceVersion=${version}`,
    );
    for (const [name, nodeName] of [
      ['p1', 'n1'],
      ['p2', 'n2'],
      ['p3', 'n1'],
    ]) {
      await api.post(PODS, {
        apiVersion: 'v1',
        kind: 'Pod',
        metadata: { name },
        spec: { nodeName, containers: [{ name: 'c', image: 'i' }] },
      });
    }
    t.same((await byNode.take(2)).map(summary), ['ADDED p1', 'ADDED p3']);
    t.same((await byName.take(1)).map(summary), ['ADDED p2']);
    byNode.close();
    byName.close();
  });

  await t.test('a Table names its columns once', async (t) => {
    const watch = await api.watch(`${MAPS}?watch=true`, {
      accept: 'application/json;as=Table;v=v1;g=meta.k8s.io',
    });
    const events = await watch.take(2);
    t.match(events[0]?.object, {
      kind: 'Table',
      columnDefinitions: [{ name: 'Name' }],
      rows: [{ cells: [/./] }],
    });
    t.match(events[1]?.object, { kind: 'Table', columnDefinitions: null });
    watch.close();
  });

  await t.test('ends at its time', async (t) => {
    const watch = await api.watch(
      `${MAPS}?watch=true&resourceVersion=0&labelSelector=no%3Dne&timeoutSeconds=1`,
    );
    t.equal(await watch.next(), undefined);
  });

  await t.test('from a version that is gone: 410', async (t) => {
    const client = await api.store.client();
    await client.compact(3);
    const { code, body } = await api.get(`${MAPS}?watch=true&resourceVersion=1`);
    t.equal(code, 410);
    t.match(body, { reason: 'Expired', message: /^too old resource version: 1 \(\d+\)$/ });
  });

  await t.test('a client that does not read is cut, and others do not notice', async (t) => {
    const url = new URL(api.url);
    const socket = net.connect(Number(url.port), url.hostname);
    t.teardown(() => socket.destroy());
    const version = (await api.get(MAPS)).body.metadata?.resourceVersion;
    socket.write(`GET ${MAPS}?watch=true&resourceVersion=${version} HTTP/1.1\r\nHost: x\r\n\r\n`);
    await new Promise((resolve) => socket.once('data', resolve));
    socket.pause();
    const reader = await api.watch(`${MAPS}?watch=true&resourceVersion=${version}`);
    const big = { big: 'x'.repeat(1_000_000) };
    const count = 24;
    for (let i = 0; i < count; i++) {
      await api.put(`${MAPS}/two`, map('two', {}, { ...big, i: String(i) }));
      t.equal((await reader.next())?.type, 'MODIFIED');
    }
    reader.close();
    let text = '';
    socket.on('data', (chunk: Buffer) => {
      text = (text + chunk.toString()).slice(-500);
    });
    socket.resume();
    await new Promise((resolve) => socket.once('close', resolve).once('end', resolve));
    t.match(text, /"type":"ERROR".*"code":410/);
  });
});

t.test('two apiservers on one store', async (t) => {
  const store = await TestStore.start();
  const one = await TestApi.start({ definitions, store });
  const two = await TestApi.start({ definitions, store });
  t.teardown(async () => {
    await one.stop();
    await two.stop();
    await store.remove();
  });
  for (let i = 0; i < 20; i++) {
    const { code } = await (i % 2 ? one : two).post(MAPS, map(`m${i}`));
    t.equal(code, 201);
    const other = i % 2 ? two : one;
    t.equal(
      (await other.get(`${MAPS}/m${i}`)).code,
      200,
      'a read sees what the other has just written',
    );
    t.equal(names((await other.get(MAPS)).body).length, i + 1);
  }
  const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
  await Promise.all(
    keys.map((key, i) => (i % 2 ? one : two).patch(`${MAPS}/m0`, { data: { [key]: '1' } })),
  );
  t.same(
    Object.keys((await one.get(`${MAPS}/m0`)).body.data as object).sort(),
    [...keys].sort(),
    'no update is lost',
  );
  const racing = await Promise.all([one, two].map((api) => api.post(MAPS, map('race'))));
  t.same(racing.map(({ code }) => code).sort(), [201, 409]);
});

t.test('the store goes away and comes back', async (t) => {
  const api = await TestApi.start({ definitions });
  t.teardown(() => api.stop());
  await api.post(MAPS, map('before'));
  const version = (await api.get(MAPS)).body.metadata?.resourceVersion;
  const watch = await api.watch(`${MAPS}?watch=true&resourceVersion=${version}`);
  await api.store.stop();
  for (const ask of [
    () => api.post(MAPS, map('during')),
    () => api.get(`${MAPS}/before`),
    () => api.get(MAPS),
  ]) {
    const { code, body } = await ask();
    t.equal(code, 503);
    t.match(body, {
      kind: 'Status',
      reason: 'ServiceUnavailable',
      message: /store is not available/,
    });
  }
  t.equal(
    (await api.get(`${MAPS}?resourceVersion=0`)).code,
    200,
    'what is cached is served to who takes it',
  );
  await api.store.start();
  const after = await api.post(MAPS, map('after'));
  t.equal(after.code, 201);
  t.match(
    await watch.next(),
    { type: 'ADDED', object: { metadata: { name: 'after' } } },
    'a watch goes on without a gap',
  );
  watch.close();
});

t.test('compaction', async (t) => {
  const store = await TestStore.start();
  t.teardown(() => store.remove());
  const client = await store.client();
  const clock = new FakeClock();
  const logger = (await import('../../pkg/component/logger.js')).silentLogger();
  const [one, two] = [
    new Compactor({ client, clock, logger }),
    new Compactor({ client, clock, logger }),
  ];
  const put = () =>
    client.txn([], [{ type: 'put', key: '/registry/x', value: Buffer.from('1') }], []);
  const { revision } = await put();
  await one.compactOnce();
  await two.compactOnce();
  t.equal(
    (await client.range('/registry/x', { revision })).kvs.length,
    1,
    'a period of history is kept',
  );
  await put();
  const compacted = await Promise.all([one.compactOnce(), two.compactOnce()]);
  t.ok(
    compacted.some((at) => at > 0) ||
      (await one.compactOnce()) > 0 ||
      (await two.compactOnce()) > 0,
  );
  t.ok(compacted.filter((at) => at > 0).length <= 1, 'one of them does it');
});

t.test('bookmarks', async (t) => {
  const clock = new FakeClock();
  const api = await TestApi.start({ definitions, clock });
  t.teardown(() => api.stop());
  const watch = await api.watch(
    `${MAPS}?watch=true&resourceVersion=0&allowWatchBookmarks=true&timeoutSeconds=90`,
  );
  await api.post('/api/v1/namespaces/other/configmaps', map('elsewhere'));
  const version = (await api.get('/api/v1/configmaps')).body.metadata?.resourceVersion;
  await clock.advance(60_000);
  t.same(
    await watch.next(),
    {
      type: 'BOOKMARK',
      object: { kind: 'ConfigMap', apiVersion: 'v1', metadata: { resourceVersion: version } },
    },
    'each minute, as new as the store, whatever the watch selects',
  );
  await clock.advance(28_000);
  t.match(await watch.next(), { type: 'BOOKMARK' }, 'and once more before the end');
  await clock.advance(2_000);
  t.equal(await watch.next(), undefined);
});

t.test('an apiserver that starts anew goes on where the one before ended', async (t) => {
  const store = await TestStore.start();
  t.teardown(() => store.remove());
  const one = await TestApi.start({ definitions, store });
  const created = await one.post(MAPS, map('kept', { labels: { team: 'red' } }));
  const version = created.body.metadata?.resourceVersion;
  await one.patch(`${MAPS}/kept`, { metadata: { labels: { team: 'blue' } } });
  await one.post(MAPS, map('short-lived', { labels: { team: 'red' } }));
  await one.delete(`${MAPS}/short-lived`);
  await one.stop();
  const two = await TestApi.start({ definitions, store });
  t.teardown(() => two.stop());
  const watch = await two.watch(
    `${MAPS}?watch=true&resourceVersion=${version}&labelSelector=team%3Dred`,
  );
  const events = await watch.take(3);
  t.same(
    events.map(({ type, object }) => `${type} ${object.metadata?.name}`),
    ['DELETED kept', 'ADDED short-lived', 'DELETED short-lived'],
  );
  watch.close();
});

t.test('an object with a time to live is stored under a lease', async (t) => {
  const api = await TestApi.start({ definitions: [event] });
  t.teardown(() => api.stop());
  const { code, text } = await api.post('/api/v1/namespaces/default/events', {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name: 'e' },
    involvedObject: { kind: 'Pod', name: 'p', namespace: 'default' },
  });
  t.equal(code, 201, text);
  const { kvs } = await (await api.store.client()).range('/registry/events/default/e');
  t.not(kvs[0]?.lease, '0');
});
