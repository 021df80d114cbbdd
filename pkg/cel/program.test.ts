/** What expressions come to: values, failures and what is wrong before they run. */
import fc from 'fast-check';
import t from 'tap';
import { toJson, toValue } from './data.js';
import { DEVICE_ENVIRONMENT, deviceSize } from './device.js';
import { CelIssues } from './issues.js';
import { compile, type Environment, type Evaluated, PER_CALL_LIMIT } from './program.js';
import { DYN, INT, listOf, STRING, type Type } from './types.js';
import { CelFailure, typeNameOf, type Value } from './values.js';

const DATA: Readonly<Record<string, unknown>> = {
  object: {
    metadata: { name: 'web', labels: { app: 'web', tier: 'front' } },
    spec: { replicas: 3, ratio: 0.5, ports: [80, 443], empty: [], none: null, flag: false },
  },
  n: 7,
  text: 'hello',
  items: [3, 1, 2],
};
const VARIABLES: ReadonlyMap<string, Type> = new Map([
  ['object', DYN],
  ['n', INT],
  ['text', STRING],
  ['items', listOf(INT)],
]);
const ENV: Environment = { variables: VARIABLES };
const activation = {
  variable: (name: string): Value | undefined =>
    name in DATA ? toValue(DATA[name], undefined) : undefined,
};

function run(text: string): Evaluated {
  return compile(text, ENV).evaluate(activation);
}

function shown(text: string): unknown {
  const result = run(text);
  if (result.failure) return `error: ${result.failure.message}`;
  const type = typeNameOf(result.value);
  try {
    return toJson(result.value);
  } catch (err) {
    if (err instanceof CelFailure) return `${type} ${String(result.value)}`;
    throw err;
  }
}

function table(name: string, rows: readonly (readonly [string, unknown])[]): void {
  t.test(name, async (t) => {
    for (const [text, expected] of rows) t.same(shown(text), expected, text);
  });
}

table('literals', [
  ['1', 1],
  ['-1', -1],
  ['0xff', 255],
  ['1u', 1],
  ['1.5e3', 1500],
  ['.5', 0.5],
  ["'it\\'s'", "it's"],
  ['"\\u00e9\\x41\\101\\n"', 'éAA\n'],
  ["r'\\d'", '\\d'],
  ["'''a\n'b'''", "a\n'b"],
  ["b'abc'", Buffer.from('abc').toString('base64')],
  ['[1, 2, 3]', [1, 2, 3]],
  ["{'a': 1, 'b': 2}", { a: 1, b: 2 }],
  ['null', null],
  ['9223372036854775807', 2 ** 63],
]);

table('arithmetic has 64 bits and does not wrap around', [
  ['1 + 2 * 3 - 4', 3],
  ['7 / 2', 3],
  ['-7 / 2', -3],
  ['-7 % 3', -1],
  ['9223372036854775807 + 1', 'error: integer overflow'],
  ['-9223372036854775808 - 1', 'error: integer overflow'],
  ['4611686018427387904 * 2', 'error: integer overflow'],
  ['string(9007199254740993 + 1)', '9007199254740994'],
  ['1u - 2u', 'error: unsigned integer overflow'],
  ['1 / 0', 'error: division by zero'],
  ['1 % 0', 'error: modulus by zero'],
  ['1.0 / 0.0 > 1000.0', true],
  ['-(-9223372036854775808)', 'error: integer overflow'],
  ["'a' + 'b'", 'ab'],
  ['[1] + [2]', [1, 2]],
  ['--n', 7],
  ['!!true', true],
]);

table('comparison', [
  ['1 < 2 && 2 <= 2 && 3 > 2 && 3 >= 3', true],
  ['1 < 1.5', true],
  ['1u < 2', true],
  ["'a' < 'b'", true],
  ["'Z' < 'a'", true],
  ['dyn(1) == 1.0', true],
  ["dyn(1) == '1'", false],
  ['[1, 2] == [1, 2]', true],
  ["{'a': 1} == {'a': 1}", true],
  ["dyn({'a': 1}) == dyn({'a': 1.0})", true],
  ['object.spec.none == null', true],
  ["b'a' < b'b'", true],
  ["dyn(1) < dyn('a')", 'error: no such overload'],
]);

