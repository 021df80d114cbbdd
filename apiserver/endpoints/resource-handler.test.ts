import t from 'tap';
import { configMap } from '../registry/resources/config-map.js';
import { deployment } from '../registry/resources/deployment.js';
import { namespace } from '../registry/resources/namespace.js';
import { pod } from '../registry/resources/pod.js';
import { priorityClass } from '../registry/resources/priority-class.js';
import { selfSubjectAccessReview } from '../registry/resources/subject-access-review.js';
import { TestApi } from '../testing/test-api.js';

const MAPS = '/api/v1/namespaces/default/configmaps';
const PODS = '/api/v1/namespaces/default/pods';
const DEPLOYMENTS = '/apis/apps/v1/namespaces/default/deployments';

const map = (name: string, data: Record<string, string> = {}, metadata = {}) => ({
  apiVersion: 'v1',
  kind: 'ConfigMap',
  metadata: { name, ...metadata },
  data,
});
const podOf = (name: string, metadata = {}, spec = {}) => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name, ...metadata },
  spec: { containers: [{ name: 'c', image: 'nginx' }], ...spec },
});
const deploymentOf = (name: string, replicas = 1) => ({
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name },
  spec: {
    replicas,
    selector: { matchLabels: { app: name } },
    template: {
      metadata: { labels: { app: name } },
      spec: { containers: [{ name: 'c', image: 'nginx' }] },
    },
  },
});

