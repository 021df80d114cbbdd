/**
 * From what metrics propose to what is done: stabilisation, rates, bounds (`horizontal.go`,
 * `normalizeDesiredReplicas…`). Keeps, for each autoscaler, its recent recommendations and scalings, no
 * longer than the longest window that asks for them; a restart forgets them, as upstream.
 *
 *   proposal ─▶ stabilised: no lower than the highest proposal of the window down,
 *                           no higher than the lowest of the window up
 *            ─▶ limited by the policies' rates ─▶ limited by minReplicas and maxReplicas
 */
import type { HorizontalPodAutoscaler, HPAScalingRules } from '../../pkg/api/types.js';
import { Quantity } from '../../pkg/apimachinery/quantity.js';
import type { Tolerances } from './replica-calculator.js';

/** Without `behavior`: at most double, or four pods. */
const SCALE_UP_FACTOR = 2;
const SCALE_UP_MINIMUM = 4;

type Behavior = NonNullable<HorizontalPodAutoscaler['spec']>['behavior'];

export interface Rules {
  readonly scaleUp: HPAScalingRules;
  readonly scaleDown: HPAScalingRules;
}

export interface Wish {
  readonly current: number;
  readonly desired: number;
  readonly min: number;
  readonly max: number;
  readonly now: number;
  /** Of the flag: what a scale-down window is where no rule says it. */
  readonly downscaleStabilizationMs: number;
  /** `spec.behavior`, if any. */
  readonly rules?: Rules | undefined;
}

export interface Reason {
  readonly reason: string;
  readonly message: string;
}

export interface Decision {
  readonly replicas: number;
  /** For the condition AbleToScale. */
  readonly able: Reason;
  /** For the condition ScalingLimited, and whether it is. */
  readonly limit: Reason;
  readonly limited: boolean;
}

interface Change {
  /** Of replicas; always positive. */
  readonly by: number;
  readonly at: number;
}

const READY: Reason = {
  reason: 'ReadyForNewScale',
  message: 'recommended size matches current size',
};
const UP_STABILIZED: Reason = {
  reason: 'ScaleUpStabilized',
  message:
    'recent recommendations were lower than current one, applying the lowest recent recommendation',
};
const DOWN_STABILIZED: Reason = {
  reason: 'ScaleDownStabilized',
  message:
    'recent recommendations were higher than current one, applying the highest recent recommendation',
};
const WITHIN: Reason = {
  reason: 'DesiredWithinRange',
  message: 'the desired count is within the acceptable range',
};
const TOO_MANY: Reason = {
  reason: 'TooManyReplicas',
  message: 'the desired replica count is more than the maximum replica count',
};
const TOO_FEW: Reason = {
  reason: 'TooFewReplicas',
  message: 'the desired replica count is less than the minimum replica count',
};
const UP_LIMIT: Reason = {
  reason: 'ScaleUpLimit',
  message: 'the desired replica count is increasing faster than the maximum scale rate',
};
const DOWN_LIMIT: Reason = {
  reason: 'ScaleDownLimit',
  message: 'the desired replica count is decreasing faster than the maximum scale rate',
};

/** The server fills in both directions where there are rules at all. */
export function rulesOf(behavior: Behavior): Rules | undefined {
  return behavior && { scaleUp: behavior.scaleUp ?? {}, scaleDown: behavior.scaleDown ?? {} };
}

/** How far from its target a metric may be; `otherwise` where no rule says it. */
export function tolerancesOf(behavior: Behavior, otherwise: number): Tolerances {
  const of = (rules: HPAScalingRules | undefined) =>
    rules?.tolerance === undefined ? otherwise : Quantity.parse(rules.tolerance).toNumber();
  return { scaleUp: of(behavior?.scaleUp), scaleDown: of(behavior?.scaleDown) };
}

/** Of one autoscaler. */
export class ScalingHistory {
  private recommendations: { replicas: number; at: number }[];
  private ups: Change[] = [];
  private downs: Change[] = [];

  /** What it is when the autoscaler is first seen counts as a recommendation: nothing shrinks at once. */
  constructor(replicas: number, now: number) {
    this.recommendations = [{ replicas, at: now }];
  }

  normalize(wish: Wish): Decision {
    const stable = this.stabilize(wish);
    const stabilized = stable !== wish.desired;
    const direction = wish.desired >= wish.current ? UP_STABILIZED : DOWN_STABILIZED;
    const able = stabilized ? (wish.rules ? direction : DOWN_STABILIZED) : READY;
    const bounded = wish.rules
      ? this.limitByRules({ ...wish, desired: stable }, wish.rules)
      : limitPlainly({ ...wish, desired: stable });
    return { ...bounded, able, limited: bounded.replicas !== stable };
  }

