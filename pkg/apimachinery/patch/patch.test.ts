import fc from 'fast-check';
import type { Operation } from 'rfc6902';
import t from 'tap';
import { clone } from '../clone.js';
import { deepEqual } from '../equality.js';
import { deepFreeze } from '../freeze.js';
import { StatusError } from '../status.js';
import { SCHEMAS } from '../testing/schema.js';
import { applyJsonPatch, asJsonPatch } from './json-patch.js';
import { applyMergePatch, asMergePatch } from './merge-patch.js';
import { applyStrategicMergePatch, asStrategicMergePatch } from './strategic-merge.js';

type Json = Record<string, unknown>;

const THING = SCHEMAS.get('Thing');

function strategic(live: Json, patch: Json): Json {
  return applyStrategicMergePatch(
    deepFreeze(clone(live)),
    deepFreeze(clone(patch)),
    THING,
    SCHEMAS,
  );
}

function spec(of: Json): Json {
  return { spec: of };
}

/** Runs and returns the Status that it throws. */
function thrown(run: () => unknown): { code?: number; reason?: string; message?: string } {
  try {
    run();
  } catch (err) {
    if (err instanceof StatusError) return err.status;
    throw err;
  }
  throw new Error('nothing was thrown');
}

t.test('strategic merge', async (t) => {
  const a = { name: 'a', image: '1' };
  const b = { name: 'b', image: '2' };
  const c = { name: 'c', image: '3' };
  const d = { name: 'd', image: '4' };
  const rows: [name: string, live: Json, patch: Json, result: Json][] = [
    ['nothing', spec({ replicas: 1 }), {}, spec({ replicas: 1 })],
    ['a field is set', spec({ replicas: 1 }), spec({ replicas: 2 }), spec({ replicas: 2 })],
    ['a field is added', spec({}), spec({ paused: true }), spec({ paused: true })],
    [
      'null takes a field away',
      spec({ replicas: 1, paused: true }),
      spec({ replicas: null }),
      spec({ paused: true }),
    ],
    ['null of what is not there', spec({}), spec({ replicas: null }), spec({})],
    [
      'an object is added without its nulls',
      {},
      spec({ replicas: 1, paused: null }),
      spec({ replicas: 1 }),
    ],
    [
      'a map merges by key',
      { metadata: { labels: { a: '1', b: '2' } } },
      { metadata: { labels: { b: null, c: '3' } } },
      { metadata: { labels: { a: '1', c: '3' } } },
    ],
    [
      'a map of objects merges',
      spec({ nodes: { x: { name: '1', value: 'v' } } }),
      spec({ nodes: { x: { name: '2' } } }),
      spec({ nodes: { x: { name: '2', value: 'v' } } }),
    ],
    [
      'items merge by key',
      spec({ containers: [a, b] }),
      spec({ containers: [{ name: 'b', image: '9' }] }),
      spec({ containers: [a, { name: 'b', image: '9' }] }),
    ],
    [
      'a new item goes to the end',
      spec({ containers: [a, b] }),
      spec({ containers: [c] }),
      spec({ containers: [a, b, c].sort((x, y) => (x === c ? -1 : y === c ? 1 : 0)) }),
    ],
    [
      'an item is deleted',
      spec({ containers: [a, b] }),
      spec({ containers: [{ name: 'a', $patch: 'delete' }] }),
      spec({ containers: [b] }),
    ],
    [
      'deleting what is not there',
      spec({ containers: [a] }),
      spec({ containers: [{ name: 'z', $patch: 'delete' }] }),
      spec({ containers: [a] }),
    ],
    [
      'delete and change',
      spec({ containers: [a, b] }),
      spec({
        containers: [
          { name: 'a', $patch: 'delete' },
          { name: 'b', image: '9' },
        ],
      }),
      spec({ containers: [{ name: 'b', image: '9' }] }),
    ],
    [
      'a list is replaced by directive',
      spec({ containers: [a, b] }),
      spec({ containers: [{ $patch: 'replace' }, c] }),
      spec({ containers: [c] }),
    ],
    [
      'a list is emptied by directive',
      spec({ containers: [a] }),
      spec({ containers: [{ $patch: 'replace' }] }),
      spec({ containers: [] }),
    ],
    [
      'directives in a new list are dropped',
      spec({}),
      spec({ containers: [{ name: 'a', $patch: 'delete' }, b] }),
      spec({ containers: [b] }),
    ],
    [
      'an object is replaced by directive',
      spec({ strategy: { type: 'x', rollingUpdate: {} } }),
      spec({ strategy: { $patch: 'replace', type: 'y' } }),
      spec({ strategy: { type: 'y' } }),
    ],
    [
      'an object is emptied by directive',
      spec({ strategy: { type: 'x' } }),
      spec({ strategy: { $patch: 'delete' } }),
      spec({ strategy: {} }),
    ],
    [
      'a directive on an object that is not there',
      spec({}),
      spec({ strategy: { $patch: 'delete' } }),
      spec({}),
    ],
    [
      'retained keys',
      spec({ strategy: { type: 'RollingUpdate', rollingUpdate: { maxSurge: 1 } } }),
      spec({ strategy: { $retainKeys: ['type'], type: 'Recreate' } }),
      spec({ strategy: { type: 'Recreate' } }),
    ],
    [
      'a list without a strategy is replaced',
      spec({ tolerations: [{ key: 'a' }] }),
      spec({ tolerations: [{ key: 'b' }] }),
      spec({ tolerations: [{ key: 'b' }] }),
    ],
    [
      'an atomic list is replaced',
      spec({ containers: [{ name: 'a', args: ['x', 'y'] }] }),
      spec({ containers: [{ name: 'a', args: ['z'] }] }),
      spec({ containers: [{ name: 'a', args: ['z'] }] }),
    ],
    [
      'nested lists merge',
      spec({
        containers: [
          {
            name: 'a',
            env: [
              { name: 'X', value: '1' },
              { name: 'Y', value: '2' },
            ],
          },
        ],
      }),
      spec({ containers: [{ name: 'a', env: [{ name: 'Y', value: '3' }] }] }),
      spec({
        containers: [
          {
            name: 'a',
            env: [
              { name: 'X', value: '1' },
              { name: 'Y', value: '3' },
            ],
          },
        ],
      }),
    ],
    [
      'a number as the key',
      spec({ containers: [{ name: 'a', ports: [{ containerPort: 80, name: 'x' }] }] }),
      spec({ containers: [{ name: 'a', ports: [{ containerPort: 80, name: 'y' }] }] }),
      spec({ containers: [{ name: 'a', ports: [{ containerPort: 80, name: 'y' }] }] }),
    ],
    [
      'scalars merge as a set',
      { metadata: { finalizers: ['x', 'y'] } },
      { metadata: { finalizers: ['y', 'z'] } },
      { metadata: { finalizers: ['x', 'y', 'z'] } },
    ],
    [
      'scalars are deleted',
      { metadata: { finalizers: ['x', 'y', 'z'] } },
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['y', 'q'] } },
      { metadata: { finalizers: ['x', 'z'] } },
    ],
    [
      'scalars are deleted from what is not there',
      { metadata: {} },
      { metadata: { '$deleteFromPrimitiveList/finalizers': ['y'] } },
      { metadata: {} },
    ],
    [
      'the order of items',
      spec({ containers: [a, b, c] }),
      spec({ '$setElementOrder/containers': [{ name: 'c' }, { name: 'a' }, { name: 'b' }] }),
      spec({ containers: [c, a, b] }),
    ],
    [
      'what the order does not name keeps its place',
      spec({ containers: [a, b, c, d] }),
      spec({
        '$setElementOrder/containers': [{ name: 'd' }, { name: 'b' }],
        containers: [{ name: 'b', image: '9' }],
      }),
      spec({ containers: [a, c, d, { name: 'b', image: '9' }] }),
    ],
    [
      'order of scalars',
      { metadata: { finalizers: ['x', 'y', 'z'] } },
      { metadata: { '$setElementOrder/finalizers': ['z', 'x'] } },
      { metadata: { finalizers: ['y', 'z', 'x'] } },
    ],
    [
      'order with a new list',
      spec({}),
      spec({ '$setElementOrder/containers': [{ name: 'b' }, { name: 'a' }], containers: [b, a] }),
      spec({ containers: [b, a] }),
    ],
    [
      'order of a list that is nowhere',
      spec({}),
      spec({ '$setElementOrder/containers': [{ name: 'b' }] }),
      spec({}),
    ],
    [
      'order, delete and add',
      spec({ containers: [a, b] }),
      spec({
        '$setElementOrder/containers': [{ name: 'c' }, { name: 'b' }],
        containers: [{ name: 'a', $patch: 'delete' }, c],
      }),
      spec({ containers: [c, b] }),
    ],
    [
      'a value of another kind replaces',
      spec({ extra: { a: [1] } }),
      spec({ extra: { a: { b: 1 } } }),
      spec({ extra: { a: { b: 1 } } }),
    ],
    [
      'untyped objects merge, their lists do not',
      spec({ extra: { a: { x: 1 }, l: [1] } }),
      spec({ extra: { a: { y: 2 }, l: [2] } }),
      spec({ extra: { a: { x: 1, y: 2 }, l: [2] } }),
    ],
    [
      'an unknown field is taken as it is',
      spec({}),
      spec({ unknown: { a: 1 } }),
      spec({ unknown: { a: 1 } }),
    ],
    [
      'a key named like an inherited one',
      { metadata: { labels: {} } },
      { metadata: { labels: { constructor: 'x' } } },
      { metadata: { labels: { constructor: 'x' } } },
    ],
  ];
  for (const [name, live, patch, result] of rows) t.same(strategic(live, patch), result, name);
});

