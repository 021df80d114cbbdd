/** Admission webhooks: what they may refuse and change, when they are asked, and what happens when they do not answer. */
import type { V1ConfigMap, V1Pod } from '@kubernetes/client-node';
import { type Clause, podSpec, type World } from '../../support/clause.js';
import { failureOf, nameOf } from '../../support/kube.js';
import { Objects, type Resource } from '../../support/objects.js';
import type { AdmissionRequest, Verdict } from '../../support/webhook-server.js';
import {
  type Custom,
  custom,
  customs,
  type Definition,
  define,
  definition,
  definitions,
} from './custom.js';
import {
  ALLOWED,
  ANY,
  always,
  configurations,
  denied,
  hooksOf,
  made,
  map,
  refuseOffending,
  register,
  rule,
  stage,
  webhook,
} from './webhook-rig.js';

const SLOW_MS = 5000;
const DATA = { type: 'object', properties: { data: { type: 'object' } } };

/** Widgets with data that a mutating webhook adds to. */
async function mutatedWidgets(w: World, body: Definition): Promise<Resource<Custom>> {
  await define(w, body);
  const hooks = await hooksOf(w);
  const rules = [rule(['widgets'], ['CREATE', 'UPDATE'], [body.spec.group])];
  const hook = (name: string, judge: (request: AdmissionRequest) => Verdict) =>
    webhook(w, hooks.admit(`/${name}`, judge), rules, { name: `${name}.example.com` });
  await register(w, hooks, 'mutating', [
    hook('one', stage('start', 'stage-1')),
    hook('two', stage('stage-1', 'stage-2')),
  ]);
  return customs(w, body);
}

