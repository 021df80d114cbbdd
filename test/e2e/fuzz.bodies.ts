/** The forms in which a body is sent: mostly as JSON; else as what no serialiser of a client would write. */
import { gzipSync } from 'node:zlib';
import { stringify } from 'yaml';
import type { Random } from './fuzz.values.js';

/** Stands for what JSON.stringify would not write. */
const RAW = '\ue000raw\ue000';
const RAW_TEXTS = [
  ...[
    '1e400',
    '-1e400',
    '123456789012345678901234567890',
    '0.1e-400',
    '-0',
    '1E+2',
    '01',
    '+1',
    '.5',
  ],
  ...[
    `${'['.repeat(5_000)}${']'.repeat(5_000)}`,
    `${'{"a":'.repeat(20_000)}1${'}'.repeat(20_000)}`,
  ],
  ...['{"__proto__":{"polluted":true}}', '{"constructor":{"prototype":{"polluted":true}}}', 'NaN'],
  ...['{"a":1,"a":2}', '"\\ud800"', '"\\u0000"', '[1,]', '{"a":1,}', '/* x */ 1', "'a'", 'nul', ''],
] as const;

/** As JSON mostly; else in another form, or with something in it that no serialiser writes. */
export function encoded(
  body: unknown,
  mime: string,
  random: Random,
): { headers: Record<string, string>; body: string | Buffer } {
  const dice = random.next();
  const type = mime === '' ? 'application/json' : mime;
  const headers = (more: Record<string, string> = {}) => ({ 'content-type': type, ...more });
  const text = JSON.stringify(body);
  if (dice < 0.06 && mime === '')
    return { headers: headers({ 'content-type': 'application/yaml' }), body: stringify(body) };
  if (dice < 0.1) return { headers: headers({ 'content-encoding': 'gzip' }), body: gzipSync(text) };
  if (dice < 0.12)
    return { headers: headers({ 'content-encoding': 'gzip' }), body: Buffer.from(text) };
  if (dice < 0.18) {
    const bytes = Buffer.from(text);
    const at = random.below(bytes.length + 1);
    const bad = random.one([[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf8], [0], [0xe2, 0x82]]);
    return {
      headers: headers(),
      body: Buffer.concat([bytes.subarray(0, at), Buffer.from(bad), bytes.subarray(at)]),
    };
  }
  if (dice < 0.26) {
    const raw = random.one(RAW_TEXTS);
    const fields = Object.entries(typeof body === 'object' && body !== null ? body : {});
    const [field = 'x'] = random.one(fields) ?? [];
    const marked = JSON.stringify({ ...(body as object), [field]: RAW });
    return { headers: headers(), body: marked.replace(JSON.stringify(RAW), raw) };
  }
  if (dice < 0.29) {
    const doubled = text.replace(/"([a-z]\w*)":("[^"\\]*"|\d+|\{\})/i, '"$1":$2,"$1":$2');
    return { headers: headers(), body: doubled };
  }
  if (dice < 0.31) {
    const wrong = random.one(['text/plain', 'application/json-patch+json', 'application/cbor', '']);
    return { headers: headers({ 'content-type': wrong }), body: text };
  }
  return { headers: headers(), body: text };
}

/** JSON pointers to everything in it. */
export function pathsIn(value: unknown, at = ''): string[] {
  if (typeof value !== 'object' || value === null) return [at];
  return [
    at,
    ...Object.entries(value).flatMap(([key, part]) =>
      pathsIn(part, `${at}/${key.replaceAll('~', '~0').replaceAll('/', '~1')}`),
    ),
  ];
}
