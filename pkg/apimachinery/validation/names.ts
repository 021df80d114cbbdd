/**
 * What may be a name, a label or a path segment, with the messages of
 * `k8s.io/apimachinery/pkg/util/validation`. Every check returns ALL its messages, none when the value
 * is good; callers put them behind a field path (`invalid(at, value, message)`).
 *
 * All patterns are anchored and free of nested repetition over the same characters, so none of them
 * takes more than linear time on text that a client sent.
 */

/** Lengths in bytes, as Go's `len`. */
export const DNS1123_LABEL_MAX = 63;
export const DNS1123_SUBDOMAIN_MAX = 253;
export const DNS1035_LABEL_MAX = 63;
export const LABEL_VALUE_MAX = 63;
const QUALIFIED_NAME_PART_MAX = 63;

const DNS1123_LABEL = '[a-z0-9]([-a-z0-9]*[a-z0-9])?';
const DNS1123_SUBDOMAIN = `${DNS1123_LABEL}(\\.${DNS1123_LABEL})*`;
const DNS1123_UNDERSCORE_LABEL = '_?[a-z0-9]([-_a-z0-9]*[a-z0-9])?';
const DNS1123_UNDERSCORE_SUBDOMAIN = `${DNS1123_UNDERSCORE_LABEL}(\\.${DNS1123_UNDERSCORE_LABEL})*`;
const DNS1035_LABEL = '[a-z]([-a-z0-9]*[a-z0-9])?';
const WILDCARD_SUBDOMAIN = `\\*\\.${DNS1123_SUBDOMAIN}`;
const QUALIFIED_NAME = '([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]';
const LABEL_VALUE = `(${QUALIFIED_NAME})?`;

const DNS1123_LABEL_RE = new RegExp(`^${DNS1123_LABEL}$`);
const DNS1123_SUBDOMAIN_RE = new RegExp(`^${DNS1123_SUBDOMAIN}$`);
const DNS1123_UNDERSCORE_RE = new RegExp(`^${DNS1123_UNDERSCORE_SUBDOMAIN}$`);
const DNS1035_LABEL_RE = new RegExp(`^${DNS1035_LABEL}$`);
const WILDCARD_RE = new RegExp(`^${WILDCARD_SUBDOMAIN}$`);
const QUALIFIED_NAME_RE = new RegExp(`^${QUALIFIED_NAME}$`);
const LABEL_VALUE_RE = new RegExp(`^${LABEL_VALUE}$`);

const DNS1123_LABEL_MESSAGE =
  "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
const DNS1123_SUBDOMAIN_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
const DNS1123_UNDERSCORE_MESSAGE =
  "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '_', '-' or '.', and must start and end with an alphanumeric character";
const DNS1035_LABEL_MESSAGE =
  "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
const WILDCARD_MESSAGE =
  "a wildcard DNS-1123 subdomain must start with '*.', followed by a valid DNS subdomain, which must consist of lower case alphanumeric characters, '-' or '.' and end with an alphanumeric character";
const QUALIFIED_NAME_MESSAGE =
  "must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
const LABEL_VALUE_MESSAGE =
  "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";

/** Messages for a name; `prefix`: it is a `generateName` that gets a suffix. */
export type NameCheck = (name: string, prefix: boolean) => string[];

export function isDNS1123Label(value: string): string[] {
  const messages: string[] = [];
  if (longer(value, DNS1123_LABEL_MAX)) messages.push(maxLenMessage(DNS1123_LABEL_MAX));
  if (!DNS1123_LABEL_RE.test(value)) {
    // A subdomain that is not a label can only have a dot too much.
    messages.push(
      DNS1123_SUBDOMAIN_RE.test(value)
        ? 'must not contain dots'
        : regexMessage(DNS1123_LABEL_MESSAGE, DNS1123_LABEL, 'my-name', '123-abc'),
    );
  }
  return messages;
}

export function isDNS1123Subdomain(value: string): string[] {
  const messages: string[] = [];
  if (longer(value, DNS1123_SUBDOMAIN_MAX)) messages.push(maxLenMessage(DNS1123_SUBDOMAIN_MAX));
  if (!DNS1123_SUBDOMAIN_RE.test(value)) {
    messages.push(regexMessage(DNS1123_SUBDOMAIN_MESSAGE, DNS1123_SUBDOMAIN, 'example.com'));
  }
  return messages;
}

export function isDNS1123SubdomainWithUnderscore(value: string): string[] {
  const messages: string[] = [];
  if (longer(value, DNS1123_SUBDOMAIN_MAX)) messages.push(maxLenMessage(DNS1123_SUBDOMAIN_MAX));
  if (!DNS1123_UNDERSCORE_RE.test(value)) {
    messages.push(
      regexMessage(DNS1123_UNDERSCORE_MESSAGE, DNS1123_UNDERSCORE_SUBDOMAIN, 'example.com'),
    );
  }
  return messages;
}

