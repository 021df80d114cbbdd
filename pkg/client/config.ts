/**
 * Where the API is and who we are: the in-memory form of one kubeconfig context, a service account's
 * mounted files, or what a test builds by hand. Credentials are kept as PEM text and never logged.
 */
import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';

export interface RestConfig {
  /** `https://127.0.0.1:6443`; more than one: tried in turn when one cannot be reached. */
  readonly server: string | readonly string[];
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly token?: string;
  /** Re-read at most once a minute, as a mounted token is rotated. */
  readonly tokenFile?: string;
  /** Asked before every request; caches by itself. `rejected`: the server did not take the last one. */
  readonly tokenSource?: (rejected?: boolean) => Promise<string>;
  readonly username?: string;
  readonly password?: string;
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
  /** The namespace of the context. */
  readonly namespace?: string;
}

interface Named {
  name?: string;
}
export interface Kubeconfig {
  'current-context'?: string;
  clusters?: (Named & { cluster?: Record<string, unknown> })[];
  contexts?: (Named & { context?: Record<string, unknown> })[];
  users?: (Named & { user?: Record<string, unknown> })[];
}

/** Reads one context of a kubeconfig file. Relative file names in it are relative to the file. */
export async function loadKubeconfig(file: string, context?: string): Promise<RestConfig> {
  const text = await readFile(file, 'utf8');
  return kubeconfigContext(await parseYaml(text), dirname(file), context);
}

/** Throws, naming what is missing. Exec and auth-provider plugins are refused, not ignored. */
export function kubeconfigContext(config: Kubeconfig, folder = '.', context?: string): RestConfig {
  const contextName = context ?? config['current-context'] ?? '';
  const ctx = config.contexts?.find((c) => c.name === contextName)?.context;
  if (!ctx) throw new Error(`kubeconfig: context ${JSON.stringify(contextName)} does not exist`);
  const cluster = config.clusters?.find((c) => c.name === ctx['cluster'])?.cluster;
  if (!cluster) {
    throw new Error(`kubeconfig: cluster ${JSON.stringify(ctx['cluster'] ?? '')} does not exist`);
  }
  const user = config.users?.find((u) => u.name === ctx['user'])?.user ?? {};
  for (const plugin of ['exec', 'auth-provider']) {
    if (user[plugin])
      throw new Error(`kubeconfig: user ${ctx['user']}: ${plugin} is not supported`);
  }
  const server = text1(cluster['server']);
  if (server === undefined) throw new Error(`kubeconfig: cluster ${ctx['cluster']} has no server`);
  const pem = (from: Record<string, unknown>, field: string): string | undefined => {
    const data = text1(from[`${field}-data`]);
    if (data !== undefined) return Buffer.from(data, 'base64').toString('utf8');
    const path = text1(from[field]);
    return path === undefined ? undefined : readFileSync(resolve(folder, path), 'utf8');
  };
  const tokenFile = text1(user['tokenFile']);
  return {
    server,
    ...defined('ca', pem(cluster, 'certificate-authority')),
    ...defined('cert', pem(user, 'client-certificate')),
    ...defined('key', pem(user, 'client-key')),
    ...defined('token', text1(user['token'])),
    ...defined('tokenFile', tokenFile === undefined ? undefined : resolve(folder, tokenFile)),
    ...defined('username', text1(user['username'])),
    ...defined('password', text1(user['password'])),
    ...defined('tlsServerName', text1(cluster['tls-server-name'])),
    ...(cluster['insecure-skip-tls-verify'] === true ? { insecureSkipTlsVerify: true } : {}),
    ...defined('namespace', text1(ctx['namespace'])),
  };
}

const SERVICE_ACCOUNT_FOLDER = '/var/run/secrets/kubernetes.io/serviceaccount';

/** What a pod is given: the mounted service account and the address in its environment. */
export async function inClusterConfig(env = process.env): Promise<RestConfig> {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  if (!host || !port) {
    throw new Error(
      'unable to load in-cluster configuration, KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT must be defined',
    );
  }
  return {
    server: `https://${host.includes(':') ? `[${host}]` : host}:${port}`,
    ca: await readFile(`${SERVICE_ACCOUNT_FOLDER}/ca.crt`, 'utf8'),
    tokenFile: `${SERVICE_ACCOUNT_FOLDER}/token`,
  };
}

/** JSON is YAML too, and needs no parser of 9 MB: a component's own kubeconfig is best written so. */
async function parseYaml(text: string): Promise<Kubeconfig> {
  if (text.trimStart().startsWith('{')) return JSON.parse(text);
  const { default: yaml } = await import('yaml');
  return yaml.parse(text) ?? {};
}

function text1(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

function defined<K extends string>(key: K, value: string | undefined): { [P in K]?: string } {
  const result: { [P in K]?: string } = {};
  if (value !== undefined) result[key] = value;
  return result;
}
