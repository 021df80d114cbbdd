/**
 * The volumes and devices of one pod, from the pod's first sync to its end: they are mounted once, before its containers
 * start, and what keeps them from it is told; while it runs, claims that have grown get their size.
 */
import type { Pod } from '../../pkg/api/types.js';
import { claimsOfPod } from '../../pkg/api/volumes/claims.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import type { KubeletEvents } from '../events.js';
import type { ContainerRuntime } from '../runtime/interface.js';
import { contentsOf, mayChange } from '../volumes/contents.js';
import type { PodObjects } from '../volumes/object-cache.js';
import {
  growClaims,
  overdueMessage,
  stateOfClaims,
  unprocessedMessage,
} from '../volumes/persistent-volumes.js';
import { checkVolumes } from '../volumes/volumes.js';
import type { VolumesInUse } from '../volumes/volumes-in-use.js';
import { deviceFault } from './pod-devices.js';

/** How long volumes are waited for before an Event says so. */
const MOUNT_DEADLINE_MS = 123_000;
/** How often the claims of a running pod are looked at. */
const CLAIM_PERIOD_MS = 10_000;

/** How often what stands in them is brought up to date. */
const REFRESH_MS = 60_000;

export interface PodMountsOptions {
  readonly runtime: Pick<ContainerRuntime, 'fillVolume'>;
  allocatable(): Readonly<Record<string, string>>;
  readonly objects: PodObjects;
  readonly inUse: VolumesInUse;
  readonly events: KubeletEvents;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class PodMounts {
  private mounted = false;
  private waitingSince: number | undefined;
  private lookedAt: number | undefined;
  private filledAt = 0;

  constructor(private readonly options: PodMountsOptions) {}

  /** False while something is missing. */
  async mount(pod: Pod): Promise<boolean> {
    if (this.mounted) return true;
    const { objects, events, clock } = this.options;
    const tell = (message: string) => events.pod(pod, 'Warning', 'FailedMount', message);
    const devices = await deviceFault(pod, objects);
    if (devices !== undefined) events.pod(pod, 'Warning', 'FailedPrepareDynamicResources', devices);
    const faults = await checkVolumes(pod, objects);
    for (const { message } of faults) tell(message);
    const { faults: claims, attachable } = await stateOfClaims(pod, objects);
    const mayMount = this.options.inUse.use(pod.metadata?.uid ?? '', attachable);
    const unprocessed = unprocessedMessage(claims);
    if (unprocessed !== undefined) tell(unprocessed);
    for (const { unmountable } of claims) if (unmountable !== undefined) tell(unmountable);
    if (devices === undefined && faults.length === 0 && claims.length === 0 && mayMount) {
      await this.fill(pod, false);
      this.mounted = true;
      return true;
    }
    this.waitingSince ??= clock.now();
    const overdue = clock.now() - this.waitingSince >= MOUNT_DEADLINE_MS;
    if (overdue && claims.length > 0 && unprocessed === undefined) {
      tell(overdueMessage(claims));
      this.waitingSince = clock.now();
    }
    return false;
  }

  /** Nothing of the pod runs any more. */
  unmount(pod: Pod): void {
    this.options.inUse.release(pod.metadata?.uid ?? '');
  }

  /** Resolves to when volumes are to be filled anew; undefined for a pod none of whose volumes change. */
  async refresh(pod: Pod): Promise<number | undefined> {
    const { clock, logger } = this.options;
    if (!this.options.runtime.fillVolume || !pod.spec?.volumes?.some(mayChange)) return undefined;
    const left = this.filledAt + REFRESH_MS - clock.now();
    if (left > 0) return left;
    try {
      await this.fill(pod, true);
    } catch (err) {
      // What stood there stays until the next time.
      this.filledAt = clock.now();
      const { namespace, name, uid } = pod.metadata ?? {};
      logger.info({ namespace, name, uid, err }, 'Volumes could not be brought up to date');
    }
    return REFRESH_MS;
  }

  private async fill(pod: Pod, again: boolean): Promise<void> {
    const { runtime, objects, clock } = this.options;
    if (!runtime.fillVolume) return;
    for (const volume of pod.spec?.volumes ?? []) {
      if (again && !mayChange(volume)) continue;
      const allocatable = this.options.allocatable();
      const files = await contentsOf(volume, { pod, objects, allocatable });
      if (files) runtime.fillVolume(pod.metadata?.uid ?? '', volume.name, files);
    }
    this.filledAt = clock.now();
  }

  /** Resolves to when the claims are to be looked at again; undefined for a pod without any. */
  async grow(pod: Pod): Promise<number | undefined> {
    if (claimsOfPod(pod).length === 0) return undefined;
    const { objects, events, clock, logger } = this.options;
    const left = (this.lookedAt ?? -CLAIM_PERIOD_MS) + CLAIM_PERIOD_MS - clock.now();
    if (left > 0) return left;
    this.lookedAt = clock.now();
    try {
      await growClaims(pod, objects, events);
    } catch (err) {
      // The containers do not wait for it; it is tried again in a while.
      const { namespace, name, uid } = pod.metadata ?? {};
      logger.info({ namespace, name, uid, err }, 'Claims could not be looked at');
    }
    return CLAIM_PERIOD_MS;
  }
}
