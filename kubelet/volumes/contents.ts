/**
 * What stands in the volumes that the kubelet fills (`pkg/volume/{configmap,secret,downwardapi,projected}`), by
 * path within the volume. What is missing and optional is left out; that all else is there, `volumes.ts` has seen.
 */
import type {
  ConfigMap,
  DownwardAPIVolumeFile,
  KeyToPath,
  Pod,
  Secret,
  Volume,
  VolumeProjection,
} from '../../pkg/api/types.js';
import { fieldValue, resourceValue } from './environment.js';
import type { PodObjects } from './object-cache.js';

export type Files = Readonly<Record<string, string>>;

export interface ContentsContext {
  readonly pod: Pod;
  readonly objects: PodObjects;
  readonly allocatable: Readonly<Record<string, string>>;
}

/** Undefined for volumes that others fill. */
export async function contentsOf(volume: Volume, ctx: ContentsContext): Promise<Files | undefined> {
  const { configMap, secret, downwardAPI, projected } = volume;
  if (configMap) return fromConfigMap(configMap.name, configMap.items, ctx);
  if (secret) return fromSecret(secret.secretName, secret.items, ctx);
  if (downwardAPI) return fromPod(downwardAPI.items, ctx);
  if (!projected) return undefined;
  const parts: Files[] = [];
  for (const source of projected.sources ?? []) parts.push(await projectionOf(source, ctx));
  return Object.assign({}, ...parts);
}

/** The volume with the pod's token is filled once: what it shows of the cluster does not change. */
export function mayChange({ configMap, secret, downwardAPI, projected }: Volume): boolean {
  if (configMap ?? secret ?? downwardAPI) return true;
  return projected?.sources?.some(({ serviceAccountToken }) => serviceAccountToken) === false;
}

async function projectionOf(source: VolumeProjection, ctx: ContentsContext): Promise<Files> {
  const { configMap, secret, downwardAPI, serviceAccountToken } = source;
  if (configMap) return fromConfigMap(configMap.name, configMap.items, ctx);
  if (secret) return fromSecret(secret.name, secret.items, ctx);
  if (downwardAPI) return fromPod(downwardAPI.items, ctx);
  // Nothing that runs here can use a token, so none is asked for.
  return serviceAccountToken ? { [serviceAccountToken.path]: '' } : {};
}

async function fromConfigMap(
  name: string | undefined,
  items: readonly KeyToPath[] | undefined,
  { pod, objects }: ContentsContext,
): Promise<Files> {
  const found: ConfigMap | undefined = await objects.configMap(
    pod.metadata?.namespace ?? '',
    name ?? '',
  );
  return chosen({ ...found?.data, ...decoded(found?.binaryData) }, items);
}

async function fromSecret(
  name: string | undefined,
  items: readonly KeyToPath[] | undefined,
  { pod, objects }: ContentsContext,
): Promise<Files> {
  const found: Secret | undefined = await objects.secret(pod.metadata?.namespace ?? '', name ?? '');
  return chosen(decoded(found?.data), items);
}

function chosen(data: Files, items: readonly KeyToPath[] | undefined): Files {
  if (!items || items.length === 0) return data;
  return Object.fromEntries(
    items.flatMap(({ key, path }) => {
      const text = data[key];
      return text === undefined ? [] : [[path, text]];
    }),
  );
}

function decoded(data: Files | undefined): Files {
  return Object.fromEntries(
    Object.entries(data ?? {}).map(([key, text]) => [
      key,
      Buffer.from(text, 'base64').toString('utf8'),
    ]),
  );
}

function fromPod(
  items: readonly DownwardAPIVolumeFile[] | undefined,
  { pod, allocatable }: ContentsContext,
): Files {
  const files: Record<string, string> = {};
  for (const { path, fieldRef, resourceFieldRef } of items ?? []) {
    if (fieldRef) files[path] = field(pod, fieldRef.fieldPath);
    else if (resourceFieldRef) {
      const { resource, containerName, divisor } = resourceFieldRef;
      files[path] = resourceValue(resource, containerName, divisor, { pod, allocatable });
    }
  }
  return files;
}

function field(pod: Pod, path: string): string {
  const { labels = {}, annotations = {} } = pod.metadata ?? {};
  if (path === 'metadata.labels') return lines(labels);
  if (path === 'metadata.annotations') return lines(annotations);
  return fieldValue(path, { pod, podIPs: [], hostIP: '' });
}

/** `key="value"`, one a line, in the order of the keys, without a line end after the last. */
function lines(entries: Files): string {
  return Object.keys(entries)
    .sort()
    .map((key) => `${key}=${JSON.stringify(entries[key])}`)
    .join('\n');
}