table('logic absorbs the failure of the side that does not matter', [
  ['true || 1 / 0 > 0', true],
  ['1 / 0 > 0 || true', true],
  ['false && 1 / 0 > 0', false],
  ['1 / 0 > 0 && false', false],
  ['1 / 0 > 0 || false', 'error: division by zero'],
  ["n > 5 ? 'big' : 'small'", 'big'],
  ['[1, 0].exists(x, 1 / x == 1)', true],
  ['[0, 1].exists(x, 1 / x == 1)', true],
  ['[0, 1].all(x, 1 / x > 5)', false],
  ['[0].all(x, 1 / x > 5)', 'error: division by zero'],
]);

table(
  'fields and keys',
  [
    ['object.metadata.name', 'web'],
    ["object.metadata['name']", 'web'],
    ['object.spec.ports[1]', 443],
    ['object.spec.ports[2]', 'error: index out of bounds: 2'],
    ['object.spec.ports[-1]', 'error: index out of bounds: -1'],
    ['object.spec.nope', 'error: no such key: nope'],
    ['object.spec.nope.deeper', 'error: no such key: nope'],
    ['object.spec.replicas.x', 'error: no such key: x'],
    ['has(object.spec.replicas)', true],
    ['has(object.spec.nope)', false],
    ['has(object.nope.x)', 'error: no such key: nope'],
    ["'app' in object.metadata.labels", true],
    ['80 in object.spec.ports', true],
    ['object.spec.ratio', 0.5],
    ['{1: 2}[1]', 2],
    ["{'a': 1, 'a': 2}", 'error: Failed with repeated key'],
    ['missing.or', 'issue'],
  ].filter(([, expected]) => expected !== 'issue') as [string, unknown][],
);

table('macros', [
  ['items.all(x, x > 0)', true],
  ['items.exists(x, x == 2)', true],
  ['items.exists_one(x, x > 2)', true],
  ['items.map(x, x * 2)', [6, 2, 4]],
  ['items.map(x, x > 1, x * 2)', [6, 4]],
  ['items.filter(x, x > 1)', [3, 2]],
  ['object.metadata.labels.map(k, k)', ['app', 'tier']],
  ['items.map(x, items.filter(y, y < x))', [[1, 2], [], [1]]],
  ['items.all(i, v, i < v + 5)', true],
  ["object.metadata.labels.exists(k, v, k == 'app' && v == 'web')", true],
  ["object.metadata.labels.transformList(k, v, k + '=' + v)", ['app=web', 'tier=front']],
  ['items.transformList(i, v, i > 0, v)', [1, 2]],
  ["{'a': 1}.transformMap(k, v, v + 1)", { a: 2 }],
  ["{'a': 1}.transformMapEntry(k, v, {k + 'x': v})", { ax: 1 }],
  ["['a', 'a'].transformMapEntry(i, v, {v: i})", 'error: insert failed: key a already exists'],
  ['items.existsOne(i, v, v == 1)', true],
]);

table('optionals', [
  ['object.?spec.?replicas.orValue(1)', 3],
  ['object.?spec.?nope.orValue(1)', 1],
  ['object.?nope.spec.replicas.orValue(1)', 1],
  ['object.spec.ports[?0].orValue(0)', 80],
  ['object.spec.ports[?9].hasValue()', false],
  ['optional.none().orValue(5)', 5],
  ['optional.of(1).value()', 1],
  ['optional.none().value()', 'error: optional.none() dereference'],
  ['optional.of(1).or(optional.of(2)).value()', 1],
  ["optional.ofNonZeroValue('').hasValue()", false],
  ['optional.of(2).optMap(v, v * 2).value()', 4],
  ['optional.of(2).optFlatMap(v, optional.none()).hasValue()', false],
  ['[?optional.none(), 1]', [1]],
  ["{?'a': optional.of(1), ?'b': optional.none()}", { a: 1 }],
]);