export function isDNS1035Label(value: string): string[] {
  const messages: string[] = [];
  if (longer(value, DNS1035_LABEL_MAX)) messages.push(maxLenMessage(DNS1035_LABEL_MAX));
  if (!DNS1035_LABEL_RE.test(value)) {
    messages.push(regexMessage(DNS1035_LABEL_MESSAGE, DNS1035_LABEL, 'my-name', 'abc-123'));
  }
  return messages;
}

export function isWildcardDNS1123Subdomain(value: string): string[] {
  const messages: string[] = [];
  if (longer(value, DNS1123_SUBDOMAIN_MAX)) messages.push(maxLenMessage(DNS1123_SUBDOMAIN_MAX));
  if (!WILDCARD_RE.test(value)) {
    messages.push(regexMessage(WILDCARD_MESSAGE, WILDCARD_SUBDOMAIN, '*.example.com'));
  }
  return messages;
}

/** A label key, an annotation key (lower-cased first) or a finalizer: `[prefix/]name`. */
export function isQualifiedName(value: string): string[] {
  const messages: string[] = [];
  const parts = value.split('/');
  if (parts.length > 2) {
    const body = regexMessage(
      QUALIFIED_NAME_MESSAGE,
      QUALIFIED_NAME,
      'MyName',
      'my.name',
      '123-abc',
    );
    return [
      `a valid label key ${body} with an optional DNS subdomain prefix and '/' (e.g. 'example.com/MyName')`,
    ];
  }
  const name = parts[parts.length - 1] ?? '';
  if (parts.length === 2) {
    const prefix = parts[0] ?? '';
    if (prefix === '') messages.push(`prefix part ${EMPTY_MESSAGE}`);
    else for (const m of isDNS1123Subdomain(prefix)) messages.push(`prefix part ${m}`);
  }
  if (name === '') messages.push(`name part ${EMPTY_MESSAGE}`);
  else if (longer(name, QUALIFIED_NAME_PART_MAX)) {
    messages.push(`name part ${maxLenMessage(QUALIFIED_NAME_PART_MAX)}`);
  }
  if (!QUALIFIED_NAME_RE.test(name)) {
    messages.push(
      `name part ${regexMessage(QUALIFIED_NAME_MESSAGE, QUALIFIED_NAME, 'MyName', 'my.name', '123-abc')}`,
    );
  }
  return messages;
}

export function isValidLabelValue(value: string): string[] {
  const messages: string[] = [];
  if (longer(value, LABEL_VALUE_MAX)) messages.push(maxLenMessage(LABEL_VALUE_MAX));
  if (!LABEL_VALUE_RE.test(value)) {
    messages.push(regexMessage(LABEL_VALUE_MESSAGE, LABEL_VALUE, 'MyValue', 'my_value', '12345'));
  }
  return messages;
}

/** The default for a resource's names. */
export function nameIsDNSSubdomain(name: string, prefix: boolean): string[] {
  return isDNS1123Subdomain(prefix ? maskTrailingDash(name) : name);
}

export function nameIsDNSLabel(name: string, prefix: boolean): string[] {
  return isDNS1123Label(prefix ? maskTrailingDash(name) : name);
}

export function nameIsDNS1035Label(name: string, prefix: boolean): string[] {
  return isDNS1035Label(prefix ? maskTrailingDash(name) : name);
}

/** RBAC objects and others whose name need only be safe in a URL path. */
export function nameIsPathSegment(name: string, prefix: boolean): string[] {
  return prefix ? isValidPathSegmentPrefix(name) : isValidPathSegmentName(name);
}

export function isValidPathSegmentName(name: string): string[] {
  if (name === '.' || name === '..') return [`may not be '${name}'`];
  return isValidPathSegmentPrefix(name);
}

export function isValidPathSegmentPrefix(name: string): string[] {
  return ['/', '%'].filter((c) => name.includes(c)).map((c) => `may not contain '${c}'`);
}

export function maxLenMessage(max: number): string {
  return `must be no more than ${max} characters`;
}

export const EMPTY_MESSAGE = 'must be non-empty';

/** `MESSAGE (e.g. 'a',  or 'b', regex used for validation is 'RE')`, as upstream joins it. */
export function regexMessage(message: string, regex: string, ...examples: string[]): string {
  if (examples.length === 0) return `${message} (regex used for validation is '${regex}')`;
  const list = examples.map((e) => `'${e}', `).join(' or ');
  return `${message} (e.g. ${list}regex used for validation is '${regex}')`;
}

/** Whether the UTF-8 text has more than `max` bytes, without encoding what cannot be too long. */
export function longer(text: string, max: number): boolean {
  if (text.length > max) return true;
  return text.length * 3 > max && Buffer.byteLength(text) > max;
}

/** As upstream: the last TWO characters become an `a`, so the check sees one character less. */
function maskTrailingDash(name: string): string {
  return name.length > 1 && name.endsWith('-') ? `${name.slice(0, -2)}a` : name;
}
