import fc from 'fast-check';
import t from 'tap';
import { KeyIndex } from './key-index.js';
import { ObjectCodec, type StoredObject } from './stored-object.js';

const codec = new ObjectCodec('ConfigMap', 'v1');
const stored = (key: string, revision: number): StoredObject =>
  codec.fromObject(key, { metadata: { name: key.split('/').at(-1) ?? '' } }, revision);

t.test('any writes, read at any time, are what a sorted map holds', (t) => {
  const key = fc
    .tuple(fc.constantFrom('a', 'a-b', 'b'), fc.constantFrom('x', 'y', 'z', 'x-1'))
    .map((k) => k.join('/'));
  const step = fc.oneof(
    fc.record({ do: fc.constant('set' as const), key }),
    fc.record({ do: fc.constant('delete' as const), key }),
    fc.record({ do: fc.constant('list' as const), key: fc.constantFrom('', 'a', 'a-b') }),
  );
  fc.assert(
    fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
      const index = new KeyIndex();
      const model = new Map<string, number>();
      for (const [i, { do: what, key }] of [...steps, { do: 'list' as const, key: '' }].entries()) {
        if (what === 'set') {
          index.set(stored(key, i + 1));
          model.set(key, i + 1);
        } else if (what === 'delete') {
          index.delete(key);
          model.delete(key);
        } else {
          const expected = [...model]
            .filter(([k]) => key === '' || k.startsWith(`${key}/`))
            .sort(([a], [b]) => (a < b ? -1 : 1));
          const found = index.list(key).map((object) => [object.key, object.revision]);
          if (JSON.stringify(found) !== JSON.stringify(expected)) return false;
        }
      }
      return index.size === model.size;
    }),
  );
  t.end();
});

t.test('the stored form', (t) => {
  const rows: [string, object, number, string][] = [
    [
      'type and metadata first',
      { data: { a: '1' }, metadata: { name: 'n' } },
      7,
      '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"7","name":"n"},"data":{"a":"1"}}\n',
    ],
    [
      'an older resourceVersion is replaced',
      { metadata: { resourceVersion: '3', name: 'n', selfLink: '/x' } },
      12,
      '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"12","name":"n"}}\n',
    ],
    [
      'no metadata',
      {},
      5,
      '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"5"}}\n',
    ],
    [
      'a dry run has no resourceVersion',
      { metadata: { name: 'n' } },
      0,
      '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"name":"n"}}\n',
    ],
    [
      'any text',
      { metadata: { name: 'n' }, data: { a: '"metadata":{ü' } },
      1,
      '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"1","name":"n"},"data":{"a":"\\"metadata\\":{ü"}}\n',
    ],
  ];
  for (const [name, obj, revision, line] of rows) {
    const object = codec.fromObject('ns/n', obj, revision);
    t.equal(object.line.toString(), line, name);
    t.ok(Object.isFrozen(object.object.metadata), `${name}: frozen`);
  }
  const foreign = codec.fromValue(
    'ns/n',
    Buffer.from('{"metadata":{"name":"n"},"apiVersion":"v1","data":{},"kind":"ConfigMap"}'),
    4,
  );
  t.equal(
    foreign.line.toString(),
    '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"4","name":"n"},"data":{}}\n',
    'what others wrote is brought into order',
  );
  t.equal(
    foreign.at(12345).line.toString(),
    '{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"12345","name":"n"},"data":{}}\n',
  );
  t.equal(
    foreign.line
      .subarray(foreign.untypedStart, foreign.untypedStart + foreign.untypedLength)
      .toString(),
    '"metadata":{"resourceVersion":"4","name":"n"},"data":{}}',
  );
  t.throws(() => codec.fromValue('ns/n', Buffer.from('k8s\0'), 4), SyntaxError);
  t.end();
});
