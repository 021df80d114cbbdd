/** Every plugin's decisions, as clients of a whole server see them. */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import { Pkcs10CertificateRequestGenerator } from '@peculiar/x509';
import t from 'tap';
import type { Pod, PodSpec, ResourceQuota } from '../../pkg/api/types.js';
import { TestServer } from '../testing/test-server.js';

const server = await TestServer.start({ users: ['alice', 'bob', 'approver'] });
const admin = server.as('admin');
t.teardown(() => server.stop());

const CORE = '/api/v1/namespaces';
const RBAC = '/apis/rbac.authorization.k8s.io/v1';

async function must(answer: ReturnType<typeof admin.post>) {
  const { code, body, text } = await answer;
  if (code > 299) throw new Error(text);
  return body;
}

async function namespace(name: string): Promise<string> {
  await must(admin.post(CORE, { metadata: { name } }));
  await must(admin.post(`${CORE}/${name}/serviceaccounts`, { metadata: { name: 'default' } }));
  return `${CORE}/${name}`;
}

function pod(name: string, spec: Partial<PodSpec> = {}, metadata: Pod['metadata'] = {}): Pod {
  return {
    metadata: { name, ...metadata },
    spec: { containers: [{ name: 'c', image: 'i' }], ...spec },
  };
}

const asking = (requests: Record<string, string>, limits: Record<string, string> = {}) => ({
  containers: [{ name: 'c', image: 'i', resources: { requests, limits } }],
});

t.test('LimitRanger', async (t) => {
  const ns = await namespace('limits');
  await must(
    admin.post(`${ns}/limitranges`, {
      metadata: { name: 'l' },
      spec: {
        limits: [
          {
            type: 'Container',
            default: { cpu: '400m' },
            defaultRequest: { cpu: '200m' },
            min: { cpu: '100m' },
            max: { cpu: '1' },
            maxLimitRequestRatio: { cpu: '4' },
          },
          { type: 'Pod', max: { cpu: '1500m' } },
          { type: 'PersistentVolumeClaim', min: { storage: '1Gi' }, max: { storage: '2Gi' } },
        ],
      },
    }),
  );
  const { spec, metadata } = (await must(admin.post(`${ns}/pods`, pod('defaults')))) as Pod;
  t.same(spec?.containers[0]?.resources, { requests: { cpu: '200m' }, limits: { cpu: '400m' } });
  t.equal(
    metadata?.annotations?.['kubernetes.io/limit-ranger'],
    'LimitRanger plugin set: cpu request for container c; cpu limit for container c',
  );
  const two = (requests: Record<string, string>) => ({
    containers: ['a', 'b'].map((name) => ({
      name,
      image: 'i',
      resources: { requests, limits: { cpu: '1' } },
    })),
  });
  for (const { row, wanted, why } of [
    { row: 'within', wanted: asking({ cpu: '500m' }, { cpu: '1' }) },
    {
      row: 'request-below-min',
      wanted: asking({ cpu: '50m' }, { cpu: '100m' }),
      why: 'minimum cpu usage per Container is 100m, but request is 50m',
    },
    {
      row: 'limit-above-max',
      wanted: asking({ cpu: '1' }, { cpu: '1200m' }),
      why: 'maximum cpu usage per Container is 1, but limit is 1200m',
    },
    {
      row: 'ratio',
      wanted: asking({ cpu: '100m' }, { cpu: '500m' }),
      why: 'cpu max limit to request ratio per Container is 4, but provided ratio is 5.000000',
    },
    {
      row: 'pod-above-max',
      wanted: two({ cpu: '500m' }),
      why: 'maximum cpu usage per Pod is 1500m, but limit is 2',
    },
  ]) {
    const { code, body } = await admin.post(`${ns}/pods`, pod(row, wanted));
    t.equal(code, why ? 403 : 201, row);
    if (why) t.equal(body['message'], `pods "${row}" is forbidden: ${why}`, row);
  }
  for (const { storage, why } of [
    { storage: '1Gi' },
    {
      storage: '512Mi',
      why: 'minimum storage usage per PersistentVolumeClaim is 1Gi, but request is 512Mi',
    },
    {
      storage: '3Gi',
      why: 'maximum storage usage per PersistentVolumeClaim is 2Gi, but request is 3Gi',
    },
  ]) {
    const { body } = await admin.post(`${ns}/persistentvolumeclaims`, {
      metadata: { name: `c${storage.toLowerCase()}` },
      spec: { accessModes: ['ReadWriteOnce'], resources: { requests: { storage } } },
    });
    if (why)
      t.equal(
        body['message'],
        `persistentvolumeclaims "c${storage.toLowerCase()}" is forbidden: ${why}`,
      );
    else t.equal(body['kind'], 'PersistentVolumeClaim');
  }
});

