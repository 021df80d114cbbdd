/**
 * Random nodes and pods for property tests, and the objects that they stand for. What a shape means is said
 * twice: here in the API's words, and in `oracle.ts` in plain ones.
 */
import fc from 'fast-check';
import type { Node, Pod, PodAffinityTerm, PodStatus, Taint } from '../../pkg/api/types.js';
import { nodeOf, podOf } from './builders.js';

export const HOSTNAME = 'kubernetes.io/hostname';
export const PODS_PER_NODE = 5;
/** Namespace → its labels. */
export const NAMESPACES: Readonly<Record<string, Record<string, string>>> = {
  one: { team: 'x' },
  two: { team: 'y' },
};

export interface NodeShape {
  cpu: number;
  memory: number;
  devices: number;
  zone: string | undefined;
  disk: string | undefined;
  taint: Taint['effect'] | undefined;
  cordoned: boolean;
}

export interface Shape {
  namespace: string;
  priority: number;
  cpu: number;
  memory: number;
  /** Of an init container that runs before the rest, and of a sidecar that runs beside all of them. */
  initCpu: number;
  sidecarCpu: number;
  overheadCpu: number;
  /** What the pod asks for as a whole. */
  podCpu: number | undefined;
  /** What its main container has once it runs, where it is being resized. */
  resize: Resize | undefined;
  devices: number;
  zone: string | undefined;
  disk: { operator: string; values?: string[] } | undefined;
  app: string;
  revision: string;
  hostIP: string | undefined;
  protocol: string;
  tolerates: boolean;
  gated: boolean;
  near: Wish | undefined;
  away: Wish | undefined;
  spread: Spread | undefined;
}

export interface Resize {
  readonly held: number;
  readonly promised: number;
  /** Its node has refused it for good. */
  readonly infeasible: boolean;
}

/** To be where, or where not, pods of an app are. */
export interface Wish {
  readonly app: string;
  readonly key: string;
  readonly where: 'own' | 'everywhere' | 'team x' | 'listed two';
  readonly revision: 'any' | 'same' | 'other';
}

export interface Spread {
  maxSkew: number;
  key: string;
  minDomains: number | undefined;
  affinityPolicy: string;
  taintsPolicy: string;
  byRevision: boolean;
}

const apps = fc.constantFrom('web', 'db');
const keys = fc.constantFrom('zone', HOSTNAME);
const policies = fc.constantFrom('Honor', 'Ignore');
const rarely = fc.integer({ min: 0, max: 9 }).map((n) => n === 0);
export const upTo = (max: number, min = 0) => fc.integer({ min, max });
/** There in so many of a hundred. */
export const maybe = <T>(of: fc.Arbitrary<T>, percent = 50): fc.Arbitrary<T | undefined> =>
  fc.oneof(
    { weight: 100 - percent, arbitrary: fc.constant(undefined) },
    { weight: percent, arbitrary: of },
  );
/** Most often 0. */
const seldom = (max: number) => upTo(9).map((n) => (n < max ? n + 1 : 0));

const anyWish = (key: fc.Arbitrary<string>): fc.Arbitrary<Wish> =>
  fc.record({
    app: apps,
    key,
    where: fc.constantFrom<Wish['where']>('own', 'own', 'everywhere', 'team x', 'listed two'),
    revision: fc.constantFrom<Wish['revision']>('any', 'any', 'same', 'other'),
  });

export const anyNode: fc.Arbitrary<NodeShape> = fc.record({
  cpu: upTo(9, 2),
  memory: upTo(9, 2),
  devices: upTo(2),
  zone: maybe(fc.constantFrom('1', '2', '3'), 80),
  disk: maybe(fc.constantFrom('10', '20')),
  taint: maybe(fc.constantFrom('NoSchedule', 'NoExecute', 'PreferNoSchedule'), 30),
  cordoned: rarely,
});

export const anyPod: fc.Arbitrary<Shape> = fc.record({
  namespace: fc.constantFrom('one', 'two'),
  priority: upTo(3),
  cpu: upTo(2),
  memory: upTo(2),
  initCpu: upTo(2),
  sidecarCpu: seldom(1),
  overheadCpu: seldom(1),
  podCpu: fc.constantFrom(undefined, undefined, undefined, 1, 3),
  resize: maybe(fc.record({ held: upTo(3), promised: upTo(3), infeasible: fc.boolean() }), 30),
  devices: seldom(1),
  zone: maybe(fc.constantFrom('1', '2'), 20),
  disk: maybe(
    fc.constantFrom(
      { operator: 'In', values: ['10'] },
      { operator: 'NotIn', values: ['10'] },
      { operator: 'Exists' },
      { operator: 'DoesNotExist' },
      { operator: 'Gt', values: ['15'] },
      { operator: 'Lt', values: ['15'] },
    ),
    20,
  ),
  app: apps,
  revision: fc.constantFrom('r1', 'r2'),
  hostIP: maybe(fc.constantFrom('0.0.0.0', '', '10.0.0.1', '10.0.0.2'), 30),
  protocol: fc.constantFrom('TCP', 'TCP', 'UDP'),
  tolerates: fc.boolean(),
  gated: rarely,
  near: maybe(anyWish(keys), 25),
  away: maybe(anyWish(keys), 25),
  spread: maybe(
    fc.record({
      maxSkew: upTo(2, 1),
      key: keys,
      minDomains: maybe(upTo(3, 1)),
      affinityPolicy: policies,
      taintsPolicy: policies,
      byRevision: fc.boolean(),
    }),
    35,
  ),
});