table('conversions and types', [
  ["int('42')", 42],
  ["int('x')", "error: type conversion error from 'string' to 'int'"],
  ['int(3.9)', 3],
  ['int(1e30)', 'error: integer overflow'],
  ["uint('3') + 1u", 4],
  ["double('1.5')", 1.5],
  ['string(1.5)', '1.5'],
  ['string(1e21)', '1e+21'],
  ['string(true)', 'true'],
  ["bool('true')", true],
  ["string(b'hi')", 'hi'],
  ['type(1) == int', true],
  ["type('') == string", true],
  ['type(object.spec.ratio) == double', true],
  ['type([]) == list && type({}) == map', true],
  ['type(null) == null_type', true],
  ['size("héé")', 3],
  ['size("😀")', 1],
]);

table('times', [
  ["timestamp('2024-02-29T12:30:00Z').getFullYear()", 2024],
  ["timestamp('2024-02-29T12:30:00Z').getMonth()", 1],
  ["timestamp('2024-02-29T23:30:00Z').getDate('+01:00')", 1],
  ["timestamp('2024-07-01T12:00:00Z').getHours('America/New_York')", 8],
  ["timestamp('2024-01-01T00:00:00Z').getDayOfWeek()", 1],
  [
    "timestamp('2024-01-01T00:00:00Z') + duration('36h') == timestamp('2024-01-02T12:00:00Z')",
    true,
  ],
  ["string(timestamp('2024-01-02T00:00:00Z') - timestamp('2024-01-01T00:00:00Z'))", '86400s'],
  ["string(duration('1h30m0.5s'))", '5400.5s'],
  ["duration('90m').getHours()", 1],
  ["string(timestamp('2024-01-01T00:00:00.5+02:00'))", '2023-12-31T22:00:00.5Z'],
  ["int(timestamp('1970-01-01T00:01:00Z'))", 60],
  ["timestamp('9999-12-31T23:59:59Z') + duration('1s')", 'error: timestamp overflow'],
]);

table('strings', [
  ["'hello'.charAt(1)", 'e'],
  ["'héllo'.indexOf('l')", 2],
  ["'hello'.indexOf('l', 3)", 3],
  ["'hello'.lastIndexOf('l')", 3],
  ["'hello'.indexOf('l', 9)", -1],
  ["['a', 'b'].join('-')", 'a-b'],
  ["'HeLLo'.lowerAscii()", 'hello'],
  ["'HeLLo'.upperAscii()", 'HELLO'],
  ["'aXbXc'.replace('X', '-')", 'a-b-c'],
  ["'aXbXc'.replace('X', '-', 1)", 'a-bXc'],
  ["'ab'.replace('', '-')", '-a-b-'],
  ["'a,b,c'.split(',')", ['a', 'b', 'c']],
  ["'a,b,c'.split(',', 2)", ['a', 'b,c']],
  ["'hello'.substring(1, 3)", 'el'],
  ["'hello'.substring(3, 1)", 'error: invalid substring range. start: 3, end: 1'],
  ["'  x '.trim()", 'x'],
  ["'%s has %d of %.2f %x %%'.format([dyn('a'), 3, 1.5, 255])", 'a has 3 of 1.50 ff %'],
  ["'%s'.format([[dyn(1), 'a', {'k': 2.0}]])", '[1, a, {k: 2}]'],
  [
    "'%d'.format(['a'])",
    'error: error during formatting: decimal clause can only be used on integers, was given string',
  ],
  ["'%e'.format([1052.032])", '1.052032e+03'],
  ["strings.quote('a\\n\"')", '"a\\n\\""'],
  ["text.startsWith('he') && text.endsWith('lo') && text.contains('ell')", true],
]);

table("regular expressions are Go's", [
  ["'abc123'.matches('^[a-z]+[0-9]+$')", true],
  ["'abc 123'.find('[0-9]+')", '123'],
  ["'a1b2c3'.findAll('[0-9]', 2)", ['1', '2']],
  ["'x'.matches('(?i)X')", true],
  ["'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!'.matches('^(a+)+$')", false],
]);