/** As the quota controller leaves it. */
async function quota(ns: string, name: string, spec: NonNullable<ResourceQuota['spec']>) {
  const made = await must(admin.post(`${ns}/resourcequotas`, { metadata: { name }, spec }));
  const used = Object.fromEntries(Object.keys(spec.hard ?? {}).map((key) => [key, '0']));
  await must(
    admin.put(`${ns}/resourcequotas/${name}/status`, {
      ...made,
      status: { hard: spec.hard, used },
    }),
  );
}

const usedOf = async (ns: string, name: string) =>
  ((await must(admin.get(`${ns}/resourcequotas/${name}`))) as ResourceQuota).status?.used;

t.test('ResourceQuota', async (t) => {
  t.test('charges and refuses', async (t) => {
    const ns = await namespace('quotas');
    await quota(ns, 'q', {
      hard: { pods: '2', 'requests.cpu': '1', 'limits.memory': '1Gi', 'count/configmaps': '1' },
    });
    for (const { row, wanted, why } of [
      {
        row: 'silent',
        wanted: {},
        why: 'failed quota: q: must specify limits.memory for: c; requests.cpu for: c',
      },
      { row: 'one', wanted: asking({ cpu: '600m' }, { memory: '100Mi' }) },
      {
        row: 'cpu',
        wanted: asking({ cpu: '600m' }, { memory: '100Mi' }),
        why: 'exceeded quota: q, requested: requests.cpu=600m, used: requests.cpu=600m, limited: requests.cpu=1',
      },
      { row: 'two', wanted: asking({ cpu: '100m' }, { memory: '100Mi' }) },
      {
        row: 'three',
        wanted: asking({ cpu: '100m' }, { memory: '100Mi' }),
        why: 'exceeded quota: q, requested: pods=1, used: pods=2, limited: pods=2',
      },
    ]) {
      const { code, body } = await admin.post(`${ns}/pods`, pod(row, wanted));
      t.equal(code, why ? 403 : 201, row);
      if (why) t.equal(body['message'], `pods "${row}" is forbidden: ${why}`, row);
    }
    const map = (name: string) => admin.post(`${ns}/configmaps`, { metadata: { name } });
    const dry = await admin.post(`${ns}/configmaps?dryRun=All`, { metadata: { name: 'dry' } });
    t.equal(dry.code, 201, 'a dry run is free');
    t.equal((await map('a')).code, 201);
    t.match((await map('b')).body['message'], /exceeded quota: q, requested: count\/configmaps=1/);
    t.same(await usedOf(ns, 'q'), {
      pods: '2',
      'requests.cpu': '700m',
      'limits.memory': '200Mi',
      'count/configmaps': '1',
    });
  });

  t.test('scopes', async (t) => {
    const ns = await namespace('scopes');
    await quota(ns, 'besteffort', { hard: { pods: '1' }, scopes: ['BestEffort'] });
    await quota(ns, 'ending', { hard: { pods: '1' }, scopes: ['Terminating'] });
    for (const [name, spec, code] of [
      ['b1', {}, 201],
      ['b2', {}, 403],
      ['burstable', asking({ cpu: '1m' }), 201],
      ['e1', { ...asking({ cpu: '1m' }), activeDeadlineSeconds: 5 }, 201],
      ['e2', { ...asking({ cpu: '1m' }), activeDeadlineSeconds: 5 }, 403],
    ] as const)
      t.equal((await admin.post(`${ns}/pods`, pod(name, spec as PodSpec))).code, code, name);
  });

  t.test('two servers together never allow more than there is', async (t) => {
    const ns = await namespace('race');
    await quota(ns, 'q', { hard: { 'count/configmaps': '10', configmaps: '50' } });
    const other = await TestServer.start({ beside: server });
    t.teardown(() => other.stop());
    const codes = await Promise.all(
      Array.from({ length: 40 }, async (_, i) => {
        const caller = (i % 2 === 0 ? server : other).as('admin');
        const { code } = await caller.post(`${ns}/configmaps`, { metadata: { name: `m${i}` } });
        return code;
      }),
    );
    t.equal(codes.filter((code) => code === 201).length, 10);
    t.equal(codes.filter((code) => code === 403).length, 30);
    t.same(await usedOf(ns, 'q'), { 'count/configmaps': '10', configmaps: '10' });
  });
});

