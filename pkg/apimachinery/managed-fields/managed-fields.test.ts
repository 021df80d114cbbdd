import fc from 'fast-check';
import t from 'tap';
import { clone } from '../clone.js';
import { deepFreeze } from '../freeze.js';
import type { ManagedFieldsEntry, UnstructuredObject } from '../meta.js';
import { StatusError } from '../status.js';
import { SCHEMAS } from '../testing/schema.js';
import { compare } from './compare.js';
import { FieldManager } from './field-manager.js';
import {
  difference,
  equalSets,
  type FieldSet,
  hasPath,
  intersection,
  isEmptySet,
  parseSet,
  paths,
  recursiveDifference,
  setOf,
  sortSet,
  union,
} from './field-set.js';
import { fieldTypeOf } from './field-type.js';
import { formatPath } from './path-element.js';
import { toFieldSet } from './to-field-set.js';
import { typeErrors } from './validate-typed.js';

type Json = Record<string, unknown>;

const THING = fieldTypeOf(SCHEMAS.get('Thing'), SCHEMAS);
const T0 = Date.UTC(2026, 0, 1);
const LATER = T0 + 60_000;

function manager(): FieldManager {
  return new FieldManager({
    apiVersion: 'test/v1',
    kind: 'Thing',
    schemas: SCHEMAS,
    schema: SCHEMAS.get('Thing'),
    resetFields: (subresource) => setOf([subresource === 'status' ? 'f:spec' : 'f:status']),
  });
}

function thing(spec: Json, metadata: Json = {}): UnstructuredObject {
  return deepFreeze({
    apiVersion: 'test/v1',
    kind: 'Thing',
    metadata: { name: 'x', ...metadata },
    spec,
  });
}

/** As the store hands it out: with what the server sets. */
function stored(obj: UnstructuredObject): UnstructuredObject {
  const metadata = { uid: 'u', creationTimestamp: '2026-01-01T00:00:00Z', ...obj.metadata };
  return deepFreeze({ ...obj, metadata });
}

function lines(set: FieldSet | undefined): string[] {
  return paths(set ?? {})
    .map(formatPath)
    .sort();
}

/** manager/operation[/subresource] → paths. */
function owners(obj: UnstructuredObject): Record<string, string[]> {
  const found: Record<string, string[]> = {};
  for (const e of obj.metadata?.managedFields ?? []) {
    const name = [e.manager, e.operation, ...(e.subresource ? [e.subresource] : [])].join('/');
    found[name] = lines(parseSet(e.fieldsV1));
  }
  return found;
}

function conflict(run: () => unknown): StatusError {
  try {
    run();
  } catch (err) {
    if (err instanceof StatusError) return err;
    throw err;
  }
  throw new Error('no error');
}

t.test('field sets are an algebra', async (t) => {
  const element = fc.constantFrom('f:a', 'f:b', 'k:{"name":"x"}', 'v:1', 'v:"s"');
  const path = fc.array(element, { minLength: 1, maxLength: 3 });
  const set = fc.array(path, { maxLength: 8 }).map((list) => setOf(...list));
  fc.assert(
    fc.property(set, set, path, (a, b, p) => {
      const [inA, inB] = [hasPath(a, p), hasPath(b, p)];
      return (
        hasPath(union(a, b), p) === (inA || inB) &&
        hasPath(intersection(a, b), p) === (inA && inB) &&
        hasPath(difference(a, b), p) === (inA && !inB) &&
        equalSets(union(difference(a, b), intersection(a, b)), a) &&
        isEmptySet(intersection(recursiveDifference(a, b), b)) &&
        equalSets(parseSet(JSON.parse(JSON.stringify(sortSet(a)))), a) &&
        equalSets(setOf(...paths(a)), a)
      );
    }),
    { numRuns: 1000 },
  );
  t.pass('1000 pairs of sets');
});

