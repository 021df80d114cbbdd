import fc from 'fast-check';
import t from 'tap';
import { clone } from './clone.js';
import {
  age,
  formatDuration,
  humanDuration,
  parseDuration,
  shortHumanDuration,
} from './duration.js';
import { deepEqual, semanticDeepEqual } from './equality.js';
import { deepFreeze } from './freeze.js';
import { fnv32a, stableJson, templateHash } from './hash.js';
import { intValue, isPercent, parseIntOrString, scaledValue } from './int-or-string.js';
import { generateName, randomSuffix, safeEncodeString } from './names/generate-name.js';
import { canonicalQuantity, parseQuantity, Quantity } from './quantity.js';
import { normalizeMicroTime, normalizeTime, parseTime } from './time.js';

t.test('a quantity is stored in canonical form', async (t) => {
  const rows: [text: string | number, canonical: string][] = [
    ['0', '0'],
    ['0.0', '0'],
    ['0Ki', '0'],
    ['-0', '0'],
    ['100m', '100m'],
    ['1000m', '1'],
    ['0.5', '500m'],
    ['.5', '500m'],
    ['1.', '1.'],
    ['2.5', '2500m'],
    ['1500', '1500'],
    ['1500000', '1500k'],
    ['12e6', '12e6'],
    ['1e3', '1e3'],
    ['1000e0', '1e3'],
    ['1E', '1E'],
    ['1E2', '100'],
    ['1024', '1024'],
    ['1Ki', '1Ki'],
    ['1024Ki', '1Mi'],
    ['1024Mi', '1Gi'],
    ['1.5Gi', '1536Mi'],
    ['0.5Ki', '512'],
    ['0.1Mi', '104857600m'],
    ['1000Ki', '1000Ki'],
    ['1Ei', '1Ei'],
    ['100Ei', '9223372036854775807'],
    ['-3', '-3'],
    ['-1.5Gi', '-1536Mi'],
    ['1n', '1n'],
    ['0.1n', '1n'],
    ['3.0000000001', '3000000001n'],
    ['100000000000000000000', '100E'],
    ['9223372036854775807', '9223372036854775807'],
    ['123456789012345678901234n', '123456789012345678901234n'],
    [2, '2'],
    [0.1, '100m'],
    [1e21, '1e21'],
    [' 1 ', '1'],
  ];
  for (const [text, canonical] of rows) {
    t.equal(canonicalQuantity(text), canonical, `${text}`);
  }
});

t.test('text that is no quantity is refused in the words of Kubernetes', async (t) => {
  const format =
    "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'";
  const suffix = "unable to parse quantity's suffix";
  const rows: [text: string, message: string][] = [
    ['', format],
    ['abc', format],
    ['1.1.M', format],
    ['1 Gi', format],
    ['1+1.0M', format],
    ['0.1mi', suffix],
    ['0.1am', format],
    ['1i', suffix],
    ['-3.01e-', suffix],
    ['1KiB', format],
    ['1kk', suffix],
  ];
  for (const [text, message] of rows) t.throws(() => parseQuantity(text), { message }, text);
  t.equal(Quantity.tryParse('x'), undefined);
});

t.test('quantities are counted in whole units, rounded up', async (t) => {
  const rows: [text: string, value: number, milli: number][] = [
    ['1', 1, 1000],
    ['100m', 1, 100],
    ['1001m', 2, 1001],
    ['-100m', -1, -100],
    ['0.0001', 1, 1],
    ['1Ki', 1024, 1024000],
    ['1.5Gi', 1610612736, 1610612736000],
    ['2e3', 2000, 2000000],
  ];
  for (const [text, value, milli] of rows) {
    t.equal(parseQuantity(text).value(), value, text);
    t.equal(parseQuantity(text).milliValue(), milli, `${text} in thousandths`);
  }
  t.equal(parseQuantity('8Ei').scaledValue(0), 9223372036854775807n, 'capped to int64');
});

