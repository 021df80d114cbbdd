/** Plugins that are off by default, each on a server that has it on; and the names that the flags take. */
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import type { Pod, PodSpec, Toleration } from '../../pkg/api/types.js';
import type { ServerAccess } from '../server/request-context.js';
import { TestServer } from '../testing/test-server.js';
import { type ConfigurationFiles, parseAdmissionConfiguration } from './configuration.js';
import { pluginFaults } from './index.js';
import { eventRateLimit } from './plugins/event-rate-limit.js';
import { imagePolicyWebhook } from './plugins/image-policy-webhook.js';

const CORE = '/api/v1/namespaces';
const pod = (name: string, spec: Partial<PodSpec> = {}): Pod => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec },
});
const NO_FILES: ConfigurationFiles = {
  readFile: () => '',
  readKubeconfig: () => ({ server: 'https://127.0.0.1:1' }),
};
const NO_SERVER: ServerAccess = {
  store: () => {
    throw new Error('no store');
  },
  authorize: async () => ({ allowed: false }),
};
/** One plugin's own configuration, as it stands in the file. */
const configured = (name: string, configuration: object, files = NO_FILES) =>
  parseAdmissionConfiguration(
    JSON.stringify({
      apiVersion: 'apiserver.config.k8s.io/v1',
      kind: 'AdmissionConfiguration',
      plugins: [{ name, configuration }],
    }),
    files,
  );
const eventLimits = (...limits: object[]) => ({
  apiVersion: 'eventratelimit.admission.k8s.io/v1alpha1',
  kind: 'Configuration',
  limits,
});

t.test('plugins that are asked for', async (t) => {
  const server = await TestServer.start({
    options: {
      enableAdmissionPlugins: [
        'AlwaysAdmit',
        'AlwaysPullImages',
        'DenyServiceExternalIPs',
        'ExtendedResourceToleration',
        'LimitPodHardAntiAffinityTopology',
        'NamespaceAutoProvision',
        'NamespaceExists',
        'PodNodeSelector',
      ],
      disableAdmissionPlugins: ['ServiceAccount', 'EventRateLimit', 'ClusterTrustBundleAttest'],
      admission: parseAdmissionConfiguration(
        JSON.stringify({
          apiVersion: 'apiserver.config.k8s.io/v1',
          kind: 'AdmissionConfiguration',
          plugins: [
            {
              name: 'PodSecurity',
              configuration: {
                apiVersion: 'pod-security.admission.config.k8s.io/v1',
                kind: 'PodSecurityConfiguration',
                defaults: { enforce: 'baseline' },
                exemptions: { namespaces: ['free'] },
              },
            },
          ],
        }),
        NO_FILES,
      ),
    },
  });
  t.teardown(() => server.stop());
  const admin = server.as('admin');
  const pods = `${CORE}/fresh/pods`;
  const made = await admin.post(pods, pod('a'));
  t.equal(made.code, 201, 'its namespace is made for it');
  t.match(made.body['spec'], { containers: [{ imagePullPolicy: 'Always' }] });
  t.equal((await admin.get(`${CORE}/fresh`)).code, 200);

  const host = await admin.post(pods, pod('h', { hostNetwork: true }));
  t.match(host.body['message'], 'violates PodSecurity "baseline:latest": host namespaces');
  t.equal((await admin.post(`${CORE}/free/pods`, pod('h', { hostNetwork: true }))).code, 201);

  const gpu = {
    containers: [{ name: 'c', image: 'i', resources: { limits: { 'x.io/gpu': '1' } } }],
  };
  t.match((await admin.post(pods, pod('gpu', gpu))).body['spec'], {
    tolerations: [{}, {}, { key: 'x.io/gpu', operator: 'Exists', effect: 'NoSchedule' }],
  });

  const apart = (topologyKey: string) => ({
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey, labelSelector: { matchLabels: { a: 'b' } } },
        ],
      },
    },
  });
  t.equal((await admin.post(pods, pod('near', apart('kubernetes.io/hostname')))).code, 201);
  t.equal(
    (await admin.post(pods, pod('far', apart('zone')))).body['message'],
    'pods "far" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey zone but only key kubernetes.io/hostname is allowed',
  );

  const service = { spec: { ports: [{ port: 80 }], externalIPs: ['192.0.2.1'] } };
  t.equal(
    (await admin.post(`${CORE}/fresh/services`, { metadata: { name: 's' }, ...service })).body[
      'message'
    ],
    'services "s" is forbidden: Use of external IPs is denied by admission control',
  );

  await admin.patch(`${CORE}/fresh`, {
    metadata: { annotations: { 'scheduler.alpha.kubernetes.io/node-selector': 'disk=fast' } },
  });
  await server.settled();
  t.match((await admin.post(pods, pod('fast'))).body['spec'], { nodeSelector: { disk: 'fast' } });
  t.equal(
    (await admin.post(pods, pod('slow', { nodeSelector: { disk: 'slow' } }))).body['message'],
    'pods "slow" is forbidden: pod node label selector conflicts with its namespace node label selector',
  );

  await admin.post('/api/v1/nodes', {
    metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': 'z', other: 'x' } },
  });
  await server.settled();
  const bound = await admin.post(`${pods}/a/binding`, { target: { kind: 'Node', name: 'n' } });
  t.equal(bound.code, 201, bound.text);
  const { metadata } = (await admin.get(`${pods}/a`)).body as Pod;
  t.same(metadata?.labels, { 'topology.kubernetes.io/zone': 'z' });
});

