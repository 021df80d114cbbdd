/**
 * What makes a pod of a StatefulSet that pod and no other (`pkg/controller/statefulset`): its name SET-ORDINAL,
 * the host name in its Service's domain, and its claims TEMPLATE-SET-ORDINAL. Pure.
 *
 *   web, start 0, 3 replicas:  web-0 web-1 web-2;  of the claim template www: www-web-0 www-web-1 www-web-2
 */
import type {
  ControllerRevision,
  PersistentVolumeClaim,
  Pod,
  StatefulSet,
  Volume,
} from '../../pkg/api/types.js';
import { clone } from '../../pkg/apimachinery/clone.js';
import { STATEFUL_SETS } from '../../pkg/client/resources.js';
import { atRevision, REVISION_HASH } from '../history.js';
import { podFromTemplate } from '../pod-control.js';

export const POD_NAME_LABEL = 'statefulset.kubernetes.io/pod-name';
export const POD_INDEX_LABEL = 'apps.kubernetes.io/pod-index';

const POD_NAME = /^(.*)-([0-9]+)$/s;
/** Ordinals are int32. */
const MAX_ORDINAL = 2 ** 31 - 1;

export function replicasOf(set: StatefulSet): number {
  return set.spec?.replicas ?? 1;
}

export function startOrdinal(set: StatefulSet): number {
  return set.spec?.ordinals?.start ?? 0;
}

export function podName(set: StatefulSet, ordinal: number): string {
  return `${set.metadata?.name ?? ''}-${ordinal}`;
}

/** -1 where the name is none that a StatefulSet gives. */
export function ordinalOf(pod: Pod): number {
  const digits = POD_NAME.exec(pod.metadata?.name ?? '')?.[2];
  const ordinal = digits === undefined ? -1 : Number(digits);
  return ordinal <= MAX_ORDINAL ? ordinal : -1;
}

export function isMemberOf(set: StatefulSet, pod: Pod): boolean {
  return POD_NAME.exec(pod.metadata?.name ?? '')?.[1] === (set.metadata?.name ?? '');
}

/** Whether the set, at its present size, has a pod of this number. */
export function isInRange(set: StatefulSet, pod: Pod): boolean {
  const index = ordinalOf(pod) - startOrdinal(set);
  return index >= 0 && index < replicasOf(set);
}

export function claimName(template: PersistentVolumeClaim, set: StatefulSet, pod: Pod): string {
  return `${template.metadata?.name ?? ''}-${set.metadata?.name ?? ''}-${ordinalOf(pod)}`;
}

/** The claims that a pod mounts, as they are made when they are missing, in the order of their templates. */
export function claimsOf(set: StatefulSet, pod: Pod): PersistentVolumeClaim[] {
  return (set.spec?.volumeClaimTemplates ?? []).map((template) => {
    const { labels, annotations, finalizers } = template.metadata ?? {};
    return {
      apiVersion: 'v1',
      kind: 'PersistentVolumeClaim',
      metadata: {
        name: claimName(template, set, pod),
        namespace: set.metadata?.namespace ?? '',
        labels: { ...labels, ...set.spec?.selector.matchLabels },
        ...(annotations ? { annotations: { ...annotations } } : {}),
        ...(finalizers?.length ? { finalizers: [...finalizers] } : {}),
      },
      ...(template.spec ? { spec: clone(template.spec) } : {}),
    };
  });
}

/** Name and labels are its own. */
export function identityMatches(set: StatefulSet, pod: Pod): boolean {
  const { name = '', namespace, labels } = pod.metadata ?? {};
  return (
    isMemberOf(set, pod) &&
    name === podName(set, ordinalOf(pod)) &&
    namespace === set.metadata?.namespace &&
    labels?.[POD_NAME_LABEL] === name
  );
}

/** Its volumes are those of its claims. */
export function storageMatches(set: StatefulSet, pod: Pod): boolean {
  const volumes = new Map((pod.spec?.volumes ?? []).map((volume) => [volume.name, volume]));
  return (set.spec?.volumeClaimTemplates ?? []).every((template) => {
    const source = volumes.get(template.metadata?.name ?? '')?.persistentVolumeClaim;
    return source?.claimName === claimName(template, set, pod);
  });
}

export function identityLabels(set: StatefulSet, ordinal: number): Record<string, string> {
  return { [POD_NAME_LABEL]: podName(set, ordinal), [POD_INDEX_LABEL]: String(ordinal) };
}

/** Volumes of the claims, then those others whose names no claim template takes. */
export function volumesOf(set: StatefulSet, pod: Pod): Volume[] {
  const templates = set.spec?.volumeClaimTemplates ?? [];
  const taken = new Set(templates.map((template) => template.metadata?.name));
  return [
    ...templates.map((template) => ({
      name: template.metadata?.name ?? '',
      persistentVolumeClaim: { claimName: claimName(template, set, pod) },
    })),
    ...(pod.spec?.volumes ?? []).filter((volume) => !taken.has(volume.name)),
  ];
}

/** The state of the set that a pod was made from; '' where it does not say. */
export function revisionOf(pod: Pod): string {
  return pod.metadata?.labels?.[REVISION_HASH] ?? '';
}

export interface Revisions {
  /** What pods below the partition are, or were before the update began. */
  readonly current: ControllerRevision;
  readonly update: ControllerRevision;
}

/**
 * A pod to create. Below the partition it is of the current revision, else of the update's. Where there is
 * no rolling update to say a partition, the first `currentReplicas` count as below it.
 */
export function newPod(set: StatefulSet, { current, update }: Revisions, ordinal: number): Pod {
  const { type, rollingUpdate } = set.spec?.updateStrategy ?? {};
  const below = rollingUpdate
    ? (rollingUpdate.partition ?? 0)
    : type === 'RollingUpdate'
      ? (set.status?.currentReplicas ?? 0)
      : 0;
  const revision = ordinal < startOrdinal(set) + below ? current : update;
  return podAt(atRevision(set, revision), revision.metadata?.name ?? '', ordinal);
}

function podAt(set: StatefulSet, revision: string, ordinal: number): Pod {
  const pod = podFromTemplate(STATEFUL_SETS, set, set.spec?.template);
  const { generateName: _, ...metadata } = pod.metadata ?? {};
  const name = podName(set, ordinal);
  const labels = {
    ...metadata.labels,
    ...identityLabels(set, ordinal),
    [REVISION_HASH]: revision,
  };
  const named: Pod = { ...pod, metadata: { ...metadata, name, labels } };
  const volumes = volumesOf(set, named);
  const { serviceName } = set.spec ?? {};
  return {
    ...named,
    spec: {
      ...named.spec,
      containers: named.spec?.containers ?? [],
      hostname: name,
      ...(serviceName ? { subdomain: serviceName } : {}),
      ...(volumes.length ? { volumes } : {}),
    },
  };
}