t.test('FieldsV1 is written in order and read in any form', async (t) => {
  const set = setOf(
    ['f:z'],
    ['f:l', 'k:{"port":443}'],
    ['f:l', 'k:{"port":80}'],
    ['f:l', 'k:{"port":80}', 'f:port'],
    ['f:a'],
  );
  t.equal(
    JSON.stringify(sortSet(set)),
    '{"f:a":{},"f:l":{"k:{\\"port\\":80}":{".":{},"f:port":{}},"k:{\\"port\\":443}":{}},"f:z":{}}',
  );
  t.same(parseSet({ 'k:{"b": 1, "a":"x"}': { '.': {} } }), { 'k:{"a":"x","b":1}': {} });
  for (const bad of ['x:a', 'a', 'k:[', 'k:1', 'v:', 'i:x']) {
    t.throws(() => parseSet({ [bad]: {} }), { name: 'FieldSetError' }, bad);
  }
  t.throws(() => parseSet([]), { name: 'FieldSetError' });
});

t.test('the fields that an applied object sets', async (t) => {
  const rows: [name: string, spec: Json, fields: string[]][] = [
    ['a scalar', { replicas: 1 }, ['.spec.replicas']],
    ['a null', { replicas: null }, ['.spec.replicas']],
    ['an atomic map', { selector: { matchLabels: { a: 'b' } } }, ['.spec.selector']],
    ['an empty struct', { strategy: {} }, ['.spec.strategy']],
    ['a struct', { strategy: { type: 'x' } }, ['.spec.strategy.type']],
    ['an atomic list', { tolerations: [{ key: 'a' }] }, ['.spec.tolerations']],
    [
      'a list by key',
      { containers: [{ name: 'a', image: 'i' }] },
      [
        '.spec.containers[name="a"]',
        '.spec.containers[name="a"].image',
        '.spec.containers[name="a"].name',
      ],
    ],
    [
      'a key with a default',
      { containers: [{ name: 'a', ports: [{ containerPort: 80 }] }] },
      [
        '.spec.containers[name="a"]',
        '.spec.containers[name="a"].name',
        '.spec.containers[name="a"].ports[containerPort=80,protocol="TCP"]',
        '.spec.containers[name="a"].ports[containerPort=80,protocol="TCP"].containerPort',
      ],
    ],
    [
      'a list by patch merge key',
      { legacy: [{ name: 'a' }] },
      ['.spec.legacy[name="a"]', '.spec.legacy[name="a"].name'],
    ],
    ['an empty list', { containers: [] }, []],
    [
      'a map of objects',
      { nodes: { a: { value: 'v' } } },
      ['.spec.nodes.a', '.spec.nodes.a.value'],
    ],
    ['untyped', { extra: { a: { b: [1] } } }, ['.spec.extra.a', '.spec.extra.a.b']],
  ];
  for (const [name, spec, fields] of rows) {
    t.same(lines(toFieldSet(THING, { spec })), [...fields].sort(), name);
  }
  t.same(lines(toFieldSet(THING, { metadata: { labels: { a: 'b' }, finalizers: ['f'] } })), [
    '.metadata.finalizers[="f"]',
    '.metadata.labels.a',
  ]);
});

t.test('what differs between two objects', async (t) => {
  const rows: [
    name: string,
    from: Json,
    to: Json,
    added: string[],
    modified: string[],
    removed: string[],
  ][] = [
    ['nothing', { replicas: 1 }, { replicas: 1 }, [], [], []],
    ['a scalar', { replicas: 1 }, { replicas: 2 }, [], ['.spec.replicas'], []],
    ['added', {}, { paused: true }, ['.spec.paused'], [], []],
    ['removed', { paused: true }, {}, [], [], ['.spec.paused']],
    [
      'a struct held by value has no owner',
      {},
      { strategy: { type: 'x' } },
      ['.spec.strategy.type'],
      [],
      [],
    ],
    [
      'an atomic map',
      { selector: { matchLabels: { a: '1' } } },
      { selector: { matchLabels: { a: '2' } } },
      [],
      ['.spec.selector'],
      [],
    ],
    [
      'an item',
      { containers: [{ name: 'a' }] },
      { containers: [{ name: 'a' }, { name: 'b' }] },
      ['.spec.containers[name="b"]', '.spec.containers[name="b"].name'],
      [],
      [],
    ],
    [
      'order of items',
      { containers: [{ name: 'a' }, { name: 'b' }] },
      { containers: [{ name: 'b' }, { name: 'a' }] },
      [],
      [],
      [],
    ],
    [
      'an item twice',
      { containers: [{ name: 'a' }] },
      { containers: [{ name: 'b' }, { name: 'b' }] },
      ['.spec.containers[name="b"]'],
      [],
      ['.spec.containers[name="a"]', '.spec.containers[name="a"].name'],
    ],
  ];
  for (const [name, from, to, added, modified, removed] of rows) {
    const found = compare(THING, { spec: from }, { spec: to });
    t.same(
      [lines(found?.added), lines(found?.modified), lines(found?.removed)],
      [added, modified, removed],
      name,
    );
  }
});