t.test('nobody grants what they do not have', async (t) => {
  await namespace('grants');
  const roles = `${RBAC}/namespaces/grants/roles`;
  const bindings = `${RBAC}/namespaces/grants/rolebindings`;
  const rule = (verbs: string[], apiGroups: string[], resources: string[]) => ({
    verbs,
    apiGroups,
    resources,
  });
  const group = ['rbac.authorization.k8s.io'];
  await must(
    admin.post(`${RBAC}/clusterroles`, {
      metadata: { name: 'granter' },
      rules: [
        rule(['create', 'update', 'patch', 'get'], group, [
          'roles',
          'rolebindings',
          'clusterroles',
        ]),
        rule(['get', 'list'], [''], ['pods']),
      ],
    }),
  );
  const subjects = (name: string) => [{ apiGroup: group[0], kind: 'User', name }];
  const ref = (kind: string, name: string) => ({ apiGroup: group[0], kind, name });
  await must(
    admin.post(`${RBAC}/clusterrolebindings`, {
      metadata: { name: 'granter' },
      roleRef: ref('ClusterRole', 'granter'),
      subjects: subjects('alice'),
    }),
  );
  await must(
    admin.post(roles, { metadata: { name: 'secrets' }, rules: [rule(['get'], [''], ['secrets'])] }),
  );
  const alice = server.as('alice');
  const role = (name: string, ...rules: object[]) => ({ metadata: { name }, rules });
  const binding = (name: string, roleRef: object) => ({
    metadata: { name },
    roleRef,
    subjects: subjects('bob'),
  });
  const held =
    'user "alice" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n';
  for (const { row, path, body, code, message } of [
    {
      row: 'what she has',
      path: roles,
      body: role('ok', rule(['get'], [''], ['pods'])),
      code: 201,
    },
    {
      row: 'what she lacks',
      path: roles,
      body: role('more', rule(['delete', 'get'], [''], ['pods', 'secrets'])),
      code: 403,
      message: `roles.rbac.authorization.k8s.io "more" is forbidden: ${held}{APIGroups:[""], Resources:["pods"], Verbs:["delete"]}\n{APIGroups:[""], Resources:["secrets"], Verbs:["delete" "get"]}`,
    },
    {
      row: 'a binding of rights she has',
      path: bindings,
      body: binding('ok', ref('Role', 'ok')),
      code: 201,
    },
    {
      row: 'a binding of more',
      path: bindings,
      body: binding('more', ref('Role', 'secrets')),
      code: 403,
      message: `rolebindings.rbac.authorization.k8s.io "more" is forbidden: ${held}{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`,
    },
    {
      row: 'a binding of nothing',
      path: bindings,
      body: binding('none', ref('Role', 'none')),
      code: 404,
      message: 'roles.rbac.authorization.k8s.io "none" not found',
    },
    {
      row: 'an aggregate',
      path: `${RBAC}/clusterroles`,
      body: {
        metadata: { name: 'agg' },
        aggregationRule: { clusterRoleSelectors: [{ matchLabels: { a: 'b' } }] },
      },
      code: 403,
      message:
        'clusterroles.rbac.authorization.k8s.io "agg" is forbidden: must have cluster-admin privileges to use the aggregationRule',
    },
  ]) {
    const answer = await alice.post(path, body);
    t.equal(answer.code, code, row);
    if (message) t.equal(answer.body['message'], message, row);
  }
  const raised = await alice.patch(`${roles}/ok`, { rules: [rule(['*'], ['*'], ['*'])] });
  t.match(raised.body['message'], /not currently held/, 'nor by an update');
  const renamed = await alice.patch(`${roles}/secrets`, {
    metadata: { finalizers: ['example.com/f'] },
  });
  t.equal(renamed.code, 200, 'finalizers of a role that she could not grant');
  await must(
    admin.post(roles, {
      metadata: { name: 'may' },
      rules: [
        { ...rule(['bind', 'escalate'], group, ['roles']), resourceNames: ['secrets', 'more'] },
      ],
    }),
  );
  await must(
    admin.post(bindings, {
      metadata: { name: 'may' },
      roleRef: ref('Role', 'may'),
      subjects: subjects('alice'),
    }),
  );
  t.equal((await alice.post(bindings, binding('more', ref('Role', 'secrets')))).code, 201, 'bind');
  t.equal((await alice.post(roles, role('more', rule(['*'], ['*'], ['*'])))).code, 201, 'escalate');
});

