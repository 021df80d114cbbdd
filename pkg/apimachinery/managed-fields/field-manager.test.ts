/** Server-side apply and field ownership on real kinds: who owns what after which writes. */
import fc from 'fast-check';
import t from 'tap';
import { loadBuiltinSchemas } from '../../api/schema/builtin.js';
import type { ManagedFieldsEntry, UnstructuredObject } from '../meta.js';
import { StatusError } from '../status.js';
import { FieldManager } from './field-manager.js';
import { setOf } from './field-set.js';

const schemas = await loadBuiltinSchemas();
const T0 = Date.UTC(2026, 0, 1);
const SECOND = 1000;

function managerOf(kind: 'Deployment' | 'ConfigMap' | 'Service'): FieldManager {
  const group = kind === 'Deployment' ? 'apps' : '';
  const definition = `io.k8s.api.${group || 'core'}.v1.${kind}`;
  return new FieldManager({
    apiVersion: group ? `${group}/v1` : 'v1',
    kind,
    schemas,
    schema: schemas.get(definition),
    resetFields: (subresource) =>
      subresource === ''
        ? setOf(['f:status'])
        : subresource === 'status'
          ? setOf(['f:spec'])
          : undefined,
  });
}

const configMaps = managerOf('ConfigMap');
const deployments = managerOf('Deployment');

function configMap(data: Record<string, string>, metadata: object = {}): UnstructuredObject {
  return {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'c', namespace: 'n', ...metadata },
    data,
  };
}

function deployment(spec: object, more: object = {}): UnstructuredObject {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'd', namespace: 'n' },
    spec,
    ...more,
  };
}

/** As the server stores it: only such objects are live. */
function stored(obj: UnstructuredObject): UnstructuredObject {
  return { ...obj, metadata: { ...obj.metadata, uid: 'u', resourceVersion: '1' } };
}

function entries(obj: UnstructuredObject): readonly ManagedFieldsEntry[] {
  return obj.metadata?.managedFields ?? [];
}

function entryOf(obj: UnstructuredObject, manager: string): ManagedFieldsEntry | undefined {
  return entries(obj).find((entry) => entry.manager === manager);
}

function fieldsOf(obj: UnstructuredObject, manager: string): unknown {
  return entryOf(obj, manager)?.fieldsV1;
}

/** The Status that a call is refused with. */
function refusal(call: () => unknown): StatusError {
  try {
    call();
  } catch (err) {
    if (err instanceof StatusError) return err;
    throw err;
  }
  throw new Error('it was not refused');
}

t.test('an update', async (t) => {
  const created = stored(
    configMaps.update(undefined, configMap({ a: '1' }), 'kubectl-create', '', T0),
  );

  t.test(
    'that creates gives its manager what it set, and nothing that the server sets',
    async (t) => {
      t.same(entries(created), [
        {
          manager: 'kubectl-create',
          operation: 'Update',
          apiVersion: 'v1',
          time: '2026-01-01T00:00:00Z',
          fieldsType: 'FieldsV1',
          fieldsV1: { 'f:data': { '.': {}, 'f:a': {} } },
        },
      ]);
    },
  );

  t.test('that changes nothing changes no entry and no time', async (t) => {
    const again = configMaps.update(created, { ...created }, 'other', '', T0 + SECOND);
    t.same(entries(again), entries(created));
  });

  t.test('takes what it changes from whoever had it', async (t) => {
    const changed = { ...created, data: { a: '2', b: '1' } };
    const after = configMaps.update(created, changed, 'editor', '', T0 + SECOND);
    t.same(fieldsOf(after, 'editor'), { 'f:data': { 'f:a': {}, 'f:b': {} } });
    t.same(fieldsOf(after, 'kubectl-create'), { 'f:data': {} }, 'the map itself stays its own');
  });

  t.test('of the status is an entry of its own', async (t) => {
    const live = stored(deployments.update(undefined, deployment({ replicas: 1 }), 'a', '', T0));
    const after = deployments.update(live, { ...live, status: { replicas: 1 } }, 'a', 'status', T0);
    t.match(
      entries(after).find(({ subresource }) => subresource === 'status'),
      { manager: 'a', operation: 'Update', fieldsV1: { 'f:status': { 'f:replicas': {} } } },
    );
  });

  t.test('with an empty list of managers starts over', async (t) => {
    const reset = { ...created, metadata: { ...created.metadata, managedFields: [{}] } };
    t.same(entries(configMaps.update(created, reset, 'x', '', T0)), []);
  });

  t.test('by the eleventh manager merges the oldest into ancient-changes', async (t) => {
    let live = created;
    for (let i = 0; i < 12; i++) {
      const next = { ...live, data: { ...(live['data'] as object), [`k${i}`]: 'v' } };
      live = configMaps.update(live, next, `m${i}`, '', T0 + (i + 1) * SECOND);
    }
    const names = entries(live).map(({ manager }) => manager);
    t.equal(names.length, 10);
    t.ok(names.includes('ancient-changes'));
    t.ok(names.includes('m11'), 'the newest stay themselves');
  });
});

