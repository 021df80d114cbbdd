/**
 * Random clusters against the rules once more, written plainly from the API's documentation: what is placed
 * breaks no rule, what is refused fits nowhere, and preemption makes room by the fewest and least it may.
 */
import fc from 'fast-check';
import t from 'tap';
import type { Pod } from '../pkg/api/types.js';
import { defaultArgs } from './config/defaults.js';
import { podInfoOf } from './framework/pod-info.js';
import { preempt } from './preemption.js';
import { Cluster, nodeOf, podOf } from './testing/builders.js';
import { couldMakeRoom, fits, type Placed } from './testing/oracle.js';
import { anyNode, anyPod, madeNode, madePod, NAMESPACES, upTo } from './testing/random-cluster.js';

const RUNS = 1000;

t.test(
  'placements break no rule, refusals are true, preemption makes room as it may',
  async (t) => {
    const seen = { placed: 0, refused: 0, preempted: 0, helpless: 0 };
    fc.assert(
      fc.property(
        fc.array(anyNode, { minLength: 1, maxLength: 6 }),
        fc.array(anyPod, { minLength: 1, maxLength: 16 }),
        (nodeShapes, podShapes) => {
          const nodes = nodeShapes.map(madeNode);
          const cluster = new Cluster(nodes, [], { namespaces: NAMESPACES });
          let placed: Placed[] = [];
          for (const [i, shape] of podShapes.entries()) {
            const name = `p${i}`;
            const pod = podInfoOf(madePod(name, shape));
            const gate = cluster.framework.preEnqueue(pod.pod);
            if ((gate !== undefined) !== shape.gated) throw new Error(`${name} and its gate`);
            if (gate) continue;
            const running = podInfoOf(madePod(name, shape, true));
            const outcome = cluster.algorithm.schedule(pod);
            const possible = nodes.filter((node) => fits(shape, node, nodes, placed));
            if ('node' in outcome) {
              const node = possible.find((n) => n.metadata?.name === outcome.node);
              if (!node) throw new Error(`${name} breaks a rule on ${outcome.node}`);
              cluster.cache.assume(running, outcome.node);
              placed.push({ name, shape, node });
              seen.placed++;
              continue;
            }
            if (possible.length > 0)
              throw new Error(`${name} fits on ${possible[0]?.metadata?.name}, and was refused`);
            seen.refused++;
            const decision = preempt(
              {
                args: defaultArgs('DefaultPreemption'),
                cache: cluster.cache,
                framework: cluster.framework,
                algorithm: cluster.algorithm,
                budgets: () => [],
                random: () => 0,
              },
              outcome.state,
              pod,
              outcome.diagnosis,
            );
            if ('message' in decision) {
              seen.helpless++;
              const missed = nodes.find((node) => couldMakeRoom(shape, node, nodes, placed));
              if (missed) throw new Error(`${name} could have had ${missed.metadata?.name}`);
              continue;
            }
            seen.preempted++;
            const victims = new Set(decision.victims.map((victim) => victim.name));
            const node = nodes.find((n) => n.metadata?.name === decision.node);
            if (!node) throw new Error('preemption on a node that is not there');
            if (placed.some((p) => victims.has(p.name) && p.shape.priority >= shape.priority))
              throw new Error(`${name} drove out a pod that matters as much`);
            if (placed.some((p) => victims.has(p.name) && p.node !== node))
              throw new Error(`${name} drove out a pod of another node`);
            const left = placed.filter((p) => !victims.has(p.name));
            if (!fits(shape, node, nodes, left))
              throw new Error(`${name} does not fit on ${decision.node} after its preemption`);
            // Carried out, so that what follows meets a cluster that was preempted in.
            for (const { uid } of decision.victims) cluster.cache.forget(uid);
            cluster.cache.assume(running, decision.node);
            placed = [...left, { name, shape, node }];
          }
          return true;
        },
      ),
      { seed: 35, numRuns: RUNS },
    );
    t.ok(seen.placed > RUNS, `placed ${seen.placed}`);
    t.ok(seen.refused > RUNS, `refused ${seen.refused}`);
    t.ok(seen.preempted > RUNS / 10, `preempted ${seen.preempted}`);
    t.ok(seen.helpless > RUNS, `helpless ${seen.helpless}`);
  },
);

/** Somebody on a node; all are of one namespace. */
interface Tenant {
  readonly name: string;
  readonly cpu: number;
  readonly memory: number;
  readonly hasPort: boolean;
  readonly priority: number;
  readonly app: string;
}

interface House {
  readonly cpu: number;
  readonly memory: number;
  readonly tenants: readonly Tenant[];
}

const TENANTS_MAX = 5;
const anyTenant = fc.record({
  name: fc.constant(''),
  cpu: upTo(3),
  memory: upTo(2),
  hasPort: fc.boolean(),
  priority: upTo(4),
  app: fc.constantFrom('a', 'b', 'c'),
});
const anyHouse: fc.Arbitrary<House> = fc
  .record({
    cpu: upTo(6, 2),
    memory: upTo(5, 2),
    tenants: fc.array(anyTenant, { minLength: 1, maxLength: TENANTS_MAX }),
  })
  // As many as there is room for.
  .map(({ tenants, ...house }) => {
    const left: Tenant[] = [];
    for (const tenant of tenants)
      if (houses({ ...house, tenants: left }, tenant, left)) left.push(tenant);
    return { ...house, tenants: left };
  });
