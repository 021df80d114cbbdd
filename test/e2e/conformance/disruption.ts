/** PodDisruptionBudgets: endpoints, what they allow, and evictions that they hold up. */
import type { V1PodDisruptionBudget } from '@kubernetes/client-node';
import { type Clause, podTemplate, type World } from '../../support/clause.js';
import { failureOf, nameOf } from '../../support/kube.js';

function budget(minAvailable: number | string, name = 'keep', labels = {}): V1PodDisruptionBudget {
  return {
    metadata: { name, labels },
    spec: { minAvailable, selector: { matchLabels: { app: 'web' } } },
  };
}

async function webs(w: World, replicas: number): Promise<void> {
  await w.replicaSets.create({
    metadata: { name: 'web' },
    spec: { replicas, selector: { matchLabels: { app: 'web' } }, template: podTemplate('web') },
  });
}

/** What the controller has counted for the newest spec. */
function allowed({ budgets, until }: World, count: number): Promise<V1PodDisruptionBudget> {
  return until(`${count} disruptions are allowed`, async () => {
    const found = await budgets.get('keep');
    const { disruptionsAllowed, observedGeneration } = found.status ?? {};
    const seen = observedGeneration === found.metadata?.generation;
    return seen && disruptionsAllowed === count && found;
  });
}

const evict = (w: World, name: string) =>
  w.pods.post(name, 'eviction', {
    apiVersion: 'policy/v1',
    kind: 'Eviction',
    metadata: { name, namespace: w.namespace },
  });

export const disruptions: readonly Clause[] = [
  {
    title: 'PodDisruptionBudget: list and delete collection',
    run: async (w) => {
      const mine = { of: w.namespace };
      const other = `${w.namespace}-other`;
      await w.namespaces.create({ metadata: { name: other } });
      const elsewhere = w.objects.at<V1PodDisruptionBudget>(
        'policy/v1',
        'poddisruptionbudgets',
        other,
      );
      await w.budgets.create(budget(1, 'a', mine));
      await w.budgets.create(budget('50%', 'b', mine));
      await elsewhere.create(budget(1, 'c', mine));
      const everywhere = w.all<V1PodDisruptionBudget>('policy/v1', 'poddisruptionbudgets');
      const names = async () => (await everywhere.list(`of=${w.namespace}`)).map(nameOf).sort();
      w.t.same(await names(), ['a', 'b', 'c']);
      w.t.same((await w.budgets.list(`of=${w.namespace}`)).map(nameOf).sort(), ['a', 'b']);
      await w.budgets.deleteCollection(`of=${w.namespace}`);
      await w.until('those of one namespace are gone', async () => (await names()).join() === 'c');
      await w.namespaces.delete(other);
    },
  },
  {
    title: 'PodDisruptionBudget: block an eviction until the PDB is updated to allow it',
    run: async (w) => {
      await webs(w, 3);
      const [first, second] = (await w.ready(3)).map(nameOf);
      if (first === undefined || second === undefined) throw new Error('no pods');
      await w.budgets.create(budget(3));
      await allowed(w, 0);
      w.t.match(await failureOf(evict(w, first)), {
        code: 429,
        reason: 'TooManyRequests',
        message: "Cannot evict pod as it would violate the pod's disruption budget.",
      });
      w.t.equal((await w.pods.get(first)).metadata?.deletionTimestamp, undefined);
      await w.budgets.patch('keep', { spec: { minAvailable: 2 } });
      await allowed(w, 1);
      await evict(w, first);
      await w.gone(w.pods, first);
      await w.budgets.patch('keep', { spec: { minAvailable: 3 } });
      await allowed(w, 0);
      w.t.equal((await failureOf(evict(w, second))).code, 429);
      await w.budgets.delete('keep');
      await w.gone(w.budgets, 'keep');
      await w.until('the eviction is free', () => evict(w, second).then(() => true));
      await w.gone(w.pods, second);
    },
  },
  {
    title: 'PodDisruptionBudget: create, update, patch, and delete object',
    run: async (w) => {
      const created = await w.budgets.create(budget(1));
      w.t.equal(created.spec?.minAvailable, 1);
      const updated = await w.change(w.budgets, 'keep', ({ spec }) => {
        if (spec) spec.minAvailable = 2;
      });
      w.t.equal(updated.spec?.minAvailable, 2);
      const patched = await w.budgets.patch('keep', { spec: { minAvailable: '50%' } });
      w.t.equal(patched.spec?.minAvailable, '50%');
      await w.budgets.delete('keep');
      await w.gone(w.budgets, 'keep');
    },
  },
  {
    title: 'PodDisruptionBudget: Status updates',
    run: async (w) => {
      await w.budgets.create(budget(1));
      await webs(w, 3);
      const { status } = await allowed(w, 2);
      w.t.match(status, { currentHealthy: 3, desiredHealthy: 1, expectedPods: 3 });
    },
  },
  {
    title: 'PodDisruptionBudget: update and patch status',
    run: async (w) => {
      await webs(w, 3);
      await w.ready(3);
      await w.budgets.create(budget(1));
      await allowed(w, 2);
      const old = '2020-01-01T00:00:00Z';
      const updated = await w.change(
        w.budgets,
        'keep',
        ({ status }) => {
          if (status) status.disruptedPods = { gone: new Date(old) };
        },
        'status',
      );
      w.t.same(Object.keys(updated.status?.disruptedPods ?? {}), ['gone']);
      const { metadata } = await w.budgets.get('keep');
      const patched = await w.budgets.patch(
        'keep',
        {
          metadata: {
            annotations: { patched: 'status' },
            resourceVersion: metadata?.resourceVersion,
          },
          status: { disruptedPods: null },
        },
        { subresource: 'status' },
      );
      w.t.same(patched.status?.disruptedPods ?? {}, {});
    },
  },
];
