import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { configMap } from '../../apiserver/registry/resources/config-map.js';
import { event } from '../../apiserver/registry/resources/event.js';
import { lease } from '../../apiserver/registry/resources/lease.js';
import { TestApi } from '../../apiserver/testing/test-api.js';
import { TestStore } from '../../apiserver/testing/test-store.js';
import { eventually } from '../../test/support/eventually.js';
import type { ConfigMap, Event } from '../api/types.js';
import { isReason, StatusError } from '../apimachinery/status.js';
import { RealClock } from '../component/clock.js';
import { withCause } from './cause.js';
import { EventRecorder, referenceTo } from './event-recorder.js';
import { Informer } from './informer.js';
import { LeaderElector, LeaderLostError } from './leader-election.js';
import { CONFIG_MAPS, CORE_EVENTS, LEASES } from './resources.js';
import { RestClient } from './rest.js';
import { BY_NAMESPACE, namespaceIndex } from './store.js';

const definitions = [configMap, lease, event];
const NAMESPACE = 'default';

function clientOf(server: string | string[]): RestClient {
  return new RestClient({ config: { server }, userAgent: 'test-client' });
}

const named = (name: string, data: Record<string, string> = {}): ConfigMap => ({
  metadata: { namespace: NAMESPACE, name },
  data,
});

/** Tap's `rejects` knows patterns of errors only in part; a reason is compared here. */
async function reasonOf(request: Promise<unknown>): Promise<string> {
  try {
    await request;
    return 'no error';
  } catch (err) {
    return err instanceof StatusError ? err.reason : String(err);
  }
}

