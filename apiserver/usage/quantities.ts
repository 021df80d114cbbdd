/** Usage as metrics.k8s.io writes it: CPU to the nano-core, memory in binary units. */
import type { ResourceUsage } from '../../pkg/api/schema/metrics.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { Quantity } from '../../pkg/apimachinery/quantity.js';
import { textColumn } from '../registry/columns/text-column.js';
import type { Column } from '../registry/resource.js';
import type { Amounts } from './usage-reader.js';

export function usageOf({ cpuNanoCores, memoryBytes }: Amounts): ResourceUsage {
  return {
    cpu: Quantity.of(cpuNanoCores, -9).toString(),
    memory: Quantity.of(memoryBytes, 0, 'BinarySI').toString(),
  };
}

/** `cpu`, `memory` and the window, after the name. */
export function usageColumns<T extends KubeObject & { readonly window: string }>(
  usagesOf: (obj: T) => readonly ResourceUsage[],
): Column<T>[] {
  const of = (resource: string): Column<T> => ({
    ...textColumn<T>(resource, '', (obj) => total(usagesOf(obj), resource)),
    format: 'quantity',
  });
  return [
    of('cpu'),
    of('memory'),
    { ...textColumn<T>('Window', '', ({ window }) => window), format: 'duration' },
  ];
}

function total(usages: readonly ResourceUsage[], resource: string): string {
  return usages
    .map((usage) => Quantity.parse(usage[resource] ?? '0'))
    .reduce((sum, amount) => sum.add(amount), Quantity.zero)
    .toString();
}