t.test('a strategic merge patch that cannot be applied says why, as Kubernetes does', async (t) => {
  const containers = [{ name: 'a' }];
  const rows: [name: string, live: Json, patch: Json, code: number, message: string][] = [
    [
      'no merge key',
      spec({ containers }),
      spec({ containers: [{ image: 'x' }] }),
      500,
      'map: map[image:x] does not contain declared merge key: name',
    ],
    [
      'no merge key to delete by',
      spec({ containers }),
      spec({ containers: [{ $patch: 'delete' }] }),
      500,
      'map: map[$patch:delete] does not contain declared merge key: name',
    ],
    [
      'merge of a list',
      spec({ containers }),
      spec({ containers: [{ $patch: 'merge', name: 'a' }] }),
      500,
      'merging lists cannot yet be specified in the patch',
    ],
    [
      'unknown directive',
      spec({ strategy: {} }),
      spec({ strategy: { $patch: 'zap' } }),
      500,
      'unknown patch type: zap in map: map[$patch:zap]',
    ],
    [
      'unknown directive of an item',
      spec({ containers }),
      spec({ containers: [{ $patch: 'zap', name: 'a' }] }),
      500,
      'unknown patch type: zap in map: map[$patch:zap name:a]',
    ],
    [
      'retained keys are no list',
      spec({ strategy: {} }),
      spec({ strategy: { $retainKeys: 'type' } }),
      400,
      'invalid patch format of retainKeys',
    ],
    [
      'a key that is not retained',
      spec({ strategy: {} }),
      spec({ strategy: { $retainKeys: ['type'], rollingUpdate: {} } }),
      400,
      'invalid patch format of retainKeys',
    ],
    [
      'order without a field',
      spec({}),
      spec({ $setElementOrder: [] }),
      400,
      'invalid patch format of setElementOrder list',
    ],
    [
      'delete without a field',
      spec({}),
      spec({ $deleteFromPrimitiveList: [] }),
      400,
      'invalid patch format of primitive list',
    ],
    [
      'order is no list',
      spec({ containers }),
      spec({ '$setElementOrder/containers': 'a' }),
      500,
      'expected a []interface {}, but received a string',
    ],
    [
      'items of two kinds',
      spec({ containers }),
      spec({ containers: ['a'] }),
      500,
      'list element types are not identical: [[map[name:a]] [a]]',
    ],
    [
      'lists in lists',
      spec({ containers: [['a']] }),
      spec({ containers: [['b']] }),
      422,
      'the server rejected our request due to an error in our request',
    ],
    [
      'unknown field of both',
      spec({ nope: { a: 1 } }),
      spec({ nope: { a: 2 } }),
      500,
      'unable to find api field in struct  for the json field "nope"',
    ],
    [
      'patch against its own order',
      spec({ containers: [{ name: 'a' }, { name: 'b' }] }),
      spec({
        '$setElementOrder/containers': [{ name: 'a' }, { name: 'b' }],
        containers: [{ name: 'b' }, { name: 'a' }],
      }),
      500,
      "The order in patch list:\n[map[name:b] map[name:a]]\n doesn't match $setElementOrder list:\n[map[name:a] map[name:b]]\n",
    ],
  ];
  for (const [name, live, patch, code, message] of rows) {
    const status = thrown(() => strategic(live, patch));
    t.same({ code: status.code, message: status.message }, { code, message }, name);
  }
  t.equal(thrown(() => asStrategicMergePatch([])).code, 400);
});

