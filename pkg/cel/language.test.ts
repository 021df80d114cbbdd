/**
 * CEL as cel-go 0.26 has it in Kubernetes v1.35, beyond `program.test.ts`: what the language says of numbers,
 * texts and lists at their edges, what every library answers, and the words in which a text that is no
 * expression is refused.
 */
import t from 'tap';
import { CelIssues } from './issues.js';
import { authorizerValue, type Check } from './library/authorizer.js';
import { compile, type Environment } from './program.js';
import { opaque } from './types.js';
import { CelFailure, type Value } from './values.js';

const NOTHING: Environment = { variables: new Map() };

/** The text of an expression that holds, or `[text, what it fails with]`. */
type Row = string | readonly [string, string];

function table(name: string, rows: readonly Row[]): void {
  t.test(name, async (t) => {
    for (const row of rows) {
      const [text, why] = typeof row === 'string' ? [row] : row;
      const { value, failure } = compile(text, NOTHING).evaluate({ variable: () => undefined });
      if (why === undefined) t.equal(failure?.message ?? value, true, text);
      else t.equal(failure?.message, why, text);
    }
  });
}

table('numbers', [
  '0x7fffffffffffffff == 9223372036854775807',
  '-9223372036854775808 < 0',
  '18446744073709551615u > 1u',
  '1e308 * 10.0 == double("Infinity")',
  'double("NaN") != double("NaN")',
  'dyn(9223372036854775807) == 9223372036854775808.0',
  'dyn(9007199254740993) != 9007199254740992',
  'dyn(1u) == 1 && dyn(1) == 1.0 && dyn(1.5) != 1',
  '1 < 1.5 && 2u > 1.5 && 1.5 <= 2 && -1 < 1u',
  'int(-1.9) == -1 && int(1.9) == 1',
  'uint(3.7) == 3u',
  '7 % -3 == 1 && -7 % 3 == -1',
  ['int(9.3e18)', 'integer overflow'],
  ['uint(-1)', 'unsigned integer overflow'],
  ['-9223372036854775808 / -1', 'integer overflow'],
  ['-9223372036854775808 - 1', 'integer overflow'],
  ['1u - 2u', 'unsigned integer overflow'],
  ['7u % 0u', 'modulus by zero'],
]);

table('texts are of characters', [
  "'ta©o©αT'.size() == 7",
  "'☃🎄'.charAt(1) == '🎄'",
  "'hello'.substring(1, 3) == 'el'",
  "'tacocat'.indexOf('c', 3) == 4 && 'tacocat'.indexOf('a', 30) == -1",
  "'tacocat'.lastIndexOf('a', 3) == 1 && ''.lastIndexOf('@') == -1",
  "'tacocat'.indexOf('', 2) == 2 && 'tacocat'.lastIndexOf('') == 7",
  "'\\u00a0\\u2003text\\u3000'.trim() == 'text'",
  "'\\u180etext\\ufeff'.trim() == '\\u180etext\\ufeff'",
  "'a,b,c'.split(',', 2) == ['a', 'b,c'] && 'abc'.split('') == ['a', 'b', 'c']",
  "['a', 'b'].join('-') == 'a-b'",
  "'12 days 12 hours'.replace('{0}', '2') == '12 days 12 hours'",
  "'TacoCÆt'.lowerAscii() == 'tacocÆt'",
  '\'"a\\n"\'.size() == 4 && strings.quote("a\\n") == \'"a\\\\n"\'',
  "r'\\n'.size() == 2 && '''a\nb'''.size() == 3",
  "b'\\377\\x00'.size() == 2 && bytes('é').size() == 2",
  "string(b'\\303\\251') == 'é'",
  ["'tacocat'.indexOf('a', -1)", 'index out of range: -1'],
  ["'tacocat'.charAt(30)", 'index out of range: 30'],
  ["'hello'.substring(3, 1)", 'invalid substring range. start: 3, end: 1'],
  ["'hello'.substring(1, 9)", 'index out of range: 9'],
  ["string(b'\\377')", 'invalid UTF-8 in bytes, cannot convert to string'],
]);