t.test('against a real server', async (t) => {
  const api = await TestApi.start({ definitions });
  const client = clientOf(api.url);
  const maps = client.resource<ConfigMap>(CONFIG_MAPS);
  t.teardown(async () => {
    await client.close();
    await api.stop();
  });

  t.test('every verb does what it says, and failures are StatusErrors by reason', async (t) => {
    const made = await maps.create(named('verbs', { a: '1' }));
    t.equal(made.metadata?.managedFields?.[0]?.manager, 'test-client');
    t.equal(await reasonOf(maps.create(named('verbs'))), 'AlreadyExists');
    const updated = await maps.update({ ...made, data: { a: '2' } });
    t.equal(await reasonOf(maps.update({ ...made, data: { a: '3' } })), 'Conflict');
    t.equal((await maps.patch(NAMESPACE, 'verbs', 'merge', { data: { b: '1' } })).data?.['b'], '1');
    const applied = await maps.apply(named('verbs', { c: '1' }), { fieldManager: 'other' });
    t.same(applied.data, { a: '2', b: '1', c: '1' });
    t.equal((await maps.get(NAMESPACE, 'verbs')).metadata?.uid, updated.metadata?.uid);
    t.equal((await maps.list({ namespace: NAMESPACE })).items.length, 1);
    t.equal(
      await reasonOf(maps.delete(NAMESPACE, 'verbs', { preconditions: { uid: 'other' } })),
      'Conflict',
    );
    await maps.delete(NAMESPACE, 'verbs');
    t.equal(await reasonOf(maps.get(NAMESPACE, 'verbs')), 'NotFound');
    await t.rejects(maps.get(NAMESPACE, ''), /may not be empty/);
  });

  t.test('a list comes in pages that fit together', async (t) => {
    for (let i = 0; i < 5; i++) await maps.create(named(`page-${i}`));
    const names: (string | undefined)[] = [];
    for await (const page of maps.pages({ namespace: NAMESPACE, limit: 2 })) {
      names.push(...page.items.map((item) => item.metadata?.name));
    }
    t.same(names, ['page-0', 'page-1', 'page-2', 'page-3', 'page-4']);
    await maps.deleteCollection({ namespace: NAMESPACE });
    t.same((await maps.list()).items, []);
  });

  t.test('an informer follows adds, updates and deletes, and knows the cause', async (t) => {
    await maps.create(named('before'));
    const seen: string[] = [];
    const informer = new Informer<ConfigMap>({
      client: maps,
      indexers: { [BY_NAMESPACE]: namespaceIndex },
      detectMutation: true,
    });
    informer.addHandler({
      add: (obj, initial) => seen.push(`add ${obj.metadata?.name} ${initial}`),
      update: (old, obj) => seen.push(`update ${old.data?.['v']} ${obj.data?.['v']}`),
      delete: (obj, tombstone) => seen.push(`delete ${obj.metadata?.name} ${tombstone}`),
    });
    const stop = new AbortController();
    const running = informer.run(stop.signal);
    await informer.waitForSync(stop.signal);
    const made = await maps.create(named('during', { v: '1' }));
    await maps.update({ ...made, data: { v: '2' } });
    await maps.delete(NAMESPACE, 'during');
    await eventually('the delete', () => seen.length === 4);
    t.same(seen, ['add before true', 'add during false', 'update 1 2', 'delete during false']);
    t.equal(informer.store.byIndex(BY_NAMESPACE, NAMESPACE).length, 1);
    const cached = informer.store.get(`${NAMESPACE}/before`);
    t.throws(
      () => Object.assign(cached?.metadata ?? {}, { name: 'x' }),
      /read only|not extensible/,
    );
    stop.abort();
    await running;
  });

  t.test('one of two candidates leads, and the other takes over when it lets go', async (t) => {
    const timing = { leaseDurationMs: 3000, renewDeadlineMs: 2000, retryPeriodMs: 100 };
    const recorder = new EventRecorder({ client, component: 'elector' });
    const electorOf = (identity: string) =>
      new LeaderElector({
        client,
        namespace: NAMESPACE,
        name: 'lock',
        identity,
        recorder,
        ...timing,
      });
    const stops = [new AbortController(), new AbortController()];
    const leading: string[] = [];
    const lead = (id: string) => async (signal: AbortSignal) => {
      leading.push(id);
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    };
    const first = electorOf('one').run(stops[0]?.signal ?? AbortSignal.abort(), lead('one'));
    await eventually('one leads', () => leading.length === 1);
    const second = electorOf('two').run(stops[1]?.signal ?? AbortSignal.abort(), lead('two'));
    await new RealClock().sleep(400);
    t.same(leading, ['one']);
    stops[0]?.abort();
    await first;
    await eventually('two leads', () => leading.length === 2, 2500);
    stops[1]?.abort();
    await second;
    await recorder.flush();
    const { items } = await client.resource<Event>(CORE_EVENTS).list({ namespace: NAMESPACE });
    t.match(
      items.map((e) => [e.reason, e.message, e.involvedObject.kind]),
      [
        ['LeaderElection', 'one became leader', 'Lease'],
        ['LeaderElection', 'two became leader', 'Lease'],
      ],
    );
  });

  t.test('who finds its lease taken has lost', async (t) => {
    const timing = { leaseDurationMs: 1000, renewDeadlineMs: 400, retryPeriodMs: 50 };
    const elector = new LeaderElector({
      client,
      namespace: NAMESPACE,
      name: 'stolen',
      identity: 'me',
      ...timing,
    });
    const leases = client.resource(LEASES);
    const running = elector.run(new AbortController().signal, async (signal) => {
      const body = { spec: { holderIdentity: 'thief', leaseDurationSeconds: 60 } };
      await leases.patch(NAMESPACE, 'stolen', 'merge', body);
      await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    });
    await t.rejects(running, LeaderLostError);
  });

  t.test('a repeated event is one object with a count', async (t) => {
    const recorder = new EventRecorder({ client, component: 'teller', host: 'h' });
    const obj = await maps.create(named('told'));
    for (let i = 0; i < 3; i++)
      recorder.event(referenceTo(CONFIG_MAPS, obj), 'Warning', 'Again', 'same');
    await recorder.flush();
    const { items } = await client
      .resource<Event>(CORE_EVENTS)
      .list({ namespace: NAMESPACE, fieldSelector: 'reason=Again' });
    t.equal(items.length, 1);
    t.match(items[0], { count: 3, type: 'Warning', source: { component: 'teller', host: 'h' } });
    t.match(items[0]?.metadata?.name, /^told\.[0-9a-f]{15,16}$/);
  });
});

