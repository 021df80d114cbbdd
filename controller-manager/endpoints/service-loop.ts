/**
 * The part that both endpoint controllers share: a Service is worked on when it changes, when a pod that it
 * selects changes in a way that its endpoints show, and when what was made for it is changed or deleted by
 * somebody else.
 */

import type { Pod, Service } from '../../pkg/api/types.js';
import { type KubeObject, keyOf } from '../../pkg/apimachinery/meta.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import { PODS, SERVICES } from '../../pkg/client/resources.js';
import { BY_NAMESPACE, namespaceIndex } from '../../pkg/client/store.js';
import type { ControllerContext } from '../controller.js';
import { endpointChanged, labelsChanged, selects } from './service-pods.js';

export class ServiceLoop {
  readonly queue: RateLimitingQueue;
  readonly services: Informer<Service>;
  readonly pods: Informer<Pod>;

  constructor(context: ControllerContext) {
    this.queue = new RateLimitingQueue(context.clock);
    const indexers = { [BY_NAMESPACE]: namespaceIndex };
    this.services = context.informers.informer<Service>(SERVICES, { indexers });
    this.pods = context.informers.informer<Pod>(PODS, { indexers });
    const enqueue = (service: KubeObject) => this.queue.add(keyOf(service));
    this.services.addHandler({
      add: enqueue,
      update: (_, service) => enqueue(service),
      delete: enqueue,
    });
    this.pods.addHandler({
      add: (pod) => this.enqueueFor(pod),
      update: (old, pod) => {
        const relabelled = labelsChanged(old, pod);
        if (!relabelled && !endpointChanged(old, pod)) return;
        this.enqueueFor(pod);
        if (relabelled) this.enqueueFor(old);
      },
      delete: (pod) => this.enqueueFor(pod),
    });
  }

  /** Shared objects of the cache: read-only. */
  podsOf(service: Service): Pod[] {
    return this.pods.store
      .byIndex(BY_NAMESPACE, service.metadata?.namespace ?? '')
      .filter((pod) => selects(service, pod.metadata?.labels));
  }

  private enqueueFor(pod: Pod): void {
    for (const service of this.services.store.byIndex(
      BY_NAMESPACE,
      pod.metadata?.namespace ?? '',
    )) {
      if (selects(service, pod.metadata?.labels)) this.queue.add(keyOf(service));
    }
  }
}