table('format', [
  "'%s is %d and %%'.format([dyn('Ann'), dyn(3)]) == 'Ann is 3 and %'",
  "'%.0f %.0f %.0f'.format([0.5, 1.5, 2.5]) == '0 2 2'",
  "'%.2f'.format([1.005]) == '1.00'",
  "'%f'.format([1e21]) == '1000000000000000000000.000000'",
  "'%.3e'.format([1234.5678]) == '1.235e+03' && '%.0e'.format([9.5]) == '1e+01'",
  "'%e'.format([0.0]) == '0.000000e+00' && '%.1e'.format([-0.00015]) == '-1.5e-04'",
  "'%x %X %o %b'.format([255, 255, 8, 5]) == 'ff FF 10 101'",
  "'%x'.format(['hi']) == '6869'",
  "'%s'.format([[1, 2]]) == '[1, 2]'",
  "'%s'.format([{'b': 1, 'a': 2}]) == '{a: 2, b: 1}'",
  "'%s %s'.format([duration('90s'), duration('1h')]) == '90s 3600s'",
  [
    "'%d'.format(['a'])",
    'error during formatting: decimal clause can only be used on integers, was given string',
  ],
  ["'%s %s'.format(['a'])", 'index 1 out of range'],
  [
    "'%q'.format(['a'])",
    'error during formatting: could not parse formatting clause: unrecognized formatting clause "q"',
  ],
]);

table('lists', [
  '[1, 2, 3, 4].slice(1, 3) == [2, 3]',
  '[[1], [2, 3]].flatten() == [1, 2, 3]',
  'dyn([[[1]], [[2]]]).flatten(2) == [1, 2]',
  '[4, 3, 2, 1].sort() == [1, 2, 3, 4]',
  "['d', 'a', 'c'].sort() == ['a', 'c', 'd']",
  '[-3, 1, -5, -2, 4].sortBy(e, -(e * e)) == [-5, 4, -3, -2, 1]',
  "[{'n': 'b'}, {'n': 'a'}].sortBy(m, m.n)[0].n == 'a'",
  'lists.range(4) == [0, 1, 2, 3] && lists.range(0) == [] && lists.range(-1) == []',
  '[5, 1, 2].reverse() == [2, 1, 5]',
  '[-2, 5, -2, 1, 5].distinct() == [-2, 5, 1]',
  '[1, 2].first() == optional.of(1) && [1, 2].last().value() == 2 && ![].first().hasValue()',
  'optional.unwrap([optional.of(1), optional.none()]) == [1]',
  '[optional.none(), optional.of(2)].unwrapOpt() == [2]',
  '[1, 2, 3].isSorted() && ![2, 1].isSorted() && [].isSorted()',
  '[1, 2, 3].sum() == 6 && [1.5, 2.5].sum() == 4.0',
  "[1, 3, 2].max() == 3 && ['b', 'a'].min() == 'a'",
  '[1, 2, 2].indexOf(2) == 1 && [1, 2, 2].lastIndexOf(2) == 2 && [1].indexOf(9) == -1',
  'sets.contains([1, 2, 3], [2, 3, 3]) && !sets.contains([1], [2])',
  'sets.equivalent([1, 1, 2], [2, 1]) && sets.intersects([1, 2], [2, 3])',
  [
    '[1, 2, 3, 4].slice(3, 0)',
    'cannot slice(3, 0), start index must be less than or equal to end index',
  ],
  ['[1, 2, 3, 4].slice(0, 10)', 'cannot slice(0, 10), list is length 4'],
  ['[1, 2, 3, 4].slice(-5, 10)', 'cannot slice(-5, 10), negative indexes not supported'],
  ['[dyn([1])].flatten(-1)', 'level must be non-negative'],
  ['lists.range(100000000).size()', 'operation cancelled: actual cost limit exceeded'],
  ['[1][1]', 'index out of bounds: 1'],
  ['[].max()', 'max called on empty list'],
]);