/** What turns one object into another: a patch as kubectl would make it. */
function diff(from: Json, to: Json): Json {
  const patch: Json = {};
  for (const key of new Set([...Object.keys(from), ...Object.keys(to)])) {
    const [old, now] = [from[key], to[key]];
    if (deepEqual(old, now)) continue;
    if (now === undefined) patch[key] = null;
    else if (Array.isArray(now) && Array.isArray(old) && key === 'finalizers') {
      patch[`$deleteFromPrimitiveList/${key}`] = old.filter((value) => !now.includes(value));
      patch[`$setElementOrder/${key}`] = now;
      patch[key] = now.filter((value) => !old.includes(value));
    } else if (
      Array.isArray(now) &&
      Array.isArray(old) &&
      (key === 'containers' || key === 'env')
    ) {
      const nameOf = (item: Json) => item['name'];
      const changes = now
        .map((item: Json): Json | undefined => {
          const before = old.find((other: Json) => nameOf(other) === nameOf(item));
          if (before === undefined) return item;
          const changed = diff(before, item);
          return Object.keys(changed).length > 0 ? { ...changed, name: nameOf(item) } : undefined;
        })
        .filter((item) => item !== undefined);
      const gone = old
        .filter((item: Json) => !now.some((other: Json) => nameOf(other) === nameOf(item)))
        .map((item: Json) => ({ name: nameOf(item), $patch: 'delete' }));
      patch[`$setElementOrder/${key}`] = now.map((item: Json) => ({ name: nameOf(item) }));
      patch[key] = [...changes, ...gone];
    } else if (isJson(old) && isJson(now)) patch[key] = diff(old, now);
    else patch[key] = now;
  }
  return patch;
}

