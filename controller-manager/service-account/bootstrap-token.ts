/**
 * The tokens that nodes join with: Secrets of their own type in kube-system (`pkg/controller/bootstrap`,
 * `k8s.io/cluster-bootstrap/token`). Pure.
 */
import { createHmac } from 'node:crypto';
import type { Secret } from '../../pkg/api/types.js';
import { parseTime } from '../../pkg/apimachinery/time.js';

export const BOOTSTRAP_TOKEN_TYPE = 'bootstrap.kubernetes.io/token';
export const SYSTEM_NAMESPACE = 'kube-system';
const PREFIX = 'bootstrap-token-';
const ID = /^[a-z0-9]{6}$/;

export interface BootstrapToken {
  readonly id: string;
  readonly secret: string;
}

function field({ data }: Secret, key: string): string {
  return Buffer.from(data?.[key] ?? '', 'base64').toString('utf8');
}

/** Undefined where the Secret holds no token that may sign now. */
export function signingToken(obj: Secret, now: number): BootstrapToken | undefined {
  const id = field(obj, 'token-id');
  const secret = field(obj, 'token-secret');
  if (obj.type !== BOOTSTRAP_TOKEN_TYPE || obj.metadata?.name !== `${PREFIX}${id}`)
    return undefined;
  if (!ID.test(id) || secret === '' || field(obj, 'usage-bootstrap-signing') !== 'true')
    return undefined;
  const left = lifeOf(obj, now);
  return left === undefined || left > 0 ? { id, secret } : undefined;
}

/** Milliseconds until it expires; undefined: never. A time that cannot be read has come. */
export function lifeOf(obj: Secret, now: number): number | undefined {
  const text = field(obj, 'expiration');
  if (text === '') return undefined;
  return (parseTime(text) ?? now) - now;
}

/** A JSON Web Signature (HS256) without the content that it signs. */
export function detachedSignature(content: string, { id, secret }: BootstrapToken): string {
  const base64 = (text: string) => Buffer.from(text).toString('base64url');
  const header = base64(JSON.stringify({ alg: 'HS256', kid: id }));
  const signed = `${header}.${base64(content)}`;
  return `${header}..${createHmac('sha256', secret).update(signed).digest('base64url')}`;
}