table("Kubernetes' libraries", [
  ['items.isSorted()', false],
  ['items.sum()', 6],
  ['items.min() + items.max()', 4],
  ['items.indexOf(2)', 2],
  ['[].max() == 1', 'error: max called on empty list'],
  ["url('https://a.example:8443/x/y?q=1&q=2').getHostname()", 'a.example'],
  ["url('https://a.example:8443/x/y?q=1&q=2').getPort()", '8443'],
  ["url('https://a.example:8443/x/y?q=1&q=2').getQuery()", { q: ['1', '2'] }],
  ["url('https://a/b').getEscapedPath()", '/b'],
  ["isURL('not a url')", false],
  ["quantity('500m').isLessThan(quantity('1'))", true],
  ["quantity('1Gi').asInteger()", 1073741824],
  ["quantity('1').add(2).compareTo(quantity('3'))", 0],
  ["quantity('1k') == quantity('1000')", true],
  ["isQuantity('1x')", false],
  ["quantity('100m').isInteger()", false],
  ["ip('10.0.0.1').family()", 4],
  ["ip('::1').isLoopback()", true],
  ["isIP('10.0.0.01')", false],
  ["ip.isCanonical('2001:DB8::1')", false],
  ["cidr('10.0.0.0/8').containsIP('10.1.2.3')", true],
  ["cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16')", true],
  ["string(cidr('10.1.2.3/8').masked())", '10.0.0.0/8'],
  ["cidr('10.0.0.0/8').prefixLength()", 8],
  ["ip('1.2.3.4').isGlobalUnicast()", true],
  ["format.dns1123Label().validate('ok').hasValue()", false],
  ["format.dns1123Label().validate('Not_ok').hasValue()", true],
  ["format.named('uuid').value().validate('x').hasValue()", true],
  ["semver('1.2.3').isLessThan(semver('1.10.0'))", true],
  ["semver('v1.2', true).minor()", 2],
  ["isSemver('1.2')", false],
  ["semver('1.0.0-alpha').compareTo(semver('1.0.0'))", -1],
  ['sets.contains([1, 2, 3], [2])', true],
  ['sets.equivalent([1, 1], [1])', true],
  ['sets.intersects([1], [2])', false],
]);

