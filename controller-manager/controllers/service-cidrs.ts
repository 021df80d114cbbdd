/**
 * Guards ServiceCIDRs (`pkg/controller/servicecidrs`): each is Ready and held by a finalizer; one that is
 * deleted goes when no address of a Service would be left without a range.
 *
 *   deleted ─ addresses only it holds: Ready=False, Terminating ─ looked at again when an address goes
 *           └ none, ten seconds after: finalizer off
 */
import type { Condition, IPAddress, ServiceCIDR } from '../../pkg/api/types.js';
import { type AddressRange, contains, parseRange } from '../../pkg/apimachinery/cidr.js';
import { formatTime } from '../../pkg/apimachinery/meta.js';
import { parseTime } from '../../pkg/apimachinery/time.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { IP_ADDRESSES, SERVICE_CIDRS } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';

const FINALIZER = 'networking.k8s.io/service-cidr-finalizer';
const CONCURRENCY = 5;
/** Until every allocator has seen that it goes. */
const GRACE_MS = 10_000;

export const serviceCidrs: ControllerDescriptor = {
  name: 'service-cidr-controller',
  aliases: ['servicecidr-controller'],
  serviceAccount: 'service-cidrs-controller',
  create: (context) => new ServiceCidrsController(context),
};

class ServiceCidrsController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly cidrs: Informer<ServiceCIDR>;
  private readonly addresses: Informer<IPAddress>;
  private readonly client: ResourceClient<ServiceCIDR>;

  constructor(private readonly context: ControllerContext) {
    const { client, informers } = context;
    this.queue = new RateLimitingQueue(context.clock);
    this.client = client.resource<ServiceCIDR>(SERVICE_CIDRS);
    this.cidrs = informers.informer<ServiceCIDR>(SERVICE_CIDRS);
    this.addresses = informers.informer<IPAddress>(IP_ADDRESSES);
    const enqueue = (obj: ServiceCIDR) => {
      this.queue.add(obj.metadata?.name ?? '');
      // What overlaps may hold the same addresses.
      this.enqueueDeleted();
    };
    this.cidrs.addHandler({ add: enqueue, update: (_, obj) => enqueue(obj), delete: enqueue });
    this.addresses.addHandler({ delete: () => this.enqueueDeleted() });
  }

  run(signal: AbortSignal): Promise<void> {
    const { queue } = this;
    return runSyncLoop(
      {
        context: this.context,
        queue,
        concurrency: CONCURRENCY,
        informers: [this.cidrs, this.addresses],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(name: string, signal: AbortSignal): Promise<void> {
    const obj = this.cidrs.store.get(name);
    if (!obj) return;
    try {
      const deleted = parseTime(obj.metadata?.deletionTimestamp ?? '');
      if (deleted === undefined) await this.guard(obj, signal);
      else await this.letGo(obj, deleted, signal);
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  private async guard(obj: ServiceCIDR, signal: AbortSignal): Promise<void> {
    const name = obj.metadata?.name ?? '';
    const held = obj.metadata?.finalizers?.includes(FINALIZER) === true;
    const current = held
      ? obj
      : await this.client.patch(
          '',
          name,
          'strategic',
          { metadata: { finalizers: [FINALIZER] } },
          { signal },
        );
    await this.setReady(current, 'True', '', 'Kubernetes Service CIDR is ready', signal);
  }

  private async letGo(obj: ServiceCIDR, deleted: number, signal: AbortSignal): Promise<void> {
    if (!obj.metadata?.finalizers?.includes(FINALIZER)) return;
    if (!this.mayGo(obj)) {
      const message =
        'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR';
      await this.setReady(obj, 'False', 'Terminating', message, signal);
      return;
    }
    const name = obj.metadata.name ?? '';
    const left = deleted + GRACE_MS - this.context.clock.now();
    if (left > 0) {
      this.queue.addAfter(name, left);
      return;
    }
    const metadata = { '$deleteFromPrimitiveList/finalizers': [FINALIZER] };
    await this.client.patch('', name, 'strategic', { metadata }, { signal });
  }

  private mayGo(obj: ServiceCIDR): boolean {
    const own = rangesOf(obj);
    const others = [...this.cidrs.store.values()]
      .filter((other) => other.metadata?.name !== obj.metadata?.name)
      .flatMap(rangesOf);
    if (own.every((range) => others.some((other) => includes(other, range)))) return true;
    return ![...this.addresses.store.values()].some(({ metadata }) => {
      const address = metadata?.name ?? '';
      const holds = (range: AddressRange) => contains(range, address);
      return own.some(holds) && !others.some(holds);
    });
  }

  private async setReady(
    obj: ServiceCIDR,
    status: 'True' | 'False',
    reason: string,
    message: string,
    signal: AbortSignal,
  ): Promise<void> {
    const conditions = obj.status?.conditions ?? [];
    const old = conditions.find((c) => c.type === 'Ready');
    if (old && old.status === status && old.reason === reason && old.message === message) return;
    const lastTransitionTime =
      old?.status === status
        ? old.lastTransitionTime
        : formatTime(new Date(this.context.clock.now()));
    const next: Condition = { type: 'Ready', status, reason, message, lastTransitionTime };
    const others = conditions.filter((c) => c !== old);
    await this.client.updateStatus(
      { ...obj, status: { ...obj.status, conditions: [...others, next] } },
      { signal },
    );
  }

  private enqueueDeleted(): void {
    for (const { metadata } of this.cidrs.store.values())
      if (metadata?.deletionTimestamp !== undefined) this.queue.add(metadata.name ?? '');
  }
}

function rangesOf({ spec }: ServiceCIDR): AddressRange[] {
  return (spec?.cidrs ?? []).map(parseRange);
}

function includes(outer: AddressRange, inner: AddressRange): boolean {
  return (
    outer.family === inner.family &&
    outer.base <= inner.base &&
    inner.base + inner.size <= outer.base + outer.size
  );
}