t.test('quantities add, subtract and compare', async (t) => {
  const sum = (a: string, b: string) => parseQuantity(a).add(parseQuantity(b)).toString();
  const rest = (a: string, b: string) => parseQuantity(a).sub(parseQuantity(b)).toString();
  t.equal(sum('100m', '900m'), '1');
  t.equal(sum('1Gi', '512Mi'), '1536Mi');
  t.equal(sum('0', '1Gi'), '1Gi', 'a zero takes the format of the other');
  t.equal(sum('1Gi', '1'), '1073741825');
  t.equal(sum('9223372036854775807', '1'), '9223372036854775808', 'beyond int64');
  t.equal(rest('1', '250m'), '750m');
  t.equal(rest('1Gi', '1Gi'), '0');
  t.equal(rest('1', '2'), '-1');
  t.equal(parseQuantity('200m').mul(3).toString(), '600m');
  t.equal(parseQuantity('1').compare(parseQuantity('1000m')), 0);
  t.equal(parseQuantity('1Gi').compare(parseQuantity('1G')), 1);
  t.equal(parseQuantity('999n').compare(parseQuantity('1u')), -1);
  t.ok(parseQuantity('1e3').equals(parseQuantity('1k')));
  t.equal(Quantity.ofMilli(1500).toString(), '1500m');
  t.equal(Quantity.of(2048, 0, 'BinarySI').toString(), '2Ki');
  t.equal(JSON.stringify({ cpu: parseQuantity('1000m') }), '{"cpu":"1"}');

  const small = fc.tuple(
    fc.integer({ min: -1_000_000, max: 1_000_000 }),
    fc.constantFrom('n', 'u', 'm', '', 'k', 'M', 'G', 'Ki', 'Mi', 'Gi', 'Ti'),
  );
  const quantity = small.map(([n, suffix]) => parseQuantity(`${n}${suffix}`));
  fc.assert(
    fc.property(quantity, quantity, (a, b) => {
      const back = a.add(b).sub(b);
      const again = parseQuantity(a.toString());
      return back.equals(a) && again.equals(a) && a.compare(b) === -b.compare(a);
    }),
  );
});

t.test('a number or percentage is scaled', async (t) => {
  t.equal(scaledValue(3, 10, true), 3);
  t.equal(scaledValue('25%', 10, true), 3);
  t.equal(scaledValue('25%', 10, false), 2);
  t.equal(scaledValue('100%', 7, false), 7);
  t.throws(() => scaledValue('3', 10, true), {
    message: 'invalid value for IntOrString: invalid type: string is not a percentage',
  });
  t.throws(() => scaledValue('a%', 10, true), {
    message:
      'invalid value for IntOrString: invalid value "a%": strconv.Atoi: parsing "a": invalid syntax',
  });
  t.equal(parseIntOrString('80'), 80);
  t.equal(parseIntOrString('http'), 'http');
  t.equal(parseIntOrString('99999999999'), '99999999999', 'no int32');
  t.equal(intValue('80'), 80);
  t.equal(intValue('x'), 0);
  t.ok(isPercent('5%'));
  t.notOk(isPercent('5'));
});

t.test('durations parse and print as in Go', async (t) => {
  const rows: [text: string, ms: number, printed: string][] = [
    ['0', 0, '0s'],
    ['1h15m30.5s', 4530500, '1h15m30.5s'],
    ['90m', 5400000, '1h30m0s'],
    ['1500ms', 1500, '1.5s'],
    ['100us', 0.1, '100µs'],
    ['1.5µs', 0.0015, '1.5µs'],
    ['10ns', 0.00001, '10ns'],
    ['-2m', -120000, '-2m0s'],
    ['+5s', 5000, '5s'],
    ['.5s', 500, '500ms'],
    ['24h', 86400000, '24h0m0s'],
  ];
  for (const [text, ms, printed] of rows) {
    t.equal(parseDuration(text), ms, text);
    t.equal(formatDuration(ms), printed, `${text} printed`);
  }
  t.throws(() => parseDuration(''), { message: 'time: invalid duration ""' });
  t.throws(() => parseDuration('5'), { message: 'time: missing unit in duration "5"' });
  t.throws(() => parseDuration('5d'), { message: 'time: unknown unit "d" in duration "5d"' });
  t.throws(() => parseDuration('s'), { message: 'time: invalid duration "s"' });
});