export const webhooks: readonly Clause[] = [
  {
    title: 'Admission webhook, deny create',
    run: async (w) => {
      const hooks = await hooksOf(w);
      const ended = new AbortController();
      w.t.teardown(() => ended.abort());
      const podHook = hooks.admit('/pods', async ({ object }) => {
        const labels = object?.metadata?.labels ?? {};
        if (labels['hangs']) {
          await new Promise((resolve) => ended.signal.addEventListener('abort', resolve));
        }
        return labels['offends'] ? { allowed: false, message: 'the pod offends' } : ALLOWED;
      });
      const apart = `${w.namespace}-apart`;
      await w.namespaces.create({ metadata: { name: apart, labels: { skip: w.namespace } } });
      w.t.teardown(() => w.namespaces.delete(apart));
      const namespaceSelector = {
        matchExpressions: [
          { key: 'skip', operator: 'DoesNotExist' },
          { key: 'kubernetes.io/metadata.name', operator: 'In', values: [w.namespace, apart] },
        ],
      };
      const more = (name: string) => ({ name: `${name}.example.com`, namespaceSelector });
      await register(w, hooks, 'validating', [
        webhook(w, podHook, [rule(['pods'], ['CREATE'])], { ...more('pods'), timeoutSeconds: 2 }),
        webhook(
          w,
          hooks.admit('/maps', refuseOffending),
          [rule(['configmaps'], ['CREATE', 'UPDATE'])],
          more('maps'),
        ),
      ]);
      const pod = (name: string, labels = {}): V1Pod => ({
        metadata: { name, labels },
        spec: podSpec(),
      });
      await denied(w, 'a pod', w.pods.create(pod('a', { offends: 'yes' })), /the pod offends/);
      await w.pods.create(pod('good'));
      const hanging = await failureOf(w.pods.create(pod('b', { hangs: 'yes' })));
      w.t.match(hanging.message, /failed calling webhook.*(deadline exceeded|timeout)/i);
      w.t.equal(await w.pods.find('b'), undefined);

      const offends = { offends: 'yes' };
      const why = /the map offends/;
      await denied(w, 'a map', w.configMaps.create(map('a', offends)), why);
      const good = await w.configMaps.create(map('good', { fine: 'yes' }));
      await denied(w, 'by PUT', w.configMaps.replace({ ...good, data: offends }), why);
      await denied(w, 'by PATCH', w.configMaps.patch('good', { data: offends }), why);
      w.t.same((await w.configMaps.get('good')).data, { fine: 'yes' });
      const elsewhere = new Objects(w.objects.config).at<V1ConfigMap>('v1', 'configmaps', apart);
      w.t.equal(nameOf(await elsewhere.create(map('a', offends))), 'a', 'elsewhere it may');
    },
  },
  {
    title: 'Admission webhook, deny custom resource create and delete',
    run: async (w) => {
      const body = definition(w);
      await define(w, body);
      const hooks = await hooksOf(w);
      const judge = ({ operation, object, oldObject }: AdmissionRequest): Verdict => {
        const { labels = {} } = (operation === 'DELETE' ? oldObject : object)?.metadata ?? {};
        const offends = operation === 'DELETE' ? labels['stays'] : labels['offends'];
        return offends ? { allowed: false, message: `no ${operation}` } : ALLOWED;
      };
      await register(w, hooks, 'validating', [
        webhook(w, hooks.admit('/', judge), [rule(['widgets'], ANY, [body.spec.group])]),
      ]);
      const widgets = customs(w, body);
      const labelled = (name: string, labels: Record<string, string>) => ({
        ...custom(body, name),
        metadata: { name, labels },
      });
      await denied(w, 'create', widgets.create(labelled('a', { offends: 'yes' })), /no CREATE/);
      const good = await widgets.create(labelled('good', { stays: 'yes' }));
      const bad = { ...good, metadata: { ...good.metadata, labels: { offends: 'yes' } } };
      await denied(w, 'update', widgets.replace(bad), /no UPDATE/);
      const patch = { metadata: { labels: { offends: 'yes' } } };
      await denied(w, 'patch', widgets.patch('good', patch), /no UPDATE/);
      await denied(w, 'delete', widgets.delete('good'), /no DELETE/);
      await widgets.patch('good', { metadata: { labels: { stays: null } } });
      await widgets.delete('good');
      await w.gone(widgets, 'good');
    },
  },
  {
    title: 'Admission webhook, deny custom resource definition',
    run: async (w) => {
      const hooks = await hooksOf(w);
      const clientConfig = hooks.admit('/', () => ({ allowed: false, message: 'no kinds' }));
      const rules = [rule(['customresourcedefinitions'], ['CREATE'], ['apiextensions.k8s.io'])];
      const more = { namespaceSelector: {}, objectSelector: { matchLabels: { of: w.namespace } } };
      await register(w, hooks, 'validating', [webhook(w, clientConfig, rules, more)]);
      const body = definition(w, { labels: { of: w.namespace } });
      await denied(w, 'a definition', definitions(w).create(body), /no kinds/);
      w.t.equal(await definitions(w).find(nameOf(body)), undefined);
    },
  },
  {
    title: 'Admission webhook, honor timeout',
    run: async (w) => {
      const hooks = await hooksOf(w);
      const slow = hooks.admit('/slow', async () => {
        await new Promise((resolve) => setTimeout(resolve, SLOW_MS).unref());
        return ALLOWED;
      });
      const rows = [
        { name: 'short-fail', timeoutSeconds: 1, failurePolicy: 'Fail', fails: true },
        { name: 'short-ignore', timeoutSeconds: 1, failurePolicy: 'Ignore', fails: false },
        { name: 'long-fail', timeoutSeconds: 10, failurePolicy: 'Fail', fails: false },
        { name: 'unset-fail', timeoutSeconds: undefined, failurePolicy: 'Fail', fails: false },
      ];
      await register(
        w,
        hooks,
        'validating',
        rows.map(({ name, timeoutSeconds, failurePolicy }) =>
          webhook(w, slow, [rule(['configmaps'], ['CREATE'])], {
            name: `${name}.example.com`,
            timeoutSeconds,
            failurePolicy,
            objectSelector: { matchLabels: { row: name } },
          }),
        ),
      );
      await Promise.all(
        rows.map(async ({ name, fails }) => {
          const create = w.configMaps.create({ metadata: { name, labels: { row: name } } });
          if (!fails) {
            w.t.equal(nameOf(await create), name);
            return;
          }
          const { message } = await failureOf(create);
          w.t.match(message, /failed calling webhook.*(deadline exceeded|timeout)/i, name);
          w.t.equal(await w.configMaps.find(name), undefined);
        }),
      );
    },
  },
  {
    title: 'Admission webhook, ordered mutation',
    run: async (w) => {
      const hooks = await hooksOf(w);
      const rules = [rule(['configmaps'], ['CREATE'])];
      const hook = (name: string, judge: (request: AdmissionRequest) => Verdict) =>
        webhook(w, hooks.admit(`/${name}`, judge), rules, { name: `${name}.example.com` });
      await register(w, hooks, 'mutating', [
        hook('one', stage('start', 'stage-1')),
        hook('two', stage('stage-1', 'stage-2')),
      ]);
      const yes = 'yes';
      const all = { start: yes, 'stage-1': yes, 'stage-2': yes };
      w.t.same(await made(w, { start: yes }), all);
    },
  },
  {
    title: 'Mutating Admission webhook, mutating webhook excluding object with specific name',
    run: async (w) => {
      const hooks = await hooksOf(w);
      const matchConditions = [{ name: 'not-me', expression: "object.metadata.name != 'skip-me'" }];
      await register(w, hooks, 'mutating', [
        webhook(w, hooks.admit('/', always('added')), [rule(['configmaps'], ['CREATE'])], {
          matchConditions,
        }),
      ]);
      const create = async (name: string) =>
        (await w.configMaps.create(map(name, { own: 'yes' }))).data;
      w.t.same(await create('skip-me'), { own: 'yes' });
      w.t.same(await create('another'), { own: 'yes', added: 'yes' });
    },
  },
  {
    title: 'Admission webhook, mutation with defaulting',
    run: async (w) => {
      const hooks = await hooksOf(w);
      const value = [{ name: 'added', image: 'busybox', resources: {} }];
      const clientConfig = hooks.admit('/', () => ({
        allowed: true,
        patch: [{ op: 'add', path: '/spec/initContainers', value }],
      }));
      await register(w, hooks, 'mutating', [
        webhook(w, clientConfig, [rule(['pods'], ['CREATE'])]),
      ]);
      const { spec } = await w.pods.create({ metadata: { name: 'web' }, spec: podSpec() });
      w.t.match(spec?.initContainers, [
        {
          name: 'added',
          terminationMessagePolicy: 'File',
          terminationMessagePath: '/dev/termination-log',
        },
      ]);
      w.t.equal(spec?.initContainers?.length, 1);
    },
  },
  {
    title: 'Admission webhook, mutate custom resource',
    run: async (w) => {
      const body = definition(w);
      const widgets = await mutatedWidgets(w, body);
      const { data } = await widgets.create(custom(body, 'one', { data: { start: 'yes' } }));
      w.t.same(data, { start: 'yes', 'stage-1': 'yes', 'stage-2': 'yes' });
    },
  },
  {
    title: 'Admission webhook, mutate custom resource with different stored version',
    run: async (w) => {
      const body = definition(w, { versions: [{ name: 'v1' }, { name: 'v2' }] });
      const widgets = await mutatedWidgets(w, body);
      await widgets.create(custom(body, 'one', { data: { start: 'yes' } }));
      const versions = body.spec.versions.map((version) => ({
        ...version,
        storage: version.name === 'v2',
      }));
      const name = nameOf(body);
      await definitions(w).patch(name, { spec: { versions } });
      await w.until('v2 is among the stored versions', async () => {
        return (await definitions(w).get(name)).status?.storedVersions?.includes('v2');
      });
      const { data, apiVersion } = await widgets.patch('one', { data: { more: 'yes' } });
      w.t.equal(apiVersion, `${body.spec.group}/v1`);
      const yes = 'yes';
      w.t.same(data, { start: yes, 'stage-1': yes, 'stage-2': yes, more: yes });
    },
  },
  {
    title: 'Admission webhook, mutate custom resource with pruning',
    run: async (w) => {
      const text = { type: 'string' };
      const data = { ...DATA.properties.data, properties: { start: text, 'stage-1': text } };
      const schema = { type: 'object', properties: { data } };
      const body = definition(w, { versions: [{ name: 'v1', schema }] });
      const widgets = await mutatedWidgets(w, body);
      const made = await widgets.create(custom(body, 'one', { data: { start: 'yes' } }));
      w.t.same(made['data'], { start: 'yes', 'stage-1': 'yes' });
    },
  },
  {
    title: 'Admission webhook, admission control not allowed on webhook configuration objects',
    run: async (w) => {
      const hooks = await hooksOf(w);
      const asked: AdmissionRequest[] = [];
      const note = (verdict: Verdict) => (request: AdmissionRequest) => {
        asked.push(request);
        return verdict;
      };
      const kinds = ['validatingwebhookconfigurations', 'mutatingwebhookconfigurations'];
      const group = ['admissionregistration.k8s.io'];
      const more = { namespaceSelector: {}, objectSelector: { matchLabels: { of: w.namespace } } };
      const patch = [{ op: 'add', path: '/metadata/labels/touched', value: 'yes' }];
      await register(w, hooks, 'validating', [
        webhook(
          w,
          hooks.admit('/deny', note({ allowed: false })),
          [rule(kinds, ['DELETE'], group)],
          more,
        ),
      ]);
      await register(w, hooks, 'mutating', [
        webhook(
          w,
          hooks.admit('/touch', note({ allowed: true, patch })),
          [rule(kinds, ['CREATE'], group)],
          more,
        ),
      ]);
      const labels = { of: w.namespace };
      for (const kind of ['mutating', 'validating'] as const) {
        const name = `${w.namespace}-dummy`;
        const never = webhook(w, { url: 'https://127.0.0.1:1/' }, [rule(['none'], ['CREATE'])]);
        const created = await configurations(w, kind).create({
          metadata: { name, labels },
          webhooks: [never],
        });
        w.t.same(created.metadata?.labels, labels, 'it is not touched');
        await configurations(w, kind).delete(name);
        await w.gone(configurations(w, kind), name);
      }
      w.t.same(asked, [], 'nobody was asked');
    },
  },
  {
    title: 'Admission webhook, fail closed',
    run: async (w) => {
      const hooks = await hooksOf(w);
      const { url } = hooks.admit('/', () => ALLOWED);
      const hook = webhook(w, { url }, [rule(['configmaps'], ['CREATE'])], {
        failurePolicy: 'Fail',
        objectSelector: { matchLabels: { closed: 'yes' } },
      });
      await register(w, hooks, 'validating', [hook]);
      const closed = { metadata: { name: 'closed', labels: { closed: 'yes' } } };
      const { code, reason, message } = await failureOf(w.configMaps.create(closed));
      w.t.equal(code, 500);
      w.t.equal(reason, 'InternalError');
      w.t.match(message, /failed calling webhook "hook\.\S+\.example\.com": /);
      w.t.equal(await w.configMaps.find('closed'), undefined);
    },
  },
];
