import fc from 'fast-check';
import t from 'tap';
import { escapeFieldValue, parseFieldSelector, unescapeFieldValue } from './fields.js';
import {
  formatLabelSelector,
  parseSelector,
  parseToLabelSelector,
  selectorFromObject,
  selectorFromSet,
} from './labels.js';

const QUALIFIED =
  "name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyName',  or 'my.name',  or '123-abc', regex used for validation is '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]')";
const LABEL_VALUE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is '(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')";

t.test('selector text parses and prints in canonical form', async (t) => {
  const rows: [name: string, text: string, printed: string][] = [
    ['empty', '', ''],
    ['blank', '  ', ''],
    ['equals', 'x=a', 'x=a'],
    ['double equals', 'x==a', 'x==a'],
    ['not equals', 'x!=a', 'x!=a'],
    ['blanks', ' x = a , y ', 'x=a,y'],
    ['exists', 'x', 'x'],
    ['absent', '!x', '!x'],
    ['in', 'x in (b,a)', 'x in (a,b)'],
    ['notin', 'x notin (a)', 'x notin (a)'],
    ['in without blanks', 'x in(a,b)', 'x in (a,b)'],
    ['empty value in a list', 'x in (a,,b)', 'x in (,a,b)'],
    ['empty list', 'x in ()', 'x in ()'],
    ['only commas', 'x in (,)', 'x in ()'],
    ['in and notin as key and value', 'in in (in,notin)', 'in in (in,notin)'],
    ['greater', 'n>1', 'n>1'],
    ['less', 'n<10', 'n<10'],
    ['empty value', 'x=', 'x='],
    ['empty value before a comma', 'x=,y=b', 'x=,y=b'],
    ['sorted by key', 'z=1,a=2', 'a=2,z=1'],
    ['prefixed key', 'example.com/x=a', 'example.com/x=a'],
    ['values once', 'x in (a,a)', 'x in (a)'],
  ];
  for (const [name, text, printed] of rows) t.equal(parseSelector(text).toString(), printed, name);
});

t.test('selector text that is wrong is told in the words of Kubernetes', async (t) => {
  const OPERATORS = 'in, notin, =, ==, !=, gt, lt';
  const rows: [text: string, message: string][] = [
    [
      'x=a||y=b',
      `unable to parse requirement: values[0][x]: Invalid value: "a||y": ${LABEL_VALUE}`,
    ],
    ['x in a', "unable to parse requirement: found 'a' expected: '('"],
    ['x in (a', "unable to parse requirement: found '', expected: ',' or ')'"],
    ['x in (', "unable to parse requirement: found '', expected: ',', ')' or identifier"],
    ['x in (a,', "unable to parse requirement: found '', expected: ',', or identifier"],
    ['x y', `unable to parse requirement: found 'y', expected: ${OPERATORS}`],
    ['x,', "found '', expected: identifier after ','"],
    [',x', "found ',', expected: !, identifier, or 'end of string'"],
    ['!', "unable to parse requirement: found '', expected: identifier"],
    ['!x=a', "found '=', expected: ',' or 'end of string'"],
    ['=a', "found '=', expected: !, identifier, or 'end of string'"],
    ['x=a b', "found 'b', expected: ',' or 'end of string'"],
    ['x==!', "unable to parse requirement: found '!', expected: identifier"],
    ['-x=a', `unable to parse requirement: <nil>: Invalid value: "-x": ${QUALIFIED}`],
    [
      'n>a',
      "unable to parse requirement: values[0]: Invalid value: \"a\": for 'Gt', 'Lt' operators, the value must be an integer",
    ],
    [
      `x=${'a'.repeat(64)}`,
      `unable to parse requirement: values[0][x]: Invalid value: "${'a'.repeat(64)}": must be no more than 63 characters`,
    ],
  ];
  for (const [text, message] of rows) t.throws(() => parseSelector(text), { message }, text);
});

t.test('a selector matches the labels that it asks for', async (t) => {
  const labels = { x: 'a', n: '5', e: '' };
  const rows: [text: string, matches: boolean][] = [
    ['', true],
    ['x=a', true],
    ['x=b', false],
    ['y=b', false],
    ['x!=b', true],
    ['y!=b', true],
    ['x!=a', false],
    ['x', true],
    ['y', false],
    ['!y', true],
    ['!x', false],
    ['x in (a,b)', true],
    ['y in (a,b)', false],
    ['x notin (a,b)', false],
    ['y notin (a,b)', true],
    ['n>4', true],
    ['n>5', false],
    ['n<6', true],
    ['x>4', false],
    ['y>4', false],
    ['e=', true],
    ['y=', false],
    ['x=a,n=5', true],
    ['x=a,n=6', false],
    ['constructor', false],
    ['!constructor', true],
    ['toString=a', false],
  ];
  for (const [text, matches] of rows) t.equal(parseSelector(text).matches(labels), matches, text);
  t.ok(parseSelector('!x').matches(undefined), 'no labels at all');
});

