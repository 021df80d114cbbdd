/**
 * Random claims, volumes and nodes against the rules of storage, written plainly: who is placed can use all
 * of its volumes there, who is refused could nowhere, and no volume is given to two claims, also while
 * bindings are under way. The API that plugins write to is played here: it binds and provisions at once.
 */
import fc from 'fast-check';
import t from 'tap';
import type {
  CSIDriver,
  CSIStorageCapacity,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  StorageClass,
} from '../pkg/api/types.js';
import type { EventHandler } from '../pkg/client/informer.js';
import { Store } from '../pkg/client/store.js';
import { FakeClock } from '../pkg/component/clock.js';
import type { CycleState } from './framework/interface.js';
import { type PodInfo, podInfoOf } from './framework/pod-info.js';
import { StorageCapacity } from './plugins/storage-capacity.js';
import { Volumes } from './plugins/volumes.js';
import { Cluster, nodeOf, podOf } from './testing/builders.js';
import { maybe, upTo } from './testing/random-cluster.js';

const RUNS = 400;
const ZONE = 'topology.kubernetes.io/zone';
const DRIVER = 'csi.example.com';
const DONE = { 'pv.kubernetes.io/bind-completed': 'yes' };
const PODS_PER_NODE = 4;
const CLAIMS = 6;

/** Of a claim: what it is bound to, or what becomes of it. */
type Kind = 'bound' | 'labelled' | 'local' | 'made' | 'immediate' | 'missing';

interface ClaimShape {
  readonly kind: Kind;
  readonly size: number;
  readonly zone: string | undefined;
  /** For one pod of the cluster. */
  readonly once: boolean;
}

interface World {
  readonly nodes: readonly { zone: string | undefined; limit: number | undefined }[];
  readonly claims: readonly ClaimShape[];
  /** Volumes that are there and free. */
  readonly free: readonly { size: number; zone: string | undefined }[];
  /** Where the class that provisions may do so; undefined: anywhere. */
  readonly allowed: string | undefined;
  /** What its driver has in each zone; undefined: it does not say. */
  readonly rooms: Readonly<Record<string, number>> | undefined;
  readonly pods: readonly { claims: readonly number[]; slow: boolean }[];
}

const zones = fc.constantFrom('1', '2');
const kinds: readonly Kind[] = ['bound', 'labelled', 'local', 'local', 'made', 'made'];
const worlds: fc.Arbitrary<World> = fc.record({
  nodes: fc.array(fc.record({ zone: maybe(zones, 80), limit: maybe(upTo(3)) }), {
    minLength: 1,
    maxLength: 4,
  }),
  claims: fc.array(
    fc.record({
      kind: fc.oneof(
        { weight: 12, arbitrary: fc.constantFrom(...kinds) },
        { weight: 1, arbitrary: fc.constantFrom<Kind>('immediate', 'missing') },
      ),
      size: upTo(3, 1),
      zone: maybe(zones),
      once: fc.integer({ min: 0, max: 3 }).map((n) => n === 0),
    }),
    { minLength: CLAIMS, maxLength: CLAIMS },
  ),
  free: fc.array(fc.record({ size: upTo(4, 1), zone: maybe(zones) }), { maxLength: 4 }),
  allowed: maybe(zones, 30),
  rooms: maybe(fc.dictionary(zones, upTo(3))),
  pods: fc.array(
    fc.record({
      claims: fc.uniqueArray(upTo(CLAIMS - 1), { maxLength: 3 }),
      slow: fc.integer({ min: 0, max: 4 }).map((n) => n === 0),
    }),
    { minLength: 1, maxLength: 8 },
  ),
});

