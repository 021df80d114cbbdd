/** The status of a PodDisruptionBudget, by what was counted. Pure. */
import type { Pod, PodDisruptionBudget, PodDisruptionBudgetStatus } from '../../pkg/api/types.js';
import { formatTime } from '../../pkg/apimachinery/meta.js';
import { parseTime } from '../../pkg/apimachinery/time.js';

/** An allowed eviction that is not followed by a deletion this long did not happen. */
const DELETION_TIMEOUT_MS = 2 * 60_000;

/** Pods whose eviction was allowed and that are not seen going yet; when to look again. Pure. */
export function stillDisrupted(
  pdb: PodDisruptionBudget,
  pods: readonly Pod[],
  nowMs: number,
): {
  disrupted: Record<string, string>;
  recheckMs: number | undefined;
  /** Whose time is over. */
  notDeleted: Pod[];
} {
  const disrupted: Record<string, string> = {};
  const notDeleted: Pod[] = [];
  let recheckMs: number | undefined;
  for (const [name, time] of Object.entries(pdb.status?.disruptedPods ?? {})) {
    const pod = pods.find((p) => p.metadata?.name === name);
    if (!pod || pod.metadata?.deletionTimestamp !== undefined) continue;
    const left = (parseTime(time) ?? 0) + DELETION_TIMEOUT_MS - nowMs;
    if (left <= 0) {
      notDeleted.push(pod);
      continue;
    }
    disrupted[name] = time;
    recheckMs = Math.min(recheckMs ?? left, left);
  }
  return { disrupted, recheckMs, notDeleted };
}

interface Counted {
  readonly expected: number;
  readonly healthy: number;
  readonly currentHealthy: number;
  readonly disrupted: Readonly<Record<string, string>>;
}

/** Pure. */
export function budgetStatus(
  pdb: PodDisruptionBudget,
  counted: Counted,
  nowMs: number,
): PodDisruptionBudgetStatus {
  const { expected, healthy, currentHealthy, disrupted } = counted;
  const disruptionsAllowed = expected <= 0 ? 0 : Math.max(0, currentHealthy - healthy);
  return {
    observedGeneration: pdb.metadata?.generation ?? 0,
    currentHealthy,
    desiredHealthy: healthy,
    expectedPods: expected,
    disruptionsAllowed,
    ...(Object.keys(disrupted).length ? { disruptedPods: { ...disrupted } } : {}),
    conditions: withAllowed(
      pdb,
      disruptionsAllowed > 0 ? 'True' : 'False',
      disruptionsAllowed > 0 ? 'SufficientPods' : 'InsufficientPods',
      '',
      nowMs,
    ),
  };
}

export function failedStatus(
  pdb: PodDisruptionBudget,
  message: string,
  nowMs: number,
): PodDisruptionBudgetStatus {
  const { currentHealthy = 0, desiredHealthy = 0, expectedPods = 0, ...rest } = pdb.status ?? {};
  return {
    ...rest,
    currentHealthy,
    desiredHealthy,
    expectedPods,
    disruptionsAllowed: 0,
    conditions: withAllowed(pdb, 'False', 'SyncFailed', message, nowMs, rest.observedGeneration),
  };
}

function withAllowed(
  pdb: PodDisruptionBudget,
  status: 'True' | 'False',
  reason: string,
  message: string,
  nowMs: number,
  observedGeneration = pdb.metadata?.generation ?? 0,
): NonNullable<PodDisruptionBudgetStatus['conditions']> {
  const conditions = pdb.status?.conditions ?? [];
  const old = conditions.find((c) => c.type === 'DisruptionAllowed');
  return [
    ...conditions.filter((c) => c.type !== 'DisruptionAllowed'),
    {
      type: 'DisruptionAllowed',
      status,
      reason,
      message,
      observedGeneration,
      lastTransitionTime:
        old?.status === status ? old.lastTransitionTime : formatTime(new Date(nowMs)),
    },
  ];
}
