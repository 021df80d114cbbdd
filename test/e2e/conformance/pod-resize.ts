/** Pods that get more or less while they run: what is asked for, what they are given, and that nothing restarts. */
import { isDeepStrictEqual } from 'node:util';
import type { V1Container, V1Pod } from '@kubernetes/client-node';
import { PatchStrategy } from '@kubernetes/client-node';
import { type Clause, podSpec, type World } from '../../support/clause.js';

/** cpu and memory requested, then both limits; empty for none. */
type Amounts = readonly [cpu: string, memory: string, cpuLimit: string, memoryLimit: string];

const CPU = { less: '15m', same: '20m', more: '25m', limit: '30m', moreLimit: '35m' };
const MEMORY = { less: '30Mi', same: '35Mi', more: '40Mi', moreLimit: '50Mi' };

function resources([cpu, memory, cpuLimit, memoryLimit]: Amounts): V1Container['resources'] {
  const given = (a: string, b: string) => ({
    ...(a ? { cpu: a } : {}),
    ...(b ? { memory: b } : {}),
  });
  const [requests, limits] = [given(cpu, memory), given(cpuLimit, memoryLimit)];
  return {
    ...(Object.keys(requests).length > 0 ? { requests } : {}),
    ...(Object.keys(limits).length > 0 ? { limits } : {}),
  };
}

const guaranteed = (cpu: string, memory: string): Amounts => [cpu, memory, cpu, memory];

function containersOf(all: readonly Amounts[]): V1Container[] {
  return all.map((amounts, i) => ({
    name: `c${i + 1}`,
    image: 'nginx:1',
    resources: resources(amounts) ?? {},
  }));
}

/** Spec and status of every container say so, nothing is left to do, and none of them was started again. */
async function has(w: World, wanted: readonly Amounts[]): Promise<void> {
  const asked = containersOf(wanted);
  const found = await w.until('the pod has what was asked for', async () => {
    const one = await w.pods.get('one');
    const statuses = new Map(one.status?.containerStatuses?.map((each) => [each.name, each]));
    const isDone = asked.every(({ name, resources }) => {
      const status = statuses.get(name);
      return (
        isDeepStrictEqual(plain(status?.resources), plain(resources)) &&
        isDeepStrictEqual(plain(status?.allocatedResources), plain(resources?.requests))
      );
    });
    const left = one.status?.conditions?.some(({ type }) => type.startsWith('PodResize'));
    return isDone && !left && one;
  });
  const { spec, status } = found;
  for (const { name, resources } of asked) {
    const own = spec?.containers.find((each) => each.name === name);
    w.t.same(plain(own?.resources), plain(resources), `${name} of the spec`);
    const state = status?.containerStatuses?.find((each) => each.name === name);
    w.t.equal(state?.restartCount, 0, name);
    w.t.ok(state?.state?.running, name);
  }
}

/** As it is sent: the client's types and ours differ. */
function plain(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value ?? {}));
}

async function resize(w: World, to: readonly Amounts[]): Promise<void> {
  const containers = containersOf(to).map(({ name, resources }) => ({ name, resources }));
  await w.pods.patch(
    'one',
    { spec: { containers } },
    { subresource: 'resize', as: PatchStrategy.StrategicMergePatch },
  );
  await has(w, to);
}

async function start(w: World, from: readonly Amounts[]): Promise<V1Pod> {
  await w.pods.create({
    metadata: { name: 'one' },
    spec: podSpec({ containers: containersOf(from) }),
  });
  const [pod] = await w.ready(1);
  await has(w, from);
  return pod ?? {};
}

/** There, and back again where what was added may be taken away. */
function resizes(from: readonly Amounts[], to: readonly Amounts[], back = true): Clause['run'] {
  return async (w) => {
    await start(w, from);
    await resize(w, to);
    if (back) await resize(w, from);
  };
}

const SAME = guaranteed(CPU.same, MEMORY.same);
const MORE = guaranteed(CPU.more, MEMORY.more);
const LESS = guaranteed(CPU.less, MEMORY.less);

export const podResize: readonly Clause[] = [
  {
    title: 'In-place Pod Resize, guaranteed pods with multiple containers, net increase',
    run: resizes([SAME, SAME, SAME], [MORE, MORE, LESS]),
  },
  {
    title: 'In-place Pod Resize, guaranteed pods with multiple containers, net decrease',
    run: resizes([SAME, SAME, SAME], [MORE, LESS, LESS]),
  },
  {
    title: 'In-place Pod Resize, guaranteed pods with multiple containers, various operations',
    run: resizes(
      [SAME, SAME, SAME],
      [guaranteed(CPU.more, MEMORY.same), guaranteed(CPU.less, MEMORY.more), MORE],
    ),
  },
  {
    title: 'In-place Pod Resize, burtable pod with multiple containers and various operations',
    run: resizes(
      [
        [CPU.same, '', '', ''],
        ['', MEMORY.same, '', ''],
        [CPU.same, MEMORY.same, '', ''],
        [CPU.same, '', '', ''],
        ['', MEMORY.same, '', ''],
        [CPU.same, MEMORY.same, CPU.limit, MEMORY.moreLimit],
      ],
      [
        [CPU.more, '', CPU.moreLimit, ''],
        ['', MEMORY.less, '', MEMORY.moreLimit],
        [CPU.same, MEMORY.less, '', ''],
        [CPU.less, MEMORY.same, '', ''],
        [CPU.same, MEMORY.more, '', ''],
        [CPU.more, MEMORY.more, CPU.moreLimit, MEMORY.moreLimit],
      ],
      false,
    ),
  },
  {
    title: 'In-place Pod Resize, burstable pod resized with equivalents',
    run: resizes([['2m', '', '10m', '']], [['1m', '', '5m', '']]),
  },
  {
    title: 'In-place Pod Resize, read and replace endpoints',
    run: async (w) => {
      await start(w, [SAME]);
      const [wanted] = containersOf([MORE]);
      await w.change(
        w.pods,
        'one',
        ({ spec }) => Object.assign(spec?.containers[0] ?? {}, { resources: wanted?.resources }),
        'resize',
      );
      await has(w, [MORE]);
      const read = async (subresource?: string) => {
        const { spec, status, metadata } = await w.pods.get('one', subresource);
        return { spec, status, name: metadata?.name, uid: metadata?.uid, labels: metadata?.labels };
      };
      w.t.same(await read('resize'), await read());
    },
  },
];
