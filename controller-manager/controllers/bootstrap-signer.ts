/**
 * Signs the ConfigMap kube-public/cluster-info with every bootstrap token (`pkg/controller/bootstrap`,
 * BootstrapSigner), so that who holds a token can tell that it is the cluster's own. Off by default.
 */
import type { ConfigMap, Secret } from '../../pkg/api/types.js';
import { deepEqual } from '../../pkg/apimachinery/equality.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { CONFIG_MAPS, SECRETS } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import {
  BOOTSTRAP_TOKEN_TYPE,
  detachedSignature,
  lifeOf,
  SYSTEM_NAMESPACE,
  signingToken,
} from '../service-account/bootstrap-token.js';

const NAMESPACE = 'kube-public';
const NAME = 'cluster-info';
const CONTENT = 'kubeconfig';
const SIGNATURE_PREFIX = 'jws-kubeconfig-';

export const bootstrapSigner: ControllerDescriptor = {
  name: 'bootstrap-signer-controller',
  aliases: ['bootstrapsigner'],
  serviceAccount: 'bootstrap-signer',
  offByDefault: true,
  create: (context) => new BootstrapSigner(context),
};

class BootstrapSigner implements Controller {
  private readonly queue: RateLimitingQueue<typeof NAME>;
  private readonly secrets: Informer<Secret>;
  private readonly maps: Informer<ConfigMap>;
  private readonly client: ResourceClient<ConfigMap>;

  constructor(private readonly context: ControllerContext) {
    const { client, informers, clock } = context;
    this.queue = new RateLimitingQueue<typeof NAME>(clock);
    this.client = client.resource<ConfigMap>(CONFIG_MAPS);
    this.secrets = informers.informer<Secret>(SECRETS, {
      fieldSelector: `type=${BOOTSTRAP_TOKEN_TYPE}`,
    });
    this.maps = informers.informer<ConfigMap>(CONFIG_MAPS, {
      fieldSelector: `metadata.name=${NAME}`,
    });
    const enqueue = () => this.queue.add(NAME);
    this.secrets.addHandler({ add: enqueue, update: enqueue, delete: enqueue });
    this.maps.addHandler({ add: enqueue, update: enqueue });
  }

  run(signal: AbortSignal): Promise<void> {
    return runSyncLoop(
      {
        context: this.context,
        queue: this.queue,
        concurrency: 1,
        informers: [this.secrets, this.maps],
        sync: (_, stop) => this.sync(stop),
      },
      signal,
    );
  }

  private async sync(signal: AbortSignal): Promise<void> {
    const map = this.maps.store.get(`${NAMESPACE}/${NAME}`);
    const content = map?.data?.[CONTENT];
    if (!map || content === undefined) return;
    const now = this.context.clock.now();
    const data = Object.fromEntries(
      Object.entries(map.data ?? {}).filter(([key]) => !key.startsWith(SIGNATURE_PREFIX)),
    );
    for (const secret of this.secrets.store.values()) {
      if (secret.metadata?.namespace !== SYSTEM_NAMESPACE) continue;
      const token = signingToken(secret, now);
      if (!token) continue;
      data[`${SIGNATURE_PREFIX}${token.id}`] = detachedSignature(content, token);
      const left = lifeOf(secret, now);
      if (left !== undefined) this.queue.addAfter(NAME, left);
    }
    if (deepEqual(data, map.data)) return;
    try {
      await this.client.update({ ...map, data }, { signal });
      this.context.logger.info({ namespace: NAMESPACE, name: NAME }, 'Signed');
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
}
