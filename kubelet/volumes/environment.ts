/**
 * A container's environment, command and arguments: `env`, `envFrom`, field references, and `$(VAR)`
 * expansion as `third_party/forked/golang/expansion` does it. A reference to what is not there throws an
 * `EnvironmentError`, which keeps the container in CreateContainerConfigError.
 */
import type { Container, EnvVar, Pod, Service } from '../../pkg/api/types.js';
import { Quantity } from '../../pkg/apimachinery/quantity.js';
import type { PodObjects } from './object-cache.js';

export class EnvironmentError extends Error {
  override readonly name = 'EnvironmentError';
}

export interface EnvironmentContext {
  readonly pod: Pod;
  readonly container: Container;
  readonly objects: PodObjects;
  readonly podIPs: readonly string[];
  readonly hostIP: string;
  /** What a container without a limit may use. */
  readonly allocatable: Readonly<Record<string, string>>;
}

export async function environmentOf(ctx: EnvironmentContext): Promise<Map<string, string>> {
  const env = serviceEnvironment(ctx);
  for (const from of ctx.container.envFrom ?? []) {
    const data = await envFrom(from, ctx);
    for (const [key, value] of Object.entries(data)) env.set((from.prefix ?? '') + key, value);
  }
  for (const variable of ctx.container.env ?? []) {
    const value = variable.valueFrom
      ? await valueFrom(variable, ctx)
      : expand(variable.value ?? '', env);
    if (value !== undefined) env.set(variable.name, value);
  }
  return env;
}

/** `$(NAME)` → its value, `$$(NAME)` → `$(NAME)`; what is not defined stays as it is. */
export function expand(text: string, env: ReadonlyMap<string, string>): string {
  return text.replace(/\$(\$|\(([^)]*)\))/g, (all, rest: string, name: string | undefined) => {
    if (rest === '$') return '$';
    return env.get(name ?? '') ?? all;
  });
}

/**
 * `NAME_SERVICE_HOST` and its kin for the services of the namespace, where the pod wants them, and always for
 * the API server's own.
 */
function serviceEnvironment({ pod, objects }: EnvironmentContext): Map<string, string> {
  const env = new Map<string, string>();
  const namespace = pod.metadata?.namespace ?? '';
  for (const service of objects.services('default')) {
    if (service.metadata?.name === 'kubernetes') addService(env, service);
  }
  if (pod.spec?.enableServiceLinks === false) return env;
  for (const service of objects.services(namespace)) addService(env, service);
  return env;
}

function addService(env: Map<string, string>, service: Service): void {
  const { clusterIP, ports = [] } = service.spec ?? {};
  const first = ports[0];
  if (!clusterIP || clusterIP === 'None' || !first) return;
  const name = (service.metadata?.name ?? '').toUpperCase().replaceAll('-', '_');
  env.set(`${name}_SERVICE_HOST`, clusterIP);
  env.set(`${name}_SERVICE_PORT`, String(first.port));
  for (const port of ports) {
    if (!port.name) continue;
    env.set(
      `${name}_SERVICE_PORT_${port.name.toUpperCase().replaceAll('-', '_')}`,
      String(port.port),
    );
  }
  for (const [i, port] of ports.entries()) {
    const protocol = port.protocol ?? 'TCP';
    const url = `${protocol.toLowerCase()}://${clusterIP}:${port.port}`;
    const prefix = `${name}_PORT_${port.port}_${protocol}`;
    if (i === 0) env.set(`${name}_PORT`, url);
    env.set(prefix, url);
    env.set(`${prefix}_PROTO`, protocol.toLowerCase());
    env.set(`${prefix}_PORT`, String(port.port));
    env.set(`${prefix}_ADDR`, clusterIP);
  }
}

async function envFrom(
  from: NonNullable<Container['envFrom']>[number],
  { pod, objects }: EnvironmentContext,
): Promise<Record<string, string>> {
  const namespace = pod.metadata?.namespace ?? '';
  if (from.configMapRef) {
    const { name = '', optional } = from.configMapRef;
    const found = await objects.configMap(namespace, name);
    if (!found && !optional)
      throw new EnvironmentError(`configmap ${JSON.stringify(name)} not found`);
    return found?.data ?? {};
  }
  if (from.secretRef) {
    const { name = '', optional } = from.secretRef;
    const found = await objects.secret(namespace, name);
    if (!found && !optional) throw new EnvironmentError(`secret ${JSON.stringify(name)} not found`);
    return decodeAll(found?.data ?? {});
  }
  return {};
}

