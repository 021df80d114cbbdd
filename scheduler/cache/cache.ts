/**
 * What the scheduler believes the cluster looks like. A pod that was given a node is *assumed* to be there
 * at once, long before the API says so; a failed binding *forgets* it.
 *
 *            assume               API shows it bound
 *  (absent) ────────▶ assumed ───────────────────────▶ added ──▶ removed
 *                        │ forget (binding failed)
 *                        ▼
 *                     (absent)
 *
 * A scheduling cycle is synchronous, so it reads the nodes as they are: there is no snapshot to copy.
 */
import type { Node } from '../../pkg/api/types.js';
import type { PodInfo } from '../framework/pod-info.js';
import { NodeInfo } from './node-info.js';

interface PodState {
  pod: PodInfo;
  node: string;
  assumed: boolean;
}

export class SchedulerCache {
  private readonly nodes = new Map<string, NodeInfo>();
  private readonly pods = new Map<string, PodState>();
  /** Nodes that exist, in the order of their zones taken in turn; rebuilt when a node comes or goes. */
  private ordered: NodeInfo[] | undefined;
  /** In how many nodes an image is, for the image locality score. */
  private readonly imageNodes = new Map<string, number>();

  get nodeCount(): number {
    return this.nodeList().length;
  }

  node(name: string): NodeInfo | undefined {
    const info = this.nodes.get(name);
    return info?.node ? info : undefined;
  }

  nodesHavingImage(image: string): number {
    return this.imageNodes.get(image) ?? 0;
  }

  isAssumed(uid: string): boolean {
    return this.pods.get(uid)?.assumed === true;
  }

  pod(uid: string): PodInfo | undefined {
    return this.pods.get(uid)?.pod;
  }

  nodeOf(uid: string): string | undefined {
    return this.pods.get(uid)?.node;
  }

  setNode(node: Node): void {
    const info = this.infoOf(node.metadata?.name ?? '');
    const zone = zoneOf(info);
    const known = info.node !== undefined;
    this.countImages(info, -1);
    info.setNode(node);
    this.countImages(info, 1);
    if (!known || zone !== zoneOf(info)) this.ordered = undefined;
  }

  removeNode(name: string): void {
    const info = this.nodes.get(name);
    if (!info) return;
    this.countImages(info, -1);
    info.node = undefined;
    info.images = new Map();
    this.ordered = undefined;
    if (info.pods.size === 0) this.nodes.delete(name);
  }

  assume(pod: PodInfo, node: string): void {
    this.place(pod, node, true);
  }

  forget(uid: string): void {
    if (this.pods.get(uid)?.assumed) this.removePod(uid);
  }

  /** A pod that the API shows on a node: what was assumed becomes certain, also when it was wrong. */
  addPod(pod: PodInfo, node: string): void {
    this.removePod(pod.uid);
    this.place(pod, node, false);
  }

  removePod(uid: string): void {
    const state = this.pods.get(uid);
    if (!state) return;
    this.pods.delete(uid);
    const info = this.nodes.get(state.node);
    info?.removePod(uid);
    if (info && !info.node && info.pods.size === 0) this.nodes.delete(state.node);
  }

  /** Zones take turns, so that the first nodes that are looked at are not all of one zone. */
  nodeList(): readonly NodeInfo[] {
    if (this.ordered) return this.ordered;
    const zones = new Map<string, NodeInfo[]>();
    for (const info of this.nodes.values()) {
      if (!info.node) continue;
      const zone = zones.get(zoneOf(info)) ?? [];
      zone.push(info);
      zones.set(zoneOf(info), zone);
    }
    const lists = [...zones.values()];
    const longest = lists.reduce((most, list) => Math.max(most, list.length), 0);
    const ordered: NodeInfo[] = [];
    for (let i = 0; i < longest; i++) {
      for (const list of lists) {
        const info = list[i];
        if (info) ordered.push(info);
      }
    }
    this.ordered = ordered;
    return ordered;
  }

  private place(pod: PodInfo, node: string, assumed: boolean): void {
    this.pods.set(pod.uid, { pod, node, assumed });
    this.infoOf(node).addPod(pod);
  }

  private infoOf(name: string): NodeInfo {
    let info = this.nodes.get(name);
    if (!info) {
      info = new NodeInfo(name);
      this.nodes.set(name, info);
    }
    return info;
  }

  private countImages(info: NodeInfo, times: 1 | -1): void {
    for (const image of info.images.keys()) {
      const nodes = (this.imageNodes.get(image) ?? 0) + times;
      if (nodes > 0) this.imageNodes.set(image, nodes);
      else this.imageNodes.delete(image);
    }
  }
}

function zoneOf(info: NodeInfo): string {
  const region = info.labels['topology.kubernetes.io/region'] ?? '';
  const zone = info.labels['topology.kubernetes.io/zone'] ?? '';
  return `${region}/${zone}`;
}
