/** What volumes, claims and their classes may still say, and what will come of it. */
import type {
  CSIDriver,
  CSIStorageCapacity,
  NodeSelectorTerm,
  ObjectMeta,
  PersistentVolume,
  PersistentVolumeClaim,
  PersistentVolumeSpec,
  StorageClass,
} from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import { type Path, path } from '../../../pkg/apimachinery/field-error.js';
import { persistentVolumeClaimWarnings } from './persistent-volume-claim.js';
import { deprecatedLabelWarning } from './pod-warnings.js';
import { BETA_STORAGE_CLASS } from './storage.js';

const VOLUMES: readonly (readonly [keyof PersistentVolumeSpec & string, string, string?])[] = [
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+', 'storageOS'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

export function volumeWarnings({ metadata, spec }: PersistentVolume): string[] {
  const at = path('spec');
  const warnings = classAnnotation(metadata);
  if (spec?.persistentVolumeReclaimPolicy === 'Recycle')
    warnings.push(
      'spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended approach is to use dynamic provisioning.',
    );
  const terms = at.child('nodeAffinity', 'required', 'nodeSelectorTerms');
  for (const [i, term] of (spec?.nodeAffinity?.required?.nodeSelectorTerms ?? []).entries())
    warnings.push(...labelWarnings(term.matchExpressions, terms.index(i)));
  for (const [field, text, shown] of VOLUMES)
    if (spec?.[field] !== undefined) warnings.push(`${at.child(shown ?? field)}: ${text}`);
  return warnings;
}

export function claimWarnings({ metadata, spec }: PersistentVolumeClaim): string[] {
  return [...classAnnotation(metadata), ...persistentVolumeClaimWarnings(spec, path('spec'))];
}

export function storageClassWarnings({ allowedTopologies = [] }: StorageClass): string[] {
  const at = path('allowedTopologies');
  return allowedTopologies.flatMap(({ matchLabelExpressions }, i) =>
    labelWarnings(matchLabelExpressions, at.index(i), 'matchLabelExpressions'),
  );
}

export function storageCapacityWarnings({ nodeTopology }: CSIStorageCapacity): string[] {
  const at = path('nodeTopology');
  const labels = Object.keys(nodeTopology?.matchLabels ?? {}).flatMap((label) => {
    const text = deprecatedLabelWarning(label);
    return text ? [`${at.child('matchLabels', label)}: ${text}`] : [];
  });
  return [...labelWarnings(nodeTopology?.matchExpressions, at), ...labels];
}

/** Told where tokens are asked for anew, and nobody says how they are to be handed over. */
export function csiDriverWarnings({ spec }: CSIDriver, old?: CSIDriver): string[] {
  const { tokenRequests = [], serviceAccountTokenInSecrets } = spec;
  if (tokenRequests.length === 0 || serviceAccountTokenInSecrets !== undefined) return [];
  if (old && semanticDeepEqual(old.spec.tokenRequests ?? [], tokenRequests)) return [];
  return [
    'spec.serviceAccountTokenInSecrets is unset; if supported by this CSI driver, set to true to prevent possible logging of tokens in volume attributes',
  ];
}

function classAnnotation(metadata: ObjectMeta | undefined): string[] {
  if (metadata?.annotations?.[BETA_STORAGE_CLASS] === undefined) return [];
  const at = path('metadata', 'annotations').key(BETA_STORAGE_CLASS);
  return [`${at}: deprecated since v1.8; use "storageClassName" attribute instead`];
}

function labelWarnings(
  expressions: NodeSelectorTerm['matchExpressions'] | readonly { readonly key: string }[],
  at: Path,
  field = 'matchExpressions',
): string[] {
  return (expressions ?? []).flatMap(({ key }, i) => {
    const text = deprecatedLabelWarning(key);
    return text ? [`${at.child(field).index(i).child('key')}: ${key} is ${text}`] : [];
  });
}