t.test('a created object is owned by its creator, but for what the server sets', async (t) => {
  const created = manager().update(
    undefined,
    thing(
      {
        replicas: 1,
        containers: [{ name: 'a', resources: {}, ports: [{ containerPort: 1, protocol: 'UDP' }] }],
      },
      { labels: { l: 'v' }, uid: 'u' },
    ),
    'kubectl-create',
    '',
    T0,
  );
  t.same(created.metadata?.managedFields, [
    {
      manager: 'kubectl-create',
      operation: 'Update',
      apiVersion: 'test/v1',
      time: '2026-01-01T00:00:00Z',
      fieldsType: 'FieldsV1',
      fieldsV1: {
        'f:metadata': { 'f:labels': { '.': {}, 'f:l': {} } },
        'f:spec': {
          'f:containers': {
            'k:{"name":"a"}': {
              '.': {},
              'f:name': {},
              'f:ports': {
                '.': {},
                'k:{"containerPort":1,"protocol":"UDP"}': {
                  '.': {},
                  'f:containerPort': {},
                  'f:protocol': {},
                },
              },
              'f:resources': {},
            },
          },
          'f:replicas': {},
        },
      },
    },
  ]);
});

t.test('updates', async (t) => {
  const m = manager();
  const live = stored(m.update(undefined, thing({ replicas: 1, paused: true }), 'a', '', T0));

  const same = m.update(live, clone(live), 'b', '', LATER);
  t.equal(same.metadata?.managedFields, live.metadata?.managedFields, 'no change, no new list');

  const changed = m.update(live, { ...live, spec: { replicas: 2, paused: true } }, 'b', '', LATER);
  t.same(owners(changed), { 'a/Update': ['.spec.paused'], 'b/Update': ['.spec.replicas'] });
  t.same(
    changed.metadata?.managedFields?.map((e) => e.time),
    ['2026-01-01T00:00:00Z', '2026-01-01T00:01:00Z'],
  );

  const removed = m.update(live, { ...live, spec: { replicas: 1 } }, 'b', '', LATER);
  t.same(owners(removed), { 'a/Update': ['.spec.replicas'] }, 'what is gone, nobody owns');

  const status = m.update(
    live,
    { ...live, spec: { replicas: 9 }, status: { phase: 'Up' } },
    'k',
    'status',
    LATER,
  );
  t.same(owners(status), {
    'a/Update': ['.spec.paused', '.spec.replicas'],
    'k/Update/status': ['.status.phase'],
  });
  const reset = m.update(live, { ...live, status: { phase: 'Up' } }, 'k', '', LATER);
  t.equal(
    reset.metadata?.managedFields,
    live.metadata?.managedFields,
    'the main resource resets status',
  );

  const emptied = m.update(
    live,
    { ...live, metadata: { ...live.metadata, managedFields: [] } },
    'b',
    '',
    LATER,
  );
  t.notOk('managedFields' in (emptied.metadata ?? {}), 'an emptied list is given up');
  const broken: ManagedFieldsEntry[] = [
    { manager: 'z', operation: 'Update', apiVersion: 'test/v1' },
  ];
  const kept = m.update(
    live,
    { ...live, metadata: { ...live.metadata, managedFields: broken } },
    'b',
    '',
    LATER,
  );
  t.same(owners(kept), owners(live), 'a list that cannot be read changes nothing');
  const untracked = stored(thing({ replicas: 1 }));
  const after = m.update(untracked, { ...untracked, spec: { replicas: 2 } }, 'b', '', LATER);
  t.notOk('managedFields' in (after.metadata ?? {}), 'an object without owners is not tracked');
});

