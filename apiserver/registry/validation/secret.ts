/** Secrets: what a ConfigMap's data must be, and the keys that each type demands. */
import { createPrivateKey, X509Certificate } from 'node:crypto';
import type { Secret } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  forbidden,
  invalid,
  path,
  required,
  tooLong,
} from '../../../pkg/apimachinery/field-error.js';
import { isConfigMapKey } from '../../../pkg/apimachinery/validation/formats.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { IMMUTABLE, MAX_DATA_BYTES } from './config-map.js';
import { invalidEach } from './fields.js';

const SERVICE_ACCOUNT = 'kubernetes.io/service-account.name';
const REDACTED = '<secret contents redacted>';
const DATA = path('data');

export function validateSecret(obj: Secret): FieldError[] {
  const data = obj.data ?? {};
  const errors: FieldError[] = [];
  let bytes = 0;
  for (const [key, value] of Object.entries(data)) {
    errors.push(...invalidEach(DATA.key(key), key, isConfigMapKey(key)));
    bytes += Buffer.byteLength(value, 'base64');
  }
  if (bytes > MAX_DATA_BYTES) errors.push(tooLong(DATA, MAX_DATA_BYTES));
  const need = (key: string) => (data[key] === undefined ? [required(DATA.key(key))] : []);
  switch (obj.type) {
    case 'kubernetes.io/service-account-token':
      if (!obj.metadata?.annotations?.[SERVICE_ACCOUNT]) {
        errors.push(required(path('metadata', 'annotations').key(SERVICE_ACCOUNT)));
      }
      break;
    case 'kubernetes.io/dockercfg':
      errors.push(...need('.dockercfg'), ...validateJSON('.dockercfg', data['.dockercfg']));
      break;
    case 'kubernetes.io/dockerconfigjson':
      errors.push(
        ...need('.dockerconfigjson'),
        ...validateJSON('.dockerconfigjson', data['.dockerconfigjson']),
      );
      break;
    case 'kubernetes.io/basic-auth':
      if (data.username === undefined && data.password === undefined) {
        errors.push(required(DATA.key('username')), required(DATA.key('password')));
      }
      break;
    case 'kubernetes.io/ssh-auth':
      if (!data['ssh-privatekey']) errors.push(required(DATA.key('ssh-privatekey')));
      break;
    case 'kubernetes.io/tls':
      errors.push(...need('tls.crt'), ...need('tls.key'));
      break;
  }
  return errors;
}

export function validateSecretUpdate(obj: Secret, old: Secret): FieldError[] {
  const errors = validateImmutable(obj.type, old.type, path('type'));
  if (old.immutable) {
    if (!obj.immutable) errors.push(forbidden(path('immutable'), IMMUTABLE));
    if (!semanticDeepEqual(obj.data, old.data)) errors.push(forbidden(DATA, IMMUTABLE));
  }
  return [...errors, ...validateSecret(obj)];
}

/** A pair that does not fit is taken, for it was taken always, but said. */
export function secretWarnings(obj: Secret): string[] {
  if (obj.type !== 'kubernetes.io/tls') return [];
  const problem = pairProblem(decoded(obj, 'tls.crt'), decoded(obj, 'tls.key'));
  return problem === undefined ? [] : [problem];
}

function decoded(obj: Secret, key: string): string {
  return Buffer.from(obj.data?.[key] ?? '', 'base64').toString('latin1');
}

function pairProblem(cert: string, key: string): string | undefined {
  if (!cert.includes('-----BEGIN CERTIFICATE-----'))
    return 'tls: failed to find any PEM data in certificate input';
  if (!/-----BEGIN [A-Z ]*PRIVATE KEY-----/.test(key))
    return 'tls: failed to find any PEM data in key input';
  try {
    const fits = new X509Certificate(cert).checkPrivateKey(createPrivateKey(key));
    return fits ? undefined : 'tls: private key does not match public key';
  } catch {
    // What exactly a parser dislikes could show a part of the key.
    return 'tls: failed to parse certificate or private key';
  }
}

/** The contents stay out of the message, and so does what a parser says about them. */
function validateJSON(key: string, value: string | undefined): FieldError[] {
  if (value === undefined) return [];
  const text = Buffer.from(value, 'base64').toString('utf8');
  const why = objectProblem(text);
  return why === undefined ? [] : [invalid(DATA.key(key), REDACTED, why)];
}

function objectProblem(text: string): string | undefined {
  if (text.trim() === '') return 'unexpected end of JSON input';
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (err) {
    if (!(err instanceof SyntaxError)) throw err;
    return 'invalid character looking for beginning of value';
  }
  if (typeof value === 'object' && !Array.isArray(value)) return undefined;
  const kind = Array.isArray(value) ? 'array' : typeof value === 'boolean' ? 'bool' : typeof value;
  return `json: cannot unmarshal ${kind} into Go value of type map[string]interface {}`;
}
