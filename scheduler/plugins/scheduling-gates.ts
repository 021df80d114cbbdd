/** A pod with `spec.schedulingGates` is not tried until the last gate is gone. */
import { type Plugin, unresolvable } from '../framework/interface.js';

export const schedulingGates: Plugin = {
  name: 'SchedulingGates',
  // Its own update takes it out of the queue's gated part; no other event can.
  events: [{ resource: 'Pod', actions: ['UpdateGates'] }],
  preEnqueue(pod) {
    const gates = (pod.spec?.schedulingGates ?? []).map((gate) => gate.name);
    if (gates.length === 0) return undefined;
    return unresolvable(`waiting for scheduling gates: [${gates.join(' ')}]`);
  },
};