t.test('ages print as kubectl prints them', async (t) => {
  const [s, m, h, d] = [1, 60, 3600, 86400];
  const rows: [seconds: number, long: string, short: string][] = [
    [-5, '<invalid>', '<invalid>'],
    [-1, '0s', '0s'],
    [0, '0s', '0s'],
    [59, '59s', '59s'],
    [119, '119s', '1m'],
    [2 * m, '2m', '2m'],
    [2 * m + 3, '2m3s', '2m'],
    [10 * m + 5, '10m', '10m'],
    [179 * m, '179m', '2h'],
    [3 * h, '3h', '3h'],
    [3 * h + 2 * m, '3h2m', '3h'],
    [8 * h + 30 * m, '8h', '8h'],
    [47 * h, '47h', '1d'],
    [2 * d, '2d', '2d'],
    [5 * d + 3 * h, '5d3h', '5d'],
    [8 * d + 3 * h, '8d', '8d'],
    [2 * 365 * d - s, '729d', '1y'],
    [2 * 365 * d, '2y', '2y'],
    [(2 * 365 + 10) * d, '2y10d', '2y'],
    [9 * 365 * d + d, '9y', '9y'],
  ];
  for (const [seconds, long, short] of rows) {
    t.equal(humanDuration(seconds * 1000), long, long);
    t.equal(shortHumanDuration(seconds * 1000), short, `${long}, short`);
  }
  const now = Date.UTC(2026, 0, 1);
  t.equal(age('2025-12-31T23:59:50Z', now), '10s');
  t.equal(age(undefined, now), '<unknown>');
  t.equal(age('', now), '<unknown>');
});

t.test('times are normalised to UTC, and refused in the words of Go', async (t) => {
  t.equal(normalizeTime('2026-01-02T03:04:05Z'), '2026-01-02T03:04:05Z');
  t.equal(normalizeTime('2026-01-02T03:04:05.999Z'), '2026-01-02T03:04:05Z');
  t.equal(normalizeTime('2026-01-02T03:04:05+02:00'), '2026-01-02T01:04:05Z');
  t.equal(normalizeTime('2024-02-29T00:00:00Z'), '2024-02-29T00:00:00Z');
  t.equal(normalizeMicroTime('2026-01-02T03:04:05.123456Z'), '2026-01-02T03:04:05.123456Z');
  t.equal(normalizeMicroTime('2026-01-02T03:04:05.000001-01:30'), '2026-01-02T04:34:05.000001Z');
  const layout = '"2006-01-02T15:04:05Z07:00"';
  const rows: [text: string, message: string][] = [
    ['', `parsing time "" as ${layout}: cannot parse "" as "2006"`],
    ['yesterday', `parsing time "yesterday" as ${layout}: cannot parse "yesterday" as "2006"`],
    ['2026-01-02', `parsing time "2026-01-02" as ${layout}: cannot parse "" as "T"`],
    ['2026-13-02T00:00:00Z', 'parsing time "2026-13-02T00:00:00Z": month out of range'],
    ['2026-02-30T00:00:00Z', 'parsing time "2026-02-30T00:00:00Z": day out of range'],
    ['2026-01-02T24:00:00Z', 'parsing time "2026-01-02T24:00:00Z": hour out of range'],
    [
      '2026-01-02T00:00:00',
      `parsing time "2026-01-02T00:00:00" as ${layout}: cannot parse "" as "Z07:00"`,
    ],
    ['2026-01-02T00:00:00Zx', 'parsing time "2026-01-02T00:00:00Zx": extra text: "x"'],
  ];
  for (const [text, message] of rows) t.throws(() => normalizeTime(text), { message }, text);
  t.throws(() => normalizeMicroTime('2026-01-02T03:04:05Z'), {
    message:
      'parsing time "2026-01-02T03:04:05Z" as "2006-01-02T15:04:05.000000Z07:00": cannot parse "Z" as ".000000"',
  });
  t.equal(parseTime('2026-01-02T03:04:05Z'), Date.UTC(2026, 0, 2, 3, 4, 5));
  t.equal(parseTime('2 January 2026'), undefined);
});

