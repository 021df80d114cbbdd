/** Nodes, pods and clusters for the scheduler's tests: only the fields that matter are given. */

import type {
  Container,
  CSIDriver,
  CSIStorageCapacity,
  DeviceClass,
  Node,
  NodeSpec,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodSpec,
  ResourceClaim,
  ResourceSlice,
  StorageClass,
  Taint,
} from '../../pkg/api/types.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { Store } from '../../pkg/client/store.js';
import { FakeClock } from '../../pkg/component/clock.js';
import { Algorithm } from '../algorithm.js';
import { SchedulerCache } from '../cache/cache.js';
import { argsOf, DEFAULT_SCHEDULER_NAME, withDefaults } from '../config/defaults.js';
import type { GivenProfile } from '../config/given.js';
import { ClaimBook } from '../devices/claims.js';
import { Framework } from '../framework/framework.js';
import { type PodInfo, podInfoOf } from '../framework/pod-info.js';
import { profilePlugins } from '../framework/profile.js';
import { allPlugins } from '../plugins/index.js';
import type { Attachments } from '../plugins/node-volume-limits.js';
import type { DefaultSelector } from '../plugins/pod-topology-spread.js';
import { StorageCapacity } from '../plugins/storage-capacity.js';
import { Volumes } from '../plugins/volumes.js';
import { Nominator } from '../queue/nominator.js';

export interface NodeShape {
  cpu?: string;
  memory?: string;
  pods?: string;
  extra?: Record<string, string>;
  labels?: Record<string, string>;
  taints?: Taint[];
  unschedulable?: boolean;
  /** Name → bytes. */
  images?: Record<string, number>;
}

export function nodeOf(name: string, shape: NodeShape = {}): Node {
  const { cpu = '4', memory = '8Gi', pods = '110', extra = {}, taints, unschedulable } = shape;
  const spec: NodeSpec = {
    ...(taints ? { taints } : {}),
    ...(unschedulable ? { unschedulable } : {}),
  };
  const images = Object.entries(shape.images ?? {});
  return {
    metadata: { name, labels: { 'kubernetes.io/hostname': name, ...shape.labels } },
    spec,
    status: {
      allocatable: { cpu, memory, pods, ...extra },
      images: images.map(([image, sizeBytes]) => ({ names: [image], sizeBytes })),
    },
  };
}

export interface PodShape {
  uid?: string;
  namespace?: string;
  labels?: Record<string, string>;
  priority?: number;
  requests?: Record<string, string>;
  image?: string;
  hostPort?: number;
  spec?: Partial<PodSpec>;
  status?: Pod['status'];
  /** Seconds after the start of 2026. */
  started?: number;
  terminating?: boolean;
}

export function podOf(name: string, shape: PodShape = {}): Pod {
  const { namespace = 'default', labels = {}, priority, requests, image = 'app', hostPort } = shape;
  const container: Container = {
    name: 'main',
    image,
    ...(requests ? { resources: { requests } } : {}),
    ...(hostPort ? { ports: [{ containerPort: hostPort, hostPort }] } : {}),
  };
  const started = shape.started;
  return {
    metadata: {
      name,
      namespace,
      uid: shape.uid ?? name,
      labels,
      ...(shape.terminating ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {}),
    },
    spec: {
      containers: [container],
      ...(priority === undefined ? {} : { priority }),
      ...shape.spec,
    },
    status: {
      ...(started === undefined ? {} : { startTime: at(started) }),
      ...shape.status,
    },
  };
}

export interface Placed {
  node: string;
  pod: Pod;
}

export class Cluster {
  readonly cache = new SchedulerCache();
  readonly nominator = new Nominator();
  readonly framework: Framework;
  readonly algorithm: Algorithm;

  constructor(
    nodes: readonly Node[],
    pods: readonly Placed[] = [],
    options: {
      defaultSelector?: DefaultSelector;
      namespaces?: Readonly<Record<string, Record<string, string>>>;
      random?: () => number;
      profile?: GivenProfile;
      devices?: ClaimBook;
      volumes?: (cache: SchedulerCache) => Volumes;
      attachments?: Attachments;
    } = {},
  ) {
    const random = options.random ?? (() => 0.5);
    const [profile] = withDefaults({ profiles: [options.profile ?? {}] }).profiles;
    if (!profile) throw new Error('there is always a profile');
    const registry = allPlugins({
      args: (name) => argsOf(profile, name),
      cache: this.cache,
      pods: { createSubresource: () => Promise.reject(new Error('nothing is bound in this test')) },
      volumes: (options.volumes ?? noVolumes)(this.cache),
      devices: options.devices ?? noDevices(),
      clock: new FakeClock(),
      attachments: options.attachments ?? { csiNode: () => undefined, ofNode: () => [] },
      defaultSelector: options.defaultSelector ?? (() => undefined),
      namespaceLabels: (name) => options.namespaces?.[name] ?? {},
    });
    this.framework = new Framework(
      DEFAULT_SCHEDULER_NAME,
      profilePlugins(DEFAULT_SCHEDULER_NAME, profile.plugins, registry),
    );
    this.algorithm = new Algorithm({
      cache: this.cache,
      nominator: this.nominator,
      framework: this.framework,
      random,
    });
    for (const node of nodes) this.cache.setNode(node);
    for (const { node, pod } of pods) this.cache.addPod(podInfoOf(pod), node);
  }

  /** Node name, or the message that says why not. */
  schedule(pod: Pod): string {
    const outcome = this.algorithm.schedule(podInfoOf(pod));
    return 'node' in outcome ? outcome.node : outcome.diagnosis.message();
  }

  info(uid: string): PodInfo {
    const info = this.cache.pod(uid);
    if (!info) throw new Error(`pod ${uid} is not in the cluster`);
    return info;
  }
}

/** Pods of these tests have no claims. */
function noVolumes(cache: SchedulerCache): Volumes {
  const refuse = () => Promise.reject(new Error('no volume is written in this test'));
  return new Volumes({
    clock: new FakeClock(),
    node: (name) => cache.node(name),
    claims: { store: new Store<PersistentVolumeClaim>(), addHandler: () => () => true },
    volumes: { store: new Store<PersistentVolume>() },
    classes: { store: new Store<StorageClass>() },
    capacity: new StorageCapacity({
      drivers: { store: new Store<CSIDriver>() },
      capacities: { store: new Store<CSIStorageCapacity>() },
    }),
    claimClient: { patch: refuse },
    volumeClient: { update: refuse },
  });
}

/** Nor for devices. */
function noDevices(): ClaimBook {
  return devicesOf([], [], []);
}

/** Claims are not written anywhere. */
export function devicesOf(
  claims: readonly ResourceClaim[],
  slices: readonly ResourceSlice[],
  classes: readonly DeviceClass[],
): ClaimBook {
  const refuse = () => Promise.reject(new Error('no claim is written in this test'));
  const filled = <T extends KubeObject>(objects: readonly T[]) => {
    const store = new Store<T>();
    for (const obj of objects) store.set(obj);
    return store;
  };
  return new ClaimBook({
    claims: { store: filled(claims), addHandler: () => () => true },
    slices: { store: filled(slices) },
    classes: { store: filled(classes) },
    client: { get: refuse, update: refuse, updateStatus: refuse },
  });
}

export function at(seconds: number): string {
  return new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString().replace('.000Z', 'Z');
}