/** App → whether its budget has nothing left to give; others have enough for everybody, or there is none. */
const anyBudgets = fc.dictionary(fc.constantFrom('a', 'b', 'c'), fc.boolean());

t.test(
  'who is driven out had to be: the least important, the fewest, and within budgets',
  async (t) => {
    const seen = { preempted: 0, withinBudgets: 0, beyond: 0, helpless: 0 };
    const property = fc.property(
      fc.array(anyHouse, { minLength: 1, maxLength: 3 }),
      anyBudgets,
      fc.record({ cpu: upTo(5, 1), memory: upTo(4), hasPort: fc.boolean() }),
      (given, budgets, wish) => {
        const town = given.map((house, i) => ({
          ...house,
          tenants: house.tenants.map((tenant, j) => ({ ...tenant, name: `t${i}-${j}` })),
        }));
        const urgent: Tenant = { ...wish, name: 'urgent', priority: 3, app: 'urgent' };
        if (town.some((house) => houses(house, urgent, house.tenants))) return;
        const decision = preempted(town, urgent, budgets);
        const breaks = ({ app }: Tenant) => budgets[app] === true;
        const ways = town.map((house) => waysOut(house, urgent));
        if ('message' in decision) {
          seen.helpless++;
          if (ways.some((sets) => sets.length > 0)) throw new Error('there is a way to make room');
          return;
        }
        seen.preempted++;
        const index = Number(decision.node.slice(1));
        const names = new Set(decision.victims.map(({ name }) => name));
        const sets = ways[index] ?? [];
        const out = sets.find(
          (set) => set.length === names.size && set.every((v) => names.has(v.name)),
        );
        if (!out) throw new Error('the victims make no room, or matter too much');
        if (sets.some((set) => set.length < out.length && set.every((one) => out.includes(one))))
          throw new Error('somebody went for nothing');
        const harmless = ways.flat().filter((set) => !set.some(breaks));
        if (harmless.length === 0) {
          seen.beyond++;
          return;
        }
        seen.withinBudgets++;
        if (out.some(breaks)) throw new Error('a budget was broken for nothing');
        const highest = (set: readonly Tenant[]) =>
          Math.max(...set.map(({ priority }) => priority));
        if (highest(out) !== Math.min(...harmless.map(highest)))
          throw new Error('somebody less important could have gone');
      },
    );
    fc.assert(property, { seed: 35, numRuns: 2 * RUNS });
    t.ok(seen.withinBudgets > RUNS / 10, `within budgets ${seen.withinBudgets}`);
    t.ok(seen.beyond > RUNS / 20, `beyond budgets ${seen.beyond}`);
    t.ok(seen.helpless > RUNS / 10, `helpless ${seen.helpless}`);
  },
);

function preempted(
  town: readonly House[],
  urgent: Tenant,
  budgets: Record<string, boolean>,
): ReturnType<typeof preempt> {
  const cluster = new Cluster(
    town.map(({ cpu, memory }, i) => nodeOf(`n${i}`, { cpu: `${cpu}`, memory: `${memory}Gi` })),
    town.flatMap(({ tenants }, i) =>
      tenants.map((tenant) => ({ node: `n${i}`, pod: podOfTenant(tenant) })),
    ),
  );
  const info = podInfoOf(podOfTenant(urgent));
  const outcome = cluster.algorithm.schedule(info);
  if ('node' in outcome) throw new Error('there was no room a moment ago');
  const list = Object.entries(budgets).map(([app, isSpent]) => ({
    metadata: { name: app, namespace: 'default' },
    spec: { selector: { matchLabels: { app } } },
    status: {
      disruptionsAllowed: isSpent ? 0 : TENANTS_MAX * 3,
      currentHealthy: 1,
      desiredHealthy: 1,
      expectedPods: 1,
    },
  }));
  const options = {
    args: defaultArgs('DefaultPreemption'),
    cache: cluster.cache,
    framework: cluster.framework,
    algorithm: cluster.algorithm,
    budgets: () => list,
    random: () => 0,
  };
  return preempt(options, outcome.state, info, outcome.diagnosis);
}

function podOfTenant({ name, cpu, memory, hasPort, priority, app }: Tenant): Pod {
  return podOf(name, {
    requests: { cpu: `${cpu}`, memory: `${memory}Gi` },
    priority,
    labels: { app },
    ...(hasPort ? { hostPort: 80 } : {}),
  });
}

/** Whether the pod has room beside those who stay. */
function houses({ cpu, memory }: House, pod: Tenant, stay: readonly Tenant[]): boolean {
  const sum = (of: (tenant: Tenant) => number) => stay.reduce((all, one) => all + of(one), 0);
  return (
    (pod.cpu === 0 || pod.cpu + sum((one) => one.cpu) <= cpu) &&
    (pod.memory === 0 || pod.memory + sum((one) => one.memory) <= memory) &&
    !(pod.hasPort && stay.some(({ hasPort }) => hasPort))
  );
}

/** All sets of less important tenants without whom there is room. */
function waysOut(house: House, pod: Tenant): Tenant[][] {
  const lower = house.tenants.filter(({ priority }) => priority < pod.priority);
  const sets = Array.from({ length: 2 ** lower.length }, (_, bits) =>
    lower.filter((_tenant, i) => (bits >> i) % 2 === 1),
  );
  return sets.filter((set) =>
    houses(
      house,
      pod,
      house.tenants.filter((tenant) => !set.includes(tenant)),
    ),
  );
}