table('macros of one and two variables', [
  '[1, 2, 3].exists_one(x, x > 2) && [1, 2].existsOne(x, x == 1)',
  "{'a': 1}.all(k, k == 'a')",
  '[10, 20].all(i, v, i * 10 + 10 == v)',
  "{'a': 1, 'b': 2}.exists(k, v, k == 'b' && v == 2)",
  "{'a': 1, 'b': 2}.transformMap(k, v, v > 1, v * 10) == {'b': 20}",
  '[3, 4].transformMapEntry(i, v, {v: i}) == {3: 0, 4: 1}',
  '[1, 2, 3].transformList(i, v, i > 0, v + i) == [3, 5]',
  "optional.of('a').optMap(x, x + 'b').value() == 'ab'",
  "optional.of({'k': 1}).optFlatMap(m, m.?k).value() == 1",
  '[1, 2, 3].map(x, x > 1, x * x) == [4, 9]',
  ['[1, 2, 3].exists(i, v, v / i == 17)', 'division by zero'],
  ['[1, 1].transformMapEntry(i, v, {v: i})', 'insert failed: key 1 already exists'],
]);

table("Kubernetes' libraries", [
  "url('https://user@example.com:80/path/a%20b?k=v&k=w').getHost() == 'example.com:80'",
  "url('https://[::1]:80/').getHostname() == '::1' && url('https://a:1/').getPort() == '1'",
  "url('https://a/p?k=v&k=w').getQuery()['k'] == ['v', 'w']",
  "url('/a%20b').getEscapedPath() == '/a%20b' && isURL('/a') && !isURL('a')",
  "'abc 123 def 456'.find('[0-9]+') == '123'",
  "'123 abc 456'.findAll('[0-9]+') == ['123', '456'] && '1 2 3'.findAll('[0-9]', 2) == ['1', '2']",
  "ip('192.168.0.1').family() == 4 && ip('::1').isLoopback() && !isIP('1.2.3')",
  "ip.isCanonical('2001:db8::abcd') && !ip.isCanonical('2001:DB8::ABCD')",
  "type(ip('1.2.3.4')) == net.IP && type(cidr('10.0.0.0/8')) == net.CIDR",
  "cidr('192.168.0.0/24').containsIP('192.168.0.1') && !cidr('10.0.0.0/8').containsCIDR('11.0.0.0/16')",
  "cidr('192.168.1.5/24').masked() == cidr('192.168.1.0/24') && cidr('::/0').prefixLength() == 0",
  "string(ip('10.0.0.1')) == '10.0.0.1' && cidr('10.0.0.0/8').ip() == ip('10.0.0.0')",
  "quantity('1.5Gi').isGreaterThan(quantity('1Gi')) && quantity('50k').add(20).asInteger() == 50020",
  "quantity('1k') == quantity('1000') && quantity('5').sub(quantity('6')).sign() == -1",
  "!quantity('9999999999999999999999').isInteger() && isQuantity('1.3Gi') && !isQuantity('1.3GiB')",
  "semver('1.2.3').isLessThan(semver('1.10.0')) && semver('v1.2', true) == semver('1.2.0')",
  "semver('1.2.3-rc.1').major() == 1 && !isSemver('1.2') && isSemver('1.2', true)",
  "!format.dns1123Label().validate('my-label').hasValue()",
  "format.named('dns1123Subdomain').value().validate('A!').value().size() == 1",
  "!format.named('none').hasValue()",
  ["url('a')", 'URL parse error during conversion from string: parse "a": invalid URI for request'],
  [
    "ip('192.168.0.1.0')",
    'IP Address "192.168.0.1.0" parse error during conversion from string: ParseAddr("192.168.0.1.0"): IPv4 address too long',
  ],
  [
    "ip('1.2.3.256')",
    'IP Address "1.2.3.256" parse error during conversion from string: ParseAddr("1.2.3.256"): IPv4 field has value >255',
  ],
  [
    "ip('2001:db8:::68')",
    'IP Address "2001:db8:::68" parse error during conversion from string: ParseAddr("2001:db8:::68"): each colon-separated field must have at least one digit (at ":68")',
  ],
  ["ip('::ffff:1.2.3.4')", 'IPv4-mapped IPv6 address "::ffff:1.2.3.4" is not allowed'],
  [
    "cidr('192.168.0.0/')",
    'network address parse error during conversion from string: network address parse error during conversion from string: netip.ParsePrefix("192.168.0.0/"): bad bits after slash: ""',
  ],
  [
    "cidr('192.168.0.0/33')",
    'network address parse error during conversion from string: network address parse error during conversion from string: netip.ParsePrefix("192.168.0.0/33"): prefix length out of range',
  ],
]);