t.test('more than ten updaters are merged into ancient-changes', async (t) => {
  const m = manager();
  let live = stored(m.update(undefined, thing({}, { labels: { l0: 'x' } }), 'm00', '', T0));
  for (let i = 1; i <= 12; i++) {
    const labels = { ...live.metadata?.labels, [`l${i}`]: 'x' };
    const next = { ...live, metadata: { ...live.metadata, labels } };
    live = stored(m.update(live, next, `m${String(i).padStart(2, '0')}`, '', T0 + i * 1000));
  }
  const names = live.metadata?.managedFields?.map((e) => e.manager);
  t.equal(names?.length, 10);
  t.equal(names?.[0], 'ancient-changes');
  t.same(owners(live)['ancient-changes/Update'], [
    '.metadata.labels',
    '.metadata.labels.l0',
    '.metadata.labels.l1',
    '.metadata.labels.l2',
    '.metadata.labels.l3',
  ]);
});

t.test('server-side apply', async (t) => {
  const m = manager();
  const created = stored(
    m.apply(
      undefined,
      thing({ replicas: 1, containers: [{ name: 'a', image: '1' }] }),
      'x',
      false,
      '',
      T0,
    ),
  );
  t.same(owners(created), {
    'x/Apply': [
      '.spec.containers[name="a"]',
      '.spec.containers[name="a"].image',
      '.spec.containers[name="a"].name',
      '.spec.replicas',
    ],
  });

  const again = m.apply(
    created,
    thing({ replicas: 1, containers: [{ name: 'a', image: '1' }] }),
    'x',
    false,
    '',
    LATER,
  );
  t.same(again, created, 'applying the same changes nothing, not even a time');

  const shared = stored(m.apply(created, thing({ replicas: 1 }), 'y', false, '', LATER));
  t.same(owners(shared)['y/Apply'], ['.spec.replicas'], 'an equal value is shared');
  const without = m.apply(shared, thing({ containers: [{ name: 'a' }] }), 'x', false, '', LATER);
  t.same(
    without['spec'],
    { replicas: 1, containers: [{ name: 'a' }] },
    'image goes, replicas has another owner',
  );

  const err = conflict(() => m.apply(created, thing({ replicas: 3 }), 'y', false, '', LATER));
  t.equal(err.code, 409);
  t.equal(err.message, 'Apply failed with 1 conflict: conflict with "x": .spec.replicas');
  t.same(err.status.details?.causes, [
    { reason: 'FieldManagerConflict', message: 'conflict with "x"', field: '.spec.replicas' },
  ]);
  const forced = m.apply(created, thing({ replicas: 3 }), 'y', true, '', LATER);
  t.same(owners(forced)['x/Apply'], [
    '.spec.containers[name="a"]',
    '.spec.containers[name="a"].image',
    '.spec.containers[name="a"].name',
  ]);
  t.same(owners(forced)['y/Apply'], ['.spec.replicas']);

  const two = conflict(() =>
    m.apply(
      created,
      thing({ replicas: 3, containers: [{ name: 'a', image: '2' }] }),
      'y',
      false,
      '',
      LATER,
    ),
  );
  t.equal(
    two.message,
    'Apply failed with 2 conflicts: conflicts with "x":\n- .spec.replicas\n- .spec.containers[name="a"].image',
  );

  const updated = stored(
    m.update(
      created,
      { ...created, spec: { replicas: 5, containers: [{ name: 'a', image: '1' }] } },
      'kubectl-scale',
      '',
      LATER,
    ),
  );
  const byUpdate = conflict(() => m.apply(updated, thing({ replicas: 1 }), 'x', false, '', LATER));
  t.equal(
    byUpdate.message,
    'Apply failed with 1 conflict: conflict with "kubectl-scale" using test/v1: .spec.replicas',
  );

  const untracked = stored(thing({ replicas: 1 }));
  const first = conflict(() => m.apply(untracked, thing({ replicas: 2 }), 'x', false, '', LATER));
  t.equal(
    first.message,
    'Apply failed with 1 conflict: conflict with "before-first-apply" using test/v1: .spec.replicas',
  );

  const nulled = m.apply(created, thing({ replicas: null }), 'x', false, '', LATER);
  t.same(nulled['spec'], undefined, 'null takes away, and with it what is left empty');
});

