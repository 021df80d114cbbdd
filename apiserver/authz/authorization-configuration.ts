/**
 * `--authorization-config` (AuthorizationConfiguration, `apiserver.config.k8s.io/v1`, v1beta1): which
 * authorizers there are and in which order, with as many webhooks as wanted.
 */
import { parse } from 'yaml';
import { parseDuration } from '../../pkg/apimachinery/duration.js';

export interface ConfiguredAuthorizer {
  readonly type: string;
  readonly webhook?: {
    readonly kubeconfigFile: string;
    readonly authorizedTtlMs: number;
    readonly unauthorizedTtlMs: number;
    readonly timeoutMs: number;
    readonly failurePolicy: 'NoOpinion' | 'Deny';
  };
}

const VERSIONS = ['apiserver.config.k8s.io/v1', 'apiserver.config.k8s.io/v1beta1'];
const TYPES = ['ABAC', 'AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook'];

type Fields = Readonly<Record<string, unknown>>;

/** Throws, naming the field. */
export function parseAuthorizationConfiguration(text: string): readonly ConfiguredAuthorizer[] {
  const config: unknown = parse(text);
  if (!isFields(config) || config['kind'] !== 'AuthorizationConfiguration')
    throw new Error('authorization configuration: kind must be AuthorizationConfiguration');
  if (!VERSIONS.includes(String(config['apiVersion'])))
    throw new Error(
      `authorization configuration: apiVersion must be one of ${VERSIONS.join(', ')}`,
    );
  const entries = config['authorizers'];
  if (!Array.isArray(entries) || entries.length === 0)
    throw new Error('authorizers: Required value: at least one authorization mode must be defined');
  const types = new Set<string>();
  return entries.map((entry: unknown, i) => {
    const at = `authorizers[${i}]`;
    const { type, webhook } = isFields(entry) ? entry : {};
    if (typeof type !== 'string' || !TYPES.includes(type))
      throw new Error(
        `${at}.type: Unsupported value: ${JSON.stringify(type ?? '')}: supported values: ${TYPES.map((t) => JSON.stringify(t)).join(', ')}`,
      );
    if (type !== 'Webhook') {
      if (types.has(type)) throw new Error(`${at}.type: Duplicate value: ${JSON.stringify(type)}`);
      types.add(type);
      return { type };
    }
    return { type, webhook: webhookOf(webhook, `${at}.webhook`) };
  });
}

function webhookOf(value: unknown, at: string): NonNullable<ConfiguredAuthorizer['webhook']> {
  if (!isFields(value)) throw new Error(`${at}: Required value: required when type=Webhook`);
  const { connectionInfo, failurePolicy, matchConditions } = value;
  if (Array.isArray(matchConditions) && matchConditions.length > 0)
    throw new Error(`${at}.matchConditions: CEL expressions are not supported by this server`);
  if (failurePolicy !== 'NoOpinion' && failurePolicy !== 'Deny')
    throw new Error(
      `${at}.failurePolicy: Unsupported value: ${JSON.stringify(failurePolicy ?? '')}: supported values: "Deny", "NoOpinion"`,
    );
  const info = isFields(connectionInfo) ? connectionInfo : {};
  if (info['type'] !== 'KubeConfigFile' || typeof info['kubeConfigFile'] !== 'string')
    throw new Error(`${at}.connectionInfo: only a KubeConfigFile is supported by this server`);
  const duration = (field: string, fallback: string) =>
    parseDuration(typeof value[field] === 'string' ? value[field] : fallback);
  return {
    kubeconfigFile: info['kubeConfigFile'],
    authorizedTtlMs: duration('authorizedTTL', '5m'),
    unauthorizedTtlMs: duration('unauthorizedTTL', '30s'),
    timeoutMs: duration('timeout', '30s'),
    failurePolicy,
  };
}

function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