table('times, conversions and types', [
  "timestamp('2024-02-29T12:30:00Z').getFullYear() == 2024",
  "timestamp('2024-01-01T02:00:00Z').getHours('-03:00') == 23",
  "timestamp('2023-05-28T00:00:00Z').getDayOfWeek('America/New_York') == 6",
  "timestamp('2024-01-01T00:00:00Z') + duration('36h') == timestamp('2024-01-02T12:00:00Z')",
  "duration('1h30m').getMinutes() == 90 && string(duration('1.5s')) == '1.5s'",
  "string(timestamp('2024-01-01T00:00:00.5Z')) == '2024-01-01T00:00:00.5Z'",
  'timestamp(0) == timestamp("1970-01-01T00:00:00Z") && int(timestamp("1970-01-01T00:01:00Z")) == 60',
  'type(1) == int && type(1u) == uint && type([]) == list && type(null) == null_type',
  'type(type(1)) == type && type(duration("1s")) == google.protobuf.Duration',
  "bool('true') && bool('T') && !bool('FALSE') && bool('1')",
  "double('1.5e3') == 1500.0 && string(1e100) == '1e+100' && string(3.0) == '3'",
  ["int('x') == 1", "type conversion error from 'string' to 'int'"],
]);

t.test('the authorizer', async (t) => {
  const env: Environment = {
    variables: new Map([['authorizer', opaque('kubernetes.authorization.Authorizer')]]),
  };
  const asked: Check[] = [];
  const decisions = {
    get: (check: Check) => {
      asked.push(check);
      return { allowed: check.verb === 'get', reason: 'because', error: '' };
    },
  };
  const value: Value = authorizerValue(decisions);
  for (const [text, is] of [
    [
      "authorizer.group('apps').resource('deployments').namespace('n').name('x').check('get').allowed()",
      true,
    ],
    ["authorizer.group('').resource('pods').subresource('log').check('list').allowed()", false],
    ["authorizer.path('/healthz').check('get').reason()", 'because'],
    [
      "authorizer.serviceAccount('n', 'sa').group('').resource('pods').check('get').errored()",
      false,
    ],
    [
      "authorizer.group('').resource('pods').fieldSelector('spec.nodeName=n').check('list').allowed()",
      false,
    ],
  ] as const) {
    const { value: got, failure } = compile(text, env).evaluate({ variable: () => value });
    t.equal(failure instanceof CelFailure ? failure.message : got, is, text);
  }
  t.match(asked[0], {
    group: 'apps',
    resource: 'deployments',
    namespace: 'n',
    name: 'x',
    verb: 'get',
  });
  t.match(asked[3], { serviceAccount: { namespace: 'n', name: 'sa' } });
});

