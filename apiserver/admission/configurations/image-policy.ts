/** The configuration of ImagePolicyWebhook, which has no kind: one field `imagePolicy`. */
import type { RestConfig } from '../../../pkg/client/config.js';
import { isFields } from './fields.js';

export interface ImagePolicyOptions {
  readonly target: RestConfig;
  readonly allowTtlMs: number;
  readonly denyTtlMs: number;
  /** Before the first repetition; each further one waits half as long again. */
  readonly retryBackoffMs: number;
  /** What is done while the backend gives no answer. */
  readonly defaultAllow: boolean;
}

interface Span {
  readonly scale: number;
  readonly usual: number;
  readonly min: number;
  readonly max: number;
  readonly shown: string;
}

const TTL = { scale: 1_000, min: 1_000, max: 1_800_000, shown: '1s and 30m0s' };
const ALLOW: Span = { ...TTL, usual: 300_000 };
const DENY: Span = { ...TTL, usual: 30_000 };
const BACKOFF: Span = { scale: 1, usual: 500, min: 0, max: 300_000, shown: '1ns and 5m0s' };

/** `readKubeconfig` gets the path as it stands. Throws, saying what is wrong. */
export function imagePolicyOf(
  value: unknown,
  readKubeconfig: (path: string) => RestConfig,
): ImagePolicyOptions {
  const config = isFields(value) && isFields(value['imagePolicy']) ? value['imagePolicy'] : {};
  const file = config['kubeConfigFile'];
  if (typeof file !== 'string' || file === '')
    throw new Error('imagePolicy.kubeConfigFile: Required value');
  return {
    target: readKubeconfig(file),
    allowTtlMs: milliseconds(config['allowTTL'], ALLOW),
    denyTtlMs: milliseconds(config['denyTTL'], DENY),
    retryBackoffMs: milliseconds(config['retryBackoff'], BACKOFF),
    defaultAllow: config['defaultAllow'] === true,
  };
}

/** 0 is the usual span, and -1 none at all. */
function milliseconds(value: unknown, { scale, usual, min, max, shown }: Span): number {
  const given = value ?? 0;
  if (given === 0) return usual;
  if (given === -1) return 0;
  const span = typeof given === 'number' && Number.isInteger(given) ? given * scale : Number.NaN;
  if (span > min && span <= max) return span;
  throw new Error(`valid value is between ${shown}, got ${String(given)}`);
}