  /** After the target was scaled. Kept only where rules will ask for it. */
  scaled(from: number, to: number, now: number, rules: Rules | undefined): void {
    if (!rules || from === to) return;
    const up = to > from;
    const longest = Math.max(...periodsOf(rules.scaleUp), ...periodsOf(rules.scaleDown), 0) * 1000;
    const kept = (up ? this.ups : this.downs).filter(({ at }) => at > now - longest);
    kept.push({ by: Math.abs(to - from), at: now });
    if (up) this.ups = kept;
    else this.downs = kept;
  }

  private stabilize(wish: Wish): number {
    const { desired, current, now, rules, downscaleStabilizationMs } = wish;
    const upMs = rules ? windowMs(rules.scaleUp, 0) : 0;
    const downMs = rules
      ? windowMs(rules.scaleDown, downscaleStabilizationMs)
      : downscaleStabilizationMs;
    let lowest = desired;
    let highest = desired;
    for (const { replicas, at } of this.recommendations) {
      if (at > now - upMs) lowest = Math.min(lowest, replicas);
      if (at > now - downMs) highest = Math.max(highest, replicas);
    }
    this.recommendations = this.recommendations.filter(
      ({ at }) => at > now - Math.max(upMs, downMs),
    );
    this.recommendations.push({ replicas: desired, at: now });
    return rules ? Math.min(Math.max(current, lowest), highest) : highest;
  }

  private limitByRules(wish: Wish, rules: Rules): Pick<Decision, 'replicas' | 'limit'> {
    const { current, desired, min, max, now } = wish;
    if (desired > current) {
      const rate = Math.max(current, this.upLimit(current, rules.scaleUp, now));
      const [most, limit] = max > rate ? [rate, UP_LIMIT] : [max, TOO_MANY];
      if (desired > most) return { replicas: most, limit };
    } else if (desired < current) {
      const rate = Math.min(current, this.downLimit(current, rules.scaleDown, now));
      const [least, limit] = min < rate ? [rate, DOWN_LIMIT] : [min, TOO_FEW];
      if (desired < least) return { replicas: least, limit };
    }
    return { replicas: desired, limit: WITHIN };
  }

  private upLimit(current: number, rules: HPAScalingRules, now: number): number {
    return this.byPolicies(current, rules, now, 1, (start, type, value) =>
      type === 'Pods' ? start + value : Math.ceil(start * (1 + value / 100)),
    );
  }

  private downLimit(current: number, rules: HPAScalingRules, now: number): number {
    return this.byPolicies(current, rules, now, -1, (start, type, value) =>
      type === 'Pods' ? start - value : Math.trunc(start * (1 - value / 100)),
    );
  }

  /** Max picks the policy that changes most, Min the one that changes least. */
  private byPolicies(
    current: number,
    { selectPolicy = 'Max', policies = [] }: HPAScalingRules,
    now: number,
    sign: 1 | -1,
    propose: (start: number, type: string, value: number) => number,
  ): number {
    if (selectPolicy === 'Disabled') return current;
    const proposals = policies.map(({ type, value, periodSeconds }) => {
      const since = now - periodSeconds * 1000;
      const start = current - total(this.ups, since) + total(this.downs, since);
      return propose(start, type, value);
    });
    if (proposals.length === 0) return current;
    const most = (selectPolicy === 'Min') !== (sign === 1);
    return most ? Math.max(...proposals) : Math.min(...proposals);
  }
}

function limitPlainly({ current, desired, min, max }: Wish): Pick<Decision, 'replicas' | 'limit'> {
  const rate = Math.max(SCALE_UP_FACTOR * current, SCALE_UP_MINIMUM);
  const [most, limit] = max > rate ? [rate, UP_LIMIT] : [max, TOO_MANY];
  if (desired < min) return { replicas: min, limit: TOO_FEW };
  if (desired > most) return { replicas: most, limit };
  return { replicas: desired, limit: WITHIN };
}

function windowMs({ stabilizationWindowSeconds }: HPAScalingRules, otherwise: number): number {
  return stabilizationWindowSeconds === undefined ? otherwise : stabilizationWindowSeconds * 1000;
}

function periodsOf({ policies = [] }: HPAScalingRules): number[] {
  return policies.map(({ periodSeconds }) => periodSeconds);
}

function total(changes: readonly Change[], since: number): number {
  return changes.reduce((sum, { by, at }) => (at > since ? sum + by : sum), 0);
}