t.test('what is no expression', async (t) => {
  const OPERAND =
    "{'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}";
  const FIELD = "{'}', ',', '?', IDENTIFIER, ESC_IDENTIFIER}";
  const rows: readonly (readonly [string, ...string[]])[] = [
    ['1 +', `1:4: Syntax error: mismatched input '<EOF>' expecting ${OPERAND}`],
    [
      '1 + +',
      `1:5: Syntax error: mismatched input '+' expecting ${OPERAND}`,
      `1:6: Syntax error: mismatched input '<EOF>' expecting ${OPERAND}`,
    ],
    ['1 + * 2', `1:5: Syntax error: extraneous input '*' expecting ${OPERAND}`],
    ['a b', "1:3: Syntax error: extraneous input 'b' expecting <EOF>"],
    ['(1', "1:3: Syntax error: missing ')' at '<EOF>'"],
    [
      '*@a | b',
      `1:1: Syntax error: extraneous input '*' expecting ${OPERAND}`,
      "1:2: Syntax error: token recognition error at: '@'",
      "1:5: Syntax error: token recognition error at: '| '",
      "1:7: Syntax error: extraneous input 'b' expecting <EOF>",
    ],
    [
      "'\\xFh'",
      "1:1: Syntax error: token recognition error at: ''\\xFh'",
      "1:6: Syntax error: token recognition error at: '''",
      `1:7: Syntax error: mismatched input '<EOF>' expecting ${OPERAND}`,
    ],
    [
      'msg{:a}',
      `1:5: Syntax error: extraneous input ':' expecting ${FIELD}`,
      "1:7: Syntax error: mismatched input '}' expecting ':'",
    ],
    [
      '{',
      `1:2: Syntax error: mismatched input '<EOF>' expecting {'[', '{', '}', '(', '.', ',', '-', '!', '?', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER}`,
    ],
    ['a.true', "1:3: Syntax error: mismatched input 'true' expecting IDENTIFIER"],
    ['a.', "1:3: Syntax error: no viable alternative at input '.'"],
    ['while', '1:1: reserved identifier: while'],
    ['0xFFFFFFFFFFFFFFFFF', '1:1: invalid int literal'],
    ['18446744073709551616u', '1:1: invalid uint literal'],
    ['1.99e90000009', '1:1: invalid double literal'],
    ["'\\udead'", '1:1: invalid unicode code point'],
    ['has(a)', '1:5: invalid argument to has() macro'],
    ['[1].map(a.b, 1)', '1:10: argument is not an identifier'],
    ['[1].all(a.b, true)', '1:10: argument must be a simple name'],
    ['[1].all(__result__, true)', '1:9: iteration variable overwrites accumulator variable'],
    ['[1].map(var, 1)', '1:9: reserved identifier: var', '1:9: argument is not an identifier'],
    [
      '1.sortBy(x, x)',
      '1:1: sortBy can only be applied to a list, identifier, comprehension, call or select expression',
    ],
    ["{'a': 1}.`a`", "1:10: unsupported syntax: '`'"],
    ['dyn', "1:1: undeclared reference to 'dyn' (in container '')"],
    [
      'x.y(1)',
      "1:1: undeclared reference to 'x' (in container '')",
      "1:4: undeclared reference to 'y' (in container '')",
    ],
    ['1 + 1u', "1:3: found no matching overload for '_+_' applied to '(int, uint)'"],
    ['[1, 1.0]', "1:5: expected type 'int' but found 'double'"],
    ["{'a': 1, 2: 3}", "1:10: expected type 'string' but found 'int'"],
    [
      'true ? 1 : 1.0',
      "1:6: found no matching overload for '_?_:_' applied to '(bool, int, double)'",
    ],
    ["'a'.b", "1:4: type 'string' does not support field selection"],
    [
      '1.all(x, x)',
      "1:1: expression of type 'int' cannot be range of a comprehension (must be list, map, or dynamic)",
    ],
    ["duration('1 day') > duration('1s')", '1:10: invalid duration argument'],
    ["timestamp('yesterday') < timestamp(0)", '1:11: invalid timestamp argument'],
    ["'a'.matches('(')", '1:13: invalid matches argument'],
  ];
  for (const [text, ...expected] of rows) {
    let found = '';
    try {
      compile(text, NOTHING);
    } catch (err) {
      if (!(err instanceof CelIssues)) throw err;
      found = err.message;
    }
    const heads = found.split('\n').filter((line) => line.startsWith('ERROR: '));
    t.same(
      heads,
      expected.map((line) => `ERROR: <input>:${line}`),
      text,
    );
  }
  let shown = '';
  try {
    compile("'é' + 😁", NOTHING);
  } catch (err) {
    shown = err instanceof CelIssues ? err.message : '';
  }
  t.match(shown, " | 'é' + 😁\n | .．....＾", 'what is wide is pointed at with wide dots');
});

t.test('what is compared as a whole costs little, as estimated', async (t) => {
  for (const [text, min, max] of [
    ['quantity("200M") == quantity("200M")', 3, 3],
    ['ip("10.0.0.1") == ip("10.0.0.2")', 3, 3],
    ['semver("1.2.3") == semver("1.2.3")', 3, 3],
    ["strings.quote('ABCDEFGHIJ abcdefghij')", 3, 3],
    ["format.named('dns1123Label').value().validate('my-name')", 34, 34],
    ['[3, 1, 2].sort()', 39, 39],
    ['lists.range(10)', 21, 21],
  ] as const)
    t.match(
      compile(text, NOTHING).estimate(() => undefined),
      { min, max },
      text,
    );
});
