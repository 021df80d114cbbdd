/** URLs (`library/urls.go`), absolute or a path, as Go reads those of a request line. */
import { asText } from '../equality.js';
import { define, type Library } from '../function.js';
import { CelFailure, LiteralMap, noSuchOverload, Opaque, type Value } from '../values.js';

const TYPE = 'kubernetes.URL';

class UrlValue extends Opaque {
  readonly type = TYPE;
  constructor(
    readonly text: string,
    readonly scheme: string,
    readonly host: string,
    readonly path: string,
    readonly query: string,
  ) {
    super();
  }
  equals(other: Opaque): boolean {
    return other instanceof UrlValue && other.text === this.text;
  }
  override toString(): string {
    return this.text;
  }
}

/** The URL, or why it is none. */
function parse(text: string): UrlValue | string {
  const fault = (why: string) => `parse ${JSON.stringify(text)}: ${why}`;
  if (text === '') return fault('empty url');
  // biome-ignore lint/suspicious/noControlCharactersInRegex: these are what is refused
  if (/[\x00-\x1f\x7f]/.test(text)) return fault('net/url: invalid control character in URL');
  const [, scheme = '', rest = ''] = /^(?:([A-Za-z][A-Za-z0-9+.-]*):)?(.*)$/s.exec(text) ?? [];
  const [before = '', query = ''] = rest.split(/\?(.*)/s);
  if (!before.startsWith('/')) return fault('invalid URI for request');
  let host = '';
  let path = before;
  if (before.startsWith('//') && (scheme !== '' || !before.startsWith('///'))) {
    const end = before.indexOf('/', 2);
    host = end < 0 ? before.slice(2) : before.slice(2, end);
    path = end < 0 ? '' : before.slice(end);
    host = host.slice(host.lastIndexOf('@') + 1);
  }
  const port = /:([^:\]]*)$/.exec(host)?.[1];
  if (port !== undefined && !/^\d*$/.test(port)) return fault(`invalid port ":${port}" after host`);
  if (/[ "<>\\^`{|}]/.test(host))
    return fault(
      `invalid character ${JSON.stringify(/[ "<>\\^`{|}]/.exec(host)?.[0])} in host name`,
    );
  const badEscape = /%(?![0-9a-fA-F]{2}).{0,2}/.exec(path)?.[0];
  if (badEscape !== undefined) return fault(`invalid URL escape ${JSON.stringify(badEscape)}`);
  return new UrlValue(text, scheme.toLowerCase(), host, path, query);
}

function of(value: Value | undefined): UrlValue {
  if (!(value instanceof UrlValue)) throw noSuchOverload();
  return value;
}

const part = (name: string, read: (url: UrlValue) => string) =>
  define(name, [`url_${name}: ${TYPE}.() -> string`], ([url]) => read(of(url)));

function hostname(host: string): string {
  const bracketed = /^\[(.*)\]/.exec(host)?.[1];
  return bracketed ?? host.replace(/:\d*$/, '');
}

function queryOf(query: string): LiteralMap {
  const values = new Map<string, string[]>();
  for (const [key, value] of new URLSearchParams(query))
    values.set(key, [...(values.get(key) ?? []), value]);
  const map = LiteralMap.of(values);
  if (!map) throw new Error('a map had the same key twice');
  return map;
}

export const urls: Library = [
  define('url', [`string_to_url: (string) -> ${TYPE}`], ([text]) => {
    const url = parse(asText(text));
    if (typeof url === 'string')
      throw new CelFailure(`URL parse error during conversion from string: ${url}`);
    return url;
  }),
  define(
    'isURL',
    ['is_url_string: (string) -> bool'],
    ([text]) => typeof parse(asText(text)) !== 'string',
  ),
  part('getScheme', ({ scheme }) => scheme),
  part('getHost', ({ host }) => host),
  part('getHostname', ({ host }) => hostname(host)),
  part('getPort', ({ host }) => /:(\d*)$/.exec(host)?.[1] ?? ''),
  part('getEscapedPath', ({ path }) => encodeURI(path).replaceAll('%25', '%')),
  define('getQuery', [`url_get_query: ${TYPE}.() -> map(string, list(string))`], ([url]) =>
    queryOf(of(url).query),
  ),
];