export function madeNode(shape: NodeShape, i: number): Node {
  const { cpu, memory, devices, zone, disk, taint, cordoned } = shape;
  return nodeOf(`n${i}`, {
    cpu: `${cpu}`,
    memory: `${memory}Gi`,
    pods: `${PODS_PER_NODE}`,
    extra: { 'example.com/device': `${devices}` },
    labels: { ...(zone ? { zone } : {}), ...(disk ? { disk } : {}) },
    ...(taint ? { taints: [{ key: 'k', effect: taint }] } : {}),
    unschedulable: cordoned,
  });
}

/** `runs`: as it is once its node has seen it. */
export function madePod(name: string, shape: Shape, runs = false): Pod {
  const { spread, disk, near, away, podCpu, resize } = shape;
  const pod = podOf(name, {
    namespace: shape.namespace,
    priority: shape.priority,
    labels: { app: shape.app, revision: shape.revision },
    ...(runs && resize ? { status: statusOf(resize, requestsOf(shape)) } : {}),
    spec: {
      initContainers: [
        {
          name: 'sidecar',
          restartPolicy: 'Always',
          resources: { requests: { cpu: `${shape.sidecarCpu}` } },
        },
        { name: 'init', resources: { requests: { cpu: `${shape.initCpu}` } } },
      ],
      overhead: { cpu: `${shape.overheadCpu}` },
      ...(podCpu === undefined ? {} : { resources: { requests: { cpu: `${podCpu}` } } }),
      ...(shape.gated ? { schedulingGates: [{ name: 'example.com/gate' }] } : {}),
      ...(shape.zone ? { nodeSelector: { zone: shape.zone } } : {}),
      ...(shape.tolerates ? { tolerations: [{ key: 'k', operator: 'Exists' }] } : {}),
      affinity: {
        ...(disk
          ? {
              nodeAffinity: {
                requiredDuringSchedulingIgnoredDuringExecution: {
                  nodeSelectorTerms: [{ matchExpressions: [{ key: 'disk', ...disk }] }],
                },
              },
            }
          : {}),
        ...(near
          ? { podAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [termOf(near)] } }
          : {}),
        ...(away
          ? { podAntiAffinity: { requiredDuringSchedulingIgnoredDuringExecution: [termOf(away)] } }
          : {}),
      },
      ...(spread ? { topologySpreadConstraints: [constraintOf(spread, shape.app)] } : {}),
    },
  });
  const { hostIP, protocol } = shape;
  const ports =
    hostIP === undefined ? undefined : [{ containerPort: 80, hostPort: 80, hostIP, protocol }];
  const resources = { requests: requestsOf(shape) };
  if (pod.spec) pod.spec.containers = [{ name: 'main', resources, ...(ports ? { ports } : {}) }];
  return pod;
}

function requestsOf({ cpu, memory, devices }: Shape): Record<string, string> {
  return {
    cpu: `${cpu}`,
    memory: `${memory}Gi`,
    ...(devices > 0 ? { 'example.com/device': `${devices}` } : {}),
  };
}

function statusOf(
  { held, promised, infeasible }: Resize,
  requests: Record<string, string>,
): PodStatus {
  return {
    conditions: infeasible
      ? [{ type: 'PodResizePending', status: 'True', reason: 'Infeasible' }]
      : [],
    containerStatuses: [
      {
        name: 'main',
        image: '',
        imageID: '',
        ready: true,
        restartCount: 0,
        resources: { requests: { ...requests, cpu: `${held}` } },
        allocatedResources: { ...requests, cpu: `${promised}` },
      },
    ],
  };
}

function termOf({ app, key, where, revision }: Wish): PodAffinityTerm {
  return {
    topologyKey: key,
    labelSelector: { matchLabels: { app } },
    ...(where === 'everywhere' ? { namespaceSelector: {} } : {}),
    ...(where === 'team x' ? { namespaceSelector: { matchLabels: { team: 'x' } } } : {}),
    ...(where === 'listed two' ? { namespaces: ['two'] } : {}),
    ...(revision === 'same' ? { matchLabelKeys: ['revision'] } : {}),
    ...(revision === 'other' ? { mismatchLabelKeys: ['revision'] } : {}),
  };
}

function constraintOf(spread: Spread, app: string) {
  return {
    maxSkew: spread.maxSkew,
    topologyKey: spread.key,
    whenUnsatisfiable: 'DoNotSchedule',
    labelSelector: { matchLabels: { app } },
    nodeAffinityPolicy: spread.affinityPolicy,
    nodeTaintsPolicy: spread.taintsPolicy,
    ...(spread.minDomains ? { minDomains: spread.minDomains } : {}),
    ...(spread.byRevision ? { matchLabelKeys: ['revision'] } : {}),
  };
}
