/** Makes the `default` ServiceAccount in every namespace (`pkg/controller/serviceaccount`). */

import type { Namespace, ServiceAccount } from '../../pkg/api/types.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { isAlreadyExists, isNamespaceTerminating, isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { NAMESPACES, SERVICE_ACCOUNTS } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';

const NAME = 'default';

export const serviceAccount: ControllerDescriptor = {
  name: 'serviceaccount-controller',
  aliases: ['serviceaccount'],
  serviceAccount: 'service-account-controller',
  create: (context) => new ServiceAccountController(context),
};

class ServiceAccountController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly namespaces: Informer<Namespace>;
  private readonly accounts: Informer<ServiceAccount>;
  private readonly client: ResourceClient<ServiceAccount>;

  constructor(private readonly context: ControllerContext) {
    this.queue = new RateLimitingQueue(context.clock);
    this.client = context.client.resource<ServiceAccount>(SERVICE_ACCOUNTS);
    this.namespaces = context.informers.informer<Namespace>(NAMESPACES);
    this.accounts = context.informers.informer<ServiceAccount>(SERVICE_ACCOUNTS);
    const enqueue = (obj: KubeObject) => this.queue.add(obj.metadata?.name ?? '');
    this.namespaces.addHandler({ add: enqueue, update: (_, obj) => enqueue(obj) });
    this.accounts.addHandler({ delete: (obj) => this.queue.add(obj.metadata?.namespace ?? '') });
  }

  run(signal: AbortSignal): Promise<void> {
    const { queue } = this;
    return runSyncLoop(
      {
        context: this.context,
        queue,
        concurrency: 1,
        informers: [this.namespaces, this.accounts],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(namespace: string, signal: AbortSignal): Promise<void> {
    const cached = this.namespaces.store.get(namespace);
    if (!cached || cached.metadata?.deletionTimestamp !== undefined) return;
    if (this.accounts.store.get(`${namespace}/${NAME}`)) return;
    try {
      await this.client.create({ metadata: { namespace, name: NAME } }, { signal });
    } catch (err) {
      // A namespace that went away meanwhile needs none.
      if (!isAlreadyExists(err) && !isNotFound(err) && !isNamespaceTerminating(err)) throw err;
    }
  }
}
