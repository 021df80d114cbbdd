/**
 * Which pods belong together when a pod says nothing about spreading: those that its Services select, and
 * those of its controller (`helper.DefaultSelector`).
 */

import type {
  Pod,
  ReplicaSet,
  ReplicationController,
  Service,
  StatefulSet,
} from '../pkg/api/types.js';
import {
  newRequirement,
  type Requirement,
  type Selector,
  selectorFromObject,
  selectorFromRequirements,
  selectorFromSet,
} from '../pkg/apimachinery/labels.js';
import { controllerOf } from '../pkg/apimachinery/meta.js';
import type { Store } from '../pkg/client/store.js';
import { BY_NAMESPACE } from '../pkg/client/store.js';
import type { DefaultSelector } from './plugins/pod-topology-spread.js';

export interface SelectorSources {
  /** Indexed by namespace. */
  services: Store<Service>;
  replicaSets: Store<ReplicaSet>;
  statefulSets: Store<StatefulSet>;
  replicationControllers: Store<ReplicationController>;
}

export function defaultSelectorFrom(sources: SelectorSources): DefaultSelector {
  return (pod) => {
    const requirements: Requirement[] = [];
    const labels = pod.metadata?.labels ?? {};
    for (const service of sources.services.byIndex(BY_NAMESPACE, pod.metadata?.namespace ?? '')) {
      const selector = service.spec?.selector;
      if (!selector || Object.keys(selector).length === 0) continue;
      if (!selectorFromSet(selector).matches(labels)) continue;
      for (const [key, value] of Object.entries(selector))
        requirements.push(newRequirement(key, '=', [value]));
    }
    requirements.push(...(controllerSelector(sources, pod)?.requirements ?? []));
    return requirements.length === 0 ? undefined : selectorFromRequirements(requirements);
  };
}

function controllerSelector(sources: SelectorSources, pod: Pod): Selector | undefined {
  const owner = controllerOf(pod);
  if (!owner) return undefined;
  const key = `${pod.metadata?.namespace ?? ''}/${owner.name}`;
  switch (owner.kind) {
    case 'ReplicaSet':
      return selectorOf(sources.replicaSets.get(key));
    case 'StatefulSet':
      return selectorOf(sources.statefulSets.get(key));
    case 'ReplicationController': {
      const selector = sources.replicationControllers.get(key)?.spec?.selector;
      return selector ? selectorFromSet(selector) : undefined;
    }
    default:
      return undefined;
  }
}

function selectorOf(owner: ReplicaSet | StatefulSet | undefined): Selector | undefined {
  return owner?.spec ? selectorFromObject(owner.spec.selector) : undefined;
}