t.test('what is wrong is said before the expression runs', async (t) => {
  const OPERAND =
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
  for (const [text, expected] of [
    [
      'missing',
      "ERROR: <input>:1:1: undeclared reference to 'missing' (in container '')\n | missing\n | ^",
    ],
    [
      'object.',
      "ERROR: <input>:1:8: Syntax error: no viable alternative at input '.'\n | object.\n | .......^",
    ],
    [
      '1 +',
      `ERROR: <input>:1:4: Syntax error: mismatched input '<EOF>' expecting ${OPERAND}\n | 1 +\n | ...^`,
    ],
    [
      '1 2',
      "ERROR: <input>:1:3: Syntax error: extraneous input '2' expecting <EOF>\n | 1 2\n | ..^",
    ],
    ['(1', "ERROR: <input>:1:3: Syntax error: missing ')' at '<EOF>'\n | (1\n | ..^"],
    [
      "n + 'a'",
      "ERROR: <input>:1:3: found no matching overload for '_+_' applied to '(int, string)'\n | n + 'a'\n | ..^",
    ],
    [
      'n == 1.0',
      "ERROR: <input>:1:3: found no matching overload for '_==_' applied to '(int, double)'\n | n == 1.0\n | ..^",
    ],
    ['n.foo', "ERROR: <input>:1:2: type 'int' does not support field selection\n | n.foo\n | .^"],
    [
      'n.foo()',
      "ERROR: <input>:1:6: undeclared reference to 'foo' (in container '')\n | n.foo()\n | .....^",
    ],
    [
      'n.all(x, x > 1)',
      "ERROR: <input>:1:1: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)\n | n.all(x, x > 1)\n | ^",
    ],
    [
      "[1, 'a']",
      "ERROR: <input>:1:5: expected type 'int' but found 'string'\n | [1, 'a']\n | ....^",
    ],
    [
      "text.matches('(')",
      "ERROR: <input>:1:14: invalid matches argument\n | text.matches('(')\n | .............^",
    ],
    [
      "duration('1 day')",
      "ERROR: <input>:1:10: invalid duration argument\n | duration('1 day')\n | .........^",
    ],
    [
      'has(object)',
      'ERROR: <input>:1:5: invalid argument to has() macro\n | has(object)\n | ....^',
    ],
    [
      'items.all(a.b, true)',
      'ERROR: <input>:1:12: argument must be a simple name\n | items.all(a.b, true)\n | ...........^',
    ],
    [
      'a\n  && b',
      "ERROR: <input>:1:1: undeclared reference to 'a' (in container '')\n | a\n | ^\nERROR: <input>:2:6: undeclared reference to 'b' (in container '')\n |   && b\n | .....^",
    ],
    ['if', 'ERROR: <input>:1:1: reserved identifier: if\n | if\n | ^'],
    [
      'items.map(x, y)',
      "ERROR: <input>:1:14: undeclared reference to 'y' (in container '')\n | items.map(x, y)\n | .............^",
    ],
    [
      'a | b',
      "ERROR: <input>:1:3: Syntax error: token recognition error at: '| '\n | a | b\n | ..^\nERROR: <input>:1:5: Syntax error: extraneous input 'b' expecting <EOF>\n | a | b\n | ....^",
    ],
    [
      "'x'.size(1)",
      "ERROR: <input>:1:9: found no matching overload for 'size' applied to 'string.(int)'\n | 'x'.size(1)\n | ........^",
    ],
    [
      '9223372036854775808',
      'ERROR: <input>:1:1: invalid int literal\n | 9223372036854775808\n | ^',
    ],
  ] as const) {
    let found = 'nothing';
    try {
      compile(text, ENV);
    } catch (err) {
      if (!(err instanceof CelIssues)) throw err;
      found = err.message;
    }
    t.equal(found, expected, text);
  }
});

t.test('selectors of devices', async (t) => {
  for (const [text, issue] of [
    ["device.driver == 'gpu.example.com' && device.attributes['gpu.example.com'].model == 'A'"],
    ["device.capacity['gpu.example.com'].memory.compareTo(quantity('1Gi')) >= 0"],
    ["cel.bind(gpu, device.attributes['gpu.example.com'], gpu.model == 'A' && gpu.cores > 4)"],
    ["device.name == 'x'", "undefined field 'name'"],
  ]) {
    let found: string | undefined;
    try {
      const program = compile(text ?? '', DEVICE_ENVIRONMENT);
      t.ok(program.estimate(deviceSize).max < 1_000_000, String(text));
    } catch (err) {
      if (!(err instanceof CelIssues)) throw err;
      found = err.issues[0]?.message;
    }
    t.equal(found, issue, String(text));
  }
  t.throws(
    () => compile('cel.bind(a, 1, a == 1)', ENV),
    { name: 'CelIssues' },
    'elsewhere there is no cel.bind',
  );
});

t.test('costs are counted as Kubernetes counts them', async (t) => {
  for (const [text, cost] of [
    ['object.metadata.name', 3],
    ["text == 'hello'", 2],
    ['items.all(x, x > 0)', 17],
    ["text.matches('^[a-z]+$')", 3],
    ['[1, 2, 3].sum()', 3],
    ['[1, 2, 3].exists(x, x > 2)', 19],
  ] as const) {
    t.equal(run(text).cost, cost, text);
  }
});