t.test('applied lists keep their order, and the live list fills in', async (t) => {
  const m = manager();
  const list = (...names: string[]) => thing({ containers: names.map((name) => ({ name })) });
  const rows: [live: string, applied: string, merged: string][] = [
    ['ab', 'ab', 'ab'],
    ['ab', 'ba', 'ba'],
    ['abc', 'ca', 'bca'],
    ['ab', 'c', 'abc'],
    ['abc', 'axc', 'abxc'],
    ['', 'ab', 'ab'],
  ];
  for (const [live, applied, merged] of rows) {
    const from = stored(m.update(undefined, list(...live), 'o', '', T0));
    const result = m.apply(from, list(...applied), 'x', true, '', LATER);
    const { containers } = result['spec'] as { containers: { name: string }[] };
    t.equal(containers.map((c) => c.name).join(''), merged, `${applied} onto ${live}`);
  }
});

t.test('an apply that does not fit is refused', async (t) => {
  const m = manager();
  t.match(
    conflict(() => m.apply(undefined, { apiVersion: 'v1', kind: 'Pod' }, 'x', false, '', T0))
      .status,
    { code: 400, message: 'invalid object type: /v1, Kind=Pod' },
  );
  t.match(
    conflict(() => m.apply(undefined, thing({}, { managedFields: [] }), 'x', false, '', T0)).status,
    { code: 400, message: 'metadata.managedFields must be nil' },
  );
  const rows: [spec: Json, message: string][] = [
    [{ nope: 1 }, '.spec.nope: field not declared in schema'],
    [{ replicas: 'x' }, '.spec.replicas: expected numeric (int or float), got string'],
    [{ containers: {} }, '.spec.containers: expected list, got &{map[]}'],
    [{ strategy: [] }, '.spec.strategy: expected map, got &{[]}'],
    [
      { containers: [{ name: 'a' }, { name: 'a' }] },
      '.spec.containers: duplicate entries for key [name="a"]',
    ],
    [
      { containers: [{ image: 'a' }] },
      '.spec.containers: element 0: associative list with keys has an element that omits all key fields ["name"] (and doesn\'t have default values for any key fields)',
    ],
  ];
  for (const [spec, message] of rows) {
    const { status } = conflict(() => m.apply(undefined, thing(spec), 'x', false, '', T0));
    t.equal(
      status.message,
      `failed to create typed patch object (/x; test/v1, Kind=Thing): ${message}`,
    );
  }
});

t.test('kubectl takes over from its client-side apply without a conflict', async (t) => {
  const m = manager();
  const key = 'kubectl.kubernetes.io/last-applied-configuration';
  const last = JSON.stringify({
    apiVersion: 'test/v1',
    kind: 'Thing',
    metadata: { name: 'x' },
    spec: { replicas: 1 },
  });
  const live = stored(
    m.update(
      undefined,
      thing({ replicas: 1, paused: true }, { annotations: { [key]: last } }),
      'kubectl-client-side-apply',
      '',
      T0,
    ),
  );
  const taken = m.apply(live, thing({ replicas: 2 }), 'kubectl', false, '', LATER);
  t.same(taken['spec'], { replicas: 2, paused: true });
  t.equal(
    taken.metadata?.annotations?.[key],
    '{"apiVersion":"test/v1","kind":"Thing","metadata":{"name":"x"},"spec":{"replicas":2}}\n',
  );
  const err = conflict(() =>
    m.apply(live, thing({ replicas: 2, paused: false }), 'kubectl', false, '', LATER),
  );
  t.match(err.message, /1 conflict: .*\.spec\.paused$/, 'only what was applied may be taken');
  t.equal(
    conflict(() => m.apply(live, thing({ replicas: 2 }), 'other', false, '', LATER)).code,
    409,
  );
});

t.test('what has no type may hold objects in lists, at any depth', (t) => {
  const untyped = fieldTypeOf({}, SCHEMAS);
  const value = { anyOf: [{ type: 'integer' }, { allOf: [{ a: [{ b: 1 }] }] }] };
  t.equal(typeErrors(untyped, value), undefined);
  t.same(lines(toFieldSet(untyped, value)), ['.anyOf'], 'and the list is owned as a whole');
  t.end();
});