t.test('pods go where their volumes can be, and no volume is given twice', async (t) => {
  const seen = { placed: 0, refused: 0, slow: 0 };
  const property = fc.asyncProperty(worlds, async (world) => {
    const api = new Api(world);
    const { cluster } = api;
    const placed: Placed[] = [];
    const pending: Placed[] = [];
    for (const [i, { claims, slow }] of world.pods.entries()) {
      const pod = podInfoOf(podWith(`p${i}`, claims));
      const possible = api.nodes.filter((node) => fits(api, claims, node, placed));
      const outcome = cluster.algorithm.schedule(pod);
      if (!('node' in outcome)) {
        seen.refused++;
        // What is promised and not written yet is not for the rules to know.
        const missed = pending.length === 0 ? possible[0] : undefined;
        if (missed) throw new Error(`p${i} fits on ${missed.metadata?.name}, and was refused`);
        continue;
      }
      seen.placed++;
      const node = possible.find(({ metadata }) => metadata?.name === outcome.node);
      if (!node) throw new Error(`p${i} breaks a rule on ${outcome.node}`);
      cluster.cache.assume(pod, outcome.node);
      const refused = cluster.framework.reserve(outcome.state, pod, outcome.node);
      if (refused) throw new Error(`p${i} lost its node: ${refused.reasons.join()}`);
      const one = { pod, claims, node, state: outcome.state };
      placed.push(one);
      if (slow) pending.push(one);
      else await settle(api, one);
    }
    seen.slow += pending.length;
    for (const one of pending) await settle(api, one);
    const users = new Map<string, string>();
    for (const claim of api.claims.values()) {
      const name = claim.spec?.volumeName;
      if (!name) continue;
      if (users.has(name)) throw new Error(`${name} was given twice`);
      users.set(name, claim.metadata?.name ?? '');
    }
  });
  await fc.assert(property, { seed: 35, numRuns: RUNS });
  t.ok(seen.placed > RUNS, `placed ${seen.placed}`);
  t.ok(seen.refused > RUNS, `refused ${seen.refused}`);
  t.ok(seen.slow > RUNS / 10, `slow ${seen.slow}`);
});

interface Placed {
  readonly pod: PodInfo;
  readonly claims: readonly number[];
  readonly node: Node;
  readonly state: CycleState;
}

/** Binds what the pod waits for, and looks whether it can use it. */
async function settle(api: Api, { pod, claims, node, state }: Placed): Promise<void> {
  const { signal } = new AbortController();
  await api.cluster.framework.preBind(state, pod, node.metadata?.name ?? '', signal);
  for (const index of claims) {
    const claim = api.claim(index);
    const volume = api.volumes.get(claim?.spec?.volumeName ?? '');
    if (!claim || !volume) throw new Error(`${pod.name} was bound before its claims were`);
    if (gibibytes(volume.spec?.capacity?.['storage']) < gibibytes(requestOf(claim)))
      throw new Error(`${pod.name} got a volume that is too small`);
    if (!reaches(volume, node)) throw new Error(`${pod.name} cannot reach its volume`);
  }
}

/** Whether a pod of these claims could run there, as the API shows the world. */
function fits(api: Api, claims: readonly number[], node: Node, placed: readonly Placed[]): boolean {
  const here = placed.filter((one) => one.node === node);
  if (here.length >= PODS_PER_NODE) return false;
  const local: PersistentVolumeClaim[] = [];
  for (const index of claims) {
    const shape = api.world.claims[index];
    const claim = api.claim(index);
    if (!shape || !claim) return false;
    if (shape.once && placed.some((one) => one.claims.includes(index))) return false;
    const volume = api.volumes.get(claim.spec?.volumeName ?? '');
    if (volume) {
      if (!reaches(volume, node)) return false;
    } else if (shape.kind === 'local') {
      local.push(claim);
    } else if (shape.kind !== 'made' || !canBeMade(api.world, shape.size, node)) {
      return false;
    }
  }
  return canAllHave(local, api.freeVolumes(node)) && areFewEnough(api, claims, node, here);
}

function canBeMade({ allowed, rooms }: World, size: number, node: Node): boolean {
  const zone = zoneOf(node);
  if (allowed !== undefined && zone !== allowed) return false;
  return rooms === undefined || (zone !== undefined && (rooms[zone] ?? 0) >= size);
}

/** Tries every way to give them out. */
function canAllHave(
  [claim, ...others]: readonly PersistentVolumeClaim[],
  volumes: readonly PersistentVolume[],
): boolean {
  if (!claim) return true;
  return volumes.some(
    (volume) =>
      gibibytes(volume.spec?.capacity?.['storage']) >= gibibytes(requestOf(claim)) &&
      canAllHave(
        others,
        volumes.filter((other) => other !== volume),
      ),
  );
}