t.test('an apply', async (t) => {
  const apply = (
    live: UnstructuredObject | undefined,
    data: Record<string, string>,
    manager: string,
    force = false,
  ) => stored(configMaps.apply(live, configMap(data), manager, force, '', T0));
  const applied = apply(undefined, { a: '1', b: '1' }, 'one');

  t.test('creates, and owns exactly what it says', async (t) => {
    t.match(entryOf(applied, 'one'), {
      operation: 'Apply',
      fieldsV1: { 'f:data': { 'f:a': {}, 'f:b': {} } },
    });
  });

  t.test('removes what it no longer says and nobody else owns', async (t) => {
    t.same(apply(applied, { a: '1' }, 'one')['data'], { a: '1' });
  });

  t.test('leaves what another one owns too', async (t) => {
    const both = apply(applied, { b: '1' }, 'two');
    const after = apply(both, { a: '1' }, 'one');
    t.same(after['data'], { a: '1', b: '1' });
    t.same(fieldsOf(after, 'two'), { 'f:data': { 'f:b': {} } });
  });

  t.test("of another's value is a conflict that names manager, version and field", async (t) => {
    const err = refusal(() => apply(applied, { a: '2' }, 'two'));
    t.match(err.status, {
      code: 409,
      reason: 'Conflict',
      message: 'Apply failed with 1 conflict: conflict with "one": .data.a',
      details: {
        causes: [
          { reason: 'FieldManagerConflict', message: 'conflict with "one"', field: '.data.a' },
        ],
      },
    });
  });

  t.test('of several fields counts the conflicts', async (t) => {
    const err = refusal(() => apply(applied, { a: '2', b: '2' }, 'two'));
    t.match(
      err.message,
      /^Apply failed with 2 conflicts: conflicts with "one":\n- \.data\.a\n- \.data\.b/,
    );
  });

  t.test('by force takes the field over', async (t) => {
    const after = apply(applied, { a: '2' }, 'two', true);
    t.same(after['data'], { a: '2', b: '1' });
    t.same(fieldsOf(after, 'one'), { 'f:data': { 'f:b': {} } });
    t.same(fieldsOf(after, 'two'), { 'f:data': { 'f:a': {} } });
  });

  t.test('after an update conflicts with the updater, by its version', async (t) => {
    const updated = configMaps.update(
      applied,
      { ...applied, data: { a: '9', b: '1' } },
      'editor',
      '',
      T0,
    );
    const err = refusal(() => apply(updated, { a: '1', b: '1' }, 'one'));
    t.equal(err.message, 'Apply failed with 1 conflict: conflict with "editor" using v1: .data.a');
  });

  t.test('to an object without managers leaves the rest to before-first-apply', async (t) => {
    const old = stored(configMap({ a: '1', z: '1' }));
    const after = configMaps.apply(old, configMap({ b: '1' }), 'one', false, '', T0);
    t.same(after['data'], { a: '1', b: '1', z: '1' });
    t.match(entryOf(after, 'before-first-apply'), { operation: 'Update' });
  });

  t.test('with kubectl takes over from its client-side apply without a conflict', async (t) => {
    const lastApplied = JSON.stringify(configMap({ a: '1' }));
    const live = stored(
      configMaps.update(
        undefined,
        configMap(
          { a: '1' },
          { annotations: { 'kubectl.kubernetes.io/last-applied-configuration': lastApplied } },
        ),
        'kubectl-client-side-apply',
        '',
        T0,
      ),
    );
    const after = configMaps.apply(live, configMap({ a: '2' }), 'kubectl', false, '', T0);
    t.same(after['data'], { a: '2' });
  });

  t.test('of what there is already changes nothing', async (t) => {
    const data = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.constantFrom('1', '2'));
    fc.assert(
      fc.property(data, data, (first, second) => {
        const live = apply(apply(undefined, first, 'one'), second, 'two', true);
        const again = configMaps.apply(live, configMap(second), 'two', false, '', T0 + SECOND);
        t.same(again['data'], live['data']);
        t.same(entries(again), entries(live));
      }),
      { numRuns: 60, seed: 7 },
    );
  });
});

