/** Secrets as they stand in the store: encrypted, readable by every key that is configured, and by no other. */
import { randomBytes } from 'node:crypto';
import t from 'tap';
import { prefixEnd } from '../../../pkg/etcd-client/interface.js';
import { TestServer } from '../../testing/test-server.js';
import { EncryptionConfiguration } from './configuration.js';
import { aescbc, aesgcm, secretbox } from './providers.js';
import { openSecretbox, sealSecretbox } from './secretbox.js';

const key = (name: string, bytes = 32) => ({ name, secret: randomBytes(bytes).toString('base64') });
const configuration = (providers: readonly object[], resources = ['secrets']) =>
  EncryptionConfiguration.parse(
    JSON.stringify({
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'EncryptionConfiguration',
      resources: [{ resources, providers }],
    }),
  );

t.test('providers', async (t) => {
  const value = Buffer.from('{"kind":"Secret"}');
  for (const [row, make] of [
    ['aescbc', aescbc],
    ['aesgcm', aesgcm],
    ['secretbox', secretbox],
  ] as const) {
    for (const bytes of row === 'secretbox' ? [32] : [16, 24, 32]) {
      const provider = make(key('k', bytes));
      const sealed = provider.encrypt(value, '/registry/secrets/a/b');
      t.notMatch(sealed.toString('latin1'), /Secret/, row);
      t.same(provider.decrypt(sealed, '/registry/secrets/a/b'), value, `${row} ${bytes * 8}`);
      t.not(Buffer.compare(sealed, provider.encrypt(value, '/registry/secrets/a/b')), 0);
    }
    t.throws(
      () => make(key('k')).decrypt(make(key('k')).encrypt(value, 'a'), 'a'),
      `${row}: another key`,
    );
  }
  const gcm = aesgcm(key('k'));
  t.throws(() => gcm.decrypt(gcm.encrypt(value, 'a'), 'b'), 'a value that was moved');
});

t.test("secretbox agrees with NaCl's own example", async (t) => {
  const hex = (text: string) => Buffer.from(text, 'hex');
  const secret = hex('1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389');
  const nonce = hex('69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37');
  const message = hex(
    'be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffce5ecbaaf33bd751a1ac728d45e6c61296cdc3c01233561f41db66cce314adb310e3be8250c46f06dceea3a7fa1348057e2f6556ad6b1318a024a838f21af1fde048977eb48f59ffd4924ca1c60902e52f0a089bc76897040e082f937763848645e0705',
  );
  const box = sealSecretbox(message, nonce, secret);
  t.equal(box.subarray(0, 16).toString('hex'), 'f3ffc7703f9400e52a7dfb4b3d3305d9');
  t.equal(box.subarray(16, 32).toString('hex'), '8e993b9f48681273c29650ba32fc76ce');
  t.same(openSecretbox(box, nonce, secret), message);
  const broken = Buffer.from(box);
  broken[40] = (broken[40] ?? 0) ^ 1;
  t.throws(() => openSecretbox(broken, nonce, secret), /cannot be opened/);
});

t.test('a configuration that is wrong is refused, and never shown', async (t) => {
  for (const [row, providers, why] of [
    ['none', [], /resources\[0\]\.providers: Required value/],
    ['two at once', [{ identity: {}, aescbc: {} }], /exactly one provider/],
    ['an unknown one', [{ rot13: {} }], /provider "rot13" is not supported/],
    ['no keys', [{ aescbc: { keys: [] } }], /at least one key/],
    [
      'a short key',
      [{ aesgcm: { keys: [{ name: 'k', secret: 'c2hvcnQ=' }] } }],
      /secret is not of the expected length, got 5, expected one of \[16 24 32\]/,
    ],
  ] as const) {
    t.throws(() => configuration(providers), why, row);
  }
  const all = configuration([{ identity: {} }], ['*.apps', 'secrets']);
  t.equal(all.providersFor('deployments.apps').length, 1);
  t.equal(all.providersFor('secrets').length, 1);
  t.equal(all.providersFor('configmaps').length, 0);
});

t.test('secrets of a server', async (t) => {
  const [one, two] = [key('one'), key('two')];
  const server = await TestServer.start({
    options: { encryption: configuration([{ aescbc: { keys: [one] } }, { identity: {} }]) },
  });
  t.teardown(() => server.stop());
  const admin = server.as('admin');
  const secrets = '/api/v1/namespaces/default/secrets';
  const client = await server.storeClient();
  const stored = async () => {
    const from = '/registry/secrets/default/';
    const { kvs } = await client.range(from, { rangeEnd: prefixEnd(from) });
    return kvs.map(({ value }) => value.toString('latin1'));
  };
  const body = { metadata: { name: 's' }, stringData: { password: 'open sesame' } };
  t.equal((await admin.post(secrets, body)).code, 201);
  t.match((await stored())[0], /^k8s:enc:aescbc:v1:one:/);
  t.equal((await admin.get(`${secrets}/s`)).code, 200);
  t.match((await admin.get(`${secrets}/s`)).body['data'], { password: 'b3BlbiBzZXNhbWU=' });
  const watch = await admin.watch(`${secrets}?watch=true`);
  t.match((await watch.next())?.object, { metadata: { name: 's' } });
  watch.close();
  await admin.post('/api/v1/namespaces/default/configmaps', { metadata: { name: 'm' } });
  const { kvs } = await client.range('/registry/configmaps/default/m');
  t.match(kvs[0]?.value.toString(), /^\{"kind":"ConfigMap"/, 'what is not named stays as it is');

  server.server.reconfigureEncryption(
    configuration([{ aesgcm: { keys: [two] } }, { aescbc: { keys: [one] } }]),
  );
  t.equal((await admin.get(`${secrets}/s`)).code, 200, 'the old key still reads');
  const { body: current } = await admin.get(`${secrets}/s`);
  t.equal((await admin.put(`${secrets}/s`, current)).code, 200);
  t.match(
    (await stored())[0],
    /^k8s:enc:aesgcm:v1:two:/,
    'written again, unchanged, by the new one',
  );

  const other = await TestServer.start({
    beside: server,
    options: { encryption: configuration([{ aesgcm: { keys: [two] } }]) },
  });
  t.teardown(() => other.stop());
  t.equal((await other.as('admin').get(`${secrets}/s`)).code, 200, 'another server with the key');
});
