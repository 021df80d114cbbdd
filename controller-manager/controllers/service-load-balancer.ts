/**
 * Gives Services of type LoadBalancer an address of a pool, as the controller of a cloud would
 * (`k8s.io/cloud-provider/controllers/service`). The finalizer keeps a Service until its address is back.
 *
 *   wants one ─▶ finalizer on, address in status              (EnsuringLoadBalancer, EnsuredLoadBalancer)
 *   deleted, or another type ─▶ status cleared, finalizer off   (DeletingLoadBalancer, DeletedLoadBalancer)
 *
 * Services with a loadBalancerClass are another controller's. DEVIATION: kube-controller-manager leaves
 * all of this to the cloud's own; without a pool this does nothing, as that one does.
 */
import type { LoadBalancerStatus, Service } from '../../pkg/api/types.js';
import { semanticDeepEqual } from '../../pkg/apimachinery/equality.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { isConflict, isNotFound } from '../../pkg/client/errors.js';
import {
  type EventRecorder,
  type EventType,
  referenceTo,
} from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { SERVICES } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { AddressPool } from '../load-balancer/address-pool.js';
import { messageOf } from '../pod-control.js';

const FINALIZER = 'service.kubernetes.io/load-balancer-cleanup';

export const serviceLoadBalancer: ControllerDescriptor = {
  name: 'service-lb-controller',
  aliases: ['service'],
  serviceAccount: 'service-controller',
  create: (context) => new ServiceLoadBalancerController(context),
};

class ServiceLoadBalancerController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly recorder: EventRecorder;
  private readonly services: Informer<Service>;
  private readonly client: ResourceClient<Service>;
  private readonly pool: AddressPool;

  constructor(private readonly context: ControllerContext) {
    const { clock, client, informers, options } = context;
    this.queue = new RateLimitingQueue(clock);
    this.recorder = context.recorder.forComponent('service-controller');
    this.client = client.resource<Service>(SERVICES);
    this.services = informers.informer<Service>(SERVICES);
    this.pool = new AddressPool(options.loadBalancerCidrs);
    const enqueue = (obj: Service) => {
      if (wantsAddress(obj) || hasFinalizer(obj)) this.queue.add(keyOf(obj));
    };
    this.services.addHandler({
      add: (obj) => {
        // What was given out before this process began.
        if (wantsAddress(obj)) for (const ip of addressesOf(obj)) this.pool.take(ip, keyOf(obj));
        enqueue(obj);
      },
      update: (old, obj) => {
        if (wantsAddress(old) !== wantsAddress(obj) && old.spec?.type !== obj.spec?.type)
          this.tell(obj, 'Normal', 'Type', `${old.spec?.type} -> ${obj.spec?.type}`);
        enqueue(obj);
      },
      delete: (obj) => this.pool.release(keyOf(obj)),
    });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { queue } = this;
    // Without a pool Services wait for somebody else's controller.
    if (this.context.options.loadBalancerCidrs.length === 0) return;
    await runSyncLoop(
      {
        context: this.context,
        queue,
        concurrency: this.context.options.concurrency['service'] ?? 1,
        informers: [this.services],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const obj = this.services.store.get(key);
    if (!obj) return;
    try {
      if (wantsAddress(obj)) await this.ensure(key, obj, signal);
      else if (hasFinalizer(obj)) await this.cleanUp(key, obj, signal);
    } catch (err) {
      if (isNotFound(err) || signal.aborted) return;
      // Somebody changed it meanwhile: that is nothing to tell.
      if (isConflict(err)) throw err;
      this.tell(
        obj,
        'Warning',
        'SyncLoadBalancerFailed',
        `Error syncing load balancer: ${messageOf(err)}`,
      );
      throw err;
    }
  }

  private async ensure(key: string, obj: Service, signal: AbortSignal): Promise<void> {
    const loadBalancer = this.addressFor(key, obj);
    const same = semanticDeepEqual(obj.status?.loadBalancer ?? {}, loadBalancer);
    if (same && hasFinalizer(obj)) return;
    this.tell(obj, 'Normal', 'EnsuringLoadBalancer', 'Ensuring load balancer');
    const finalizers = [...new Set([...(obj.metadata?.finalizers ?? []), FINALIZER])];
    await this.write(obj, finalizers, loadBalancer, signal);
    this.tell(obj, 'Normal', 'EnsuredLoadBalancer', 'Ensured load balancer');
  }

  private async cleanUp(key: string, obj: Service, signal: AbortSignal): Promise<void> {
    this.tell(obj, 'Normal', 'DeletingLoadBalancer', 'Deleting load balancer');
    const finalizers = (obj.metadata?.finalizers ?? []).filter((f) => f !== FINALIZER);
    await this.write(obj, finalizers, {}, signal);
    this.pool.release(key);
    this.tell(obj, 'Normal', 'DeletedLoadBalancer', 'Deleted load balancer');
  }

  /** What it has stays; else what it asks for, else any that is free. */
  private addressFor(key: string, { spec = {}, status }: Service): LoadBalancerStatus {
    const had = status?.loadBalancer?.ingress?.[0]?.ip;
    const asked = spec.loadBalancerIP || undefined;
    if (had !== undefined && (asked ?? had) === had && this.pool.take(had, key))
      return status?.loadBalancer ?? {};
    this.pool.release(key);
    if (asked !== undefined) {
      if (!this.pool.take(asked, key))
        throw new Error(`requested load balancer address ${asked} is not available`);
      return { ingress: [{ ip: asked, ipMode: 'VIP' }] };
    }
    const ip = this.pool.takeNext(spec.ipFamilies?.[0] === 'IPv6' ? 'IPv6' : 'IPv4', key);
    if (ip === undefined) throw new Error('no load balancer address is free');
    return { ingress: [{ ip, ipMode: 'VIP' }] };
  }

  /** In one write: a status update may change finalizers too. */
  private async write(
    obj: Service,
    finalizers: string[],
    loadBalancer: LoadBalancerStatus,
    signal: AbortSignal,
  ): Promise<void> {
    const metadata = { ...obj.metadata, finalizers };
    const status = { ...obj.status, loadBalancer };
    await this.client.updateStatus({ ...obj, metadata, status }, { signal });
  }

  private tell(obj: Service, type: EventType, reason: string, message: string): void {
    this.recorder.event(referenceTo(SERVICES, obj), type, reason, message);
  }
}

function wantsAddress({ metadata, spec }: Service): boolean {
  if (metadata?.deletionTimestamp !== undefined) return false;
  return spec?.type === 'LoadBalancer' && !spec.loadBalancerClass;
}

function hasFinalizer({ metadata }: Service): boolean {
  return metadata?.finalizers?.includes(FINALIZER) === true;
}

function addressesOf({ status }: Service): string[] {
  return (status?.loadBalancer?.ingress ?? []).map(({ ip }) => ip).filter((ip) => ip !== undefined);
}
