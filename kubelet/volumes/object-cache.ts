/**
 * ConfigMaps, Secrets, claims and their volumes as pods need them: read when asked for, kept for a while, one request at
 * a time for each. Shared by all nodes of a process. What is not there is asked for again each time.
 */
import type {
  ConfigMap,
  CSIDriver,
  CSINode,
  PersistentVolume,
  PersistentVolumeClaim,
  ResourceClaim,
  Secret,
  Service,
  VolumeAttachment,
} from '../../pkg/api/types.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import {
  CONFIG_MAPS,
  CSI_DRIVERS,
  CSI_NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  RESOURCE_CLAIMS,
  type ResourceRef,
  SECRETS,
  VOLUME_ATTACHMENTS,
} from '../../pkg/client/resources.js';
import type { RestClient } from '../../pkg/client/rest.js';
import type { Clock } from '../../pkg/component/clock.js';

/** As long as upstream lets a pod see an older ConfigMap. */
const TTL_MS = 60_000;
const MAX_ENTRIES = 1000;

export interface PodObjects {
  /** Undefined: it does not exist. Throws what the server answers otherwise. */
  configMap(namespace: string, name: string): Promise<ConfigMap | undefined>;
  secret(namespace: string, name: string): Promise<Secret | undefined>;
  claim(namespace: string, name: string): Promise<PersistentVolumeClaim | undefined>;
  updateClaimStatus(claim: PersistentVolumeClaim): Promise<PersistentVolumeClaim>;
  volume(name: string): Promise<PersistentVolume | undefined>;
  attachment(name: string): Promise<VolumeAttachment | undefined>;
  csiDriver(name: string): Promise<CSIDriver | undefined>;
  csiNode(name: string): Promise<CSINode | undefined>;
  resourceClaim(namespace: string, name: string): Promise<ResourceClaim | undefined>;
  /** The services whose addresses a pod of the namespace finds in its environment. */
  services(namespace: string): readonly Service[];
}

export class ObjectCache implements PodObjects {
  private readonly entries = new Map<
    string,
    { at: number; value: Promise<KubeObject | undefined> }
  >();

  constructor(
    private readonly client: RestClient,
    private readonly clock: Clock,
    /** From the process' informer. */
    private readonly listServices?: (namespace: string) => readonly Service[],
  ) {}

  configMap(namespace: string, name: string): Promise<ConfigMap | undefined> {
    return this.read<ConfigMap>(CONFIG_MAPS, namespace, name);
  }

  secret(namespace: string, name: string): Promise<Secret | undefined> {
    return this.read<Secret>(SECRETS, namespace, name);
  }

  claim(namespace: string, name: string): Promise<PersistentVolumeClaim | undefined> {
    return this.read<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS, namespace, name, 0);
  }

  updateClaimStatus(claim: PersistentVolumeClaim): Promise<PersistentVolumeClaim> {
    return this.client
      .resource<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS)
      .updateStatus(claim);
  }

  volume(name: string): Promise<PersistentVolume | undefined> {
    return this.read<PersistentVolume>(PERSISTENT_VOLUMES, '', name, 0);
  }

  attachment(name: string): Promise<VolumeAttachment | undefined> {
    return this.read<VolumeAttachment>(VOLUME_ATTACHMENTS, '', name, 0);
  }

  csiDriver(name: string): Promise<CSIDriver | undefined> {
    return this.read<CSIDriver>(CSI_DRIVERS, '', name, 0);
  }

  csiNode(name: string): Promise<CSINode | undefined> {
    return this.read<CSINode>(CSI_NODES, '', name, 0);
  }

  resourceClaim(namespace: string, name: string): Promise<ResourceClaim | undefined> {
    return this.read<ResourceClaim>(RESOURCE_CLAIMS, namespace, name, 0);
  }

  services(namespace: string): readonly Service[] {
    return this.listServices?.(namespace) ?? [];
  }

  private async read<T extends KubeObject>(
    ref: ResourceRef,
    namespace: string,
    name: string,
    ttlMs = TTL_MS,
  ): Promise<T | undefined> {
    const key = `${ref.resource}/${namespace}/${name}`;
    const known = this.entries.get(key);
    if (known && this.clock.now() - known.at < ttlMs) return known.value as Promise<T | undefined>;
    const value = this.fetch<T>(ref, namespace, name, key);
    if (this.entries.size >= MAX_ENTRIES)
      this.entries.delete(this.entries.keys().next().value ?? '');
    this.entries.set(key, { at: this.clock.now(), value });
    return value;
  }

  private async fetch<T extends KubeObject>(
    ref: ResourceRef,
    namespace: string,
    name: string,
    key: string,
  ): Promise<T | undefined> {
    try {
      return await this.client.resource<T>(ref).get(namespace, name);
    } catch (err) {
      this.entries.delete(key);
      if (isNotFound(err)) return undefined;
      throw err;
    }
  }
}
