/**
 * The ReplicaSet of a Deployment's template: its object, and the annotations in which it keeps revision,
 * history and the sizes that it was scaled for. Pure.
 */
import type {
  Deployment,
  LabelSelector,
  PodTemplateSpec,
  ReplicaSet,
} from '../../pkg/api/types.js';
import { clone } from '../../pkg/apimachinery/clone.js';
import { DEPLOYMENTS } from '../../pkg/client/resources.js';
import { controllerRefTo } from '../pod-control.js';
import * as math from './math.js';

/** A revision history annotation stays shorter than this. */
const MAX_HISTORY_CHARS = 2000;
const LAST_APPLIED = 'kubectl.kubernetes.io/last-applied-configuration';
/** Annotations of a Deployment that its sets do not inherit. */
const OWN_ANNOTATIONS: ReadonlySet<string> = new Set([
  LAST_APPLIED,
  math.REVISION,
  math.REVISION_HISTORY,
  math.DESIRED_REPLICAS,
  math.MAX_REPLICAS,
  'deprecated.deployment.rollback.to',
]);

/** Without a size: the rollout gives it one. */
export function newSetObject(
  d: Deployment,
  hash: string,
  template: PodTemplateSpec,
  old: readonly ReplicaSet[],
  revision: string,
): ReplicaSet {
  const { namespace = '', name = '' } = d.metadata ?? {};
  const labels = { ...template.metadata?.labels, [math.TEMPLATE_HASH]: hash };
  const selector: LabelSelector = {
    ...clone(d.spec?.selector ?? {}),
    matchLabels: { ...d.spec?.selector.matchLabels, [math.TEMPLATE_HASH]: hash },
  };
  const set: ReplicaSet = {
    metadata: {
      name: `${name}-${hash}`,
      namespace,
      labels,
      ownerReferences: [controllerRefTo(DEPLOYMENTS, d)],
    },
    spec: {
      replicas: 0,
      minReadySeconds: d.spec?.minReadySeconds ?? 0,
      selector,
      template: { ...clone(template), metadata: { ...clone(template.metadata ?? {}), labels } },
    },
  };
  const replicas = math.newSetReplicas(d, [...old, set], set);
  return {
    ...set,
    metadata: { ...set.metadata, annotations: annotationsFor(d, set, revision, false) },
    spec: { ...set.spec, selector, replicas },
  };
}

/** The Deployment's own but some, the revision (which only grows) with its history, and the sizes. */
export function annotationsFor(
  d: Deployment,
  set: ReplicaSet,
  revision: string,
  exists: boolean,
): Record<string, string> {
  const result: Record<string, string> = { ...set.metadata?.annotations };
  for (const [key, value] of Object.entries(d.metadata?.annotations ?? {})) {
    if (!OWN_ANNOTATIONS.has(key)) result[key] = value;
  }
  const before = result[math.REVISION];
  if (Number(before ?? '0') < Number(revision)) {
    result[math.REVISION] = revision;
    if (exists && before !== undefined) {
      const history = (result[math.REVISION_HISTORY] ?? '').split(',').filter(Boolean);
      history.push(before);
      while (history.join(',').length > MAX_HISTORY_CHARS) history.shift();
      result[math.REVISION_HISTORY] = history.join(',');
    }
  }
  if (!exists) Object.assign(result, sizeAnnotations(d));
  return result;
}

/** For which scale of the Deployment a set was sized. */
export function sizeAnnotations(d: Deployment): Record<string, string> {
  const wanted = math.desired(d);
  return {
    [math.DESIRED_REPLICAS]: String(wanted),
    [math.MAX_REPLICAS]: String(wanted + math.maxSurgeOf(d)),
  };
}
