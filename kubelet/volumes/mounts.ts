/** Where each volume of a container comes from: the pod, a folder of the node, or a volume of the cluster. */
import type { Container, Pod, Volume } from '../../pkg/api/types.js';
import { ephemeralClaimName } from '../../pkg/api/volumes/claims.js';
import type { Mount } from '../runtime/interface.js';
import { expand } from './environment.js';
import type { PodObjects } from './object-cache.js';

export async function mountsOf(
  pod: Pod,
  container: Container,
  env: ReadonlyMap<string, string>,
  objects: PodObjects,
): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const { name, mountPath, subPath, subPathExpr, readOnly } of container.volumeMounts ?? []) {
    const volume = pod.spec?.volumes?.find((one) => one.name === name);
    if (!volume) continue;
    mounts.push({
      path: mountPath.replace(/\/+$/, '') || '/',
      subPath: subPathExpr === undefined ? (subPath ?? '') : expand(subPathExpr, env),
      readOnly: readOnly === true || isFilled(volume),
      source: await sourceOf(pod, volume, objects),
    });
  }
  return mounts;
}

/** By the kubelet, and by nobody else. */
function isFilled({ configMap, secret, downwardAPI, projected }: Volume): boolean {
  return (configMap ?? secret ?? downwardAPI ?? projected) !== undefined;
}

async function sourceOf(pod: Pod, volume: Volume, objects: PodObjects): Promise<Mount['source']> {
  const { name, hostPath, persistentVolumeClaim, ephemeral } = volume;
  if (hostPath) return { kind: 'host', path: hostPath.path };
  const claimName = ephemeral ? ephemeralClaimName(pod, name) : persistentVolumeClaim?.claimName;
  if (claimName === undefined) return { kind: 'pod', volume: name };
  const claim = await objects.claim(pod.metadata?.namespace ?? '', claimName);
  const persistentVolume = claim?.spec?.volumeName ?? '';
  const { hostPath: folder, local } = (await objects.volume(persistentVolume))?.spec ?? {};
  const path = folder?.path ?? local?.path;
  return path === undefined ? { kind: 'cluster', persistentVolume } : { kind: 'host', path };
}
