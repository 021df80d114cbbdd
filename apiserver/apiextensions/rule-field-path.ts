/** A rule's `fieldPath`: `.spec.list['a.b']`, fields and keys that the schema has, in the form of field errors. */
import { type JsonSchema, propertyOf, valuesOf } from './schema/structural.js';

export type RuleFieldPath = { readonly path: string } | { readonly error: string };

const ESCAPES: Readonly<Record<string, string>> = {
  a: '\x07',
  b: '\b',
  f: '\f',
  n: '\n',
  r: '\r',
  t: '\t',
  v: '\v',
  "'": "'",
  '\\': '\\',
};

export function ruleFieldPath(text: string, schema: JsonSchema): RuleFieldPath {
  let path = '';
  let at: JsonSchema | undefined = schema;
  const tokens = text.match(/'(?:[^'\\]|\\.)*'|[.[\]]|[^.[\]]+/gs) ?? [];
  for (let i = 0; i < tokens.length; i++) {
    const opening = tokens[i];
    if (opening !== '.' && opening !== '[') return { error: `expected [ or . but got: ${opening}` };
    let name = tokens[++i];
    if (name === undefined) return { error: 'unexpected end of JSON path' };
    if (opening === '[') {
      if (!/^'.*'$/s.test(name)) return { error: `expected single quoted string but got ${name}` };
      const bad = /\\[^abfnrtv'\\]/.exec(name)?.[0];
      if (bad !== undefined) return { error: `invalid string literal: invalid escape char ${bad}` };
      name = name.slice(1, -1).replace(/\\(.)/g, (_, char: string) => ESCAPES[char] ?? char);
      const closing = tokens[++i];
      if (closing === undefined) return { error: 'unexpected end of JSON path' };
      if (closing !== ']') return { error: `expected ] but got ${closing}` };
    }
    if (at.properties) {
      path += path === '' ? name : `.${name}`;
      at = propertyOf(at, name);
    } else {
      path += `[${name}]`;
      at = valuesOf(at);
    }
    if (!at) return { error: 'does not refer to a valid field' };
  }
  return { path };
}
