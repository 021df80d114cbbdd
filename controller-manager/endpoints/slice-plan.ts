/** How endpoints are spread over EndpointSlices with as few changes as can be (`k8s.io/endpointslice`). Pure. */
import type { DiscoveryEndpointPort, Endpoint, EndpointSlice } from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';

/** What to do about the slices of one group. */
export interface SlicePlan {
  readonly create: readonly (readonly Endpoint[])[];
  readonly update: readonly {
    readonly slice: EndpointSlice;
    readonly endpoints: readonly Endpoint[];
  }[];
  readonly remove: readonly EndpointSlice[];
  readonly keep: readonly EndpointSlice[];
}

export function samePorts(slice: EndpointSlice, ports: readonly DiscoveryEndpointPort[]): boolean {
  const id = (list: readonly DiscoveryEndpointPort[]) =>
    list
      .map((p) => [p.name ?? '', p.port ?? '', p.protocol ?? 'TCP', p.appProtocol ?? ''].join(' '))
      .sort()
      .join('\n');
  return id(slice.ports ?? []) === id(ports);
}

const idOf = (endpoint: Endpoint) => endpoint.targetRef?.uid ?? endpoint.addresses[0] ?? '';

/**
 * Which slices to change so that they hold exactly `wanted`, at most `max` each: what stays stays where it
 * is; new endpoints fill slices that change anyway, then the fullest that has room for all that is left,
 * then new ones. Pure.
 */
export function planSlices(
  existing: readonly EndpointSlice[],
  wanted: readonly Endpoint[],
  max: number,
): SlicePlan {
  const left = new Map(wanted.map((endpoint) => [idOf(endpoint), endpoint]));
  const keep: EndpointSlice[] = [];
  const remove: EndpointSlice[] = [];
  const changed: { slice: EndpointSlice; endpoints: Endpoint[] }[] = [];
  for (const slice of [...existing].sort((a, b) => (keyOf(a) < keyOf(b) ? -1 : 1))) {
    const before = slice.endpoints ?? [];
    const after: Endpoint[] = [];
    let same = true;
    for (const endpoint of before) {
      const next = left.get(idOf(endpoint));
      if (!next) {
        same = false;
        continue;
      }
      left.delete(idOf(endpoint));
      after.push(next);
      if (!semanticDeepEqual(endpoint, next)) same = false;
    }
    if (after.length === 0) remove.push(slice);
    else if (same) keep.push(slice);
    else changed.push({ slice, endpoints: after });
  }
  const rest = [...left.values()];
  for (const change of changed)
    change.endpoints.push(...rest.splice(0, Math.max(0, max - change.endpoints.length)));
  const roomFor = (slice: EndpointSlice) => max - (slice.endpoints?.length ?? 0);
  if (rest.length > 0 && rest.length < max) {
    const [fullest] = keep
      .filter((s) => roomFor(s) >= rest.length)
      .sort((a, b) => roomFor(a) - roomFor(b));
    if (fullest) {
      keep.splice(keep.indexOf(fullest), 1);
      changed.push({
        slice: fullest,
        endpoints: [...(fullest.endpoints ?? []), ...rest.splice(0)],
      });
    }
  }
  // A slice that would go is used again before a new one is made.
  while (rest.length > 0 && remove.length > 0) {
    const slice = remove.shift();
    if (slice) changed.push({ slice, endpoints: rest.splice(0, max) });
  }
  const create: Endpoint[][] = [];
  while (rest.length > 0) create.push(rest.splice(0, max));
  return { create, update: changed, remove, keep };
}
