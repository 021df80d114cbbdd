/**
 * The pod of a DaemonSet for one node (`pkg/controller/daemon/util`). The scheduler binds it; node affinity
 * by name leaves it no choice, and tolerations let it onto nodes that others avoid. Pure.
 */
import type {
  Affinity,
  DaemonSet,
  NodeSelectorTerm,
  Pod,
  Toleration,
} from '../../pkg/api/types.js';
import { DAEMON_SETS } from '../../pkg/client/resources.js';
import { REVISION_HASH } from '../history.js';
import { podFromTemplate } from '../pod-control.js';

/** Counts the templates; the server keeps it. Older than revisions, and still on every pod. */
const TEMPLATE_GENERATION = 'deprecated.daemonset.template.generation';
const GENERATION_LABEL = 'pod-template-generation';
const NODE_NAME_FIELD = 'metadata.name';

type Spec = NonNullable<Pod['spec']>;

/** What every daemon pod tolerates. */
const TOLERATIONS: readonly Toleration[] = [
  { key: 'node.kubernetes.io/not-ready', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/unreachable', operator: 'Exists', effect: 'NoExecute' },
  { key: 'node.kubernetes.io/disk-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/memory-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/pid-pressure', operator: 'Exists', effect: 'NoSchedule' },
  { key: 'node.kubernetes.io/unschedulable', operator: 'Exists', effect: 'NoSchedule' },
];
const HOST_NETWORK_TOLERATION: Toleration = {
  key: 'node.kubernetes.io/network-unavailable',
  operator: 'Exists',
  effect: 'NoSchedule',
};

/** Ready to be created. `hash` is that of the newest revision. */
export function daemonPod(ds: DaemonSet, nodeName: string, hash: string): Pod {
  const pod = podFromTemplate(DAEMON_SETS, ds, ds.spec?.template);
  const generation = templateGeneration(ds);
  const spec: Spec = pod.spec ?? { containers: [] };
  return {
    ...pod,
    metadata: {
      ...pod.metadata,
      labels: {
        ...pod.metadata?.labels,
        [REVISION_HASH]: hash,
        ...(generation === undefined ? {} : { [GENERATION_LABEL]: generation }),
      },
    },
    spec: {
      ...spec,
      tolerations: daemonTolerations(spec),
      affinity: affinityTo(nodeName, spec.affinity),
    },
  };
}

export function daemonTolerations(spec: Pick<Spec, 'tolerations' | 'hostNetwork'>): Toleration[] {
  const added = spec.hostNetwork ? [...TOLERATIONS, HOST_NETWORK_TOLERATION] : TOLERATIONS;
  const result = [...(spec.tolerations ?? [])];
  for (const toleration of added) {
    const at = result.findIndex((each) => isSameToleration(each, toleration));
    if (at < 0) result.push(toleration);
    else result[at] = toleration;
  }
  return result;
}

/** Its own terms have been checked against the node; one by name takes their place. */
export function affinityTo(nodeName: string, affinity: Affinity | undefined): Affinity {
  const term: NodeSelectorTerm = {
    matchFields: [{ key: NODE_NAME_FIELD, operator: 'In', values: [nodeName] }],
  };
  const { nodeAffinity } = affinity ?? {};
  return {
    ...affinity,
    nodeAffinity: {
      ...nodeAffinity,
      requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: [term] },
    },
  };
}

/** The node that it runs on, or was made for; undefined where it names none. */
export function targetNode(pod: Pod): string | undefined {
  if (pod.spec?.nodeName) return pod.spec.nodeName;
  const required = pod.spec?.affinity?.nodeAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  for (const { matchFields = [] } of required?.nodeSelectorTerms ?? []) {
    for (const { key, operator, values = [] } of matchFields) {
      if (key === NODE_NAME_FIELD && operator === 'In' && values.length === 1) return values[0];
    }
  }
  return undefined;
}

/** Made from the present template. */
export function isUpdated(ds: DaemonSet, pod: Pod, hash: string): boolean {
  const { labels } = pod.metadata ?? {};
  if (hash !== '' && labels?.[REVISION_HASH] === hash) return true;
  const generation = templateGeneration(ds);
  return generation !== undefined && labels?.[GENERATION_LABEL] === generation;
}

function templateGeneration(ds: DaemonSet): string | undefined {
  const text = ds.metadata?.annotations?.[TEMPLATE_GENERATION];
  return text !== undefined && /^[+-]?[0-9]+$/.test(text) ? String(BigInt(text)) : undefined;
}

function isSameToleration(a: Toleration, b: Toleration): boolean {
  return (
    (a.key ?? '') === (b.key ?? '') &&
    (a.effect ?? '') === (b.effect ?? '') &&
    (a.operator ?? '') === (b.operator ?? '') &&
    (a.value ?? '') === (b.value ?? '')
  );
}
