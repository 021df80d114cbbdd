/**
 * Formats of single values that are no names of objects: environment variables, config keys, HTTP
 * headers, ports, percentages, ids. Messages are those of `k8s.io/apimachinery/pkg/util/validation`;
 * each check returns all of them, none when the value is good.
 */
import {
  DNS1123_SUBDOMAIN_MAX,
  EMPTY_MESSAGE,
  longer,
  maxLenMessage,
  regexMessage,
} from './names.js';

/** Largest id of a user or group: kernel ids are 32 bits, and one bit is for the sign. */
const MAX_ID = 2147483647;
const PORT_NAME_MAX = 15;

const ENV_VAR_NAME = '[-._a-zA-Z][-._a-zA-Z0-9]*';
const CONFIG_KEY = '[-._a-zA-Z0-9]+';
const HTTP_HEADER_NAME = '[-A-Za-z0-9]+';
const PERCENT = '[0-9]+%';
const CONDITION_REASON = '[A-Za-z]([A-Za-z0-9_,:]*[A-Za-z0-9_])?';

const ENV_VAR_NAME_RE = new RegExp(`^${ENV_VAR_NAME}$`);
const CONFIG_KEY_RE = new RegExp(`^${CONFIG_KEY}$`);
const HTTP_HEADER_NAME_RE = new RegExp(`^${HTTP_HEADER_NAME}$`);
const PERCENT_RE = new RegExp(`^${PERCENT}$`);
const CONDITION_REASON_RE = new RegExp(`^${CONDITION_REASON}$`);
/** Printable ASCII but `=`. */
const RELAXED_ENV_VAR_NAME_RE = /^[ -<>-~]*$/;

export function isEnvVarName(value: string): string[] {
  const messages: string[] = [];
  if (!ENV_VAR_NAME_RE.test(value)) {
    messages.push(
      regexMessage(
        "a valid environment variable name must consist of alphabetic characters, digits, '_', '-', or '.', and must not start with a digit",
        ENV_VAR_NAME,
        'my.env-name',
        'MY_ENV.NAME',
        'MyEnvName1',
      ),
    );
  }
  return messages.concat(changesDirectory(value));
}

/** What containers accept since v1.32. */
export function isRelaxedEnvVarName(value: string): string[] {
  const messages: string[] = [];
  if (value === '') messages.push(`environment variable name ${EMPTY_MESSAGE}`);
  if (!RELAXED_ENV_VAR_NAME_RE.test(value)) {
    messages.push(
      "a valid environment variable name must consist only of printable ASCII characters other than '='",
    );
  }
  return messages;
}

/** A key of a ConfigMap or Secret. */
export function isConfigMapKey(value: string): string[] {
  const messages: string[] = [];
  if (longer(value, DNS1123_SUBDOMAIN_MAX)) messages.push(maxLenMessage(DNS1123_SUBDOMAIN_MAX));
  if (!CONFIG_KEY_RE.test(value)) {
    messages.push(
      regexMessage(
        "a valid config key must consist of alphanumeric characters, '-', '_' or '.'",
        CONFIG_KEY,
        'key.name',
        'KEY_NAME',
        'key-name',
      ),
    );
  }
  return messages.concat(changesDirectory(value));
}

export function isHTTPHeaderName(value: string): string[] {
  if (HTTP_HEADER_NAME_RE.test(value)) return [];
  return [
    regexMessage(
      "a valid HTTP header must consist of alphanumeric characters or '-'",
      HTTP_HEADER_NAME,
      'X-Header-Name',
    ),
  ];
}

export function isValidPercent(value: string): string[] {
  if (PERCENT_RE.test(value)) return [];
  return [
    regexMessage(
      "a valid percent string must be a numeric string followed by an ending '%'",
      PERCENT,
      '1%',
      '93%',
    ),
  ];
}

export function isValidConditionReason(value: string): string[] {
  if (CONDITION_REASON_RE.test(value)) return [];
  return [
    regexMessage(
      "a condition reason must start with alphabetic character, optionally followed by a string of alphanumeric characters or '_,:', and must end with an alphanumeric character or '_'",
      CONDITION_REASON,
      'my_name',
      'MY_NAME',
      'MyName',
      'ReasonA,ReasonB',
      'ReasonA:ReasonB',
    ),
  ];
}

export function isValidPortNum(port: number): string[] {
  return isInRange(port, 1, 65535);
}

/** An IANA service name, lower case only. */
export function isValidPortName(port: string): string[] {
  const messages: string[] = [];
  if (longer(port, PORT_NAME_MAX)) messages.push(maxLenMessage(PORT_NAME_MAX));
  if (!/^[-a-z0-9]+$/.test(port)) {
    messages.push('must contain only alpha-numeric characters (a-z, 0-9), and hyphens (-)');
  }
  if (!/[a-z]/.test(port)) messages.push('must contain at least one letter (a-z)');
  if (port.includes('--')) messages.push('must not contain consecutive hyphens');
  if (port.startsWith('-') || port.endsWith('-')) {
    messages.push('must not begin or end with a hyphen');
  }
  return messages;
}

export function isInRange(value: number, min: number, max: number): string[] {
  return value >= min && value <= max ? [] : [inclusiveRangeMessage(min, max)];
}

export function isValidUserID(uid: number): string[] {
  return isInRange(uid, 0, MAX_ID);
}

export function isValidGroupID(gid: number): string[] {
  return isInRange(gid, 0, MAX_ID);
}

export function inclusiveRangeMessage(min: number, max: number): string {
  return `must be between ${min} and ${max}, inclusive`;
}

/** A key becomes a file name in a volume, so it must not climb out of it. */
function changesDirectory(value: string): string[] {
  if (value === '.' || value === '..') return [`must not be '${value}'`];
  return value.startsWith('..') ? ["must not start with '..'"] : [];
}
