/** Nodes, pods and clusters for the scheduler's tests: only the fields that matter are given. */

import type { Container, Node, NodeSpec, Pod, PodSpec, Taint } from '../../pkg/api/types.js';
import { Algorithm } from '../algorithm.js';
import { SchedulerCache } from '../cache/cache.js';
import { Framework } from '../framework/framework.js';
import { type PodInfo, podInfoOf } from '../framework/pod-info.js';
import { imageLocality } from '../plugins/image-locality.js';
import { interPodAffinity } from '../plugins/inter-pod-affinity.js';
import { nodeAffinity } from '../plugins/node-affinity.js';
import { nodeName } from '../plugins/node-name.js';
import { nodePorts } from '../plugins/node-ports.js';
import { nodeResourcesBalancedAllocation } from '../plugins/node-resources-balanced-allocation.js';
import { nodeResourcesFit } from '../plugins/node-resources-fit.js';
import { nodeUnschedulable } from '../plugins/node-unschedulable.js';
import { type DefaultSelector, podTopologySpread } from '../plugins/pod-topology-spread.js';
import { taintToleration } from '../plugins/taint-toleration.js';
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
      namespaces?: Record<string, Record<string, string>>;
      random?: () => number;
    } = {},
  ) {
    const random = options.random ?? (() => 0.5);
    const all = () => this.cache.nodeList();
    this.framework = new Framework('default-scheduler', [
      { plugin: nodeUnschedulable, weight: 0 },
      { plugin: nodeName, weight: 0 },
      { plugin: taintToleration, weight: 3 },
      { plugin: nodeAffinity, weight: 2 },
      { plugin: nodePorts, weight: 0 },
      { plugin: nodeResourcesFit, weight: 1 },
      {
        plugin: podTopologySpread({
          defaultSelector: options.defaultSelector ?? (() => undefined),
          nodes: all,
        }),
        weight: 2,
      },
      {
        plugin: interPodAffinity({
          namespaceLabels: (name) => options.namespaces?.[name] ?? {},
          nodes: all,
        }),
        weight: 2,
      },
      { plugin: nodeResourcesBalancedAllocation, weight: 1 },
      { plugin: imageLocality(this.cache), weight: 1 },
    ]);
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

export function at(seconds: number): string {
  return new Date(Date.UTC(2026, 0, 1, 0, 0, seconds)).toISOString().replace('.000Z', 'Z');
}