async function valueFrom(variable: EnvVar, ctx: EnvironmentContext): Promise<string | undefined> {
  const { configMapKeyRef, secretKeyRef, fieldRef, resourceFieldRef } = variable.valueFrom ?? {};
  const namespace = ctx.pod.metadata?.namespace ?? '';
  const where = `${namespace}/`;
  if (configMapKeyRef) {
    const { name = '', key, optional } = configMapKeyRef;
    const found = await ctx.objects.configMap(namespace, name);
    const value = found?.data?.[key];
    if (value !== undefined || optional) return value;
    if (!found) throw new EnvironmentError(`configmap ${JSON.stringify(name)} not found`);
    throw new EnvironmentError(`couldn't find key ${key} in ConfigMap ${where}${name}`);
  }
  if (secretKeyRef) {
    const { name = '', key, optional } = secretKeyRef;
    const found = await ctx.objects.secret(namespace, name);
    const value = found?.data?.[key];
    if (value !== undefined) return decode(value);
    if (optional) return undefined;
    if (!found) throw new EnvironmentError(`secret ${JSON.stringify(name)} not found`);
    throw new EnvironmentError(`couldn't find key ${key} in Secret ${where}${name}`);
  }
  if (fieldRef) return fieldValue(fieldRef.fieldPath, ctx);
  if (resourceFieldRef) {
    const { resource, containerName, divisor } = resourceFieldRef;
    return resourceValue(resource, containerName, divisor, ctx);
  }
  return undefined;
}

export function fieldValue(
  path: string,
  ctx: Pick<EnvironmentContext, 'pod' | 'podIPs' | 'hostIP'>,
): string {
  const { metadata = {}, spec } = ctx.pod;
  const keyed = /^metadata\.(labels|annotations)\['(.+)'\]$/.exec(path);
  if (keyed)
    return (keyed[1] === 'labels' ? metadata.labels : metadata.annotations)?.[keyed[2] ?? ''] ?? '';
  const fields: Record<string, string | undefined> = {
    'metadata.name': metadata.name,
    'metadata.namespace': metadata.namespace,
    'metadata.uid': metadata.uid,
    'spec.nodeName': spec?.nodeName,
    'spec.serviceAccountName': spec?.serviceAccountName,
    'status.podIP': ctx.podIPs[0],
    'status.podIPs': ctx.podIPs.join(','),
    'status.hostIP': ctx.hostIP,
    'status.hostIPs': ctx.hostIP,
  };
  if (!(path in fields)) throw new EnvironmentError(`unsupported fieldPath: ${path}`);
  return fields[path] ?? '';
}

export function resourceValue(
  resource: string,
  containerName: string | undefined,
  divisor: string | undefined,
  ctx: Pick<EnvironmentContext, 'pod' | 'allocatable'> & { readonly container?: Container },
): string {
  const all = [...(ctx.pod.spec?.initContainers ?? []), ...(ctx.pod.spec?.containers ?? [])];
  const container = containerName ? all.find((c) => c.name === containerName) : ctx.container;
  const dot = resource.indexOf('.');
  const [kind, name] = [resource.slice(0, dot), resource.slice(dot + 1)];
  const { limits, requests } = container?.resources ?? {};
  const text =
    (kind === 'limits' ? (limits?.[name] ?? ctx.allocatable[name]) : requests?.[name]) ?? '0';
  const per = Quantity.parse(divisor && divisor !== '0' ? divisor : '1');
  const amount = Quantity.parse(text);
  return name === 'cpu'
    ? String(Math.ceil(amount.milliValue() / per.milliValue()))
    : String(Math.ceil(amount.value() / per.value()));
}

function decodeAll(data: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(data).map(([k, v]) => [k, decode(v)]));
}

function decode(text: string): string {
  return Buffer.from(text, 'base64').toString('utf8');
}