t.test('AlwaysDeny', async (t) => {
  const server = await TestServer.start({ options: { enableAdmissionPlugins: ['AlwaysDeny'] } });
  t.teardown(() => server.stop());
  const { code, body } = await server.as('admin').post(CORE, { metadata: { name: 'n' } });
  t.equal(code, 403);
  t.equal(
    body['message'],
    'namespaces "n" is forbidden: admission control is denying all modifications',
  );
});

t.test('names that the flags do not take', async (t) => {
  for (const [enable, disable, why] of [
    [['Nonsense'], [], 'enable-admission-plugins plugin "Nonsense" is unknown'],
    [[], ['Nonsense'], 'disable-admission-plugins plugin "Nonsense" is unknown'],
    [
      ['LimitRanger'],
      ['LimitRanger'],
      '[LimitRanger] in enable-admission-plugins and disable-admission-plugins overlapped',
    ],
  ] as const)
    t.same(pluginFaults({ enable, disable }, new Set(['LimitRanger'])), [why]);
  t.throws(() => configured('LimitRanger', {}), /plugin "LimitRanger" takes no configuration/);
});

t.test('configurations that are wrong', async (t) => {
  const one = { type: 'Server', qps: 1, burst: 1 };
  for (const [name, configuration, why] of [
    ['EventRateLimit', {}, 'must be Configuration of eventratelimit.admission.k8s.io/v1alpha1'],
    ['EventRateLimit', eventLimits(), 'limits: Invalid value: []: must not be empty'],
    [
      'EventRateLimit',
      eventLimits({ ...one, type: 'Node' }),
      'limits[0].type: Unsupported value: "Node": supported values: "Namespace", "Server", "SourceAndObject", "User"',
    ],
    [
      'EventRateLimit',
      eventLimits({ ...one, qps: 0 }),
      'limits[0].qps: Invalid value: 0: must be positive',
    ],
    [
      'EventRateLimit',
      eventLimits(one, { ...one, burst: -1 }),
      'limits[1].burst: Invalid value: -1: must be positive',
    ],
    [
      'EventRateLimit',
      eventLimits({ ...one, type: 'User', cacheSize: -1 }),
      'limits[0].cacheSize: Invalid value: -1: must not be negative',
    ],
    ['ImagePolicyWebhook', {}, 'imagePolicy.kubeConfigFile: Required value'],
    [
      'ImagePolicyWebhook',
      { imagePolicy: { kubeConfigFile: 'k', allowTTL: 3_600 } },
      'valid value is between 1s and 30m0s, got 3600',
    ],
    [
      'ImagePolicyWebhook',
      { imagePolicy: { kubeConfigFile: 'k', retryBackoff: 300_001 } },
      'valid value is between 1ns and 5m0s, got 300001',
    ],
    ['PodTolerationRestriction', { kind: 'Other' }, 'no kind "Other" is registered'],
    [
      'PodNodeSelector',
      { podNodeSelectorPluginConfig: { ns: 1 } },
      'podNodeSelectorPluginConfig[ns]: Invalid value: must be a string',
    ],
  ] as const)
    t.throws(
      () => configured(name, configuration),
      { message: new RegExp(`of ${name}: .*${escaped(why)}`) },
      why,
    );
  t.throws(
    () => eventRateLimit(undefined).create(NO_SERVER),
    { message: 'limits: Invalid value: []: must not be empty' },
    'a limit that limits nothing',
  );
  t.throws(
    () => imagePolicyWebhook(undefined).create(NO_SERVER),
    { message: /couldn't init admission plugin "ImagePolicyWebhook"/ },
    'a webhook that is nowhere',
  );
});

t.test('EventRateLimit', async (t) => {
  const server = await TestServer.start({
    users: ['alice', 'bob'],
    options: {
      enableAdmissionPlugins: ['EventRateLimit'],
      authorizationModes: ['AlwaysAllow'],
      admission: configured(
        'EventRateLimit',
        eventLimits(
          // So slow that no bucket fills while the test runs.
          { type: 'Server', qps: 1, burst: 1_000 },
          { type: 'Namespace', qps: 1, burst: 1_000, cacheSize: 1 },
          { type: 'SourceAndObject', qps: 1, burst: 200 },
          { type: 'User', qps: 1, burst: 300 },
        ),
      ),
    },
  });
  t.teardown(() => server.stop());
  const alice = server.as('alice');
  let made = 0;
  const event = (object: string) => ({
    metadata: { name: `e${made++}`, namespace: 'default' },
    involvedObject: { kind: 'Pod', namespace: 'default', name: object },
    source: { component: 'test' },
  });
  const events = `${CORE}/default/events`;
  const send = async (user: string, object: string, times: number) => {
    const answers = await Promise.all(
      Array.from({ length: times }, () => server.as(user).post(events, event(object))),
    );
    return answers.filter(({ code }) => code === 429);
  };
  t.equal((await send('alice', 'a', 150)).length, 0, 'as many as the burst');
  const [refused, ...more] = await send('alice', 'a', 100);
  t.ok(more.length >= 20, `${more.length} of the next are refused`);
  t.match(refused?.body, {
    reason: 'TooManyRequests',
    code: 429,
    message: 'Too many requests: limit reached on type SourceAndObject for key testPoddefaulta',
  });
  t.notOk(refused?.headers['retry-after'], 'nobody is told to try again');
  t.equal((await send('alice', 'b', 20)).length, 0, 'another object has tokens of its own');
  const [user] = await send('alice', 'c', 100);
  t.equal(
    user?.body['message'],
    'Too many requests: limit reached on type User for key alice',
    'a refused Event counts as well',
  );
  t.equal((await send('bob', 'c', 1)).length, 0, 'another user has tokens of its own');
  const dry = await alice.post(`${events}?dryRun=All`, event('c'));
  t.equal(dry.code, 201, 'a dry run is no write');
  const other = await alice.post('/apis/events.k8s.io/v1/namespaces/default/events', {
    ...{ metadata: { name: 'new' }, eventTime: '2026-01-01T00:00:00.000000Z', type: 'Normal' },
    ...{ reportingController: 'c.io/c', reportingInstance: 'i', action: 'a', reason: 'r' },
  });
  t.equal(other.code, 201, 'Events of the other group are not limited');
});

t.test('ImagePolicyWebhook', async (t) => {
  const first = await TestServer.start();
  t.teardown(() => first.stop());
  const pem = (file: string) => readFileSync(join(first.pki, file), 'utf8');
  const reviews: unknown[] = [];
  let failing = 0;
  const backend = createServer(
    { cert: pem('apiserver.crt'), key: pem('apiserver.key') },
    (req, res) => {
      let body = '';
      req.on('data', (chunk) => {
        body += String(chunk);
      });
      req.on('end', () => {
        const review = JSON.parse(body) as { spec: { containers: { image: string }[] } };
        reviews.push(review);
        res.statusCode = failing === 0 ? 200 : failing;
        const bad = review.spec.containers.find(({ image }) => image.startsWith('bad'));
        const status = bad
          ? { allowed: false, ...(bad.image === 'bad' ? {} : { reason: `${bad.image} is bad` }) }
          : { allowed: true, auditAnnotations: { seen: 'yes' } };
        res.end(JSON.stringify({ ...review, status }));
      });
    },
  );
  await new Promise<void>((resolve) => backend.listen(0, '127.0.0.1', resolve));
  const url = `https://127.0.0.1:${(backend.address() as AddressInfo).port}/review`;
  t.teardown(() => {
    backend.closeAllConnections();
    backend.close();
  });
  const on = (more: object) =>
    TestServer.start({
      beside: first,
      options: {
        enableAdmissionPlugins: ['ImagePolicyWebhook'],
        disableAdmissionPlugins: ['ServiceAccount'],
        admission: configured(
          'ImagePolicyWebhook',
          { imagePolicy: { kubeConfigFile: 'there', retryBackoff: 1, ...more } },
          { ...NO_FILES, readKubeconfig: () => ({ server: url, ca: pem('ca.crt') }) },
        ),
      },
    });
  const server = await on({});
  t.teardown(() => server.stop());
  const open = await on({ defaultAllow: true, allowTTL: -1 });
  t.teardown(() => open.stop());
  const pods = `${CORE}/default/pods`;
  const withImage = (name: string, image: string, more: object = {}): Pod => ({
    metadata: { name, ...more },
    spec: { containers: [{ name: 'c', image }], initContainers: [{ name: 'i', image: 'init' }] },
  });
  const admin = server.as('admin');

  const annotations = { 'mine.image-policy.k8s.io/ticket': '7', other: 'x' };
  t.equal((await admin.post(pods, withImage('good', 'good', { annotations }))).code, 201);
  t.match(reviews[0], {
    kind: 'ImageReview',
    apiVersion: 'imagepolicy.k8s.io/v1alpha1',
    spec: {
      containers: [{ image: 'good' }, { image: 'init' }],
      annotations: { 'mine.image-policy.k8s.io/ticket': '7' },
      namespace: 'default',
    },
  });
  t.notMatch(reviews[0], { spec: { annotations: { other: 'x' } } });
  const asked = reviews.length;
  t.equal((await admin.post(pods, withImage('again', 'good', { annotations }))).code, 201);
  t.equal(reviews.length, asked, 'an answer is kept');

  t.equal(
    (await admin.post(pods, withImage('no', 'bad:1'))).body['message'],
    'pods "no" is forbidden: image policy webhook backend denied one or more images: bad:1 is bad',
  );
  t.equal(
    (await admin.post(pods, withImage('no', 'bad'))).body['message'],
    'pods "no" is forbidden: one or more images rejected by webhook backend',
  );
  const ephemeral = await admin.send(
    'PATCH',
    `${pods}/good/ephemeralcontainers`,
    { spec: { ephemeralContainers: [{ name: 'e', image: 'bad' }] } },
    { 'content-type': 'application/strategic-merge-patch+json' },
  );
  t.equal(ephemeral.code, 403, ephemeral.text);
  t.match(reviews.at(-1), { spec: { containers: [{ image: 'bad' }] } });

  failing = 500;
  const before = reviews.length;
  const down = await admin.post(pods, withImage('down', 'unseen'));
  t.equal(down.body['message'], 'pods "down" is forbidden: Error contacting webhook: 500');
  t.equal(reviews.length - before, 5, 'five attempts');
  failing = 404;
  const last = reviews.length;
  const let_in = await open.as('admin').post(pods, withImage('open', 'unseen'));
  t.equal(let_in.code, 201, let_in.text);
  t.match(let_in.body['metadata'], {
    annotations: { 'alpha.image-policy.k8s.io/failed-open': 'true' },
  });
  t.equal(reviews.length - last, 1, 'what will not get better is not asked again');
});

t.test('PodTolerationRestriction and PodNodeSelector by configuration', async (t) => {
  const toleration = (key: string, more: Partial<Toleration> = {}): Toleration => ({
    key,
    operator: 'Exists',
    effect: 'NoSchedule',
    ...more,
  });
  const server = await TestServer.start({
    options: {
      enableAdmissionPlugins: ['PodTolerationRestriction', 'PodNodeSelector'],
      disableAdmissionPlugins: ['ServiceAccount', 'DefaultTolerationSeconds'],
      admission: {
        ...configured('PodTolerationRestriction', {
          apiVersion: 'podtolerationrestriction.admission.k8s.io/v1alpha1',
          kind: 'Configuration',
          default: [toleration('cluster')],
          whitelist: [
            toleration('cluster'),
            toleration('node.kubernetes.io/memory-pressure'),
            toleration('some', { effect: 'NoExecute', tolerationSeconds: 60 }),
            { key: 'equal', operator: 'Equal', value: 'v', effect: 'NoSchedule' },
          ],
        }),
        ...configured('PodNodeSelector', {
          podNodeSelectorPluginConfig: { clusterDefaultNodeSelector: 'a=b', lined: 'a=b,c=d' },
        }),
      },
    },
  });
  t.teardown(() => server.stop());
  const admin = server.as('admin');
  const namespaces: Record<string, Record<string, string>> = {
    plain: {},
    lined: {},
    own: {
      defaultTolerations: JSON.stringify([toleration('mine')]),
      tolerationsWhitelist: JSON.stringify([toleration('mine', { effect: '' })]),
      'node-selector': '',
    },
    empty: { defaultTolerations: '', tolerationsWhitelist: '' },
    broken: { defaultTolerations: '{' },
  };
  for (const [name, given] of Object.entries(namespaces)) {
    const annotations = Object.fromEntries(
      Object.entries(given).map(([key, value]) => [`scheduler.alpha.kubernetes.io/${key}`, value]),
    );
    await admin.post(CORE, { metadata: { name, annotations } });
  }
  await server.settled();
  const CONFLICT =
    'pod tolerations (possibly merged with namespace default tolerations) conflict with its';
  const requests: Partial<PodSpec> = {
    containers: [{ name: 'c', image: 'i', resources: { requests: { cpu: '1' } } }],
  };
  for (const [title, namespace, spec, expected] of [
    ['the default of the cluster', 'plain', {}, { tolerations: [toleration('cluster')] }],
    ['the default selector of the cluster', 'plain', {}, { nodeSelector: { a: 'b' } }],
    ['no selector where a namespace says so', 'own', {}, { nodeSelector: undefined }],
    ['the default of the namespace', 'own', {}, { tolerations: [toleration('mine')] }],
    ['no default where a namespace says so', 'empty', {}, { tolerations: undefined }],
    [
      'a pod with requests tolerates memory pressure',
      'plain',
      requests,
      { tolerations: [toleration('cluster'), toleration('node.kubernetes.io/memory-pressure')] },
    ],
    [
      'what another one covers is left out',
      'empty',
      { tolerations: [toleration('a'), { operator: 'Exists' }], ...requests },
      { tolerations: [{ operator: 'Exists' }] },
    ],
    [
      'within the whitelist',
      'plain',
      { tolerations: [toleration('some', { effect: 'NoExecute', tolerationSeconds: 30 })] },
      {},
    ],
    [
      'for longer than the whitelist says',
      'plain',
      { tolerations: [toleration('some', { effect: 'NoExecute', tolerationSeconds: 90 })] },
      `${CONFLICT} cluster whitelist`,
    ],
    [
      'for ever',
      'plain',
      { tolerations: [toleration('some', { effect: 'NoExecute' })] },
      `${CONFLICT} cluster whitelist`,
    ],
    [
      'with another value',
      'plain',
      { tolerations: [{ key: 'equal', operator: 'Equal', value: 'w' }] },
      `${CONFLICT} cluster whitelist`,
    ],
    [
      'outside the whitelist of the namespace',
      'own',
      { tolerations: [toleration('cluster')] },
      `${CONFLICT} namespace whitelist`,
    ],
    ['an annotation that is no list', 'broken', {}, 'defaultTolerations of the namespace: '],
    ['a selector of the whitelist', 'lined', { nodeSelector: { c: 'd' } }, {}],
    [
      'a selector outside the whitelist',
      'lined',
      { nodeSelector: { e: 'f' } },
      'pod node label selector labels conflict with its namespace whitelist',
    ],
  ] as const) {
    const { code, body, text } = await admin.post(`${CORE}/${namespace}/pods?dryRun=All`, {
      metadata: { name: 'p' },
      spec: Object.assign({ containers: [{ name: 'c', image: 'i' }] }, spec),
    });
    if (typeof expected === 'string') {
      t.equal(code, 403, `${title}: ${text}`);
      t.match(body['message'], expected, title);
      continue;
    }
    t.equal(code, 201, `${title}: ${text}`);
    const made = (body as Pod).spec;
    for (const [field, value] of Object.entries(expected))
      t.same(made?.[field as 'tolerations'], value, title);
  }
});

t.test('OwnerReferencesPermissionEnforcement', async (t) => {
  const server = await TestServer.start({
    users: ['weak', 'deleter', 'finalizer', 'all'],
    options: { enableAdmissionPlugins: ['OwnerReferencesPermissionEnforcement'] },
  });
  t.teardown(() => server.stop());
  const admin = server.as('admin');
  const write = {
    apiGroups: [''],
    resources: ['configmaps'],
    verbs: ['create', 'update', 'patch'],
  };
  const remove = { ...write, verbs: ['delete'] };
  const finalize = (group: string, resource: string) => ({
    ...{ apiGroups: [group], resources: [`${resource}/finalizers`], verbs: ['update'] },
  });
  for (const [user, rules] of Object.entries({
    weak: [write],
    deleter: [write, remove],
    finalizer: [write, remove, finalize('apps', 'deployments'), finalize('', 'nodes')],
    all: [write, remove, finalize('*', '*')],
  })) {
    const name = `test-${user}`;
    const rbac = '/apis/rbac.authorization.k8s.io/v1';
    await admin.post(`${rbac}/clusterroles`, { metadata: { name }, rules });
    await admin.post(`${rbac}/clusterrolebindings`, {
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name },
      subjects: [{ kind: 'User', name: user, apiGroup: 'rbac.authorization.k8s.io' }],
    });
  }
  await server.settled();
  const owner = (apiVersion: string, kind: string, blockOwnerDeletion?: boolean) => ({
    ...{ apiVersion, kind, name: 'o', uid: `uid-${kind}` },
    ...(blockOwnerDeletion === undefined ? {} : { blockOwnerDeletion }),
  });
  const maps = `${CORE}/default/configmaps`;
  const CANNOT_DELETE = `cannot set an ownerRef on a resource you can't delete: , <nil>`;
  const CANNOT_FINALIZE = `cannot set blockOwnerDeletion if an ownerReference refers to a resource you can't set finalizers on: , <nil>`;
  const deployment = owner('apps/v1', 'Deployment', true);
  for (const [title, user, owners, why] of [
    ['no owner', 'weak', [], undefined],
    ['an owner, without the right to delete', 'weak', [owner('v1', 'Pod')], CANNOT_DELETE],
    ['an owner, with it', 'deleter', [owner('v1', 'Pod')], undefined],
    ['one that is not held up', 'deleter', [owner('v1', 'Pod', false)], undefined],
    ['one that is held up', 'deleter', [deployment], CANNOT_FINALIZE],
    ['with the right to finalizers', 'finalizer', [deployment], undefined],
    ['of a kind without a namespace', 'finalizer', [owner('v1', 'Node', true)], undefined],
    ['of another kind', 'finalizer', [owner('v1', 'Pod', true)], CANNOT_FINALIZE],
    [
      'of a kind that is not served',
      'finalizer',
      [owner('x.io/v1', 'Thing', true)],
      'cannot set blockOwnerDeletion in this case because cannot find RESTMapping for APIVersion x.io/v1 Kind Thing: no matches for kind "Thing" in version "x.io/v1"',
    ],
    ['of any kind, with every right', 'all', [owner('x.io/v1', 'Thing', true)], undefined],
  ] as const) {
    const body = { metadata: { name: 'm', ownerReferences: owners } };
    const answer = await server.as(user).post(`${maps}?dryRun=All`, body);
    t.equal(answer.code, why === undefined ? 201 : 403, `${title}: ${answer.text}`);
    if (why !== undefined)
      t.equal(answer.body['message'], `configmaps "m" is forbidden: ${why}`, title);
  }

  await admin.post(maps, { metadata: { name: 'm', ownerReferences: [deployment] } });
  const weak = server.as('weak');
  t.equal((await weak.patch(`${maps}/m`, { data: { a: 'b' } })).code, 200, 'owners stay');
  const changed = { metadata: { ownerReferences: [{ ...deployment, blockOwnerDeletion: false }] } };
  t.equal((await weak.patch(`${maps}/m`, changed)).code, 403, 'owners change');
  const kept = { metadata: { ownerReferences: [deployment, owner('v1', 'Pod')] } };
  t.equal((await server.as('deleter').patch(`${maps}/m`, kept)).code, 200, 'held up before');
});

function escaped(text: string): string {
  return text.replaceAll(/[[\]().*?]/g, '\\$&');
}