t.test('the verbs of a resource', async (t) => {
  const definitions = [
    configMap,
    deployment,
    namespace,
    pod([]),
    priorityClass,
    selfSubjectAccessReview,
  ];
  const api = await TestApi.start({ definitions });
  t.teardown(() => api.stop());
  const versionOf = (body: { metadata?: { resourceVersion?: string } }) =>
    body.metadata?.resourceVersion ?? '';

  await t.test('create answers 201 with what the server added', async (t) => {
    const { code, body } = await api.post(MAPS, map('made', { a: '1' }));
    t.equal(code, 201);
    t.match(body, {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: {
        name: 'made',
        namespace: 'default',
        uid: /^[0-9a-f-]{36}$/,
        resourceVersion: /^[0-9]+$/,
        creationTimestamp: /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/,
        managedFields: [
          { manager: 'test', operation: 'Update', fieldsV1: { 'f:data': { 'f:a': {} } } },
        ],
      },
      data: { a: '1' },
    });
    t.same((await api.get(`${MAPS}/made`)).body, body, 'and is read back the same');
  });

  await t.test('what a client may not ask', async (t) => {
    await api.post(MAPS, map('taken'));
    const huge = JSON.stringify(map('huge', { a: 'x'.repeat(3 * 1024 * 1024) }));
    const rows: [string, () => ReturnType<typeof api.get>, number, string, string | RegExp][] = [
      [
        'a name that is taken',
        () => api.post(MAPS, map('taken')),
        409,
        'AlreadyExists',
        'configmaps "taken" already exists',
      ],
      [
        'an object that is not there',
        () => api.get(`${MAPS}/none`),
        404,
        'NotFound',
        'configmaps "none" not found',
      ],
      [
        'a resource that is not there',
        () => api.get('/api/v1/namespaces/default/nothings'),
        404,
        'NotFound',
        'the server could not find the requested resource',
      ],
      [
        'another namespace',
        () => api.post(MAPS, map('x', {}, { namespace: 'other' })),
        400,
        'BadRequest',
        'the namespace of the provided object does not match the namespace sent on the request',
      ],
      [
        'another name',
        () => api.put(`${MAPS}/taken`, map('other')),
        400,
        'BadRequest',
        'the name of the object (other) does not match the name on the URL (taken)',
      ],
      [
        'no name',
        () => api.put(`${MAPS}/taken`, map('')),
        400,
        'BadRequest',
        'the name of the object (taken based on URL) was undeterminable: name must be provided',
      ],
      [
        'a bad name',
        () => api.post(MAPS, map('UPPER')),
        422,
        'Invalid',
        /^ConfigMap "UPPER" is invalid: metadata\.name: Invalid value: "UPPER": a lowercase RFC 1123 subdomain/,
      ],
      [
        'no name at all',
        () => api.post(MAPS, { apiVersion: 'v1', kind: 'ConfigMap' }),
        422,
        'Invalid',
        /metadata\.name: Required value: name or generateName is required/,
      ],
      ['another kind', () => api.post(MAPS, podOf('x')), 400, 'BadRequest', /Pod/],
      [
        'broken JSON',
        () => api.post(MAPS, '{"kind":'),
        400,
        'BadRequest',
        /unexpected end of JSON input/,
      ],
      [
        'a wrong type',
        () => api.post(MAPS, { ...map('x'), data: 7 }),
        400,
        'BadRequest',
        /cannot unmarshal number/,
      ],
      [
        'an unknown field, strictly',
        () => api.post(`${MAPS}?fieldValidation=Strict`, { ...map('x'), datum: {} }),
        400,
        'BadRequest',
        /unknown field "datum"/,
      ],
      [
        'a content type that is not read',
        () => api.post(MAPS, 'x', { 'content-type': 'text/plain' }),
        415,
        'UnsupportedMediaType',
        /^the body of the request was in an unknown format/,
      ],
      [
        'an answer that is not made',
        () => api.get(MAPS, { accept: 'text/html' }),
        406,
        'NotAcceptable',
        /^only the following media types are accepted/,
      ],
      [
        'CBOR alone, which is behind a feature gate',
        () => api.get(MAPS, { accept: 'application/cbor' }),
        406,
        'NotAcceptable',
        /: application\/json, application\/yaml, application\/vnd.kubernetes.protobuf$/,
      ],
      [
        'a body over 3 MiB',
        () => api.post(MAPS, huge),
        413,
        'RequestEntityTooLarge',
        'Request entity is too large: limit is 3145728',
      ],
      [
        'a stale resourceVersion',
        () => api.put(`${MAPS}/taken`, map('taken', {}, { resourceVersion: '1' })),
        409,
        'Conflict',
        'Operation cannot be fulfilled on configmaps "taken": the object has been modified; please apply your changes to the latest version and try again',
      ],
      [
        'another uid',
        () => api.put(`${MAPS}/taken`, map('taken', {}, { uid: 'u' })),
        409,
        'Conflict',
        /Precondition failed: UID in precondition: u/,
      ],
      [
        'a method that a path has not',
        () => api.send('PUT', MAPS, map('x')),
        405,
        'MethodNotAllowed',
        /./,
      ],
      [
        'a label selector that is none',
        () => api.get(`${MAPS}?labelSelector=a%20in`),
        400,
        'BadRequest',
        /parse/,
      ],
      [
        'a field that is not selectable',
        () => api.get(`${MAPS}?fieldSelector=data.a%3D1`),
        400,
        'BadRequest',
        '"data.a" is not a known field selector: only "metadata.name", "metadata.namespace"',
      ],
      [
        'a limit that is no number',
        () => api.get(`${MAPS}?limit=many`),
        400,
        'BadRequest',
        'strconv.ParseInt: parsing "many": invalid syntax',
      ],
      [
        'a continue token that is none',
        () => api.get(`${MAPS}?continue=abc`),
        400,
        'BadRequest',
        /continue key is not valid/,
      ],
      [
        'a match without a version',
        () => api.get(`${MAPS}?resourceVersionMatch=Exact`),
        422,
        'Invalid',
        /resourceVersionMatch is forbidden unless resourceVersion is provided/,
      ],
      [
        'a version of the future',
        () => api.get(`${MAPS}?resourceVersion=99999999`),
        504,
        'Timeout',
        /^Timeout: Too large resource version: 99999999, current: /,
      ],
      [
        'a version that is none',
        () => api.get(`${MAPS}?resourceVersion=x`),
        422,
        'Invalid',
        /resourceVersion/,
      ],
      [
        'a dryRun that is none',
        () => api.post(`${MAPS}?dryRun=Some`, map('x')),
        422,
        'Invalid',
        /dryRun: Unsupported value/,
      ],
      [
        'a propagation policy that is none',
        () => api.delete(`${MAPS}/taken?propagationPolicy=Up`),
        422,
        'Invalid',
        /propagationPolicy: Unsupported value: "Up"/,
      ],
      [
        'delete of another uid',
        () => api.delete(`${MAPS}/taken`, { preconditions: { uid: 'u' } }),
        409,
        'Conflict',
        /the UID in the precondition \(u\) does not match the UID in record/,
      ],
      [
        'a patch of an unknown kind',
        () => api.patch(`${MAPS}/taken`, {}, 'application/json'),
        415,
        'UnsupportedMediaType',
        /application\/json-patch\+json, application\/merge-patch\+json/,
      ],
      ['a patch that is no JSON', () => api.patch(`${MAPS}/taken`, '{'), 400, 'BadRequest', /./],
      [
        'an apply without a manager',
        () => api.apply(`${MAPS}/taken`, map('taken'), ''),
        422,
        'Invalid',
        /fieldManager: Required value: is required for apply patch/,
      ],
      [
        'an apply of broken YAML',
        () => api.apply(`${MAPS}/taken`, 'a: [', 'me'),
        400,
        'BadRequest',
        /^error decoding YAML/,
      ],
      ['an unknown subresource', () => api.get(`${MAPS}/taken/nothing`), 404, 'NotFound', /./],
    ];
    for (const [name, ask, code, reason, message] of rows) {
      await t.test(name, async (t) => {
        const answer = await ask();
        t.match(answer.body, { kind: 'Status', status: 'Failure', code, reason, message });
        t.equal(answer.code, code);
      });
    }
  });

  await t.test('an apply whose keys stand twice', async (t) => {
    const yaml = 'apiVersion: v1\nkind: ConfigMap\ndata:\n  a: "1"\n  a: "2"\n';
    const json = '{"apiVersion": "v1", "kind": "ConfigMap",\n"data": {"a": "1", "a": "2"}}';
    for (const [body, line] of [
      [yaml, 5],
      [json, 2],
    ] as const) {
      const says = `line ${line}: key "a" already set in map`;
      const strict = await api.apply(`${MAPS}/twice`, body, 'me', '&fieldValidation=Strict');
      t.match(strict.body, {
        code: 400,
        message: `error strict decoding YAML: error converting YAML to JSON: yaml: unmarshal errors:\n  ${says}`,
      });
      const warned = await api.apply(`${MAPS}/twice`, body, 'me', '&dryRun=All');
      t.match(warned.body['data'], { a: '2' }, 'the last one counts');
      t.match(warned.headers.warning, says.replaceAll('"', '\\"'));
      const ignored = await api.apply(
        `${MAPS}/twice`,
        body,
        'me',
        '&dryRun=All&fieldValidation=Ignore',
      );
      t.equal(ignored.code, 201);
      t.notOk(ignored.headers.warning);
    }
  });

  await t.test('what is only made has no rows', async (t) => {
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const accept = (as: string) => `application/json;as=${as};v=v1;g=meta.k8s.io`;
    const review = {
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SelfSubjectAccessReview',
      spec: { resourceAttributes: { verb: 'get', resource: 'pods' } },
    };
    t.equal((await api.post(path, review)).code, 201);
    t.match(await api.post(path, review, { accept: accept('Table') }), {
      code: 406,
      body: { reason: 'NotAcceptable' },
    });
  });

  await t.test('unknown fields are dropped with a warning by default', async (t) => {
    const { code, headers, body } = await api.post(MAPS, { ...map('warned'), datum: 1 });
    t.equal(code, 201);
    t.match(headers.warning, /unknown field .*datum/);
    t.notOk('datum' in body);
  });

  await t.test('generateName draws a name', async (t) => {
    const { body } = await api.post(MAPS, {
      kind: 'ConfigMap',
      apiVersion: 'v1',
      metadata: { generateName: 'gen-' },
    });
    t.match(body.metadata?.name, /^gen-[bcdfghjklmnpqrstvwxz2456789]{5}$/);
  });

  await t.test('a dry run changes nothing', async (t) => {
    const { code, body } = await api.post(`${MAPS}?dryRun=All`, map('dry'));
    t.equal(code, 201);
    t.match(body.metadata, { name: 'dry', uid: /./ });
    t.equal((await api.get(`${MAPS}/dry`)).code, 404);
    t.equal((await api.post(`${MAPS}?dryRun=All`, map('taken'))).code, 409);
    t.equal((await api.send('DELETE', `${MAPS}/taken?dryRun=All`)).code, 200);
    t.equal((await api.get(`${MAPS}/taken`)).code, 200);
  });

  await t.test('an update that changes nothing writes nothing', async (t) => {
    const { body } = await api.post(MAPS, map('same', { a: '1' }));
    const again = await api.put(`${MAPS}/same`, body);
    t.equal(again.code, 200);
    t.equal(versionOf(again.body), versionOf(body));
    const { data, ...shuffled } = body;
    t.equal(
      versionOf((await api.put(`${MAPS}/same`, { data, ...shuffled })).body),
      versionOf(body),
    );
    t.not(
      versionOf((await api.put(`${MAPS}/same`, map('same', { a: '2' }))).body),
      versionOf(body),
      'an unconditional one does',
    );
  });

  await t.test('patches', async (t) => {
    await api.post(DEPLOYMENTS, deploymentOf('patched'));
    const rows: [string, string, unknown, object][] = [
      [
        'merge',
        'application/merge-patch+json',
        { metadata: { labels: { a: '1' } } },
        { metadata: { labels: { a: '1' } } },
      ],
      [
        'JSON',
        'application/json-patch+json',
        [{ op: 'replace', path: '/spec/replicas', value: 3 }],
        { spec: { replicas: 3 } },
      ],
      [
        'strategic merge by the merge key',
        'application/strategic-merge-patch+json',
        { spec: { template: { spec: { containers: [{ name: 'd', image: 'busybox' }] } } } },
        { spec: { template: { spec: { containers: [{ name: 'd' }, { name: 'c' }] } } } },
      ],
    ];
    for (const [name, type, patch, expected] of rows) {
      const { code, body } = await api.patch(`${DEPLOYMENTS}/patched`, patch, type);
      t.equal(code, 200, name);
      t.match(body, expected, name);
    }
    const failed = await api.patch(
      `${DEPLOYMENTS}/patched`,
      [{ op: 'test', path: '/spec/replicas', value: 9 }],
      'application/json-patch+json',
    );
    t.equal(failed.code, 422);
    t.equal((await api.patch(`${DEPLOYMENTS}/none`, {})).code, 404);
    t.equal(
      (await api.patch(`${DEPLOYMENTS}/patched`, { metadata: { resourceVersion: '1' } })).code,
      409,
    );
  });

  await t.test('patches at the same time all land', async (t) => {
    await api.post(MAPS, map('raced'));
    const keys = Array.from({ length: 20 }, (_, i) => `k${i}`);
    const answers = await Promise.all(
      keys.map((key) => api.patch(`${MAPS}/raced`, { data: { [key]: '1' } })),
    );
    t.ok(answers.every(({ code }) => code === 200));
    t.same(
      Object.keys((await api.get(`${MAPS}/raced`)).body.data as object).sort(),
      [...keys].sort(),
    );
  });

  await t.test('server-side apply creates, merges, and reports conflicts', async (t) => {
    const created = await api.apply(`${MAPS}/applied`, map('applied', { a: '1' }), 'one');
    t.equal(created.code, 201);
    const second = await api.apply(`${MAPS}/applied`, map('applied', { b: '2' }), 'two');
    t.equal(second.code, 200);
    t.same(second.body.data, { a: '1', b: '2' });
    const conflict = await api.apply(`${MAPS}/applied`, map('applied', { a: '9' }), 'two');
    t.equal(conflict.code, 409);
    t.match(conflict.body, {
      reason: 'Conflict',
      details: { causes: [{ reason: 'FieldManagerConflict', field: '.data.a' }] },
    });
    const forced = await api.apply(
      `${MAPS}/applied`,
      map('applied', { a: '9' }),
      'two',
      '&force=true',
    );
    t.same(forced.body.data, { a: '9' }, 'and what a manager no longer applies goes');
    const again = await api.apply(`${MAPS}/applied`, map('applied', { a: '9' }), 'two');
    t.equal(versionOf(again.body), versionOf(forced.body));
  });

  await t.test('apply of the same new object by many at once creates it once', async (t) => {
    const answers = await Promise.all(
      ['m1', 'm2', 'm3', 'm4'].map((manager) =>
        api.apply(`${MAPS}/together`, map('together', { [manager]: '1' }), manager),
      ),
    );
    t.same(answers.map(({ code }) => code).sort(), [200, 200, 200, 201]);
    t.same(Object.keys((await api.get(`${MAPS}/together`)).body.data as object).sort(), [
      'm1',
      'm2',
      'm3',
      'm4',
    ]);
  });

  await t.test('the same owner twice is one owner', async (t) => {
    const owner = { apiVersion: 'v1', kind: 'Pod', name: 'p', uid: 'u-1' };
    const { body, headers } = await api.post(
      MAPS,
      map('owned', {}, { ownerReferences: [owner, owner] }),
    );
    t.same(body.metadata?.ownerReferences, [owner]);
    t.match(headers.warning, /duplicate UID\(s\) observed: u-1/);
  });

  await t.test('status and spec are written apart', async (t) => {
    const { body } = await api.post(DEPLOYMENTS, {
      ...deploymentOf('split'),
      status: { replicas: 7 },
    });
    t.notMatch(body, { status: { replicas: 7 } });
    t.equal(body.metadata?.generation, 1);
    const status = await api.put(`${DEPLOYMENTS}/split/status`, {
      ...body,
      spec: { ...(body.spec as object), replicas: 9 },
      status: { replicas: 2 },
    });
    t.match(status.body, {
      spec: { replicas: 1 },
      status: { replicas: 2 },
      metadata: { generation: 1 },
    });
    const spec = await api.patch(`${DEPLOYMENTS}/split`, {
      spec: { replicas: 4 },
      status: { replicas: 8 },
    });
    t.match(spec.body, {
      spec: { replicas: 4 },
      status: { replicas: 2 },
      metadata: { generation: 2 },
    });
  });

  await t.test(
    'a patch of the status is held to the whole kind, and writes nothing else',
    async (t) => {
      await api.post(DEPLOYMENTS, deploymentOf('half'));
      const at = `${DEPLOYMENTS}/half/status`;
      for (const type of ['merge', 'strategic-merge'] as const) {
        const contentType = `application/${type}-patch+json`;
        const patch = (body: object) => api.patch(at, body, contentType);
        const right = await patch({ spec: { replicas: 9 }, status: { replicas: 3 } });
        t.match(
          right,
          { code: 200, body: { spec: { replicas: 1 }, status: { replicas: 3 } } },
          type,
        );
        t.same(Object.keys(right.body).slice(-3), ['metadata', 'spec', 'status'], 'in their order');
        t.equal((await patch({ spec: { replicas: 'x' } })).code, 422, type);
        const wrong = await patch({ status: { replicas: 'many' } });
        t.match(wrong, { code: 422, body: { reason: 'Invalid' } }, type);
        if (type === 'merge')
          t.match(wrong.body, { message: /progressDeadlineSeconds/ }, 'shows all');
        t.match(await patch({ status: { absent: 1 } }), { code: 200 }, type);
      }
      const etcd = await api.store.client();
      const bare = {
        ...deploymentOf('bare'),
        metadata: { name: 'bare', namespace: 'default', uid: 'u' },
      };
      const value = Buffer.from(JSON.stringify(bare));
      await etcd.txn([], [{ type: 'put', key: '/registry/deployments/default/bare', value }], []);
      const answer = await api.patch(`${DEPLOYMENTS}/bare/status`, { status: { replicas: 1 } });
      t.match(
        answer,
        { code: 200, body: { status: { replicas: 1 } } },
        'of before there were defaults',
      );
    },
  );

  await t.test('scale reads and writes the replicas', async (t) => {
    await api.post(DEPLOYMENTS, deploymentOf('scaled', 2));
    const scale = await api.get(`${DEPLOYMENTS}/scaled/scale`);
    t.match(scale.body, {
      kind: 'Scale',
      apiVersion: 'autoscaling/v1',
      spec: { replicas: 2 },
      status: { selector: 'app=scaled' },
    });
    t.match(
      (await api.put(`${DEPLOYMENTS}/scaled/scale`, { ...scale.body, spec: { replicas: 5 } })).body,
      { spec: { replicas: 5 } },
    );
    t.equal(
      (await api.put(`${DEPLOYMENTS}/scaled/scale`, { ...scale.body, spec: { replicas: 6 } })).code,
      409,
    );
    t.match((await api.patch(`${DEPLOYMENTS}/scaled/scale`, { spec: { replicas: 3 } })).body, {
      spec: { replicas: 3 },
    });
    t.match((await api.get(`${DEPLOYMENTS}/scaled`)).body, {
      spec: { replicas: 3 },
      metadata: { generation: 3 },
    });
  });

  await t.test('deletion', async (t) => {
    await t.test('answers a Status with the uid', async (t) => {
      const { body } = await api.post(MAPS, map('gone'));
      const deleted = await api.delete(`${MAPS}/gone`);
      t.equal(deleted.code, 200);
      t.match(deleted.body, {
        kind: 'Status',
        status: 'Success',
        details: { name: 'gone', kind: 'configmaps', uid: body.metadata?.uid },
      });
      t.equal((await api.get(`${MAPS}/gone`)).code, 404);
    });

    await t.test('leaves the classes of the system alone, unless all are meant', async (t) => {
      const classes = '/apis/scheduling.k8s.io/v1/priorityclasses';
      const name = 'system-node-critical';
      await api.post(classes, { metadata: { name }, value: 2_000_001_000 });
      const refused = await api.delete(`${classes}/${name}`);
      t.match(refused, {
        code: 403,
        body: {
          message: `priorityclasses.scheduling.k8s.io "${name}" is forbidden: this is a system priority class and cannot be deleted`,
        },
      });
      t.equal((await api.delete(classes)).code, 200);
      t.equal((await api.get(`${classes}/${name}`)).code, 404);
    });

    await t.test('waits for finalizers, and goes with the last one', async (t) => {
      await api.post(MAPS, map('held', {}, { finalizers: ['example.com/hold'] }));
      const marked = await api.delete(`${MAPS}/held`);
      t.match(marked.body, {
        kind: 'ConfigMap',
        metadata: { deletionTimestamp: /Z$/, deletionGracePeriodSeconds: 0 },
      });
      const added = await api.patch(`${MAPS}/held`, {
        metadata: { finalizers: ['example.com/hold', 'example.com/more'] },
      });
      t.equal(added.code, 422);
      t.match(added.body.message, /no new finalizers can be added if the object is being deleted/);
      t.equal((await api.patch(`${MAPS}/held`, { metadata: { finalizers: null } })).code, 200);
      t.equal((await api.get(`${MAPS}/held`)).code, 404);
    });

    await t.test('foreground and orphan are left to the garbage collector', async (t) => {
      const rows = [
        ['Foreground', 'foregroundDeletion', 202],
        ['Orphan', 'orphan', 200],
      ] as const;
      for (const [propagationPolicy, finalizer, code] of rows) {
        await api.post(DEPLOYMENTS, deploymentOf('kept'));
        const answer = await api.delete(`${DEPLOYMENTS}/kept`, { propagationPolicy });
        t.equal(answer.code, code, propagationPolicy);
        t.match(answer.body, {
          metadata: { finalizers: [finalizer], deletionTimestamp: /Z$/, generation: 2 },
        });
        await api.patch(`${DEPLOYMENTS}/kept`, { metadata: { finalizers: null } });
      }
    });

    await t.test(
      'a pod on a node gets its grace period, which may only be shortened',
      async (t) => {
        await api.post(
          PODS,
          podOf('graceful', {}, { nodeName: 'n', terminationGracePeriodSeconds: 40 }),
        );
        t.match((await api.delete(`${PODS}/graceful`)).body, {
          metadata: { deletionGracePeriodSeconds: 40 },
        });
        t.match((await api.delete(`${PODS}/graceful`, { gracePeriodSeconds: 60 })).body, {
          metadata: { deletionGracePeriodSeconds: 40 },
        });
        t.match((await api.delete(`${PODS}/graceful`, { gracePeriodSeconds: 5 })).body, {
          metadata: { deletionGracePeriodSeconds: 5 },
        });
        t.equal((await api.delete(`${PODS}/graceful`, { gracePeriodSeconds: 0 })).code, 200);
        t.equal((await api.get(`${PODS}/graceful`)).code, 404);
        await api.post(PODS, podOf('pending'));
        await api.delete(`${PODS}/pending`);
        t.equal((await api.get(`${PODS}/pending`)).code, 404, 'one without a node goes at once');
      },
    );

    await t.test('a namespace turns Terminating and goes with its spec.finalizers', async (t) => {
      await api.post('/api/v1/namespaces', {
        apiVersion: 'v1',
        kind: 'Namespace',
        metadata: { name: 'leaving' },
      });
      const { body } = await api.delete('/api/v1/namespaces/leaving');
      t.match(body, { metadata: { deletionTimestamp: /Z$/ }, status: { phase: 'Terminating' } });
      const finalized = await api.put('/api/v1/namespaces/leaving/finalize', {
        ...body,
        spec: { finalizers: [] },
      });
      t.equal(finalized.code, 200);
      t.equal((await api.get('/api/v1/namespaces/leaving')).code, 404);
    });

    await t.test('a collection goes by its selector', async (t) => {
      for (const name of ['c1', 'c2', 'c3'])
        await api.post(MAPS, map(name, {}, { labels: { set: name === 'c3' ? 'b' : 'a' } }));
      const { code, body } = await api.delete(`${MAPS}?labelSelector=set%3Da`);
      t.equal(code, 200);
      t.match(body, {
        kind: 'ConfigMapList',
        items: [{ metadata: { name: 'c1' } }, { metadata: { name: 'c2' } }],
      });
      t.equal((await api.get(`${MAPS}/c1`)).code, 404);
      t.equal((await api.get(`${MAPS}/c3`)).code, 200);
    });
  });

  await t.test('shapes', async (t) => {
    await api.post(MAPS, map('shaped', { a: '1' }));
    const table = 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json';
    await t.test('a Table has the columns and, with it, partial metadata', async (t) => {
      const { body } = await api.get(`${MAPS}/shaped`, { accept: table });
      t.match(body, {
        kind: 'Table',
        apiVersion: 'meta.k8s.io/v1',
        columnDefinitions: [
          { name: 'Name', type: 'string', format: 'name' },
          { name: 'Data' },
          { name: 'Age' },
        ],
        rows: [
          {
            cells: ['shaped', 1, /s$/],
            object: { kind: 'PartialObjectMetadata', metadata: { name: 'shaped' } },
          },
        ],
      });
      const bare = await api.get(
        `${MAPS}?includeObject=None&fieldSelector=metadata.name%3Dshaped`,
        { accept: table },
      );
      t.match(bare.body, { rows: [{ cells: ['shaped', 1], object: null }] });
    });
    await t.test('partial metadata', async (t) => {
      const accept = 'application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io';
      const { body } = await api.get(`${MAPS}?fieldSelector=metadata.name%3Dshaped`, { accept });
      t.match(body, {
        kind: 'PartialObjectMetadataList',
        items: [{ kind: 'PartialObjectMetadata', metadata: { name: 'shaped' } }],
      });
    });
    await t.test('YAML both ways', async (t) => {
      const yaml = 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: yaml}\ndata: {a: "1"}\n';
      t.equal((await api.post(MAPS, yaml, { 'content-type': 'application/yaml' })).code, 201);
      const { text, headers } = await api.get(`${MAPS}/yaml`, { accept: 'application/yaml' });
      t.match(text, /^kind: ConfigMap$/m);
      t.equal(headers['content-type'], 'application/yaml');
    });
    await t.test('indented for people', async (t) => {
      t.match((await api.get(`${MAPS}/shaped?pretty=true`)).text, /^\{\n {2}"kind"/);
      t.match((await api.get(`${MAPS}/shaped`, { 'user-agent': 'curl/8' })).text, /^\{\n/);
    });
    await t.test('items of a typed list carry no type of their own', async (t) => {
      const { body } = await api.get(`${MAPS}?fieldSelector=metadata.name%3Dshaped`);
      t.match(body, {
        kind: 'ConfigMapList',
        apiVersion: 'v1',
        metadata: { resourceVersion: /./ },
        items: [{ data: { a: '1' } }],
      });
      t.notMatch(body, { items: [{ kind: /./ }] });
    });
  });
});
