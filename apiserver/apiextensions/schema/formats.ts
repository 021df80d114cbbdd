/**
 * The formats that a schema may ask of a string, as Kubernetes checks them. A format that is not listed is
 * a note for readers and checks nothing.
 */
import { isIP } from 'node:net';
import { isDNS1123Label, isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';

const UUID = /^[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}$/i;
const uuidOf = (version: string, variant: string) =>
  new RegExp(
    `^[0-9a-f]{8}-?[0-9a-f]{4}-?${version}[0-9a-f]{3}-?${variant}[0-9a-f]{3}-?[0-9a-f]{12}$`,
    'i',
  );
const UUID3 = uuidOf('3', '[0-9a-f]');
const UUID4 = uuidOf('4', '[89ab]');
const UUID5 = uuidOf('5', '[89ab]');
const DATE = /^\d{4}-(0[1-9]|1[0-2])-(0[1-9]|[12]\d|3[01])$/;
const DATE_TIME =
  /^(\d{4}-\d{2}-\d{2})[Tt]([01]\d|2[0-3]):[0-5]\d:([0-5]\d|60)([.,]\d+)?([Zz]|[+-]\d{2}:?\d{2})$/;
const DURATION =
  /^[+-]?((\d+(\.\d*)?|\.\d+)\s*(ns|us|µs|μs|ms|s|m|h|d|w|nanos?(?:econds?)?|micros?(?:econds?)?|millis?(?:econds?)?|secs?|seconds?|mins?|minutes?|hrs?|hours?|days?|weeks?|wks?)\s*)+$/i;
const HOSTNAME =
  /^([a-zA-Z0-9_]([a-zA-Z0-9_-]{0,62}[a-zA-Z0-9_])?)(\.[a-zA-Z0-9_]([a-zA-Z0-9_-]{0,62}[a-zA-Z0-9_])?)*\.?$/;
const EMAIL = /^[^\s@"(),:;<>[\]\\]+@[^\s@"(),:;<>[\]\\]+$/;
const BASE64 = /^(?:[A-Za-z0-9+/]{4})*(?:[A-Za-z0-9+/]{2}==|[A-Za-z0-9+/]{3}=)?$/;
const HEX_COLOR = /^#?([0-9a-fA-F]{3}|[0-9a-fA-F]{6})$/;
const RGB_COLOR =
  /^rgb\(\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*,\s*(0|[1-9]\d?|1\d\d?|2[0-4]\d|25[0-5])\s*\)$/;
const MAC =
  /^([0-9a-fA-F]{2}([:-]))(?:[0-9a-fA-F]{2}\2){4}[0-9a-fA-F]{2}$|^([0-9a-fA-F]{4}\.){2}[0-9a-fA-F]{4}$/;
const CREDIT_CARD =
  /^(?:4\d{12}(?:\d{3})?|5[1-5]\d{14}|6(?:011|5\d\d)\d{12}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}|(?:2131|1800|35\d{3})\d{11})$/;
const SSN = /^\d{3}[- ]?\d{2}[- ]?\d{4}$/;

const CHECKS: Readonly<Record<string, (text: string) => boolean>> = {
  bsonobjectid: (text) => /^[0-9a-fA-F]{24}$/.test(text),
  uri: isRequestURI,
  email: (text) => EMAIL.test(text),
  hostname: (text) => text.length <= 255 && HOSTNAME.test(text),
  ipv4: (text) => isIP(text) === 4,
  ipv6: (text) => isIP(text) === 6,
  cidr: isCIDR,
  mac: (text) => MAC.test(text),
  uuid: (text) => UUID.test(text),
  uuid3: (text) => UUID3.test(text),
  uuid4: (text) => UUID4.test(text),
  uuid5: (text) => UUID5.test(text),
  isbn: (text) => isISBN10(text) || isISBN13(text),
  isbn10: isISBN10,
  isbn13: isISBN13,
  creditcard: (text) => CREDIT_CARD.test(text.replace(/[^0-9]+/g, '')),
  ssn: (text) => SSN.test(text),
  hexcolor: (text) => HEX_COLOR.test(text),
  rgbcolor: (text) => RGB_COLOR.test(text),
  byte: (text) => BASE64.test(text.replace(/[\r\n]/g, '')),
  password: () => true,
  date: isDate,
  duration: (text) => text === '0' || DURATION.test(text),
  datetime: (text) => DATE_TIME.test(text) && isDate(text.slice(0, 10)),
  'k8s-short-name': (text) => isDNS1123Label(text).length === 0,
  'k8s-long-name': (text) => isDNS1123Subdomain(text).length === 0,
};

/** Known in their own right, for numbers. */
const NUMBER_FORMATS = ['int32', 'int64', 'float', 'double'];

export function isKnownFormat(format: string): boolean {
  return checkOf(format) !== undefined || NUMBER_FORMATS.includes(format);
}

/** True where the format is not known. */
export function hasFormat(text: string, format: string): boolean {
  return checkOf(format)?.(text) ?? true;
}

/** `date-time` and `datetime` are one. */
function checkOf(format: string): ((text: string) => boolean) | undefined {
  const name = Object.hasOwn(CHECKS, format) ? format : format.replaceAll('-', '');
  return Object.hasOwn(CHECKS, name) ? CHECKS[name] : undefined;
}

function isRequestURI(text: string): boolean {
  if (text.startsWith('/')) return !/\s/.test(text);
  return /^[a-z][a-z0-9+.-]*:/i.test(text) && URL.canParse(text);
}

function isCIDR(text: string): boolean {
  const [address = '', bits = '', ...more] = text.split('/');
  const family = isIP(address);
  if (family === 0 || more.length > 0 || !/^\d{1,3}$/.test(bits)) return false;
  return Number(bits) <= (family === 4 ? 32 : 128);
}

function isDate(text: string): boolean {
  if (!DATE.test(text)) return false;
  const date = new Date(`${text}T00:00:00Z`);
  return !Number.isNaN(date.getTime()) && date.toISOString().startsWith(text);
}

function isISBN10(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^(?:\d{9}X|\d{10})$/.test(digits)) return false;
  let sum = 0;
  for (const [i, digit] of [...digits].entries())
    sum += (i + 1) * (digit === 'X' ? 10 : Number(digit));
  return sum % 11 === 0;
}

function isISBN13(text: string): boolean {
  const digits = text.replace(/[\s-]+/g, '');
  if (!/^\d{13}$/.test(digits)) return false;
  let sum = 0;
  for (const [i, digit] of [...digits].entries()) sum += Number(digit) * (i % 2 === 0 ? 1 : 3);
  return sum % 10 === 0;
}