function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

t.test('the patch between two objects turns one into the other', async (t) => {
  const name = fc.constantFrom('a', 'b', 'c', 'd', 'e');
  const word = fc.constantFrom('x', 'y', 'z');
  const env = fc.uniqueArray(fc.record({ name, value: word }), {
    selector: (item) => item.name,
    minLength: 1,
  });
  const container = fc.record(
    { name, image: word, env, args: fc.array(word, { minLength: 1, maxLength: 3 }) },
    { requiredKeys: ['name'] },
  );
  const thing = fc.record({
    metadata: fc.record(
      {
        labels: fc.dictionary(name, word, { minKeys: 1 }),
        finalizers: fc.uniqueArray(word, { minLength: 1 }),
      },
      { requiredKeys: [] },
    ),
    spec: fc.record(
      {
        replicas: fc.nat(5),
        paused: fc.boolean(),
        containers: fc.uniqueArray(container, { selector: (c) => c.name, minLength: 1 }),
      },
      { requiredKeys: [] },
    ),
  });
  fc.assert(
    fc.property(thing, thing, (from, to) => {
      const patched = strategic(from, diff(from, to));
      if (!deepEqual(patched, to)) throw new Error(JSON.stringify(patched));
    }),
    { numRuns: 500 },
  );
  t.pass('500 pairs');
});

