/**
 * A node with the pods that are on it, or assumed to be, and what they use. Kept up to date pod by pod, so
 * that no scheduling cycle adds anything up. Owned by the cache: plugins only read it.
 */
import type { Node, Taint } from '../../pkg/api/types.js';
import type { HostPort, PodInfo } from '../framework/pod-info.js';
import { Resource } from '../framework/resource.js';

export class NodeInfo {
  readonly name: string;
  /** Undefined while pods are known to be on a node that is not known, or not any more. */
  node: Node | undefined;
  labels: Readonly<Record<string, string>> = {};
  taints: readonly Taint[] = [];
  allocatable = new Resource();
  readonly requested = new Resource();
  readonly nonZeroRequested = new Resource();
  /** By uid. */
  readonly pods = new Map<string, PodInfo>();
  /** Those whose terms make nodes better or worse for other pods. */
  readonly podsWithPreferences = new Map<string, PodInfo>();
  readonly podsWithRequiredAntiAffinity = new Map<string, PodInfo>();
  /** Image name → size in bytes. */
  images: ReadonlyMap<string, number> = new Map();
  /** `protocol/port` → addresses in use, each with the number of its users. */
  private readonly ports = new Map<string, Map<string, number>>();

  constructor(name: string) {
    this.name = name;
  }

  setNode(node: Node): void {
    this.node = node;
    this.labels = node.metadata?.labels ?? {};
    this.taints = node.spec?.taints ?? [];
    this.allocatable = Resource.of(node.status?.allocatable);
    const images = new Map<string, number>();
    for (const image of node.status?.images ?? []) {
      for (const name of image.names ?? []) images.set(name, image.sizeBytes ?? 0);
    }
    this.images = images;
  }

  addPod(pod: PodInfo): void {
    this.pods.set(pod.uid, pod);
    if (hasPreferences(pod)) this.podsWithPreferences.set(pod.uid, pod);
    if (pod.requiredAntiAffinity.length > 0) this.podsWithRequiredAntiAffinity.set(pod.uid, pod);
    this.count(pod, 1);
  }

  /** False where the pod was not here. */
  removePod(uid: string): boolean {
    const pod = this.pods.get(uid);
    if (!pod) return false;
    this.pods.delete(uid);
    this.podsWithPreferences.delete(uid);
    this.podsWithRequiredAntiAffinity.delete(uid);
    this.count(pod, -1);
    return true;
  }

  /** Whether a pod that wants this port could not have it. 0.0.0.0 clashes with every address. */
  portInUse(wanted: HostPort): boolean {
    const addresses = this.ports.get(`${wanted.protocol}/${wanted.port}`);
    if (!addresses) return false;
    return wanted.ip === '0.0.0.0' || addresses.has('0.0.0.0') || addresses.has(wanted.ip);
  }

  /** A copy whose pods can be taken away without harm to this one. */
  clone(): NodeInfo {
    const copy = new NodeInfo(this.name);
    copy.node = this.node;
    copy.labels = this.labels;
    copy.taints = this.taints;
    copy.allocatable = this.allocatable;
    copy.images = this.images;
    for (const pod of this.pods.values()) copy.addPod(pod);
    return copy;
  }

  private count(pod: PodInfo, times: 1 | -1): void {
    this.requested.add(pod.requests, times);
    this.nonZeroRequested.add(pod.nonZeroRequests, times);
    for (const { protocol, port, ip } of pod.hostPorts) {
      const key = `${protocol}/${port}`;
      const addresses = this.ports.get(key) ?? new Map<string, number>();
      const users = (addresses.get(ip) ?? 0) + times;
      if (users > 0) addresses.set(ip, users);
      else addresses.delete(ip);
      if (addresses.size > 0) this.ports.set(key, addresses);
      else this.ports.delete(key);
    }
  }
}

/** What it requires to be away from says nothing about where others are better off. */
function hasPreferences(pod: PodInfo): boolean {
  return (
    pod.requiredAffinity.length + pod.preferredAffinity.length + pod.preferredAntiAffinity.length >
    0
  );
}
