/**
 * Hears what the informers saw and tells it to whom it concerns: pods with a node to the cache, pods without
 * one to the queue, nominations to the nominator, and every change that may help a waiting pod to the queue.
 * Handlers only take note; nothing is decided here and nothing is written to the API.
 */
import { isDeepStrictEqual } from 'node:util';
import type { Node, Pod } from '../pkg/api/types.js';
import type { KubeObject } from '../pkg/apimachinery/meta.js';
import type { Informer } from '../pkg/client/informer.js';
import type { SchedulerCache } from './cache/cache.js';
import { DEFAULT_SCHEDULER_NAME } from './config/defaults.js';
import { nodeChanges, podChanges } from './framework/events.js';
import type { EventAction, EventResource } from './framework/interface.js';
import { podInfoOf, updatedPodInfo } from './framework/pod-info.js';
import type { Nominator } from './queue/nominator.js';
import type { SchedulingQueue } from './queue/scheduling-queue.js';

export interface ObserverOptions {
  readonly cache: SchedulerCache;
  readonly queue: SchedulingQueue;
  readonly nominator: Nominator;
  /** Whether there is a profile for pods that name this scheduler. */
  serves(schedulerName: string): boolean;
}

export class Observer {
  constructor(private readonly options: ObserverOptions) {}

  watchPods(pods: Informer<Pod>): void {
    pods.addHandler({
      add: (pod) => this.podAdded(pod),
      update: (old, pod) => this.podUpdated(old, pod),
      delete: (pod) => this.podDeleted(pod),
    });
  }

  private podAdded(pod: Pod): void {
    if (pod.spec?.nodeName) {
      this.options.cache.addPod(podInfoOf(pod), pod.spec.nodeName);
      this.options.queue.onEvent({ resource: 'AssignedPod', action: 'Add' }, undefined, pod);
    } else if (this.isOurs(pod)) {
      this.nominate(undefined, pod);
      this.options.queue.add(pod);
    }
  }

  private podUpdated(old: Pod, pod: Pod): void {
    const node = pod.spec?.nodeName;
    const uid = pod.metadata?.uid ?? '';
    if (node) {
      const bound = !old.spec?.nodeName;
      if (bound) {
        this.options.queue.delete(uid);
        this.options.nominator.delete(uid);
      }
      const known = this.options.cache.pod(uid);
      this.options.cache.addPod(known ? updatedPodInfo(known, pod) : podInfoOf(pod), node);
      if (bound) {
        this.options.queue.onEvent({ resource: 'AssignedPod', action: 'Add' }, undefined, pod);
        return;
      }
      for (const action of podChanges(old, pod))
        this.options.queue.onEvent({ resource: 'AssignedPod', action }, old, pod);
    } else if (this.options.cache.isAssumed(uid)) {
      // Its room is free again; the binding under way will fail.
      if (pod.metadata?.deletionTimestamp !== undefined) this.podLeft(pod);
    } else if (this.isOurs(pod)) {
      const before = this.options.nominator.nodeOf(uid);
      this.nominate(old, pod);
      this.options.queue.update(old, pod);
      if (before !== undefined && before !== this.options.nominator.nodeOf(uid))
        this.nominationEnded(old);
    }
  }

  private podDeleted(pod: Pod): void {
    const uid = pod.metadata?.uid ?? '';
    this.options.queue.delete(uid);
    const nominated = this.options.nominator.nodeOf(uid) !== undefined;
    this.options.nominator.delete(uid);
    if (this.options.cache.nodeOf(uid) !== undefined) this.podLeft(pod);
    else if (nominated) this.nominationEnded(pod);
  }

  private podLeft(pod: Pod): void {
    this.options.cache.removePod(pod.metadata?.uid ?? '');
    this.options.queue.onEvent({ resource: 'AssignedPod', action: 'Delete' }, pod, undefined);
  }

  /** For pods of no higher priority it was as if the pod had been on that node. */
  private nominationEnded(pod: Pod): void {
    const priority = pod.spec?.priority ?? 0;
    this.options.queue.onEvent(
      { resource: 'AssignedPod', action: 'Delete' },
      pod,
      undefined,
      (other) => other.priority <= priority,
    );
  }

  /**
   * As the pod's status says. Where that said nothing before and says nothing now, a nomination that is
   * still on its way to the API stays.
   */
  private nominate(old: Pod | undefined, pod: Pod): void {
    const node = pod.status?.nominatedNodeName;
    if (node) this.options.nominator.set(podInfoOf(pod), node);
    else if (old?.status?.nominatedNodeName) this.options.nominator.delete(pod.metadata?.uid ?? '');
  }

  private isOurs(pod: Pod): boolean {
    return this.options.serves(schedulerOf(pod)) && pod.metadata?.deletionTimestamp === undefined;
  }

  watchNodes(nodes: Informer<Node>): void {
    nodes.addHandler({
      add: (node) => {
        this.options.cache.setNode(node);
        this.options.queue.onEvent({ resource: 'Node', action: 'Add' }, undefined, node);
      },
      update: (old, node) => {
        const changes = nodeChanges(old, node);
        // Most updates only renew a condition's heartbeat.
        if (changes.length === 0 && sameImages(old, node)) return;
        this.options.cache.setNode(node);
        for (const action of changes)
          this.options.queue.onEvent({ resource: 'Node', action }, old, node);
      },
      delete: (node) => {
        this.options.cache.removeNode(node.metadata?.name ?? '');
        this.options.queue.onEvent({ resource: 'Node', action: 'Delete' }, node, undefined);
      },
    });
  }

  forward<T extends KubeObject>(informer: Informer<T>, resource: EventResource): void {
    const tell = (action: EventAction, old: T | undefined, now: T | undefined) =>
      this.options.queue.onEvent({ resource, action }, old, now);
    informer.addHandler({
      add: (obj) => tell('Add', undefined, obj),
      update: (old, obj) => tell('Update', old, obj),
      delete: (obj) => tell('Delete', obj, undefined),
    });
  }
}

/** The scheduler that the pod names. */
export function schedulerOf(pod: Pod): string {
  return pod.spec?.schedulerName ?? DEFAULT_SCHEDULER_NAME;
}

function sameImages(old: Node, node: Node): boolean {
  return isDeepStrictEqual(old.status?.images, node.status?.images);
}
