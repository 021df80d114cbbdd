/**
 * What drivers offer, as one node sees it (`dynamic-resource-allocation/structured`): ResourceSlices of a
 * driver and a pool make up that pool. Only the newest generation counts, and only once all of it is there.
 */
import { type NodeIdentity, NodeTerm } from '../../pkg/api/scheduling/node-affinity.js';
import type { Device, NodeSelector, ResourceSlice } from '../../pkg/api/types.js';

export interface OfferedDevice {
  /** `driver/pool/device`: what a device is called in the whole cluster. */
  readonly id: string;
  readonly driver: string;
  readonly pool: string;
  readonly device: Device;
  /** Where whoever gets the device must run; absent: anywhere. */
  readonly onNodes?: NodeSelector;
}

export interface Pool {
  readonly name: string;
  /** Its driver is still at it: some slices are of another generation, or not there yet. */
  readonly incomplete: boolean;
  /** Two of its devices have the same name. */
  readonly invalid: boolean;
  readonly devices: readonly OfferedDevice[];
}

export function deviceId(driver: string, pool: string, device: string): string {
  return `${driver}/${pool}/${device}`;
}

/** Made once for a pod, asked for each node. */
export class Offers {
  /** Pools that are on one node, by its name. */
  private readonly local = new Map<string, Slices[]>();
  private readonly others: Slices[] = [];

  constructor(slices: Iterable<ResourceSlice>) {
    const newest = new Map<string, ResourceSlice[]>();
    for (const slice of slices) {
      const { driver, pool } = slice.spec;
      const name = `${driver}/${pool.name}`;
      const known = newest.get(name);
      const generation = known?.[0]?.spec.pool.generation ?? -1;
      if (known && generation === pool.generation) known.push(slice);
      else if (generation < pool.generation) newest.set(name, [slice]);
    }
    for (const [name, members] of newest) {
      const node = members[0]?.spec.nodeName;
      const pool = { name, members };
      if (node === undefined || members.some(({ spec }) => spec.nodeName !== node)) {
        this.others.push(pool);
        continue;
      }
      const known = this.local.get(node);
      if (known) known.push(pool);
      else this.local.set(node, [pool]);
    }
  }

  /** In the order of their names, so that the same cluster gives the same answer. */
  on(node: NodeIdentity): Pool[] {
    return [...(this.local.get(node.name) ?? []), ...this.others]
      .sort((a, b) => (a.name < b.name ? -1 : 1))
      .map(({ name, members }) => poolOf(name, members, node))
      .filter(({ devices }) => devices.length > 0);
  }
}

interface Slices {
  readonly name: string;
  readonly members: readonly ResourceSlice[];
}

function poolOf(name: string, slices: readonly ResourceSlice[], node: NodeIdentity): Pool {
  const names = slices.flatMap(({ spec }) => (spec.devices ?? []).map((device) => device.name));
  const wanted = slices[0]?.spec.pool.resourceSliceCount ?? 0;
  return {
    name,
    incomplete: slices.length !== wanted,
    invalid: new Set(names).size !== names.length,
    devices: slices
      .toSorted((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1))
      .flatMap((slice) => offered(slice, node)),
  };
}

function offered({ spec }: ResourceSlice, node: NodeIdentity): OfferedDevice[] {
  const { driver, pool } = spec;
  return (spec.devices ?? []).flatMap((device) => {
    // What shares counters with others cannot be given out by itself.
    if (device.consumesCounters && device.consumesCounters.length > 0) return [];
    const place = spec.perDeviceNodeSelection ? device : spec;
    const onNodes = placeOf(place);
    if (onNodes === 'nowhere' || (onNodes && !admits(onNodes, node))) return [];
    const id = deviceId(driver, pool.name, device.name);
    return [{ id, driver, pool: pool.name, device, ...(onNodes ? { onNodes } : {}) }];
  });
}

function placeOf({
  nodeName,
  nodeSelector,
  allNodes,
}: Pick<Device, 'nodeName' | 'nodeSelector' | 'allNodes'>): NodeSelector | undefined | 'nowhere' {
  if (nodeName) return onlyNode(nodeName);
  if (nodeSelector) return nodeSelector;
  return allNodes ? undefined : 'nowhere';
}

export function onlyNode(name: string): NodeSelector {
  const matchFields = [{ key: 'metadata.name', operator: 'In', values: [name] }];
  return { nodeSelectorTerms: [{ matchFields }] };
}

export function admits(selector: NodeSelector, node: NodeIdentity): boolean {
  return selector.nodeSelectorTerms.some((term) => new NodeTerm(term).matches(node));
}
