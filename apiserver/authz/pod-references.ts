/** The objects that a pod needs, by name: what its node may read, and what a mirror pod may not have. */
import type { Pod } from '../../pkg/api/types.js';

export type Referenced =
  | 'secrets'
  | 'configmaps'
  | 'persistentvolumeclaims'
  | 'resourceclaims'
  | 'serviceaccounts';

export type PodReferences = Readonly<Record<Referenced, ReadonlySet<string>>>;

const NONE: ReadonlySet<string> = new Set();
const remembered = new WeakMap<object, PodReferences>();

/** The names of objects of one resource that a stored pod needs. Kept with the (frozen) pod. */
export function namesIn(pod: Pod, resource: string): ReadonlySet<string> {
  let known = remembered.get(pod);
  if (!known) {
    known = referencesOf(pod);
    remembered.set(pod, known);
  }
  return isReferenced(resource) ? known[resource] : NONE;
}

function isReferenced(resource: string): resource is Referenced {
  return (
    resource === 'secrets' ||
    resource === 'configmaps' ||
    resource === 'persistentvolumeclaims' ||
    resource === 'resourceclaims' ||
    resource === 'serviceaccounts'
  );
}

export function referencesOf(pod: Pod): PodReferences {
  const secrets = new Set<string>();
  const configmaps = new Set<string>();
  const claims = new Set<string>();
  const resourceClaims = new Set<string>();
  const add = (to: Set<string>, name: string | undefined) => {
    if (name) to.add(name);
  };
  const { spec } = pod;
  for (const pull of spec?.imagePullSecrets ?? []) add(secrets, pull.name);
  const containers = [
    ...(spec?.containers ?? []),
    ...(spec?.initContainers ?? []),
    ...(spec?.ephemeralContainers ?? []),
  ];
  for (const container of containers) {
    for (const from of container.envFrom ?? []) {
      add(secrets, from.secretRef?.name);
      add(configmaps, from.configMapRef?.name);
    }
    for (const variable of container.env ?? []) {
      add(secrets, variable.valueFrom?.secretKeyRef?.name);
      add(configmaps, variable.valueFrom?.configMapKeyRef?.name);
    }
  }
  for (const volume of spec?.volumes ?? []) {
    add(secrets, volume.secret?.secretName);
    add(configmaps, volume.configMap?.name);
    add(claims, volume.persistentVolumeClaim?.claimName);
    if (volume.ephemeral) add(claims, `${pod.metadata?.name ?? ''}-${volume.name}`);
    add(secrets, volume.csi?.nodePublishSecretRef?.name);
    for (const source of volume.projected?.sources ?? []) {
      add(secrets, source.secret?.name);
      add(configmaps, source.configMap?.name);
    }
  }
  for (const claim of spec?.resourceClaims ?? []) add(resourceClaims, claim.resourceClaimName);
  for (const status of pod.status?.resourceClaimStatuses ?? [])
    add(resourceClaims, status.resourceClaimName);
  return {
    secrets,
    configmaps,
    persistentvolumeclaims: claims,
    resourceclaims: resourceClaims,
    serviceaccounts: new Set([spec?.serviceAccountName || 'default']),
  };
}
