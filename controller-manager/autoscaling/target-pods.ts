/**
 * The pods of what an autoscaler scales, found by the selector of its scale; and whether they are its own:
 * where two autoscalers have pods in common, neither may act.
 */
import type { Pod, Scale } from '../../pkg/api/types.js';
import { parseSelector, type Selector } from '../../pkg/apimachinery/labels.js';
import { splitKey } from '../../pkg/apimachinery/meta.js';
import type { Lister } from '../../pkg/client/lister.js';
import { messageOf } from '../pod-control.js';
import type { StatusReport } from './status-report.js';

export class TargetPods {
  /** By the autoscaler's key; forgotten with it. */
  private readonly selectors = new Map<string, Selector>();

  constructor(private readonly pods: Lister<Pod>) {}

  /** Throws, and says why in the report, where the selector is none or another autoscaler has pods of it. */
  of(key: string, scale: Scale, report: StatusReport): Pod[] {
    const { namespace } = splitKey(key);
    const fail = (event: string, reason: string, message: string, shown = message) => {
      report.event('Warning', event, message);
      report.condition('ScalingActive', 'False', { reason, message: shown });
      return new Error(message);
    };
    const text = scale.status?.selector ?? '';
    if (text === '') {
      const shown = "the HPA target's scale is missing a selector";
      throw fail('SelectorRequired', 'InvalidSelector', 'selector is required', shown);
    }
    let selector: Selector;
    try {
      selector = parseSelector(text);
    } catch (err) {
      const message = `couldn't convert selector into a corresponding internal selector object: ${messageOf(err)}`;
      throw fail('InvalidSelector', 'InvalidSelector', message);
    }
    this.selectors.set(key, selector);
    const pods = this.pods
      .list(namespace)
      .filter(({ metadata }) => selector.matches(metadata?.labels ?? {}));
    const owners = this.scalersOf(namespace, pods);
    if (owners.length > 1) {
      const list = owners.sort().join(' ');
      const message = `pods by selector ${text} are controlled by multiple HPAs: [${list}]`;
      throw fail('AmbiguousSelector', 'AmbiguousSelector', message);
    }
    return pods;
  }

  forget(key: string): void {
    this.selectors.delete(key);
  }

  private scalersOf(namespace: string, pods: readonly Pod[]): string[] {
    return [...this.selectors]
      .filter(([key]) => splitKey(key).namespace === namespace)
      .filter(([, selector]) =>
        pods.some(({ metadata }) => selector.matches(metadata?.labels ?? {})),
      )
      .map(([key]) => key);
  }
}