t.test('an informer misses nothing while its server dies and comes back', async (t) => {
  const store = await TestStore.start();
  const first = await TestApi.start({ definitions, store });
  // The informer knows both addresses from the start; only one answers at a time.
  const relay = createServer();
  let target = first.url;
  relay.on('request', (req, res) => {
    fetchThrough(target, req.url ?? '/', req.method ?? 'GET')
      .then(
        async (answer) => {
          res.writeHead(answer.status, { 'content-type': 'application/json' });
          if (answer.body) for await (const chunk of answer.body) res.write(chunk);
          res.end();
        },
        () => res.destroy(),
      )
      .catch(() => res.destroy());
  });
  await new Promise<void>((resolve) => relay.listen(0, '127.0.0.1', resolve));
  const client = clientOf(`http://127.0.0.1:${(relay.address() as AddressInfo).port}`);
  const informer = new Informer<ConfigMap>({ client: client.resource<ConfigMap>(CONFIG_MAPS) });
  const seen: string[] = [];
  informer.addHandler({
    add: (obj) => seen.push(`+${obj.metadata?.name}`),
    delete: (obj) => seen.push(`-${obj.metadata?.name}`),
  });
  const stop = new AbortController();
  const running = informer.run(stop.signal);
  await informer.waitForSync(stop.signal);
  const direct = clientOf(first.url);
  await direct.resource<ConfigMap>(CONFIG_MAPS).create(named('a'));
  await eventually('a', () => seen.includes('+a'));
  await direct.close();
  await first.stop();

  const second = await TestApi.start({ definitions, store });
  const again = clientOf(second.url);
  const maps = again.resource<ConfigMap>(CONFIG_MAPS);
  await maps.create(named('b'));
  await maps.delete(NAMESPACE, 'a');
  await maps.create(named('c'));
  target = second.url;
  await eventually('c', () => seen.includes('+c'));
  t.same(seen, ['+a', '+b', '-a', '+c'], 'each change once and in order');

  stop.abort();
  await running;
  await client.close();
  await again.close();
  await second.stop();
  relay.closeAllConnections();
  relay.close();
  await store.remove();
});

