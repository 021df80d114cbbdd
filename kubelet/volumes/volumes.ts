/**
 * Whether the ConfigMaps and Secrets that a pod's volumes name are there; claims are looked at in
 * `persistent-volumes.ts`. A runtime that shows no files needs no more; contents are
 * read from the same objects when one does. Each fault is one `VolumeError` with the text of upstream's
 * `FailedMount` event.
 */
import type { ConfigMap, KeyToPath, Pod, Secret, Volume } from '../../pkg/api/types.js';
import type { PodObjects } from './object-cache.js';

export interface VolumeFault {
  readonly volume: string;
  readonly message: string;
}

/** All faults; none: the pod may start. */
export async function checkVolumes(pod: Pod, objects: PodObjects): Promise<VolumeFault[]> {
  const namespace = pod.metadata?.namespace ?? '';
  const faults: VolumeFault[] = [];
  for (const volume of pod.spec?.volumes ?? []) {
    const problems = await problemsOf(volume, namespace, objects);
    if (problems.length === 0) continue;
    const text = problems.length === 1 ? (problems[0] ?? '') : `[${problems.join(', ')}]`;
    const message = `MountVolume.SetUp failed for volume ${JSON.stringify(volume.name)} : ${text}`;
    faults.push({ volume: volume.name, message });
  }
  return faults;
}

async function problemsOf(
  volume: Volume,
  namespace: string,
  objects: PodObjects,
): Promise<string[]> {
  const { configMap, secret, projected } = volume;
  if (configMap) {
    return configMapProblems(
      objects,
      namespace,
      configMap.name,
      configMap.items,
      configMap.optional,
    );
  }
  if (secret) {
    return secretProblems(objects, namespace, secret.secretName, secret.items, secret.optional);
  }
  if (projected) {
    const problems: string[] = [];
    for (const source of projected.sources ?? []) {
      if (source.configMap) {
        const { name, items, optional } = source.configMap;
        problems.push(...(await configMapProblems(objects, namespace, name, items, optional)));
      } else if (source.secret) {
        const { name, items, optional } = source.secret;
        problems.push(...(await secretProblems(objects, namespace, name, items, optional)));
      }
    }
    return problems;
  }
  return [];
}

async function configMapProblems(
  objects: PodObjects,
  namespace: string,
  name: string | undefined,
  items: readonly KeyToPath[] | undefined,
  optional: boolean | undefined,
): Promise<string[]> {
  const found = await objects.configMap(namespace, name ?? '');
  if (!found) return optional ? [] : [`configmap ${JSON.stringify(name ?? '')} not found`];
  return missingKeys(found, items, optional)
    .map(
      () =>
        `configmap references non-existent config key: ${missingKeys(found, items, optional)[0]}`,
    )
    .slice(0, 1);
}

async function secretProblems(
  objects: PodObjects,
  namespace: string,
  name: string | undefined,
  items: readonly KeyToPath[] | undefined,
  optional: boolean | undefined,
): Promise<string[]> {
  const found = await objects.secret(namespace, name ?? '');
  if (!found) return optional ? [] : [`secret ${JSON.stringify(name ?? '')} not found`];
  const [missing] = missingKeys(found, items, optional);
  return missing === undefined ? [] : [`references non-existent secret key: ${missing}`];
}

function missingKeys(
  object: ConfigMap | Secret,
  items: readonly KeyToPath[] | undefined,
  optional: boolean | undefined,
): string[] {
  if (optional) return [];
  const binary = 'binaryData' in object ? object.binaryData : undefined;
  const keys = new Set([...Object.keys(object.data ?? {}), ...Object.keys(binary ?? {})]);
  return (items ?? []).map((i) => i.key).filter((key) => !keys.has(key));
}
