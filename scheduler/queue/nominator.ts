/**
 * Pods that preemption made room for: until they are bound, others of lower priority must not take the
 * room. Kept apart from the cache, since a nominated pod is on no node yet.
 */
import type { PodInfo } from '../framework/pod-info.js';

const NONE: readonly PodInfo[] = [];

export class Nominator {
  private readonly byNode = new Map<string, Map<string, PodInfo>>();
  private readonly nodeOfPod = new Map<string, string>();

  set(pod: PodInfo, node: string): void {
    this.delete(pod.uid);
    const pods = this.byNode.get(node) ?? new Map<string, PodInfo>();
    pods.set(pod.uid, pod);
    this.byNode.set(node, pods);
    this.nodeOfPod.set(pod.uid, node);
  }

  delete(uid: string): void {
    const node = this.nodeOfPod.get(uid);
    if (node === undefined) return;
    this.nodeOfPod.delete(uid);
    const pods = this.byNode.get(node);
    pods?.delete(uid);
    if (pods?.size === 0) this.byNode.delete(node);
  }

  nodeOf(uid: string): string | undefined {
    return this.nodeOfPod.get(uid);
  }

  /** Those nominated to the node whose priority is at least the pod's, without the pod itself. */
  onNode(node: string, pod: PodInfo): readonly PodInfo[] {
    // Asked for every node and pod, and nearly always for nothing.
    const pods = this.byNode.size === 0 ? undefined : this.byNode.get(node);
    if (!pods) return NONE;
    return [...pods.values()].filter(
      (other) => other.uid !== pod.uid && other.priority >= pod.priority,
    );
  }

  /** The nominated pods of lower priority on a node, whose nomination a preemption there ends. */
  lowerOnNode(node: string, pod: PodInfo): PodInfo[] {
    const pods = this.byNode.get(node);
    if (!pods) return [];
    return [...pods.values()].filter((other) => other.priority < pod.priority);
  }
}