/** A volume counts once, however many use it; those that are not the driver's do not. */
function areFewEnough(
  api: Api,
  claims: readonly number[],
  node: Node,
  here: readonly Placed[],
): boolean {
  const limit = api.limitOf(node);
  if (limit === undefined) return true;
  const counts = (index: number) => api.world.claims[index]?.kind !== 'local';
  const used = new Set(here.flatMap((one) => one.claims.filter(counts)));
  const more = claims.filter((index) => counts(index) && !used.has(index));
  return more.length === 0 || used.size + more.length <= limit;
}

/** Where its affinity lets it be used; a label of its zone binds only nodes that tell theirs. */
function reaches({ metadata, spec }: PersistentVolume, node: Node): boolean {
  const [term] = spec?.nodeAffinity?.required?.nodeSelectorTerms ?? [];
  const [wanted] = term?.matchExpressions?.[0]?.values ?? [];
  if (wanted !== undefined && zoneOf(node) !== wanted) return false;
  const label = metadata?.labels?.[ZONE];
  return label === undefined || zoneOf(node) === undefined || label === zoneOf(node);
}

class Api {
  readonly claims = new Store<PersistentVolumeClaim>();
  readonly volumes = new Store<PersistentVolume>();
  readonly nodes: readonly Node[];
  readonly cluster: Cluster;
  private readonly handlers = new Set<EventHandler<PersistentVolumeClaim>>();

  constructor(readonly world: World) {
    this.nodes = world.nodes.map(({ zone }, i) =>
      nodeOf(`n${i}`, { pods: `${PODS_PER_NODE}`, ...(zone ? { labels: { [ZONE]: zone } } : {}) }),
    );
    for (const [i, shape] of world.claims.entries()) this.begin(`c${i}`, shape);
    for (const [i, { size, zone }] of world.free.entries())
      this.volumes.set({ ...volumeOf(`free${i}`, size, zone), status: { phase: 'Available' } });
    const classes = new Store<StorageClass>();
    const drivers = new Store<CSIDriver>();
    const capacities = new Store<CSIStorageCapacity>();
    for (const one of classesOf(world)) classes.set(one);
    if (world.rooms) drivers.set({ metadata: { name: DRIVER }, spec: { storageCapacity: true } });
    for (const [zone, size] of Object.entries(world.rooms ?? {}))
      capacities.set({
        metadata: { name: `room-${zone}`, namespace: 'default' },
        storageClassName: 'made',
        nodeTopology: { matchLabels: { [ZONE]: zone } },
        capacity: `${size}Gi`,
      });
    this.cluster = new Cluster(this.nodes, [], {
      attachments: { csiNode: (name) => this.csiNode(name), ofNode: () => [] },
      volumes: (cache) =>
        new Volumes({
          clock: new FakeClock(),
          node: (name) => cache.node(name),
          claims: {
            store: this.claims,
            addHandler: (handler) => {
              this.handlers.add(handler);
              return () => this.handlers.delete(handler);
            },
          },
          volumes: { store: this.volumes },
          classes: { store: classes },
          capacity: new StorageCapacity({
            drivers: { store: drivers },
            capacities: { store: capacities },
          }),
          volumeClient: { update: async (volume) => this.bound(volume) },
          claimClient: {
            patch: async (_namespace, name, _type, patch) => this.provisioned(name, patch),
          },
        }),
    });
  }

  claim(index: number): PersistentVolumeClaim | undefined {
    return this.claims.get(`default/c${index}`);
  }

  freeVolumes(node: Node): PersistentVolume[] {
    return [...this.volumes.values()].filter(
      (volume) =>
        volume.metadata?.name?.startsWith('free') &&
        !volume.spec?.claimRef &&
        reaches(volume, node),
    );
  }

  limitOf({ metadata }: Node): number | undefined {
    return this.world.nodes[Number(metadata?.name?.slice(1))]?.limit;
  }

  private begin(name: string, { kind, size, zone, once }: ClaimShape): void {
    if (kind === 'missing') return;
    const isBound = kind === 'bound' || kind === 'labelled';
    if (isBound) {
      const volume = volumeOf(`v-${name}`, size, kind === 'bound' ? zone : undefined, DRIVER);
      const labels: Record<string, string> = kind === 'labelled' && zone ? { [ZONE]: zone } : {};
      this.volumes.set({ ...volume, metadata: { ...volume.metadata, labels } });
    }
    this.claims.set({
      metadata: { namespace: 'default', name, uid: name, annotations: isBound ? DONE : {} },
      spec: {
        resources: { requests: { storage: `${size}Gi` } },
        accessModes: [once ? 'ReadWriteOncePod' : 'ReadWriteOnce'],
        ...(isBound ? { volumeName: `v-${name}` } : { storageClassName: kind }),
      },
    });
  }