t.test('lists', async (t) => {
  const spec = (containers: object[]) => ({
    selector: { matchLabels: { app: 'x' } },
    template: { metadata: { labels: { app: 'x' } }, spec: { containers } },
  });
  const containersOf = (obj: UnstructuredObject) =>
    (obj['spec'] as { template: { spec: { containers: { name: string }[] } } }).template.spec
      .containers;
  const apply = (
    live: UnstructuredObject | undefined,
    containers: object[],
    manager: string,
    force = false,
  ) => stored(deployments.apply(live, deployment(spec(containers)), manager, force, '', T0));

  t.test('with keys merge item by item', async (t) => {
    const one = apply(undefined, [{ name: 'a', image: 'i' }], 'one');
    const two = apply(one, [{ name: 'b', image: 'j' }], 'two');
    t.same(containersOf(two), [
      { name: 'a', image: 'i' },
      { name: 'b', image: 'j' },
    ]);
    t.match(fieldsOf(two, 'two'), {
      'f:spec': {
        'f:template': {
          'f:spec': {
            'f:containers': { 'k:{"name":"b"}': { '.': {}, 'f:image': {}, 'f:name': {} } },
          },
        },
      },
    });
  });

  t.test('with keys drop an item that its only owner no longer says', async (t) => {
    const both = apply(
      undefined,
      [
        { name: 'a', image: 'i' },
        { name: 'b', image: 'j' },
      ],
      'one',
    );
    t.same(containersOf(apply(both, [{ name: 'b', image: 'j' }], 'one')), [
      { name: 'b', image: 'j' },
    ]);
  });

  t.test('count a default among the keys: ports without a protocol are TCP', async (t) => {
    const one = apply(
      undefined,
      [{ name: 'a', image: 'i', ports: [{ containerPort: 80 }] }],
      'one',
    );
    t.match(
      JSON.stringify(fieldsOf(one, 'one')),
      /k:\{\\"containerPort\\":80,\\"protocol\\":\\"TCP\\"\}/,
    );
  });

  t.test('that are atomic belong to one manager as a whole', async (t) => {
    const one = apply(undefined, [{ name: 'a', image: 'i', args: ['x'] }], 'one');
    const err = refusal(() => apply(one, [{ name: 'a', image: 'i', args: ['x', 'y'] }], 'two'));
    t.match(
      err.message,
      /conflict with "one": \.spec\.template\.spec\.containers\[name="a"\]\.args$/,
    );
  });

  t.test('that are sets merge value by value', async (t) => {
    const withFinalizers = (finalizers: string[]): UnstructuredObject =>
      configMap({}, { finalizers });
    const one = stored(configMaps.apply(undefined, withFinalizers(['x/a']), 'one', false, '', T0));
    const two = configMaps.apply(one, withFinalizers(['x/b']), 'two', false, '', T0);
    t.same(two.metadata?.finalizers, ['x/a', 'x/b']);
  });
});
