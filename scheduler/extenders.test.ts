import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import { createServer as createSecureServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { SecureContextOptions } from 'node:tls';
import t, { type Test } from 'tap';
import { silentLogger } from '../pkg/component/logger.js';
import { generateSelfSigned } from '../pkg/component/pki.js';
import { withDefaults } from './config/defaults.js';
import type { GivenExtender } from './config/given.js';
import { Extender } from './extender.js';
import { Extenders } from './extenders.js';
import { podInfoOf } from './framework/pod-info.js';
import { Cluster, nodeOf, podOf } from './testing/builders.js';

type Answer = (body: Record<string, unknown>) => unknown;
const signal = new AbortController().signal;

/** A web service that answers each verb; what it was asked is kept. */
async function service(t: Test, verbs: Record<string, Answer>, tls?: SecureContextOptions) {
  const asked: { verb: string; body: Record<string, unknown> }[] = [];
  const serve = async (req: IncomingMessage, res: ServerResponse) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk as Buffer);
    const verb = req.url?.split('/').pop() ?? '';
    const body = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
    asked.push({ verb, body });
    const answer = verbs[verb]?.(body);
    res.statusCode = answer === undefined ? 500 : 200;
    res.end(JSON.stringify(answer ?? {}));
  };
  const server = tls ? createSecureServer(tls, serve) : createServer(serve);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  t.teardown(() => server.close());
  const open = async (given: GivenExtender) => {
    const [config] = withDefaults({
      extenders: [{ urlPrefix: `${tls ? 'https' : 'http'}://127.0.0.1:${port}/x/`, ...given }],
    }).extenders;
    if (!config) throw new Error('no extender');
    const extender = await Extender.open(config);
    t.teardown(() => extender.close());
    return extender;
  };
  return { asked, open };
}

const all = (...extenders: Extender[]) => new Extenders(extenders, silentLogger());
const NODES = ['a', 'b', 'c'].map((name) => nodeOf(name));

t.test('what an extender refuses is refused, and the message says why', async (t) => {
  const { open, asked } = await service(t, {
    filter: () => ({
      nodenames: ['b'],
      FailedNodes: { a: 'too dark' },
      FailedAndUnresolvableNodes: { c: 'too far' },
    }),
  });
  const extender = await open({ filterVerb: 'filter', nodeCacheCapable: true });
  const cluster = new Cluster(NODES);
  const pod = podInfoOf(podOf('p'));
  t.match(await cluster.algorithm.scheduleWith(all(extender), pod, signal), { node: 'b' });
  const [first] = asked;
  t.match(first?.body, { Pod: { metadata: { name: 'p' } }, Nodes: null });
  t.same([...((first?.body['NodeNames'] as string[] | undefined) ?? [])].sort(), ['a', 'b', 'c']);

  const nobody = await service(t, {
    filter: () => ({ Nodes: null, FailedNodes: { a: 'too dark', b: 'too dark', c: 'too far' } }),
  });
  const strict = await nobody.open({ filterVerb: 'filter' });
  const outcome = await cluster.algorithm.scheduleWith(all(strict), pod, signal);
  t.ok('diagnosis' in outcome);
  if (!('diagnosis' in outcome)) return;
  t.equal(outcome.diagnosis.message(), '0/3 nodes are available: 1 too far, 2 too dark.');
  t.ok(outcome.diagnosis.plugins.has('Extender'), 'anything that happens may bring the pod back');
  const items = (nobody.asked[0]?.body['Nodes'] as { items: object[] }).items;
  t.equal(items.length, 3, 'without a cache of its own it is sent whole nodes');
});

t.test('scores of an extender count by its weight', async (t) => {
  const { open } = await service(t, {
    score: () => [
      { Host: 'a', Score: 1 },
      { Host: 'c', Score: 10 },
    ],
  });
  const extender = await open({ prioritizeVerb: 'score', weight: 5 });
  const cluster = new Cluster(NODES);
  const extenders = all(extender);
  const nodes = cluster.cache.nodeList();
  t.same(
    [...(await extenders.prioritize(podInfoOf(podOf('p')), nodes, signal))],
    [
      ['a', 50],
      ['c', 500],
    ],
  );
  t.match(await cluster.algorithm.scheduleWith(extenders, podInfoOf(podOf('p')), signal), {
    node: 'c',
  });
});