  /** A volume was reserved for a claim, which then is bound to it. */
  private bound(volume: PersistentVolume): PersistentVolume {
    this.volumes.set(volume);
    this.bind(volume.spec?.claimRef?.name ?? '', volume.metadata?.name ?? '');
    return volume;
  }

  /** A node was chosen for a claim, and the driver makes a volume that is in the node's zone. */
  private provisioned(name: string, patch: unknown): PersistentVolumeClaim {
    const node = this.nodes.find((one) =>
      JSON.stringify(patch).includes(`"${one.metadata?.name}"`),
    );
    const claim = this.claims.get(`default/${name}`);
    if (!node || !claim)
      throw new Error(`a node was chosen for ${name}, and one of them is not there`);
    const size = gibibytes(requestOf(claim));
    this.volumes.set(volumeOf(`made-${name}`, size, zoneOf(node), DRIVER));
    return this.bind(name, `made-${name}`);
  }

  private bind(name: string, volumeName: string): PersistentVolumeClaim {
    const old = this.claims.get(`default/${name}`);
    if (!old) throw new Error(`no claim ${name}`);
    if (old.spec?.volumeName && old.spec.volumeName !== volumeName)
      throw new Error(`${name} is bound to ${old.spec.volumeName} and to ${volumeName}`);
    const claim = {
      ...old,
      metadata: { ...old.metadata, annotations: DONE },
      spec: { ...old.spec, volumeName },
    };
    this.claims.set(claim);
    for (const handler of [...this.handlers]) handler.update?.(old, claim);
    return claim;
  }

  private csiNode(name: string) {
    const limit = this.world.nodes[Number(name.slice(1))]?.limit;
    if (limit === undefined) return undefined;
    const drivers = [{ name: DRIVER, nodeID: name, allocatable: { count: limit } }];
    return { metadata: { name }, spec: { drivers } };
  }
}

function classesOf({ allowed }: World): StorageClass[] {
  const waits = 'WaitForFirstConsumer';
  const topologies = [{ matchLabelExpressions: [{ key: ZONE, values: [allowed ?? ''] }] }];
  return [
    {
      metadata: { name: 'made' },
      provisioner: DRIVER,
      volumeBindingMode: waits,
      ...(allowed === undefined ? {} : { allowedTopologies: topologies }),
    },
    {
      metadata: { name: 'local' },
      provisioner: 'kubernetes.io/no-provisioner',
      volumeBindingMode: waits,
    },
    { metadata: { name: 'immediate' }, provisioner: DRIVER, volumeBindingMode: 'Immediate' },
  ];
}

function volumeOf(name: string, size: number, zone?: string, driver?: string): PersistentVolume {
  const inZone = { key: ZONE, operator: 'In', values: [zone ?? ''] };
  return {
    metadata: { name },
    spec: {
      capacity: { storage: `${size}Gi` },
      accessModes: ['ReadWriteOnce', 'ReadWriteOncePod'],
      storageClassName: driver ? '' : 'local',
      ...(driver ? { csi: { driver, volumeHandle: name } } : {}),
      ...(zone
        ? { nodeAffinity: { required: { nodeSelectorTerms: [{ matchExpressions: [inZone] }] } } }
        : {}),
    },
  };
}

function podWith(name: string, claims: readonly number[]): Pod {
  return podOf(name, {
    spec: {
      volumes: claims.map((index) => ({
        name: `c${index}`,
        persistentVolumeClaim: { claimName: `c${index}` },
      })),
    },
  });
}

function requestOf({ spec }: PersistentVolumeClaim): unknown {
  return spec?.resources?.requests?.['storage'];
}

function gibibytes(quantity: unknown): number {
  return Number.parseInt(String(quantity), 10);
}

function zoneOf({ metadata }: Node): string | undefined {
  return metadata?.labels?.[ZONE];
}
