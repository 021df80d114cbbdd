/** One evaluation: the values of its variables, and the account of what it has cost. */
import type { Evaluation } from './function.js';
import { CelFailure, type Value } from './values.js';

/** Of one evaluation. */
export interface Activation {
  /** The variable's value, computed no sooner than asked for; undefined where it has none. */
  variable(name: string): Value | undefined;
}

/** Steps that the cost model does not see are free up to here; beyond, each costs what its time is worth. */
const FREE_WORK = 50_000;
const WORK_COST = 5;
export class Frame implements Evaluation {
  cost = 0;
  private worked = 0;
  /** Of macros, by the place that the compiler gave each. A failure that waits to be absorbed may stand there. */
  readonly locals: (Value | CelFailure | undefined)[] = [];

  constructor(
    readonly activation: Activation,
    private readonly limit: number,
  ) {}

  charge(cost: number): void {
    this.cost += cost;
    if (this.cost > this.limit) throw overLimit();
  }

  work(steps: number): void {
    this.worked += steps;
    if (this.worked > FREE_WORK) this.charge(Math.min(steps, this.limit) * WORK_COST);
  }
}

function overLimit(): CelFailure {
  return new CelFailure('operation cancelled: actual cost limit exceeded', true);
}
