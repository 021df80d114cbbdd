/** The API's groups and versions, in upstream's order of importance, out of the resource definitions. */
import type { ResourceDefinition } from '../../registry/resource.js';

/** What `kubectl api-versions` and clients that look for the first match of a kind rely on. */
const ORDER = [
  '',
  'apiregistration.k8s.io',
  'apps',
  'events.k8s.io',
  'authentication.k8s.io',
  'authorization.k8s.io',
  'autoscaling',
  'batch',
  'certificates.k8s.io',
  'networking.k8s.io',
  'policy',
  'rbac.authorization.k8s.io',
  'storage.k8s.io',
  'admissionregistration.k8s.io',
  'apiextensions.k8s.io',
  'scheduling.k8s.io',
  'coordination.k8s.io',
  'node.k8s.io',
  'discovery.k8s.io',
  'flowcontrol.apiserver.k8s.io',
  'resource.k8s.io',
];

export interface ServedVersion {
  readonly version: string;
  /** Sorted by name. */
  readonly resources: readonly ResourceDefinition[];
}

export interface ServedGroup {
  readonly group: string;
  /** The preferred one first. */
  readonly versions: readonly ServedVersion[];
}

export function servedGroups(definitions: readonly ResourceDefinition[]): ServedGroup[] {
  const groups = new Map<string, Map<string, ResourceDefinition[]>>();
  for (const definition of definitions) {
    const versions = groups.get(definition.group) ?? new Map<string, ResourceDefinition[]>();
    groups.set(definition.group, versions);
    versions.set(definition.version, [...(versions.get(definition.version) ?? []), definition]);
  }
  return [...groups]
    .map(([group, versions]) => ({
      group,
      versions: [...versions]
        .map(([version, resources]) => ({
          version,
          resources: resources.sort((a, b) => (a.resource < b.resource ? -1 : 1)),
        }))
        .sort((a, b) => compareVersions(b.version, a.version)),
    }))
    .sort((a, b) => rank(a.group) - rank(b.group) || (a.group < b.group ? -1 : 1));
}

function rank(group: string): number {
  const at = ORDER.indexOf(group);
  return at < 0 ? ORDER.length : at;
}

/** v2 > v1 > v1beta2 > v1beta1 > v1alpha1 > anything else (`version.CompareKubeAwareVersionStrings`). */
export function compareVersions(a: string, b: string): number {
  const one = versionParts(a);
  const other = versionParts(b);
  if (!one || !other) return one ? 1 : other ? -1 : a < b ? 1 : a > b ? -1 : 0;
  for (const [i, part] of one.entries()) {
    const difference = part - (other[i] as number);
    if (difference !== 0) return difference;
  }
  return 0;
}

function versionParts(version: string): [number, number, number] | undefined {
  const match = /^v(\d+)(?:(alpha|beta)(\d+))?$/.exec(version);
  if (!match) return undefined;
  const stability = match[2] === undefined ? 2 : match[2] === 'beta' ? 1 : 0;
  return [stability, Number(match[1]), Number(match[3] ?? 0)];
}
