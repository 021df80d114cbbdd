/** The order of the active queue: higher priority first, then who has waited longer. */
import type { Plugin } from '../framework/interface.js';

/** The only queue sort there is, so every profile has it. */
export const prioritySort: Plugin = { name: 'PrioritySort', queueSort: true };

export interface Waiting {
  readonly priority: number;
  /** When it entered the queue, ms. */
  readonly since: number;
  /** Ties are broken by arrival, so that the order is total. */
  readonly sequence: number;
}

export function comesBefore(a: Waiting, b: Waiting): boolean {
  if (a.priority !== b.priority) return a.priority > b.priority;
  if (a.since !== b.since) return a.since < b.since;
  return a.sequence < b.sequence;
}