t.test('NodeRestriction', async (t) => {
  const ns = await namespace('nodes');
  const kubelet = server.as('node-1');
  const made = await must(
    kubelet.post('/api/v1/nodes', {
      metadata: { name: 'node-1', labels: { 'kubernetes.io/hostname': 'node-1' } },
    }),
  );
  await must(admin.post('/api/v1/nodes', { metadata: { name: 'node-2' } }));
  const uids: Record<string, string> = {};
  for (const node of ['node-1', 'node-2']) {
    const { metadata } = await must(
      admin.post(`${ns}/pods`, pod(`on-${node}`, { nodeName: node })),
    );
    uids[node] = metadata?.uid ?? '';
    await must(admin.post(`${ns}/secrets`, { metadata: { name: `of-${node}` } }));
  }
  await must(
    admin.post(
      `${ns}/pods`,
      pod('mounts', {
        nodeName: 'node-1',
        volumes: [{ name: 'v', secret: { secretName: 'of-node-1' } }],
      }),
    ),
  );
  const owner = {
    apiVersion: 'v1',
    kind: 'Node',
    name: 'node-1',
    uid: made.metadata?.uid ?? '',
    controller: true,
  };
  const mirror = (
    name: string,
    spec: Partial<PodSpec> = {},
    ownerReferences: object[] = [owner],
  ) => ({
    ...pod(name, { nodeName: 'node-1', ...spec }),
    metadata: { name, annotations: { 'kubernetes.io/config.mirror': 'x' }, ownerReferences },
  });
  const token = (boundObjectRef?: object, audiences?: string[]) => ({
    spec: { audiences: audiences ?? [], boundObjectRef },
  });
  const of = (node: string) => ({
    apiVersion: 'v1',
    kind: 'Pod',
    name: `on-${node}`,
    uid: uids[node],
  });
  const lease = (name: string) => ({ metadata: { name }, spec: {} });
  const LEASES = '/apis/coordination.k8s.io/v1/namespaces';
  const rows: [string, string, string, unknown, number, (string | RegExp)?][] = [
    ['own label', 'PATCH', '/api/v1/nodes/node-1', { metadata: { labels: { a: 'b' } } }, 200],
    [
      'restricted label',
      'PATCH',
      '/api/v1/nodes/node-1',
      { metadata: { labels: { 'node-restriction.kubernetes.io/a': 'b' } } },
      403,
      'nodes "node-1" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/a',
    ],
    [
      'taints',
      'PATCH',
      '/api/v1/nodes/node-1',
      { spec: { taints: [] } },
      403,
      'nodes "node-1" is forbidden: node "node-1" is not allowed to modify taints',
    ],
    [
      'owners',
      'PATCH',
      '/api/v1/nodes/node-1',
      { metadata: { ownerReferences: [{ apiVersion: 'v1', kind: 'Pod', name: 'x', uid: 'u' }] } },
      403,
      /not allowed to modify ownerReferences/,
    ],
    [
      "another's status",
      'PATCH',
      '/api/v1/nodes/node-2/status',
      { status: { phase: 'Running' } },
      403,
      'nodes "node-2" is forbidden: node "node-1" is not allowed to modify node "node-2"',
    ],
    [
      "another's name",
      'POST',
      '/api/v1/nodes',
      { metadata: { name: 'node-3' } },
      403,
      'nodes "node-3" is forbidden: node "node-1" is not allowed to modify node "node-3"',
    ],
    [
      'own pod status',
      'PATCH',
      `${ns}/pods/on-node-1/status`,
      { status: { phase: 'Running' } },
      200,
    ],
    [
      'labels by status',
      'PATCH',
      `${ns}/pods/on-node-1/status`,
      { metadata: { labels: { a: 'b' } } },
      403,
      'pods "on-node-1" is forbidden: node "node-1" cannot update labels through pod status',
    ],
    [
      "another's pod status",
      'PATCH',
      `${ns}/pods/on-node-2/status`,
      { status: { phase: 'Failed' } },
      403,
      'pods "on-node-2" is forbidden: node "node-1" can only update pod status for pods with spec.nodeName set to itself',
    ],
    [
      "another's pod",
      'DELETE',
      `${ns}/pods/on-node-2`,
      undefined,
      403,
      'pods "on-node-2" is forbidden: node "node-1" can only delete pods with spec.nodeName set to itself',
    ],
    [
      "another's eviction",
      'POST',
      `${ns}/pods/on-node-2/eviction`,
      { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'on-node-2' } },
      403,
      /node node-1 can only evict pods with spec.nodeName set to itself/,
    ],
    [
      'a pod of no mirror',
      'POST',
      `${ns}/pods`,
      pod('plain', { nodeName: 'node-1' }),
      403,
      'pods "plain" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "node-1" can only create mirror pods',
    ],
    ['a mirror pod', 'POST', `${ns}/pods`, mirror('m'), 201],
    [
      'a mirror pod elsewhere',
      'POST',
      `${ns}/pods`,
      mirror('m2', { nodeName: 'node-2' }),
      403,
      /can only create pods with spec.nodeName set to itself/,
    ],
    [
      'a mirror pod of nobody',
      'POST',
      `${ns}/pods`,
      mirror('m3', {}, []),
      403,
      /can only create pods with an owner reference set to itself/,
    ],
    [
      'a mirror pod of an older node',
      'POST',
      `${ns}/pods`,
      mirror('m4', {}, [{ ...owner, uid: 'old' }]),
      403,
      /node node-1 UID mismatch: expected old got /,
    ],
    ['own lease', 'POST', `${LEASES}/kube-node-lease/leases`, lease('node-1'), 201],
    [
      "another's lease",
      'POST',
      `${LEASES}/kube-node-lease/leases`,
      lease('node-2'),
      403,
      'leases.coordination.k8s.io "node-2" is forbidden: can only access node lease with the same name as the requesting node',
    ],
    [
      'a lease elsewhere',
      'POST',
      `${LEASES}/nodes/leases`,
      lease('node-1'),
      403,
      /can only access leases in the "kube-node-lease" system namespace/,
    ],
    [
      'a token of no pod',
      'POST',
      `${ns}/serviceaccounts/default/token`,
      token(),
      403,
      'serviceaccounts "default" is forbidden: node requested token not bound to a pod',
    ],
    [
      'a token of a pod here',
      'POST',
      `${ns}/serviceaccounts/default/token`,
      token(of('node-1')),
      201,
    ],
    [
      'for an audience that it does not ask for',
      'POST',
      `${ns}/serviceaccounts/default/token`,
      token(of('node-1'), ['vault']),
      403,
      'serviceaccounts "default" is forbidden: audience "vault" not found in pod spec volume',
    ],
    [
      'a token of a pod elsewhere',
      'POST',
      `${ns}/serviceaccounts/default/token`,
      token(of('node-2')),
      403,
      'serviceaccounts "default" is forbidden: node requested token bound to a pod scheduled on a different node',
    ],
    ['a secret that a pod here mounts', 'GET', `${ns}/secrets/of-node-1`, undefined, 200],
    [
      'a secret of another node',
      'GET',
      `${ns}/secrets/of-node-2`,
      undefined,
      403,
      /no relationship found between node 'node-1' and this object$/,
    ],
    ['all secrets', 'GET', `${ns}/secrets`, undefined, 403],
    ['itself', 'GET', '/api/v1/nodes/node-1', undefined, 200],
    [
      'another node',
      'GET',
      '/api/v1/nodes/node-2',
      undefined,
      403,
      /node 'node-1' cannot read 'node-2', only its own Node object$/,
    ],
    [
      'all nodes',
      'GET',
      '/api/v1/nodes',
      undefined,
      403,
      /node 'node-1' cannot read all nodes, only its own Node object$/,
    ],
    ['its pods', 'GET', '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1', undefined, 200],
    [
      "another's pods",
      'GET',
      '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-2',
      undefined,
      403,
      /can only list\/watch pods with spec.nodeName field selector$/,
    ],
    ['own pod', 'DELETE', `${ns}/pods/on-node-1`, undefined, 200],
  ];
  for (const [row, method, path, body, code, message] of rows) {
    const type: Record<string, string> =
      method === 'PATCH' ? { 'content-type': 'application/merge-patch+json' } : {};
    const answer = await kubelet.send(method, path, body, type);
    t.equal(answer.code, code, `${row}: ${answer.code > 299 ? answer.text : ''}`);
    if (typeof message === 'string') t.equal(answer.body['message'], message, row);
    else if (message) t.match(answer.body['message'], message, row);
  }
});