t.test('what a server may do to a client', async (t) => {
  const answers: ((res: import('node:http').ServerResponse) => void)[] = [];
  const requests: { url: string; headers: Record<string, unknown> }[] = [];
  const server = createServer((req, res) => {
    requests.push({ url: `${req.method} ${req.url}`, headers: req.headers });
    const answer = answers.shift();
    if (answer) answer(res);
    else res.end('{"items":null}');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = clientOf(url);
  const maps = client.resource<ConfigMap>(CONFIG_MAPS);
  t.teardown(async () => {
    await client.close();
    server.closeAllConnections();
    server.close();
  });

  t.test('an answer with Retry-After is waited for', async (t) => {
    answers.push((res) => res.writeHead(429, { 'retry-after': '0' }).end('busy'));
    t.same((await maps.list()).items, []);
  });
  t.test('an answer that is no Status still has a reason', async (t) => {
    answers.push((res) => res.writeHead(503).end('upstream down'));
    await t.rejects(maps.list(), /upstream down/);
  });
  t.test('a broken connection is no answer', async (t) => {
    answers.push((res) => res.destroy());
    await t.rejects(maps.create(named('x')), { name: 'ConnectionError' });
  });
  t.test('an abort ends a request with its reason', async (t) => {
    answers.push(() => undefined);
    const stop = new AbortController();
    const waiting = maps.list({ signal: stop.signal });
    setImmediate(() => stop.abort(new Error('enough')));
    await t.rejects(waiting, /enough/);
  });
  t.test('an answer that is not wanted is not parsed, a refusal is', async (t) => {
    answers.push((res) => res.writeHead(201).end('no JSON'));
    await maps.createUnread(named('x'));
    const refusal = { kind: 'Status', status: 'Failure', code: 409, reason: 'AlreadyExists' };
    answers.push((res) => res.writeHead(409).end(JSON.stringify(refusal)));
    await t.rejects(maps.createUnread(named('x')), {
      name: 'StatusError',
      reason: 'AlreadyExists',
    });
    answers.push((res) => res.writeHead(200).end('no JSON'));
    await maps.patchUnread(NAMESPACE, 'x', 'merge', { data: {} });
    t.equal(requests.at(-1)?.headers['content-type'], 'application/merge-patch+json');
  });
  t.test('who wants metadata only is answered a collection by its list', async (t) => {
    const slim = client.resource<ConfigMap>(CONFIG_MAPS, { metadataOnly: true });
    answers.push((res) => res.end('{"kind":"PartialObjectMetadataList","items":[]}'));
    await slim.deleteCollection({ namespace: NAMESPACE });
    t.match(requests.at(-1)?.headers.accept, /as=PartialObjectMetadataList/);
  });
  t.test('an answer that breaks off is no answer', async (t) => {
    answers.push((res) => {
      res.writeHead(200, { 'content-length': '100' });
      res.write('{"items":', () => res.destroy());
    });
    await t.rejects(maps.list(), { name: 'ConnectionError' });
  });
  t.test('a silent server times out', async (t) => {
    answers.push(() => undefined);
    await t.rejects(maps.list({ timeoutMs: 200 }), { name: 'ConnectionError' });
  });
  t.test('writes say what caused them, reads do not', async (t) => {
    requests.length = 0;
    const cause = { metadata: { namespace: 'n', name: 'p', resourceVersion: '7' } };
    await withCause(CONFIG_MAPS, cause, async () => {
      await maps.list();
      await maps.create(named('x'));
    });
    t.equal(requests[0]?.headers['drydock-cause'], undefined);
    t.equal(requests[1]?.headers['drydock-cause'], '/v1/configmaps/n/p@7');
    t.match(requests[1]?.headers['user-agent'], /^test-client\/v1\.35\.0 \(linux\/\w+\) drydock$/);
  });
  t.test('the next server is asked when one cannot be reached', async (t) => {
    const two = clientOf(['http://127.0.0.1:1', url]);
    await t.rejects(two.resource(CONFIG_MAPS).list(), { name: 'ConnectionError' });
    t.same((await two.resource(CONFIG_MAPS).list()).items, []);
    await two.close();
  });
  t.test('a token that is refused is asked for anew, once', async (t) => {
    let tokens = 0;
    const tokenSource = async (rejected = false) => `t${rejected ? ++tokens : tokens}`;
    const withToken = new RestClient({ config: { server: url, tokenSource }, userAgent: 'x' });
    requests.length = 0;
    answers.push((res) => res.writeHead(401).end());
    t.same((await withToken.resource(CONFIG_MAPS).list()).items, []);
    t.same(
      requests.map((r) => r.headers['authorization']),
      ['Bearer t0', 'Bearer t1'],
    );
    answers.push((res) => res.writeHead(401).end());
    answers.push((res) => res.writeHead(401).end());
    t.equal(await reasonOf(withToken.resource(CONFIG_MAPS).list()), 'Unauthorized');
    await withToken.close();
  });
  t.test('isReason matches by reason', async (t) => {
    answers.push((res) =>
      res.writeHead(404).end('{"kind":"Status","reason":"NotFound","code":404,"message":"gone"}'),
    );
    const err = await maps.get(NAMESPACE, 'x').then(
      () => undefined,
      (e: unknown) => e,
    );
    t.ok(isReason(err, 'NotFound'));
  });
});

function fetchThrough(target: string, path: string, method: string): Promise<Response> {
  return fetch(target + path, { method });
}
