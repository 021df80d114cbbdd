/**
 * Whether a driver has room for a volume that it would have to make (CSIStorageCapacity): only of drivers
 * that ask for this to be looked at (`CSIDriver.spec.storageCapacity`), and then some object must say that
 * there is enough for the class where the node is. A driver that has said nothing yet has no room.
 */

import type {
  CSIDriver,
  CSIStorageCapacity,
  PersistentVolumeClaim,
  StorageClass,
} from '../../pkg/api/types.js';
import { selectorFromObject } from '../../pkg/apimachinery/labels.js';
import { parseQuantity, type Quantity } from '../../pkg/apimachinery/quantity.js';
import type { Informer } from '../../pkg/client/informer.js';
import type { NodeInfo } from '../cache/node-info.js';

export interface StorageCapacityOptions {
  readonly drivers: Pick<Informer<CSIDriver>, 'store'>;
  readonly capacities: Pick<Informer<CSIStorageCapacity>, 'store'>;
}

export class StorageCapacity {
  constructor(private readonly options: StorageCapacityOptions) {}

  suffices(claim: PersistentVolumeClaim, { metadata, provisioner }: StorageClass, node: NodeInfo) {
    const wanted = claim.spec?.resources?.requests?.['storage'];
    if (wanted === undefined) return true;
    const { drivers, capacities } = this.options;
    if (drivers.store.get(provisioner)?.spec.storageCapacity !== true) return true;
    const size = parseQuantity(wanted);
    for (const capacity of capacities.store.values()) {
      if (capacity.storageClassName !== metadata?.name) continue;
      const limit = volumeLimit(capacity);
      if (limit && limit.compare(size) >= 0 && reaches(capacity, node)) return true;
    }
    return false;
  }
}

/** The largest volume that can be made, where the driver says so, else all that is left. */
export function volumeLimit({
  maximumVolumeSize,
  capacity,
}: CSIStorageCapacity): Quantity | undefined {
  const limit = maximumVolumeSize ?? capacity;
  return limit === undefined ? undefined : parseQuantity(limit);
}

function reaches({ nodeTopology }: CSIStorageCapacity, node: NodeInfo): boolean {
  return nodeTopology !== undefined && selectorFromObject(nodeTopology).matches(node.labels);
}