t.test('RuntimeClass, resizing of claims, certificates, namespaces', async (t) => {
  const ns = await namespace('others');
  await must(
    admin.post('/apis/node.k8s.io/v1/runtimeclasses', {
      metadata: { name: 'kata' },
      handler: 'kata',
      overhead: { podFixed: { cpu: '250m' } },
      scheduling: { nodeSelector: { vm: 'yes' }, tolerations: [{ key: 'vm', operator: 'Exists' }] },
    }),
  );
  const kata = (await must(
    admin.post(`${ns}/pods`, pod('kata', { runtimeClassName: 'kata' })),
  )) as Pod;
  t.match(kata.spec, { overhead: { cpu: '250m' }, nodeSelector: { vm: 'yes' } });
  t.ok(kata.spec?.tolerations?.some(({ key }) => key === 'vm'));
  for (const [row, spec, why] of [
    ['none', { runtimeClassName: 'none' }, 'pod rejected: RuntimeClass "none" not found'],
    [
      'other',
      { runtimeClassName: 'kata', overhead: { cpu: '1' } },
      "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead",
    ],
    [
      'own',
      { overhead: { cpu: '1' } },
      'pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead',
    ],
    [
      'clash',
      { runtimeClassName: 'kata', nodeSelector: { vm: 'no' } },
      'conflict: runtimeClass.scheduling.nodeSelector[vm] = yes; pod.spec.nodeSelector[vm] = no',
    ],
  ] as const) {
    const { body } = await admin.post(`${ns}/pods`, pod(row, spec));
    t.equal(body['message'], `pods "${row}" is forbidden: ${why}`, row);
  }

  for (const [name, allowVolumeExpansion] of [
    ['grows', true],
    ['stays', false],
  ] as const) {
    await must(
      admin.post('/apis/storage.k8s.io/v1/storageclasses', {
        metadata: { name },
        provisioner: 'p',
        allowVolumeExpansion,
      }),
    );
    const claim = await must(
      admin.post(`${ns}/persistentvolumeclaims`, {
        metadata: { name },
        spec: {
          storageClassName: name,
          accessModes: ['ReadWriteOnce'],
          resources: { requests: { storage: '1Gi' } },
        },
      }),
    );
    await must(
      admin.put(`${ns}/persistentvolumeclaims/${name}/status`, {
        ...claim,
        status: { phase: 'Bound' },
      }),
    );
    const { code, body } = await admin.patch(`${ns}/persistentvolumeclaims/${name}`, {
      spec: { resources: { requests: { storage: '2Gi' } } },
    });
    t.equal(code, allowVolumeExpansion ? 200 : 403, `${name}: ${body['message']}`);
  }

  const { code, body } = await admin.delete(`${CORE}/kube-system`);
  t.equal(code, 403);
  t.equal(
    body['message'],
    'namespaces "kube-system" is forbidden: this namespace may not be deleted',
  );
  const nowhere = await admin.post(`${CORE}/nowhere/configmaps`, { metadata: { name: 'a' } });
  t.equal(nowhere.body['message'], 'namespaces "nowhere" not found');
});

