/**
 * Which objects a ResourceQuota is about: those that have an amount which it limits and that are in all of
 * its scopes. Scopes are of pods, but for one of claims; no other object is in any.
 */

import type { KubeObject } from '../../apimachinery/meta.js';
import type { PersistentVolumeClaim, Pod, ResourceQuota } from '../types.js';
import { type CountedResource, tracks } from './usage.js';

interface Scope {
  readonly scopeName: string;
  readonly operator: string;
  readonly values?: readonly string[];
}

export function scopesOf({ spec }: ResourceQuota): readonly Scope[] {
  return [
    ...(spec?.scopes ?? []).map((scopeName) => ({ scopeName, operator: 'Exists' })),
    ...(spec?.scopeSelector?.matchExpressions ?? []),
  ];
}

/** `hard`: the limits in force; the status' to charge by, the spec's to recount. */
export function quotaMatches(
  quota: ResourceQuota,
  hard: Readonly<Record<string, string>> | undefined,
  of: CountedResource,
  obj: KubeObject,
): boolean {
  return (
    Object.keys(hard ?? {}).some((name) => tracks(of, name)) &&
    scopesOf(quota).every((scope) => inScope(scope, of, obj))
  );
}

function inScope(scope: Scope, of: CountedResource, obj: KubeObject): boolean {
  if (of.group !== '') return false;
  if (of.resource === 'pods') return podInScope(scope, obj);
  if (of.resource === 'persistentvolumeclaims' && scope.scopeName === 'VolumeAttributesClass') {
    const { spec, status }: PersistentVolumeClaim = obj;
    const classes = [
      spec?.volumeAttributesClassName,
      status?.currentVolumeAttributesClassName,
      status?.modifyVolumeStatus?.targetVolumeAttributesClassName,
    ].filter((name): name is string => name !== undefined && name !== '');
    if (classes.length === 0) return selects(scope, undefined);
    return classes.some((name) => selects(scope, name));
  }
  return false;
}

function podInScope(scope: Scope, pod: Pod): boolean {
  switch (scope.scopeName) {
    case 'Terminating':
      return terminates(pod);
    case 'NotTerminating':
      return !terminates(pod);
    case 'BestEffort':
      return isBestEffort(pod);
    case 'NotBestEffort':
      return !isBestEffort(pod);
    case 'PriorityClass':
      return selects(scope, pod.spec?.priorityClassName || undefined);
    case 'CrossNamespacePodAffinity':
      return reachesOverNamespaces(pod);
    default:
      return false;
  }
}

function selects({ operator, values = [] }: Scope, value: string | undefined): boolean {
  switch (operator) {
    case 'Exists':
      return value !== undefined;
    case 'DoesNotExist':
      return value === undefined;
    case 'In':
      return value !== undefined && values.includes(value);
    case 'NotIn':
      return value === undefined || !values.includes(value);
    default:
      return false;
  }
}

function terminates({ spec }: Pod): boolean {
  return spec?.activeDeadlineSeconds !== undefined && spec.activeDeadlineSeconds >= 0;
}

/** Nobody in it asks for or limits CPU or memory. */
function isBestEffort({ spec, status }: Pod): boolean {
  if (status?.qosClass) return status.qosClass === 'BestEffort';
  const all = [
    { resources: spec?.resources },
    ...(spec?.containers ?? []),
    ...(spec?.initContainers ?? []),
  ];
  return !all.some(({ resources }) =>
    [resources?.requests, resources?.limits].some((amounts) =>
      ['cpu', 'memory'].some((name) => amounts?.[name] !== undefined && amounts[name] !== '0'),
    ),
  );
}

function reachesOverNamespaces({ spec }: Pod): boolean {
  const { podAffinity, podAntiAffinity } = spec?.affinity ?? {};
  return [podAffinity, podAntiAffinity].some((affinity) =>
    [
      ...(affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []),
      ...(affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
        (weighted) => weighted.podAffinityTerm,
      ),
    ].some((term) => (term.namespaces?.length ?? 0) > 0 || term.namespaceSelector !== undefined),
  );
}