t.test('no expression runs for long', async (t) => {
  const nested = (depth: number): string =>
    depth === 0 ? 'true' : `range.all(v${depth}, ${nested(depth - 1)})`;
  const env: Environment = {
    variables: new Map([
      ['range', listOf(INT)],
      ['deep', DYN],
      ['other', DYN],
      ['long', STRING],
    ]),
  };
  const range = Array.from({ length: 100 }, (_, i) => i);
  const deep = { a: Array.from({ length: 50_000 }, (_, i) => ({ i })) };
  const other = structuredClone(deep);
  const data = { range, deep, other, long: 'a'.repeat(100_000) };
  const vars = {
    variable: (name: string) => toValue((data as Record<string, unknown>)[name], undefined),
  };
  for (const text of [
    nested(5),
    'range.all(a, range.all(b, deep == other))',
    "range.map(a, range.map(b, long.replace('a', long))).size() > 0",
    "range.map(x, range.map(y, long.matches('(a|b|c)*d'))).size() > 0",
  ]) {
    const { failure } = compile(text, env).evaluate(vars, PER_CALL_LIMIT);
    t.equal(failure?.message, 'operation cancelled: actual cost limit exceeded', text);
  }
});

t.test('whatever the text, there are values or issues, and an end', async (t) => {
  const atom = fc.constantFrom(
    '1',
    '1u',
    '1.5',
    "'a'",
    'true',
    'null',
    'object',
    'items',
    'text',
    'n',
    '[]',
    '{}',
    'x',
    'object.spec',
  );
  const { expr } = fc.letrec<{ expr: string }>((tie) => ({
    expr: fc.oneof(
      { depthSize: 'small', withCrossShrink: true },
      atom,
      fc
        .tuple(
          tie('expr'),
          fc.constantFrom('+', '-', '*', '/', '%', '==', '<', '&&', '||', 'in'),
          tie('expr'),
        )
        .map(([a, op, b]) => `(${a} ${op} ${b})`),
      fc
        .tuple(tie('expr'), fc.constantFrom('all', 'exists', 'map', 'filter'), tie('expr'))
        .map(([a, macro, b]) => `${a}.${macro}(x, ${b})`),
      fc
        .tuple(
          tie('expr'),
          fc.constantFrom('size()', '?a', 'a', 'matches("a")', 'sum()', 'orValue(1)', 'split("")'),
        )
        .map(([a, call]) => `${a}.${call}`),
      fc.tuple(tie('expr'), tie('expr'), tie('expr')).map(([a, b, c]) => `(${a} ? ${b} : ${c})`),
      fc.tuple(tie('expr'), tie('expr')).map(([a, b]) => `${a}[${b}]`),
      fc
        .tuple(
          fc.constantFrom('string', 'int', 'type', 'dyn', 'size', 'has', 'quantity', 'timestamp'),
          tie('expr'),
        )
        .map(([fn, a]) => `${fn}(${a})`),
    ),
  }));
  const ends = (text: string): boolean => {
    try {
      const { cost, failure } = run(text);
      return cost <= PER_CALL_LIMIT || failure?.fatal === true;
    } catch (err) {
      if (err instanceof CelIssues) return true;
      throw err;
    }
  };
  fc.assert(fc.property(expr, ends), { numRuns: 1500, seed: 7 });
  fc.assert(fc.property(fc.string({ unit: 'binary' }), ends), { numRuns: 1500, seed: 7 });
  const tokens = fc.array(
    fc.constantFrom(
      '(',
      ')',
      '[',
      ']',
      '{',
      '}',
      '.',
      ',',
      '?',
      ':',
      '!',
      '-',
      '+',
      '==',
      '&&',
      '||',
      'in',
      'a',
      'has',
      'all',
      '1',
      "'s'",
      '"',
      '`',
      '0x',
      '1e',
      'r"',
      '\\',
      ' ',
    ),
    { maxLength: 30 },
  );
  fc.assert(
    fc.property(tokens, (parts) => ends(parts.join(''))),
    { numRuns: 3000, seed: 7 },
  );
  for (const text of [
    '('.repeat(50_000),
    `${'1+'.repeat(40_000)}1`,
    `${'!'.repeat(90_000)}true`,
    '[['.repeat(20_000),
    `${'a.'.repeat(20_000)}b`,
    `${'-'.repeat(90_000)}1`,
    `${'true||'.repeat(15_000)}true`,
    '((1+'.repeat(200),
  ])
    t.ok(ends(text), `${text.slice(0, 8)}…`);
});
