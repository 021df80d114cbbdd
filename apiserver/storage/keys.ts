/**
 * Where a resource's objects live in the store: `/registry/pods/NAMESPACE/NAME`, `/registry/nodes/NAME`,
 * with the folder that the resource's definition names in place of the plural (`services/specs`, `minions`).
 * Inside the apiserver an object is named by its *relative key*: `NAMESPACE/NAME`, or `NAME`.
 */
import type { ResourceDefinition } from '../registry/resource.js';

export const REGISTRY_ROOT = '/registry/';

/** Groups whose own server upstream stores them under a folder of their own. */
const GROUPED = new Set(['apiextensions.k8s.io', 'apiregistration.k8s.io']);

/** The folder, with both slashes: `/registry/pods/`. */
export function storagePrefix(definition: ResourceDefinition): string {
  const { storage, group, resource } = definition;
  if (storage && 'prefix' in storage) {
    const folder = storage.prefix.replace(/^\/?(registry\/)?/, '').replace(/\/$/, '');
    return `${REGISTRY_ROOT}${folder}/`;
  }
  return GROUPED.has(group)
    ? `${REGISTRY_ROOT}${group}/${resource}/`
    : `${REGISTRY_ROOT}${resource}/`;
}

export function relativeKey(namespaced: boolean, namespace: string, name: string): string {
  return namespaced ? `${namespace}/${name}` : name;
}