t.test('certificates', async (t) => {
  const CSRS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
  const keys = await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ]);
  const request = async (subject: string) => {
    const made = await Pkcs10CertificateRequestGenerator.create({
      name: subject,
      keys,
      signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    });
    return Buffer.from(made.toString('pem')).toString('base64');
  };
  const csr = async (name: string, subject: string) => ({
    metadata: { name },
    spec: {
      request: await request(subject),
      signerName: 'kubernetes.io/kube-apiserver-client',
      usages: ['client auth'],
    },
  });
  const king = await admin.post(CSRS, await csr('king', 'CN=king,O=system:masters'));
  t.equal(
    king.body['message'],
    'certificatesigningrequests.certificates.k8s.io "king" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
  );
  const made = await must(admin.post(CSRS, await csr('dev', 'CN=dev,O=developers')));
  const rule = (verbs: string[], resources: string[], resourceNames: string[] = []) => ({
    verbs,
    apiGroups: ['certificates.k8s.io'],
    resources,
    ...(resourceNames.length > 0 ? { resourceNames } : {}),
  });
  const role = (rules: object[]) => ({ metadata: { name: 'approver' }, rules });
  const may = rule(
    ['get', 'update'],
    ['certificatesigningrequests', 'certificatesigningrequests/approval'],
  );
  await must(admin.post(`${RBAC}/clusterroles`, role([may])));
  await must(
    admin.post(`${RBAC}/clusterrolebindings`, {
      metadata: { name: 'approver' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'approver' },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'approver' }],
    }),
  );
  const approved = {
    ...made,
    status: { conditions: [{ type: 'Approved', status: 'True', reason: 'Test', message: '' }] },
  };
  const approve = () => server.as('approver').put(`${CSRS}/dev/approval`, approved);
  t.equal(
    (await approve()).body['message'],
    'certificatesigningrequests.certificates.k8s.io "dev" is forbidden: user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"',
  );
  const signer = rule(['approve'], ['signers'], ['kubernetes.io/*']);
  await must(admin.put(`${RBAC}/clusterroles/approver`, role([may, signer])));
  t.equal((await approve()).code, 200, "by the signer's domain");
});