t.test('an extender that fails stops the pod, unless it may be ignored', async (t) => {
  const { open } = await service(t, {
    error: () => ({ Error: 'out of order' }),
    wrong: () => ({ NodeNames: ['z'] }),
  });
  const cluster = new Cluster(NODES);
  const place = (extender: Extender) =>
    cluster.algorithm.scheduleWith(all(extender), podInfoOf(podOf('p')), signal);
  await t.rejects(place(await open({ filterVerb: 'gone' })), {
    message: /^failed gone with extender at URL http:.*\/x\/gone, code 500$/,
  });
  await t.rejects(place(await open({ filterVerb: 'error' })), { message: 'out of order' });
  await t.rejects(place(await open({ filterVerb: 'wrong', nodeCacheCapable: true })), {
    message: /claims a filtered node "z" which is not found in the input node list/,
  });
  t.match(await place(await open({ filterVerb: 'error', ignorable: true })), { node: /[abc]/ });
});

t.test('over TLS it is trusted as configured', async (t) => {
  const { cert, key } = await generateSelfSigned('extender', Date.now());
  const other = await generateSelfSigned('stranger', Date.now());
  const { open } = await service(t, { filter: () => ({ NodeNames: ['b'] }) }, { cert, key });
  const base64 = (pem: string) => Buffer.from(pem).toString('base64');
  const place = async (given: GivenExtender) => {
    const extender = await open({ filterVerb: 'filter', nodeCacheCapable: true, ...given });
    const outcome = await new Cluster(NODES).algorithm.scheduleWith(
      all(extender),
      podInfoOf(podOf('p')),
      signal,
    );
    return 'node' in outcome ? outcome.node : outcome.diagnosis.message();
  };
  t.equal(await place({ enableHTTPS: true }), 'b', 'without an authority whoever answers');
  t.equal(await place({ tlsConfig: { insecure: true } }), 'b');
  t.equal(await place({ enableHTTPS: true, tlsConfig: { caData: base64(cert) } }), 'b');
  const strict = { enableHTTPS: true, tlsConfig: { caData: base64(other.cert) } };
  await t.rejects(place(strict), 'somebody else');
  await t.rejects(place({}), 'nobody vouches for it');
  await t.rejects(
    place({ tlsConfig: { caData: base64(cert), serverName: 'elsewhere.example' } }),
    'under another name',
  );
  const under = { caData: base64(cert), serverName: 'localhost' };
  t.equal(await place({ enableHTTPS: true, tlsConfig: under }), 'b', 'under one of its names');
});

t.test('only pods that ask for what it manages are its business', async (t) => {
  const { open } = await service(t, {});
  const extender = await open({ managedResources: [{ name: 'example.com/gpu' }] });
  t.notOk(extender.isInterested(podInfoOf(podOf('p', { requests: { cpu: '1' } }))));
  t.ok(extender.isInterested(podInfoOf(podOf('p', { requests: { 'example.com/gpu': '1' } }))));
  const [profile] = withDefaults({
    extenders: [{ managedResources: [{ name: 'example.com/gpu', ignoredByScheduler: true }] }],
  }).profiles;
  const ignoring = new Cluster([nodeOf('a')], [], profile ? { profile } : {});
  t.equal(ignoring.schedule(podOf('p', { requests: { 'example.com/gpu': '1' } })), 'a');
});

t.test('an extender binds, and has its say in preemption', async (t) => {
  const { open, asked } = await service(t, {
    bind: () => ({}),
    preempt: () => ({
      NodeNameToMetaVictims: { b: { Pods: [{ UID: 'y' }], NumPDBViolations: 0 } },
    }),
  });
  const extenders = all(
    await open({ bindVerb: 'bind', preemptVerb: 'preempt', nodeCacheCapable: true }),
  );
  const pod = podInfoOf(podOf('p'));
  t.ok(await extenders.bind(pod, 'a', signal));
  t.same(asked[0]?.body, { PodName: 'p', PodNamespace: 'default', PodUID: 'p', Node: 'a' });
  const cluster = new Cluster(NODES, [
    { node: 'a', pod: podOf('x') },
    { node: 'b', pod: podOf('y') },
  ]);
  const victim = (node: string, uid: string) => ({
    node,
    victims: [cluster.info(uid)],
    budgetViolations: 0,
  });
  const left = await extenders.processPreemption(
    pod,
    [victim('a', 'x'), victim('b', 'y')],
    (node) => cluster.cache.node(node)?.pods,
    signal,
  );
  t.same(asked[1]?.body['NodeNameToMetaVictims'], {
    a: { Pods: [{ UID: 'x' }], NumPDBViolations: 0 },
    b: { Pods: [{ UID: 'y' }], NumPDBViolations: 0 },
  });
  t.match(left, [{ node: 'b', victims: [{ uid: 'y' }] }]);
  t.equal(await all().bind(pod, 'a', signal), false, 'without one the plugin binds');
});
