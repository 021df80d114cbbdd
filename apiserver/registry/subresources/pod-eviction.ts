/**
 * `pods/NAME/eviction`: a deletion that respects PodDisruptionBudgets. The budget's count goes down, and the
 * pod is noted in it, before the pod is deleted, in one write over the budget's state: two evictions can
 * not spend the same disruption.
 */
import type { Eviction, Pod, PodDisruptionBudget } from '../../../pkg/api/types.js';
import { selectorFromObject } from '../../../pkg/apimachinery/labels.js';
import { formatTime, type KubeObject } from '../../../pkg/apimachinery/meta.js';
import {
  badRequest,
  failure,
  forbidden,
  isReason,
  type Status,
} from '../../../pkg/apimachinery/status.js';
import type { RequestContext } from '../../server/request-context.js';
import { UNSET_TIME } from '../defaults/unset-time.js';
import type { Subresource } from '../resource.js';

const VIOLATED = "Cannot evict pod as it would violate the pod's disruption budget.";
/** Evictions that the disruption controller has not seen yet; more of them mean that it is gone. */
const MAX_DISRUPTED_PODS = 2000;
const PROCESSING_RETRY_SECONDS = 10;

export const podEviction: Subresource<Pod> = {
  name: 'eviction',
  // `kubectl drain` before v1.22 writes v1beta1, whatever the server prefers.
  kind: { group: 'policy', version: 'v1', kind: 'Eviction', olderVersions: ['v1beta1'] },
  verbs: ['create'],
  create: evictPod,
};

export async function evictPod(
  parent: { namespace: string; name: string },
  body: KubeObject & Partial<Eviction>,
  ctx: RequestContext,
): Promise<Status & KubeObject> {
  const { namespace, name } = parent;
  if (body.metadata?.name !== undefined && body.metadata.name !== name) {
    throw badRequest('name in URL does not match name in Eviction object');
  }
  const pods = ctx.server.store('', 'pods');
  const pod: Pod = await pods.get(namespace, name);
  if (!ignoresBudgets(pod)) {
    const budgets = await budgetsOf(pod, ctx);
    if (budgets.length > 1) {
      throw failure(
        500,
        'InternalError',
        'This pod has more than one PodDisruptionBudget, which the eviction subresource does not support.',
      );
    }
    const budget = budgets[0];
    if (budget && !mayGoUnhealthy(pod, budget)) await spend(budget, name, ctx);
    await markEvicted(pod, ctx);
  }
  const options: KubeObject | undefined = body.deleteOptions;
  await pods.delete(namespace, name, options, ctx);
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
}

/** Nothing that a budget counts is lost with it. */
function ignoresBudgets(pod: Pod): boolean {
  const phase = pod.status?.phase;
  return (
    phase === 'Succeeded' ||
    phase === 'Failed' ||
    phase === 'Pending' ||
    pod.metadata?.deletionTimestamp !== undefined
  );
}

async function budgetsOf(pod: Pod, ctx: RequestContext): Promise<PodDisruptionBudget[]> {
  const namespace = pod.metadata?.namespace ?? '';
  const all: readonly PodDisruptionBudget[] = await ctx.server
    .store('policy', 'poddisruptionbudgets')
    .list(namespace);
  return all.filter(
    (budget) =>
      budget.spec?.selector !== undefined &&
      selectorFromObject(budget.spec.selector).matches(pod.metadata?.labels ?? {}),
  );
}

/** A pod that is not ready does not count as healthy: whether it may go is the budget's policy. */
function mayGoUnhealthy(pod: Pod, budget: PodDisruptionBudget): boolean {
  if (pod.status?.conditions?.some((c) => c.type === 'Ready' && c.status === 'True')) return false;
  if (budget.spec?.unhealthyPodEvictionPolicy === 'AlwaysAllow') return true;
  const { currentHealthy = 0, desiredHealthy = 0 } = budget.status ?? {};
  return desiredHealthy > 0 && currentHealthy >= desiredHealthy;
}

async function spend(
  budget: PodDisruptionBudget,
  podName: string,
  ctx: RequestContext,
): Promise<void> {
  const { namespace = '', name = '' } = budget.metadata ?? {};
  const now = formatTime(new Date(ctx.clock.now()));
  await ctx.server.store('policy', 'poddisruptionbudgets').update(
    namespace,
    name,
    (current: PodDisruptionBudget) => {
      checkBudget(current);
      const next = structuredClone(current);
      const status = next.status;
      if (status) {
        status.disruptionsAllowed = (status.disruptionsAllowed ?? 0) - 1;
        status.disruptedPods = { ...status.disruptedPods, [podName]: now };
      }
      return next;
    },
    ctx,
    'status',
  );
}

function checkBudget(budget: PodDisruptionBudget): void {
  const name = budget.metadata?.name ?? '';
  const status = budget.status;
  if ((status?.observedGeneration ?? 0) < (budget.metadata?.generation ?? 0)) {
    throw violated(
      `The disruption budget ${name} is still being processed by the server.`,
      PROCESSING_RETRY_SECONDS,
    );
  }
  const of = { group: 'policy', resource: 'poddisruptionbudget' };
  const allowed = status?.disruptionsAllowed ?? 0;
  if (allowed < 0) throw forbidden(of, name, 'pdb disruptions allowed is negative');
  if (Object.keys(status?.disruptedPods ?? {}).length > MAX_DISRUPTED_PODS) {
    throw forbidden(
      of,
      name,
      'DisruptedPods map too big - too many evictions not confirmed by PDB controller',
    );
  }
  if (allowed === 0) {
    throw violated(
      `The disruption budget ${name} needs ${status?.desiredHealthy ?? 0} healthy pods and has ${status?.currentHealthy ?? 0} currently`,
      0,
    );
  }
}

function violated(why: string, retryAfterSeconds: number): Error {
  return failure(429, 'TooManyRequests', VIOLATED, {
    causes: [{ reason: 'DisruptionBudget', message: why }],
    ...(retryAfterSeconds > 0 ? { retryAfterSeconds } : {}),
  });
}

/** Says on the pod why it goes. A pod that is gone already needs no mark. */
async function markEvicted(pod: Pod, ctx: RequestContext): Promise<void> {
  const { namespace = '', name = '' } = pod.metadata ?? {};
  const now = formatTime(new Date(ctx.clock.now()));
  try {
    await ctx.server.store('', 'pods').update(
      namespace,
      name,
      (current: Pod) => {
        const next = structuredClone(current);
        next.status ??= {};
        const others = (next.status.conditions ?? []).filter(
          (condition) => condition.type !== 'DisruptionTarget',
        );
        next.status.conditions = [
          ...others,
          {
            type: 'DisruptionTarget',
            status: 'True',
            reason: 'EvictionByEvictionAPI',
            message: 'Eviction API: evicting',
            lastProbeTime: UNSET_TIME,
            lastTransitionTime: now,
          },
        ];
        return next;
      },
      ctx,
      'status',
    );
  } catch (err) {
    if (!isReason(err, 'NotFound')) throw err;
  }
}
