/** What a field selector may ask of a kind: the fields of all kinds, and those that its strategy adds. */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { ResourceDefinition } from './resource.js';

export function selectableFields(
  definition: ResourceDefinition,
): (obj: KubeObject) => Record<string, string> {
  const { strategy, namespaced } = definition;
  return (obj) => ({
    ...strategy.selectableFields?.(obj),
    'metadata.name': obj.metadata?.name ?? '',
    ...(namespaced ? { 'metadata.namespace': obj.metadata?.namespace ?? '' } : {}),
  });
}
