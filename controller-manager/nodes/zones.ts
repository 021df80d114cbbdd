/**
 * How fast nodes of one failure zone may be evicted (`pkg/controller/nodelifecycle`). When most of a zone is
 * down at once, the network is the likelier fault, and evicting pods from it would do harm. Pure.
 */
import type { Node } from '../../pkg/api/types.js';

export type ZoneState = 'Normal' | 'PartialDisruption' | 'FullDisruption';

export interface ZoneRates {
  readonly nodeEvictionRate: number;
  readonly secondaryNodeEvictionRate: number;
  readonly unhealthyZoneThreshold: number;
  readonly largeClusterSizeThreshold: number;
}

/** `region:\0:zone`; one zone for nodes that do not say. */
export function zoneOf(node: Node): string {
  const labels = node.metadata?.labels ?? {};
  const region =
    labels['topology.kubernetes.io/region'] ??
    labels['failure-domain.beta.kubernetes.io/region'] ??
    '';
  const zone =
    labels['topology.kubernetes.io/zone'] ?? labels['failure-domain.beta.kubernetes.io/zone'] ?? '';
  return region === '' && zone === '' ? '' : `${region}:\0:${zone}`;
}

export function zoneState(ready: number, notReady: number, threshold: number): ZoneState {
  if (ready === 0 && notReady > 0) return 'FullDisruption';
  if (notReady > 2 && notReady / (notReady + ready) >= threshold) return 'PartialDisruption';
  return 'Normal';
}

/** Nodes a second. When every zone is down nothing is evicted: it is the controller that is cut off. */
export function evictionRate(
  state: ZoneState,
  nodesInZone: number,
  allDown: boolean,
  rates: ZoneRates,
): number {
  if (allDown) return 0;
  if (state !== 'PartialDisruption') return rates.nodeEvictionRate;
  return nodesInZone > rates.largeClusterSizeThreshold ? rates.secondaryNodeEvictionRate : 0;
}
