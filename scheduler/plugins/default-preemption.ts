/** Preemption, as a plugin that profiles turn on, off and configure; what it does is in ../preemption.ts. */
import type { DefaultPreemptionArgs } from '../config/types.js';
import type { Plugin } from '../framework/interface.js';

export function defaultPreemption(args: DefaultPreemptionArgs): Plugin {
  return { name: 'DefaultPreemption', preemption: args };
}
