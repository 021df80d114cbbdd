/** Deletes bootstrap tokens that have expired (`pkg/controller/bootstrap`, TokenCleaner). Off by default. */
import type { Secret } from '../../pkg/api/types.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { SECRETS } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import {
  BOOTSTRAP_TOKEN_TYPE,
  lifeOf,
  SYSTEM_NAMESPACE,
} from '../service-account/bootstrap-token.js';

export const tokenCleaner: ControllerDescriptor = {
  name: 'token-cleaner-controller',
  aliases: ['tokencleaner'],
  serviceAccount: 'token-cleaner',
  offByDefault: true,
  create: (context) => new TokenCleaner(context),
};

class TokenCleaner implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly secrets: Informer<Secret>;
  private readonly client: ResourceClient<Secret>;

  constructor(private readonly context: ControllerContext) {
    const { client, informers, clock } = context;
    this.queue = new RateLimitingQueue(clock);
    this.client = client.resource<Secret>(SECRETS);
    this.secrets = informers.informer<Secret>(SECRETS, {
      fieldSelector: `type=${BOOTSTRAP_TOKEN_TYPE}`,
    });
    const enqueue = (secret: Secret) => this.queue.add(keyOf(secret));
    this.secrets.addHandler({ add: enqueue, update: (_, secret) => enqueue(secret) });
  }

  run(signal: AbortSignal): Promise<void> {
    return runSyncLoop(
      {
        context: this.context,
        queue: this.queue,
        concurrency: 1,
        informers: [this.secrets],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '', uid } = this.secrets.store.get(key)?.metadata ?? {};
    const secret = this.secrets.store.get(key);
    if (!secret || namespace !== SYSTEM_NAMESPACE) return;
    const left = lifeOf(secret, this.context.clock.now());
    if (left === undefined) return;
    if (left > 0) {
      this.queue.addAfter(key, left);
      return;
    }
    try {
      const preconditions = uid === undefined ? {} : { uid };
      await this.client.delete(namespace, name, { preconditions, signal });
      this.context.logger.info({ namespace, name }, 'Deleted a token that had expired');
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
}