t.test('equality: exact, and semantic where absent, null and empty are one', async (t) => {
  const rows: [name: string, a: unknown, b: unknown, exact: boolean, semantic: boolean][] = [
    ['same', { a: [1, { b: 'c' }] }, { a: [1, { b: 'c' }] }, true, true],
    ['key order', { a: 1, b: 2 }, { b: 2, a: 1 }, true, true],
    ['undefined is absent', { a: 1, b: undefined }, { a: 1 }, true, true],
    ['absent and undefined', { a: 1 }, { a: 1, b: undefined }, true, true],
    ['empty map and absent', { a: {} }, {}, false, true],
    ['absent and empty list', {}, { a: [] }, false, true],
    ['null and absent', { a: null }, {}, false, true],
    ['null and empty', { a: null }, { a: [] }, false, true],
    ['empty text and absent', { a: '' }, {}, false, false],
    ['zero and absent', { a: 0 }, {}, false, false],
    ['order of a list', [1, 2], [2, 1], false, false],
    ['length of a list', [1], [1, 2], false, false],
    ['list and map', [], { a: 1 }, false, false],
    ['inherited names', { toString: 'x' }, {}, false, false],
    ['number and text', { a: 1 }, { a: '1' }, false, false],
  ];
  for (const [name, a, b, exact, semantic] of rows) {
    t.equal(deepEqual(a, b), exact, name);
    t.equal(deepEqual(b, a), exact, `${name}, turned`);
    t.equal(semanticDeepEqual(a, b), semantic, `${name}, semantic`);
    t.equal(semanticDeepEqual(b, a), semantic, `${name}, semantic, turned`);
  }
});

t.test('a clone is equal and shares nothing; a frozen value cannot be changed', async (t) => {
  fc.assert(fc.property(fc.jsonValue(), (value) => deepEqual(clone(value), value)));
  const original = { a: { b: [1, { c: 'd' }] }, e: undefined };
  const copy = clone(original);
  copy.a.b.push(2);
  t.same(original.a.b, [1, { c: 'd' }]);
  t.notOk('e' in copy, 'undefined is left out');
  const sneaky: unknown = JSON.parse('{"__proto__":{"x":1}}');
  t.equal(JSON.stringify(clone(sneaky)), '{"__proto__":{"x":1}}');
  const frozen = deepFreeze({ a: { b: [1] } });
  t.throws(() => frozen.a.b.push(2), TypeError);
});

t.test('hashes do not depend on key order, and differ with the collision count', async (t) => {
  t.equal(fnv32a(''), 0x811c9dc5);
  t.equal(fnv32a('a'), 0xe40c292c);
  t.equal(fnv32a('foobar'), 0xbf9cf968);
  t.equal(stableJson({ b: [1, null], a: { d: 1, c: undefined } }), '{"a":{"d":1},"b":[1,null]}');
  const template = { metadata: { labels: { a: 'b' } }, spec: { containers: [{ name: 'c' }] } };
  const turned = { spec: { containers: [{ name: 'c' }] }, metadata: { labels: { a: 'b' } } };
  t.equal(templateHash(template), templateHash(turned));
  t.not(templateHash(template), templateHash(template, 1));
  t.match(templateHash(template), /^[bcdfghjklmnpqrstvwxz2456789]{1,10}$/);
  t.equal(safeEncodeString('0123456789'), '456789bcdf');
});

t.test('generated names have five random characters and fit in a label', async (t) => {
  t.equal(
    generateName('web-', () => 0),
    'web-bbbbb',
  );
  t.equal(generateName('x'.repeat(80), () => 0.99).length, 63);
  t.equal(generateName('x'.repeat(80), () => 0.99).slice(-5), '99999');
  t.equal(randomSuffix(3, () => 0.5).length, 3);
});
