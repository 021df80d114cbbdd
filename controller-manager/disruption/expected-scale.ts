/**
 * How many pods there should be of those that a budget selects: the scales of all their controllers together.
 * A ReplicaSet of a Deployment counts as the Deployment; what is neither of these nor a StatefulSet or
 * ReplicationController is asked for its scale. A pod without a controller has none that could be counted.
 */
import type { Deployment, Pod, ReplicaSet } from '../../pkg/api/types.js';
import { controllerOf, type KubeObject, type OwnerReference } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import {
  DEPLOYMENTS,
  REPLICA_SETS,
  REPLICATION_CONTROLLERS,
  type ResourceRef,
  STATEFUL_SETS,
} from '../../pkg/client/resources.js';
import type { Store } from '../../pkg/client/store.js';
import type { ScaleTargets } from '../autoscaling/scale-target.js';

interface Scaled extends KubeObject {
  spec?: { replicas?: number };
}

interface Scale {
  readonly uid: string;
  readonly replicas: number;
}

export interface ScaleSources {
  readonly deployments: Pick<Store<Deployment>, 'get'>;
  readonly replicaSets: Pick<Store<ReplicaSet>, 'get'>;
  readonly replicationControllers: Pick<Store<Scaled>, 'get'>;
  readonly statefulSets: Pick<Store<Scaled>, 'get'>;
  readonly targets: Pick<ScaleTargets, 'resourceOf' | 'get' | 'isScalable'>;
}

export interface ExpectedScale {
  readonly expected: number;
  /** Names of pods without a controller. */
  readonly unmanaged: readonly string[];
}

/** Throws where a controller is not to be found, or has no scale. */
export async function expectedScale(
  pods: readonly Pod[],
  sources: ScaleSources,
  signal: AbortSignal,
): Promise<ExpectedScale> {
  const scales = new Map<string, number>();
  const asked = new Set<string>();
  const unmanaged: string[] = [];
  for (const pod of pods) {
    const { namespace = '', name = '' } = pod.metadata ?? {};
    const ref = controllerOf(pod);
    if (!ref) unmanaged.push(name);
    if (!ref || asked.has(ref.uid)) continue;
    asked.add(ref.uid);
    const scale = await scaleOf(namespace, ref, sources, signal);
    if (!scale) throw new Error(`found no controllers for pod ${JSON.stringify(name)}`);
    scales.set(scale.uid, scale.replicas);
  }
  return { expected: [...scales.values()].reduce((sum, n) => sum + n, 0), unmanaged };
}

async function scaleOf(
  namespace: string,
  ref: OwnerReference,
  sources: ScaleSources,
  signal: AbortSignal,
): Promise<Scale | undefined> {
  const key = `${namespace}/${ref.name}`;
  if (isOf(ref, REPLICA_SETS)) {
    const set = sources.replicaSets.get(key);
    const owner = set?.metadata?.uid === ref.uid ? controllerOf(set) : undefined;
    if (owner?.kind !== DEPLOYMENTS.kind) return known(set, ref);
    return known(sources.deployments.get(`${namespace}/${owner.name}`), owner);
  }
  if (isOf(ref, REPLICATION_CONTROLLERS))
    return known(sources.replicationControllers.get(key), ref);
  if (isOf(ref, STATEFUL_SETS)) return known(sources.statefulSets.get(key), ref);
  return asked(namespace, ref, sources.targets, signal);
}

async function asked(
  namespace: string,
  ref: OwnerReference,
  targets: ScaleSources['targets'],
  signal: AbortSignal,
): Promise<Scale | undefined> {
  const resource = await targets.resourceOf(ref, signal);
  try {
    const { metadata, spec } = await targets.get(resource, namespace, ref.name, signal);
    if (metadata?.uid !== ref.uid) return undefined;
    return { uid: ref.uid, replicas: spec?.replicas ?? 0 };
  } catch (err) {
    if (!isNotFound(err)) throw err;
  }
  // The object may be gone, or never have had a scale.
  if (await targets.isScalable(resource, signal)) return undefined;
  const name = resource.group === '' ? resource.resource : `${resource.resource}.${resource.group}`;
  throw new Error(`${name} does not implement the scale subresource`);
}

function isOf({ apiVersion, kind }: OwnerReference, ref: ResourceRef): boolean {
  const group = apiVersion.includes('/') ? apiVersion.split('/')[0] : '';
  return kind === ref.kind && group === ref.group;
}

/** The very one that is meant. */
function known(found: Scaled | undefined, { uid }: OwnerReference): Scale | undefined {
  if (found?.metadata?.uid !== uid) return undefined;
  return { uid, replicas: found.spec?.replicas ?? 1 };
}