t.test(
  'a kubelet reads the attachments and slices of its own node, first of all readers',
  async (t) => {
    const storage = '/apis/storage.k8s.io/v1/volumeattachments';
    const slices = '/apis/resource.k8s.io/v1/resourceslices';
    const node = server.as('node-1');
    for (const [name, nodeName, code] of [
      ['own', 'node-1', 200],
      ['others', 'node-2', 403],
    ] as const) {
      await must(
        admin.post(storage, {
          metadata: { name },
          spec: { attacher: 'example.com', nodeName, source: { persistentVolumeName: 'pv' } },
        }),
      );
      await must(
        admin.post(slices, {
          metadata: { name },
          spec: {
            driver: 'example.com',
            pool: { name: 'p', resourceSliceCount: 1 },
            nodeName,
            devices: [],
          },
        }),
      );
      t.equal((await node.get(`${storage}/${name}`)).code, code, `attachment of ${nodeName}`);
      t.equal((await node.get(`${slices}/${name}`)).code, code, `slice of ${nodeName}`);
    }
    t.equal((await node.get(slices)).code, 403);
    t.equal((await node.get(`${slices}?fieldSelector=spec.nodeName=node-1`)).code, 200);
    t.equal((await node.get(`${slices}?fieldSelector=spec.nodeName=node-2`)).code, 403);
  },
);