t.test('JSON merge patch', async (t) => {
  const rows: [name: string, live: Json, patch: Json, result: Json][] = [
    ['set', { a: 'b' }, { a: 'c' }, { a: 'c' }],
    ['add', { a: 'b' }, { b: 'c' }, { a: 'b', b: 'c' }],
    ['delete', { a: 'b', b: 'c' }, { a: null }, { b: 'c' }],
    ['a list is replaced', { a: ['b'] }, { a: ['c', 'd'] }, { a: ['c', 'd'] }],
    ['nested', { a: { b: 'c' } }, { a: { b: 'd', c: null } }, { a: { b: 'd' } }],
    ['a list of objects', { a: [{ b: 'c' }] }, { a: [1] }, { a: [1] }],
    ['an object over a list', { a: [1] }, { a: { b: 1 } }, { a: { b: 1 } }],
    ['nulls in a new object', {}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
    ['nulls in objects in lists', {}, { a: [{ b: null, c: 1 }] }, { a: [{ c: 1 }] }],
    ['a key named like an inherited one', {}, { toString: { a: 1 } }, { toString: { a: 1 } }],
  ];
  for (const [name, live, patch, result] of rows) {
    t.same(applyMergePatch(deepFreeze(clone(live)), patch), result, name);
  }
  t.match(
    thrown(() => asMergePatch([])),
    {
      code: 400,
      message:
        'error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}',
    },
  );
});

t.test('JSON patch', async (t) => {
  const rows: [name: string, live: Json, patch: Operation[], result: Json][] = [
    ['add', { a: 1 }, [{ op: 'add', path: '/b', value: 2 }], { a: 1, b: 2 }],
    ['insert', { a: [1, 3] }, [{ op: 'add', path: '/a/1', value: 2 }], { a: [1, 2, 3] }],
    ['append', { a: [1] }, [{ op: 'add', path: '/a/-', value: 2 }], { a: [1, 2] }],
    ['remove', { a: 1, b: 2 }, [{ op: 'remove', path: '/b' }], { a: 1 }],
    ['replace', { a: 1 }, [{ op: 'replace', path: '/a', value: 2 }], { a: 2 }],
    ['move', { a: 1 }, [{ op: 'move', from: '/a', path: '/b' }], { b: 1 }],
    ['copy', { a: [1] }, [{ op: 'copy', from: '/a', path: '/b' }], { a: [1], b: [1] }],
    ['test', { a: [1] }, [{ op: 'test', path: '/a', value: [1] }], { a: [1] }],
    [
      'escapes',
      { 'a/b': 1, 'c~d': 2 },
      [
        { op: 'remove', path: '/a~1b' },
        { op: 'remove', path: '/c~0d' },
      ],
      {},
    ],
  ];
  for (const [name, live, patch, result] of rows) {
    t.same(applyJsonPatch(deepFreeze(clone(live)), patch), result, name);
  }
  const wrong: [name: string, patch: unknown][] = [
    ['a failing test', [{ op: 'test', path: '/a', value: 2 }]],
    ['a missing path', [{ op: 'remove', path: '/x' }]],
    ['a missing parent', [{ op: 'add', path: '/x/y', value: 1 }]],
    ['an unknown operation', [{ op: 'zap', path: '/a' }]],
    ['no path', [{ op: 'remove' }]],
    ['a pointer without a slash', [{ op: 'remove', path: 'a' }]],
    ['no index', [{ op: 'replace', path: '/l/x', value: 1 }]],
    ['an index beyond the end', [{ op: 'add', path: '/l/9', value: 1 }]],
    ['a prototype', [{ op: 'add', path: '/__proto__/x', value: 1 }]],
    ['a member of a text', [{ op: 'add', path: '/t/x', value: 1 }]],
    ['a letter of a text', [{ op: 'replace', path: '/t/0', value: 'b' }]],
    ['a letter that is taken away', [{ op: 'remove', path: '/t/0' }]],
    ['a letter that is copied', [{ op: 'copy', from: '/t/0', path: '/b' }]],
    ['a member of a number', [{ op: 'add', path: '/a/x', value: 1 }]],
    [
      'all or none',
      [
        { op: 'add', path: '/b', value: 1 },
        { op: 'remove', path: '/x' },
      ],
    ],
  ];
  for (const [name, patch] of wrong) {
    const status = thrown(() => applyJsonPatch({ a: 1, l: [1], t: 'text' }, asJsonPatch(patch)));
    t.match(
      status,
      {
        code: 422,
        reason: 'Invalid',
        message: 'the server rejected our request due to an error in our request',
      },
      name,
    );
  }
  t.match(
    thrown(() => asJsonPatch({})),
    { code: 400, reason: 'BadRequest' },
  );
  t.match(
    thrown(() => asJsonPatch(new Array(10_001).fill({ op: 'test', path: '/a', value: 1 }))),
    {
      code: 413,
      message:
        'Request entity is too large: The allowed maximum operations in a JSON patch is 10000, got 10001',
    },
  );
  const doubling: Operation[] = Array.from({ length: 100 }, () => ({
    op: 'copy',
    from: '/a',
    path: '/a/-',
  }));
  t.match(
    thrown(() => applyJsonPatch({ a: [1, 2, 3] }, doubling)),
    { code: 422 },
    'copies are bounded',
  );
});
