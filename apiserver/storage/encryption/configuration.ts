/**
 * `--encryption-provider-config`: an EncryptionConfiguration (`apiserver.config.k8s.io/v1`), checked, and
 * the providers of each resource. The first provider and key of a resource encrypts; all of them decrypt,
 * so that keys are changed by putting a new one first and writing everything again.
 */
import { parse } from 'yaml';
import { aescbc, aesgcm, identity, type NamedKey, type Provider, secretbox } from './providers.js';
import { SECRETBOX_KEY_BYTES } from './secretbox.js';

const KEY_BYTES: Readonly<Record<string, readonly number[]>> = {
  aescbc: [16, 24, 32],
  aesgcm: [16, 24, 32],
  secretbox: [SECRETBOX_KEY_BYTES],
};

interface ResourceProviders {
  readonly resources: readonly string[];
  readonly providers: readonly Provider[];
}

export class EncryptionConfiguration {
  private constructor(private readonly entries: readonly ResourceProviders[]) {}

  /** Throws, naming the field, for what is not a configuration that this server can follow. */
  static parse(text: string): EncryptionConfiguration {
    const config: unknown = parse(text);
    if (!isRecord(config) || config['kind'] !== 'EncryptionConfiguration')
      throw new Error('encryption provider configuration: kind must be EncryptionConfiguration');
    if (config['apiVersion'] !== 'apiserver.config.k8s.io/v1')
      throw new Error(
        'encryption provider configuration: apiVersion must be apiserver.config.k8s.io/v1',
      );
    const entries = listOf(config['resources'], 'resources').map((entry, i) => {
      const at = `resources[${i}]`;
      if (!isRecord(entry)) throw new Error(`${at}: must be an object`);
      const resources = listOf(entry['resources'], `${at}.resources`).map(String);
      if (resources.length === 0) throw new Error(`${at}.resources: Required value`);
      const providers = listOf(entry['providers'], `${at}.providers`).flatMap((provider, j) =>
        providersOf(provider, `${at}.providers[${j}]`),
      );
      if (providers.length === 0) throw new Error(`${at}.providers: Required value`);
      return { resources, providers };
    });
    return new EncryptionConfiguration(entries);
  }

  /** `secrets`, `deployments.apps`; the first entry that names it, or a wildcard for it. Empty: not encrypted. */
  providersFor(resource: string): readonly Provider[] {
    const dot = resource.indexOf('.');
    const group = dot < 0 ? '' : resource.slice(dot + 1);
    const found = this.entries.find(({ resources }) =>
      resources.some((r) => r === resource || r === '*.*' || r === `*.${group}`),
    );
    return found?.providers ?? [];
  }
}

function providersOf(value: unknown, at: string): Provider[] {
  if (!isRecord(value) || Object.keys(value).length !== 1)
    throw new Error(`${at}: exactly one provider must be given`);
  const [kind = '', body] = Object.entries(value)[0] ?? [];
  if (kind === 'identity') return [identity];
  const sizes = KEY_BYTES[kind];
  if (!sizes) throw new Error(`${at}: provider ${JSON.stringify(kind)} is not supported`);
  const keys = listOf(isRecord(body) ? body['keys'] : undefined, `${at}.${kind}.keys`);
  if (keys.length === 0) throw new Error(`${at}.${kind}.keys: Required value: at least one key`);
  return keys.map((key, i) => {
    const named = keyOf(key, `${at}.${kind}.keys[${i}]`, sizes);
    if (kind === 'secretbox') return secretbox(named);
    return kind === 'aescbc' ? aescbc(named) : aesgcm(named);
  });
}

function keyOf(value: unknown, at: string, sizes: readonly number[]): NamedKey {
  const { name, secret } = isRecord(value) ? value : {};
  if (typeof name !== 'string' || name === '') throw new Error(`${at}.name: Required value`);
  if (name.includes(':')) throw new Error(`${at}.name: Invalid value: must not contain a colon`);
  if (typeof secret !== 'string' || secret === '') throw new Error(`${at}.secret: Required value`);
  const bytes = Buffer.from(secret, 'base64').length;
  // Never the secret itself.
  if (!sizes.includes(bytes))
    throw new Error(
      `${at}.secret: Invalid value: secret is not of the expected length, got ${bytes}, expected one of [${sizes.join(' ')}]`,
    );
  return { name, secret };
}

function listOf(value: unknown, at: string): readonly unknown[] {
  if (value === undefined || value === null) return [];
  if (!Array.isArray(value)) throw new Error(`${at}: must be a list`);
  return value;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
