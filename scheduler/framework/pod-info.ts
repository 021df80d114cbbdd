/**
 * A pod with everything that plugins ask of it worked out once: requests, host ports, affinity terms with
 * compiled selectors. Made when the pod enters the queue or the cache; the pod itself is read-only.
 */

import { isDeepStrictEqual } from 'node:util';
import type { Pod, PodAffinityTerm } from '../../pkg/api/types.js';
import {
  type LabelSelector,
  type Selector,
  selectorFromObject,
} from '../../pkg/apimachinery/labels.js';
import { isResizing, podRequests, type Resource } from './resource.js';

/** A required term of pod affinity or anti-affinity, ready to match. */
export interface AffinityTerm {
  readonly namespaces: ReadonlySet<string>;
  /** Absent: only the namespaces listed. */
  readonly namespaceSelector: Selector | undefined;
  readonly selector: Selector;
  readonly topologyKey: string;
}

export interface WeightedAffinityTerm extends AffinityTerm {
  readonly weight: number;
}

export interface HostPort {
  readonly ip: string;
  readonly protocol: string;
  readonly port: number;
}

export interface PodInfo {
  readonly pod: Pod;
  readonly uid: string;
  readonly namespace: string;
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly priority: number;
  readonly requests: Resource;
  readonly nonZeroRequests: Resource;
  readonly hostPorts: readonly HostPort[];
  readonly requiredAffinity: readonly AffinityTerm[];
  readonly requiredAntiAffinity: readonly AffinityTerm[];
  readonly preferredAffinity: readonly WeightedAffinityTerm[];
  readonly preferredAntiAffinity: readonly WeightedAffinityTerm[];
}

export function podInfoOf(pod: Pod): PodInfo {
  const affinity = pod.spec?.affinity?.podAffinity;
  const antiAffinity = pod.spec?.affinity?.podAntiAffinity;
  const term = (given: PodAffinityTerm) => affinityTermOf(given, pod);
  const weighted = (given: { weight: number; podAffinityTerm: PodAffinityTerm }) => ({
    ...term(given.podAffinityTerm),
    weight: given.weight,
  });
  return {
    pod,
    uid: pod.metadata?.uid ?? '',
    namespace: pod.metadata?.namespace ?? '',
    name: pod.metadata?.name ?? '',
    labels: pod.metadata?.labels ?? {},
    priority: pod.spec?.priority ?? 0,
    requests: podRequests(pod),
    nonZeroRequests: podRequests(pod, true),
    hostPorts: hostPortsOf(pod),
    requiredAffinity: (affinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(term),
    requiredAntiAffinity: (antiAffinity?.requiredDuringSchedulingIgnoredDuringExecution ?? []).map(
      term,
    ),
    preferredAffinity: (affinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []).map(
      weighted,
    ),
    preferredAntiAffinity: (
      antiAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? []
    ).map(weighted),
  };
}

/** The info of a pod that was updated: worked out anew only if something that it is made of changed. */
export function updatedPodInfo(known: PodInfo, pod: Pod): PodInfo {
  const before = known.pod.metadata;
  const same =
    before?.generation !== undefined &&
    before.generation === pod.metadata?.generation &&
    isDeepStrictEqual(before.labels, pod.metadata.labels) &&
    // What a pod holds while it is resized is told by its status.
    !isResizing(known.pod) &&
    !isResizing(pod);
  return same ? { ...known, pod } : podInfoOf(pod);
}

/** Whether `pod` is one that the term speaks of. `namespaceLabels` are those of the pod's namespace. */
export function matchesTerm(
  term: AffinityTerm,
  pod: PodInfo,
  namespaceLabels: Readonly<Record<string, string>>,
): boolean {
  const inNamespace =
    term.namespaces.has(pod.namespace) || term.namespaceSelector?.matches(namespaceLabels) === true;
  return inNamespace && term.selector.matches(pod.labels);
}

function affinityTermOf(term: PodAffinityTerm, pod: Pod): AffinityTerm {
  const listed = term.namespaces ?? [];
  const own = listed.length === 0 && term.namespaceSelector === undefined;
  return {
    namespaces: new Set(own ? [pod.metadata?.namespace ?? ''] : listed),
    namespaceSelector: term.namespaceSelector
      ? selectorFromObject(term.namespaceSelector)
      : undefined,
    selector: selectorFromObject(withMatchLabelKeys(term, pod.metadata?.labels ?? {})),
    topologyKey: term.topologyKey,
  };
}

/** `matchLabelKeys` and `mismatchLabelKeys` stand for requirements with the incoming pod's own values. */
export function withMatchLabelKeys(
  term: {
    labelSelector?: LabelSelector;
    matchLabelKeys?: string[];
    mismatchLabelKeys?: string[];
  },
  labels: Readonly<Record<string, string>>,
): LabelSelector | undefined {
  const keys = term.matchLabelKeys ?? [];
  const mismatched = term.mismatchLabelKeys ?? [];
  if (!term.labelSelector || (keys.length === 0 && mismatched.length === 0))
    return term.labelSelector;
  const present = new Set(
    (term.labelSelector.matchExpressions ?? []).map((e) => `${e.operator} ${e.key}`),
  );
  const extra = [
    ...keys.map((key) => ({ key, operator: 'In' as const })),
    ...mismatched.map((key) => ({ key, operator: 'NotIn' as const })),
  ].filter((e) => labels[e.key] !== undefined && !present.has(`${e.operator} ${e.key}`));
  return {
    ...term.labelSelector,
    matchExpressions: [
      ...(term.labelSelector.matchExpressions ?? []),
      ...extra.map((e) => ({ ...e, values: [labels[e.key] as string] })),
    ],
  };
}

export function hostPortsOf(pod: Pod): HostPort[] {
  const sidecars = (pod.spec?.initContainers ?? []).filter((c) => c.restartPolicy === 'Always');
  return [...(pod.spec?.containers ?? []), ...sidecars]
    .flatMap((container) => container.ports ?? [])
    .filter((port) => (port.hostPort ?? 0) > 0)
    .map((port) => ({
      ip: port.hostIP || '0.0.0.0',
      protocol: port.protocol || 'TCP',
      port: port.hostPort as number,
    }));
}
