/**
 * Claims, volumes and storage classes as the scheduler sees them, and what it has promised: a volume that
 * was picked for a claim is kept from others until the API shows it bound, or the promise is taken back.
 */

import type { PersistentVolume, PersistentVolumeClaim, StorageClass } from '../../pkg/api/types.js';
import {
  claimedVolume,
  classOfClaim,
  isBound,
  NO_PROVISIONER,
  requestOf,
  SELECTED_NODE,
} from '../../pkg/api/volumes/claims.js';
import { findMatch, reachesNode } from '../../pkg/api/volumes/match.js';
import { controllerOf, keyOf } from '../../pkg/apimachinery/meta.js';
import type { Informer } from '../../pkg/client/informer.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { NodeInfo } from '../cache/node-info.js';
import type { PodInfo } from '../framework/pod-info.js';
import type { StorageCapacity } from './storage-capacity.js';

export interface ClaimRequest {
  /** Bound; waiting for its first consumer; or the volume controller's business and not done yet. */
  readonly kind: 'bound' | 'waiting' | 'immediate';
  readonly claim: PersistentVolumeClaim;
}

/** Claim key → volume, or undefined for one to provision. */
export type VolumePlan = ReadonlyMap<string, PersistentVolume | undefined>;

/** No volume is to be had on the node, or its driver has no room for one. */
export type NoPlan = 'no volume' | 'no space';

/** What was decided for a claim and is not seen in the API yet. */
interface VolumePromise {
  readonly node: string;
  /** Absent: one is to be provisioned. */
  readonly volume?: string;
  /** By uid: pods can share a claim. */
  readonly pods: Set<string>;
}

export interface VolumesOptions {
  readonly claims: Pick<Informer<PersistentVolumeClaim>, 'store' | 'addHandler'>;
  readonly volumes: Pick<Informer<PersistentVolume>, 'store'>;
  readonly classes: Pick<Informer<StorageClass>, 'store'>;
  readonly claimClient: Pick<ResourceClient<PersistentVolumeClaim>, 'patch'>;
  readonly volumeClient: Pick<ResourceClient<PersistentVolume>, 'update'>;
  readonly capacity: StorageCapacity;
  readonly clock: Clock;
  node(name: string): NodeInfo | undefined;
}

export class Volumes {
  /** By the key of the claim. */
  private readonly promises = new Map<string, VolumePromise>();
  /** Volume → key of the claim that it is promised to. */
  private readonly holders = new Map<string, string>();

  constructor(private readonly options: VolumesOptions) {}

  node(name: string): NodeInfo | undefined {
    return this.options.node(name);
  }

  claimNamed(namespace: string, name: string): PersistentVolumeClaim | undefined {
    return this.options.claims.store.get(`${namespace}/${name}`);
  }

  volumeNamed(name: string): PersistentVolume | undefined {
    return this.options.volumes.store.get(name);
  }

  classNamed(name: string): StorageClass | undefined {
    return this.options.classes.store.get(name);
  }

  /** The claim, or the sentence that says what is wrong with it. */
  claim(pod: PodInfo, name: string, ephemeral: boolean): ClaimRequest | string {
    const claim = this.options.claims.store.get(`${pod.namespace}/${name}`);
    if (!claim) {
      return ephemeral
        ? `waiting for ephemeral volume controller to create the persistentvolumeclaim "${name}"`
        : `persistentvolumeclaim "${name}" not found`;
    }
    if (ephemeral && controllerOf(claim)?.uid !== pod.uid) {
      return `PVC ${pod.namespace}/${name} was not created for pod ${pod.namespace}/${pod.name} (pod is not owner)`;
    }
    if (claim.status?.phase === 'Lost') {
      return `persistentvolumeclaim "${name}" bound to non-existent persistentvolume "${claim.spec?.volumeName ?? ''}"`;
    }
    if (claim.metadata?.deletionTimestamp !== undefined)
      return `persistentvolumeclaim "${name}" is being deleted`;
    if (isBound(claim)) return { kind: 'bound', claim };
    const waits = this.classOf(claim)?.volumeBindingMode === 'WaitForFirstConsumer';
    return { kind: waits && !claim.spec?.volumeName ? 'waiting' : 'immediate', claim };
  }

  volumeOf({ claim }: ClaimRequest): PersistentVolume | undefined {
    return this.options.volumes.store.get(claim.spec?.volumeName ?? '');
  }

  /** Whether the volume can be used on the node. */
  reaches(volume: PersistentVolume, node: NodeInfo): boolean {
    return reachesNode(volume, node);
  }

  /** What each claim would get on the node, or why the node will not do. */
  plan(requests: readonly ClaimRequest[], node: NodeInfo): VolumePlan | NoPlan {
    const plan = new Map<string, PersistentVolume | undefined>();
    const taken = new Set<string>();
    const chosen: PersistentVolumeClaim[] = [];
    const unmatched: PersistentVolumeClaim[] = [];
    for (const { claim } of bySize(requests)) {
      const promise = this.promises.get(keyOf(claim));
      const selected = claim.metadata?.annotations?.[SELECTED_NODE] ?? promise?.node;
      // Provisioning for another node is under way.
      if (promise?.volume === undefined && selected !== undefined) {
        if (selected !== node.name) return 'no volume';
        chosen.push(claim);
        continue;
      }
      const volume = promise?.volume
        ? this.promisedVolume(promise.volume, node)
        : this.freeVolume(claim, node, taken);
      if (promise?.volume && !volume) return 'no volume';
      if (!volume) unmatched.push(claim);
      else taken.add(volume.metadata?.name ?? '');
      plan.set(keyOf(claim), volume);
    }
    for (const claim of [...chosen, ...unmatched]) {
      const failed = this.cannotProvision(claim, node);
      if (failed) return failed;
      plan.set(keyOf(claim), undefined);
    }
    return plan;
  }