t.test('the LabelSelector object becomes a selector', async (t) => {
  t.ok(selectorFromObject(undefined).nothing, 'absent is nothing');
  t.notOk(selectorFromObject(undefined).matches({}), 'absent matches nothing');
  t.ok(selectorFromObject({}).empty, 'empty is everything');
  t.ok(selectorFromObject({}).matches({ a: 'b' }), 'empty matches everything');
  const selector = selectorFromObject({
    matchLabels: { b: '1', a: '2' },
    matchExpressions: [
      { key: 'c', operator: 'In', values: ['y', 'x'] },
      { key: 'd', operator: 'Exists' },
      { key: 'e', operator: 'DoesNotExist' },
      { key: 'f', operator: 'NotIn', values: ['z'] },
    ],
  });
  t.equal(selector.toString(), 'a=2,b=1,c in (x,y),d,!e,f notin (z)');
  t.ok(selector.matches({ a: '2', b: '1', c: 'x', d: '' }));
  t.notOk(selector.matches({ a: '2', b: '1', c: 'x', d: '', f: 'z' }));
  t.equal(selector.requiresExactMatch('a'), '2');
  t.equal(selector.requiresExactMatch('c'), undefined, 'one of two values is not exact');
  t.throws(() => selectorFromObject({ matchExpressions: [{ key: 'a', operator: 'Is' }] }), {
    message: '"Is" is not a valid label selector operator',
  });
  t.throws(() => selectorFromObject({ matchExpressions: [{ key: 'a', operator: 'In' }] }), {
    message: "values: Invalid value: []: for 'in', 'notin' operators, values set can't be empty",
  });
  t.throws(
    () =>
      selectorFromObject({ matchExpressions: [{ key: 'a', operator: 'Exists', values: ['b'] }] }),
    {
      message:
        'values: Invalid value: ["b"]: values set must be empty for exists and does not exist',
    },
  );
  t.equal(selectorFromSet({ b: '1', a: '2' }).toString(), 'a=2,b=1');
  t.ok(selectorFromSet(undefined).empty, 'an absent map is everything');
  t.equal(formatLabelSelector({}), '<none>');
  t.equal(formatLabelSelector({ matchLabels: { 'a b': '' } }), '<error>');
  t.same(parseToLabelSelector('a=b,c in (d,e),!f'), {
    matchLabels: { a: 'b' },
    matchExpressions: [
      { key: 'c', operator: 'In', values: ['d', 'e'] },
      { key: 'f', operator: 'DoesNotExist' },
    ],
  });
  t.throws(() => parseToLabelSelector('a>1'), {
    message: '"gt" isn\'t supported in label selectors',
  });
});

t.test('what a selector prints parses to the same selector', async (t) => {
  const word = fc.stringMatching(/^[a-z0-9]([-a-z0-9_.]{0,8}[a-z0-9])?$/);
  const values = fc.array(word, { minLength: 1, maxLength: 4 });
  const requirement = fc.oneof(
    fc.tuple(word, fc.constantFrom('=', '==', '!='), word).map((parts) => parts.join('')),
    fc
      .tuple(word, fc.constantFrom('in', 'notin'), values)
      .map(([key, op, list]) => `${key} ${op} (${list.join(',')})`),
    word,
    word.map((key) => `!${key}`),
    fc.tuple(word, fc.constantFrom('>', '<'), fc.integer()).map((parts) => parts.join('')),
  );
  const labels = fc.dictionary(word, word, { maxKeys: 4 });
  fc.assert(
    fc.property(fc.array(requirement, { maxLength: 4 }), labels, (requirements, of) => {
      // `-5` is an integer but no label value, so such a selector is refused.
      const text = requirements.join(',');
      if (/[<>]-/.test(text)) return;
      const selector = parseSelector(text);
      const again = parseSelector(selector.toString());
      t.equal(again.toString(), selector.toString());
      if (again.matches(of) !== selector.matches(of)) throw new Error(text);
    }),
    { numRuns: 200 },
  );
});

t.test('field selectors', async (t) => {
  const rows: [text: string, printed: string][] = [
    ['', ''],
    ['metadata.name=x', 'metadata.name=x'],
    ['a==b', 'a=b'],
    ['a!=b', 'a!=b'],
    ['b=1,a=2', 'a=2,b=1'],
    ['a=b,,', 'a=b'],
    ['a=', 'a='],
    [String.raw`a=b\,c`, String.raw`a=b\,c`],
    [String.raw`a=b\=c\\`, String.raw`a=b\=c\\`],
  ];
  for (const [text, printed] of rows) {
    t.equal(parseFieldSelector(text).toString(), printed, text);
  }
  const wrong: [text: string, message: string][] = [
    ['a', "invalid selector: 'a'; can't understand 'a'"],
    ['a=b=c', 'invalid field selector: unescaped character in value: 61'],
    [String.raw`a=b\x`, String.raw`invalid field selector: invalid escape sequence: \x`],
    ['a=b\\', 'invalid field selector: invalid escape sequence: \\'],
    ['a=b,c', "invalid selector: 'a=b,c'; can't understand 'c'"],
  ];
  for (const [text, message] of wrong) {
    t.throws(() => parseFieldSelector(text), { message }, text);
  }
  const selector = parseFieldSelector('spec.nodeName=,status.phase!=Running');
  t.ok(selector.matches({ 'status.phase': 'Pending' }), 'an absent field is empty');
  t.notOk(selector.matches({ 'status.phase': 'Running' }));
  t.equal(parseFieldSelector('a=b').requiresExactMatch('a'), 'b');
  t.equal(parseFieldSelector('a!=b').requiresExactMatch('a'), undefined);
  t.equal(
    parseFieldSelector('a=b').unsupported((f) => f !== 'a'),
    'a',
  );
  fc.assert(
    fc.property(fc.string(), (value) => unescapeFieldValue(escapeFieldValue(value)) === value),
  );
  fc.assert(
    fc.property(fc.string(), (value) => {
      const parsed = parseFieldSelector(`f=${escapeFieldValue(value)},g!=x`);
      return parsed.requiresExactMatch('f') === value;
    }),
  );
});
