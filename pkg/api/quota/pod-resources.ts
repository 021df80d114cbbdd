/**
 * What a pod asks for, or is limited to, as a whole: the sum of its containers and sidecars, or what an init
 * container needs at its time if that is more (`k8s.io/component-helpers/resource`).
 */

import { parseQuantity, type Quantity } from '../../apimachinery/quantity.js';
import type { Pod } from '../types.js';

export type Amounts = Map<string, Quantity>;
type Written = Readonly<Record<string, string | number>> | undefined;

export function amountsOf(written: Written): Amounts {
  return new Map(
    Object.entries(written ?? {}).map(([name, amount]) => [name, parseQuantity(amount)]),
  );
}

export function addAmounts(to: Amounts, more: Amounts): void {
  for (const [name, amount] of more) to.set(name, to.get(name)?.add(amount) ?? amount);
}

function raiseTo(to: Amounts, other: Amounts): void {
  for (const [name, amount] of other) {
    const own = to.get(name);
    if (!own || amount.compare(own) > 0) to.set(name, amount);
  }
}

/** Amounts of the pod as a whole, where given, take the place of the sums. Overhead is not in it. */
export function podTotal(pod: Pod, of: 'requests' | 'limits'): Amounts {
  const total: Amounts = new Map();
  const sidecars: Amounts = new Map();
  const peak: Amounts = new Map();
  for (const container of pod.spec?.containers ?? [])
    addAmounts(total, amountsOf(container.resources?.[of]));
  for (const container of pod.spec?.initContainers ?? []) {
    const own = amountsOf(container.resources?.[of]);
    if (container.restartPolicy === 'Always') {
      addAmounts(total, own);
      addAmounts(sidecars, own);
      raiseTo(peak, sidecars);
    } else {
      addAmounts(own, sidecars);
      raiseTo(peak, own);
    }
  }
  raiseTo(total, peak);
  for (const [name, amount] of amountsOf(pod.spec?.resources?.[of])) total.set(name, amount);
  return total;
}

/** With the overhead of the pod's RuntimeClass; a limit that nobody set stays unset. */
export function podTotalWithOverhead(pod: Pod, of: 'requests' | 'limits'): Amounts {
  const total = podTotal(pod, of);
  const overhead = amountsOf(pod.spec?.overhead);
  for (const [name, amount] of overhead) {
    const own = total.get(name);
    if (own) total.set(name, own.add(amount));
    else if (of === 'requests') total.set(name, amount);
  }
  return total;
}