  /** Promises what the plan needs to the pod; otherwise why there is no plan any more. */
  reserve(requests: readonly ClaimRequest[], node: NodeInfo, pod: PodInfo): NoPlan | undefined {
    const plan = this.plan(requests, node);
    if (typeof plan === 'string') return plan;
    for (const [claim, volume] of plan) {
      const promise = this.promises.get(claim) ?? { node: node.name, pods: new Set<string>() };
      promise.pods.add(pod.uid);
      const name = volume?.metadata?.name;
      this.promises.set(claim, name === undefined ? promise : { ...promise, volume: name });
      if (name !== undefined) this.holders.set(name, claim);
    }
    return undefined;
  }

  /** The pod needs the promise no more; it ends with the last pod that does. */
  release({ claim }: ClaimRequest, pod: PodInfo): void {
    const key = keyOf(claim);
    const promise = this.promises.get(key);
    if (!promise?.pods.delete(pod.uid) || promise.pods.size > 0) return;
    this.promises.delete(key);
    if (promise.volume !== undefined) this.holders.delete(promise.volume);
  }

  /** Writes the promises to the API, and waits until all claims are bound. */
  async bind(
    requests: readonly ClaimRequest[],
    node: string,
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<void> {
    const { claims, volumes, volumeClient, claimClient } = this.options;
    for (const { claim } of requests) {
      const key = keyOf(claim);
      // A pod that shares the claim was first.
      const current = claims.store.get(key);
      if (current && isBound(current)) continue;
      const name = this.promises.get(key)?.volume;
      const volume = name === undefined ? undefined : volumes.store.get(name);
      if (volume) {
        await volumeClient.update(claimedVolume(volume, claim), { signal });
      } else if (claim.metadata?.annotations?.[SELECTED_NODE] !== node) {
        const { namespace = '', name: of = '', resourceVersion } = claim.metadata ?? {};
        const metadata = { resourceVersion, annotations: { [SELECTED_NODE]: node } };
        await claimClient.patch(namespace, of, 'merge', { metadata }, { signal });
      }
    }
    await this.untilBound(requests, signal, timeoutMs);
  }

  private untilBound(
    requests: readonly ClaimRequest[],
    signal: AbortSignal,
    timeoutMs: number,
  ): Promise<void> {
    const { claims, clock } = this.options;
    return new Promise((resolve, reject) => {
      const seen = new Set<string>();
      const finish = (err?: unknown) => {
        removeHandler();
        timer.stop();
        signal.removeEventListener('abort', onAbort);
        if (err === undefined) resolve();
        else reject(err);
      };
      const onAbort = () => finish(signal.reason);
      const look = () => {
        for (const { claim } of requests) {
          const now = claims.store.get(keyOf(claim));
          if (now?.metadata?.uid !== claim.metadata?.uid)
            return finish(new Error(`persistentvolumeclaim "${claim.metadata?.name}" not found`));
          const selected = now?.metadata?.annotations?.[SELECTED_NODE] !== undefined;
          if (selected) seen.add(keyOf(claim));
          else if (seen.has(keyOf(claim)) && now && !isBound(now))
            return finish(
              new Error(`selectedNode annotation reset for PVC "${claim.metadata?.name}"`),
            );
          if (!now || !isBound(now)) return undefined;
        }
        return finish();
      };
      const timer = clock.after(timeoutMs, () =>
        finish(new Error('timed out waiting for the condition')),
      );
      const removeHandler = claims.addHandler({ update: look, delete: look });
      signal.addEventListener('abort', onAbort, { once: true });
      look();
    });
  }

  private classOf(claim: PersistentVolumeClaim): StorageClass | undefined {
    return this.options.classes.store.get(classOfClaim(claim));
  }

  private cannotProvision(claim: PersistentVolumeClaim, node: NodeInfo): NoPlan | undefined {
    const found = this.classOf(claim);
    if (!found || found.provisioner === NO_PROVISIONER || !found.provisioner) return 'no volume';
    const terms = found.allowedTopologies ?? [];
    const allowed =
      terms.length === 0 ||
      terms.some((term) =>
        (term.matchLabelExpressions ?? []).every(({ key, values }) =>
          values.includes(node.labels[key] ?? ''),
        ),
      );
    if (!allowed) return 'no volume';
    return this.options.capacity.suffices(claim, found, node) ? undefined : 'no space';
  }

  private promisedVolume(name: string, node: NodeInfo): PersistentVolume | undefined {
    const volume = this.options.volumes.store.get(name);
    return volume && reachesNode(volume, node) ? volume : undefined;
  }

  private freeVolume(
    claim: PersistentVolumeClaim,
    node: NodeInfo,
    taken: ReadonlySet<string>,
  ): PersistentVolume | undefined {
    const key = keyOf(claim);
    return findMatch(claim, this.options.volumes.store.values(), {
      node,
      delayed: true,
      excluded: (name) => taken.has(name) || (this.holders.get(name) ?? key) !== key,
    });
  }
}

/** Smaller claims first, so that they do not take the large volumes. */
function bySize(requests: readonly ClaimRequest[]): ClaimRequest[] {
  return [...requests].sort((a, b) => requestOf(a.claim).compare(requestOf(b.claim)));
}
