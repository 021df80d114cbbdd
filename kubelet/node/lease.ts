/**
 * The node's heartbeat: its Lease in `kube-node-lease`, renewed four times in its duration. A write that
 * fails is tried again with a growing pause, far below the time after which the node is given up.
 */
import type { Lease } from '../../pkg/api/types.js';
import { formatMicroTime, type OwnerReference } from '../../pkg/apimachinery/meta.js';
import { isAlreadyExists, isConflict, isNotFound } from '../../pkg/client/errors.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';

export const LEASE_NAMESPACE = 'kube-node-lease';
/** Of the duration: as upstream. */
const RENEW_FRACTION = 0.25;
const FIRST_RETRY_MS = 200;
const MAX_RETRY_MS = 2000;

export interface LeaseOptions {
  readonly client: ResourceClient<Lease>;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly nodeName: string;
  readonly durationSeconds: number;
  /** Undefined while the Node is not registered. */
  nodeUid(): string | undefined;
}

export class NodeLease {
  private lease: Lease | undefined;

  constructor(private readonly options: LeaseOptions) {}

  /** Until the signal aborts. `spread`: 0 to 1 of a period to wait first, so that many nodes take turns. */
  async run(signal: AbortSignal, spread = 0): Promise<void> {
    const { clock, durationSeconds, logger, nodeName } = this.options;
    const period = durationSeconds * 1000 * RENEW_FRACTION;
    let retry = FIRST_RETRY_MS;
    let wait = spread * period;
    while (!signal.aborted) {
      try {
        await clock.sleep(wait, signal);
        await this.renew(signal);
        retry = FIRST_RETRY_MS;
        // Up to 4 % later, so that nodes that began together drift apart.
        wait = period * (1 + 0.04 * clock.random());
      } catch (err) {
        if (signal.aborted) return;
        logger.debug({ node: nodeName, err }, 'Node lease could not be renewed');
        wait = Math.min(retry, period);
        retry = Math.min(retry * 2, MAX_RETRY_MS);
      }
    }
  }

  async renew(signal: AbortSignal): Promise<void> {
    const { client, clock, nodeName } = this.options;
    const call = { signal, timeoutMs: 10_000 };
    const renewTime = formatMicroTime(new Date(clock.now()));
    if (!this.lease) this.lease = await this.ensure(renewTime, call);
    else {
      try {
        this.lease = slim(await client.update(this.renewed(this.lease, renewTime), call));
      } catch (err) {
        if (!isConflict(err) && !isNotFound(err)) throw err;
        this.lease = undefined;
        this.lease = await this.ensure(renewTime, call);
      }
    }
    if (this.lease.metadata?.name !== nodeName)
      throw new Error('the server answered with another lease');
  }

  private async ensure(renewTime: string, call: { signal: AbortSignal }): Promise<Lease> {
    const { client, nodeName } = this.options;
    try {
      const existing = await client.get(LEASE_NAMESPACE, nodeName, call);
      return slim(await client.update(this.renewed(existing, renewTime), call));
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
    try {
      const metadata = { name: nodeName, namespace: LEASE_NAMESPACE };
      return slim(await client.create(this.renewed({ metadata }, renewTime), call));
    } catch (err) {
      if (!isAlreadyExists(err)) throw err;
      const existing = await client.get(LEASE_NAMESPACE, nodeName, call);
      return slim(await client.update(this.renewed(existing, renewTime), call));
    }
  }

  private renewed(lease: Lease, renewTime: string): Lease {
    const { nodeName, durationSeconds } = this.options;
    const owners = lease.metadata?.ownerReferences ?? this.owners();
    return {
      apiVersion: 'coordination.k8s.io/v1',
      kind: 'Lease',
      metadata: { ...lease.metadata, ...(owners ? { ownerReferences: owners } : {}) },
      spec: { holderIdentity: nodeName, leaseDurationSeconds: durationSeconds, renewTime },
    };
  }

  private owners(): OwnerReference[] | undefined {
    const uid = this.options.nodeUid();
    if (uid === undefined) return undefined;
    return [{ apiVersion: 'v1', kind: 'Node', name: this.options.nodeName, uid }];
  }
}

/** A process may keep a thousand of them. */
function slim(lease: Lease): Lease {
  if (lease.metadata) delete lease.metadata.managedFields;
  return lease;
}
