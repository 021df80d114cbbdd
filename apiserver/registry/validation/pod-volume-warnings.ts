/** Volumes that do nothing any more, and files of one volume that hide each other. */
import type { KeyToPath, PodSpec, Volume, VolumeProjection } from '../../../pkg/api/types.js';
import type { Path } from '../../../pkg/apimachinery/field-error.js';
import { persistentVolumeClaimWarnings } from './persistent-volume-claim.js';

type VolumeField = keyof Volume & string;

/** Those before and those after a claim of the pod's own, which is told of in between. */
const REMOVED: readonly (readonly [VolumeField, string, string?])[] = [
  ['photonPersistentDisk', 'deprecated in v1.11, non-functional in v1.16+'],
  ['gitRepo', 'deprecated in v1.11, and disabled by default in v1.33+'],
  ['scaleIO', 'deprecated in v1.16, non-functional in v1.22+'],
  ['flocker', 'deprecated in v1.22, non-functional in v1.25+'],
  ['storageos', 'deprecated in v1.22, non-functional in v1.25+', 'storageOS'],
  ['quobyte', 'deprecated in v1.22, non-functional in v1.25+'],
  ['glusterfs', 'deprecated in v1.25, non-functional in v1.26+'],
  ['ephemeral', ''],
  ['cephfs', 'deprecated in v1.28, non-functional in v1.31+'],
  ['rbd', 'deprecated in v1.28, non-functional in v1.31+'],
];

/** `at`: the pod's spec. */
export function volumeWarnings({ volumes = [] }: PodSpec, at: Path): string[] {
  const removed = volumes.flatMap((volume, i) => {
    const own = at.child('volumes').index(i);
    return REMOVED.flatMap(([field, text, shown]) => {
      if (volume[field] === undefined) return [];
      if (field !== 'ephemeral') return [`${own.child(shown ?? field)}: ${text}`];
      const template = volume.ephemeral?.volumeClaimTemplate;
      if (!template) return [];
      const there = own.child('ephemeral', 'volumeClaimTemplate', 'spec');
      return persistentVolumeClaimWarnings(template.spec, there);
    });
  });
  return [...removed, ...volumes.flatMap(overlappingFiles)];
}

function overlappingFiles({ name, configMap, secret, downwardAPI, projected }: Volume): string[] {
  const of = (what: string) => `volume ${JSON.stringify(name)} (${what}): overlapping paths`;
  const warnings: string[] = [];
  if (configMap?.items)
    warnings.push(...overlaps(pathsOf(configMap.items), of(`ConfigMap ${quoted(configMap.name)}`)));
  if (secret?.items)
    warnings.push(...overlaps(pathsOf(secret.items), of(`Secret ${quoted(secret.secretName)}`)));
  if (downwardAPI?.items) warnings.push(...overlaps(pathsOf(downwardAPI.items), of('DownwardAPI')));
  const known = new Set<string>();
  for (const source of projected?.sources ?? []) {
    if (Object.keys(source).length === 0) {
      warnings.push(`volume ${JSON.stringify(name)} (Projected) has no sources provided`);
      continue;
    }
    const [what, paths] = filesOf(source);
    if (paths.length === 0) continue;
    const text = of(`Projected ${what}`);
    warnings.push(...overlaps(paths, text));
    const own = new Set(paths);
    warnings.push(...overlaps([...own, ...known].sort(), text));
    for (const path of own) known.add(path);
  }
  // What one source says of itself is found again among all.
  return [...new Set(warnings)];
}

/** What a source is called, and the files that it names itself. */
function filesOf(source: VolumeProjection): readonly [string, readonly string[]] {
  const { configMap, secret, downwardAPI, serviceAccountToken, clusterTrustBundle } = source;
  if (configMap?.items) return [`ConfigMap ${quoted(configMap.name)}`, pathsOf(configMap.items)];
  if (secret?.items) return [`Secret ${quoted(secret.name)}`, pathsOf(secret.items)];
  if (downwardAPI?.items) return ['DownwardAPI', pathsOf(downwardAPI.items)];
  if (serviceAccountToken) return ['ServiceAccountToken', [serviceAccountToken.path]];
  if (clusterTrustBundle) {
    const who = clusterTrustBundle.name ?? clusterTrustBundle.signerName;
    return [`ClusterTrustBundle ${quoted(who)}`, [clusterTrustBundle.path]];
  }
  return ['', []];
}

/** Each path that is one before it, or lies in one, or holds one. */
function overlaps(paths: readonly string[], text: string): string[] {
  const seen = new Set<string>();
  return paths.flatMap((path) => {
    const own = path.replace(/\/+$/, '');
    const other = [...seen].find((item) => isWithin(own, item) || isWithin(item, own));
    seen.add(own);
    return other === undefined ? [] : [`${text}: ${quoted(own)} with ${quoted(other)}`];
  });
}

function isWithin(path: string, folder: string): boolean {
  return path !== '' && folder !== '' && `${path}/`.startsWith(`${folder}/`);
}

function pathsOf(items: readonly Pick<KeyToPath, 'path'>[]): string[] {
  return items.map(({ path }) => path);
}

function quoted(text: string | undefined): string {
  return JSON.stringify(text ?? '');
}
