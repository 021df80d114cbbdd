/**
 * Once a day, marks and in the end deletes tokens in Secrets that were made for accounts and that nobody
 * has used for a year (`pkg/controller/serviceaccount`, LegacySATokenCleaner). Since when their use is
 * known, the apiserver says in a ConfigMap.
 */
import type { ConfigMap, Pod, Secret, ServiceAccount } from '../../pkg/api/types.js';
import { isConflict, isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { CONFIG_MAPS, PODS, SECRETS, SERVICE_ACCOUNTS } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runPeriodically,
} from '../controller.js';
import {
  accountNameOf,
  accountUidOf,
  cleanUpOf,
  dateOf,
  INVALID_SINCE,
  isDate,
  secretsOf,
  TOKEN_SECRET_TYPE,
} from '../service-account/token-secret.js';

const DAY_MS = 24 * 3600_000;
const TRACKING = 'kube-apiserver-legacy-service-account-token-tracking';

export const legacyTokenCleaner: ControllerDescriptor = {
  name: 'legacy-serviceaccount-token-cleaner-controller',
  aliases: ['legacy-service-account-token-cleaner'],
  serviceAccount: 'legacy-service-account-token-cleaner',
  create: (context) => new LegacyTokenCleaner(context),
};

class LegacyTokenCleaner implements Controller {
  private readonly secrets: Informer<Secret>;
  private readonly accounts: Informer<ServiceAccount>;
  private readonly pods: Informer<Pod>;

  constructor(private readonly context: ControllerContext) {
    const { informers } = context;
    this.secrets = informers.informer<Secret>(SECRETS, {
      fieldSelector: `type=${TOKEN_SECRET_TYPE}`,
    });
    this.accounts = informers.informer<ServiceAccount>(SERVICE_ACCOUNTS);
    this.pods = informers.informer<Pod>(PODS);
  }

  async run(signal: AbortSignal): Promise<void> {
    const synced = [this.secrets, this.accounts, this.pods].map((i) => i.waitForSync(signal));
    try {
      await Promise.all(synced);
    } catch (err) {
      if (signal.aborted) return;
      throw err;
    }
    await runPeriodically(this.context.clock, DAY_MS, signal, async () => {
      try {
        await this.clean(signal);
      } catch (err) {
        if (signal.aborted) return;
        this.context.logger.info({ err }, 'Could not clean up token Secrets, tomorrow again');
      }
    });
  }

  private async clean(signal: AbortSignal): Promise<void> {
    const now = this.context.clock.now();
    const periodMs = this.context.options.legacyServiceAccountTokenCleanUpPeriodMs;
    const tracked = await this.trackedSince(signal);
    if (tracked === undefined || now < tracked + periodMs) return;
    const client = this.context.client.resource<Secret>(SECRETS);
    for (const secret of this.secrets.store.values()) {
      const { namespace = '', name = '', uid, resourceVersion } = secret.metadata ?? {};
      const account = this.accountOf(secret);
      const what = cleanUpOf({ secret, account, used: this.usedIn(namespace), periodMs, now });
      try {
        if (what === 'mark') {
          const metadata = { uid, labels: { [INVALID_SINCE]: dateOf(now) } };
          await client.patch(namespace, name, 'merge', { metadata }, { signal });
        } else if (what === 'delete') {
          const preconditions = resourceVersion === undefined ? {} : { resourceVersion };
          await client.delete(namespace, name, { preconditions, signal });
        }
      } catch (err) {
        if (!isNotFound(err) && !isConflict(err)) throw err;
      }
    }
  }

  /** The start of the day after the one on which it began; undefined: it is not known. */
  private async trackedSince(signal: AbortSignal): Promise<number | undefined> {
    const maps = this.context.client.resource<ConfigMap>(CONFIG_MAPS);
    const { data } = await maps.get('kube-system', TRACKING, { signal });
    const since = data?.['since'] ?? '';
    return isDate(since) ? Date.parse(since) + DAY_MS : undefined;
  }

  private accountOf(secret: Secret): ServiceAccount | undefined {
    const uid = accountUidOf(secret);
    const namespace = secret.metadata?.namespace ?? '';
    const account = this.accounts.store.get(`${namespace}/${accountNameOf(secret)}`);
    return uid === '' || account?.metadata?.uid === uid ? account : undefined;
  }

  private usedIn(namespace: string): ReadonlySet<string> {
    const pods = [...this.pods.store.values()].filter((p) => p.metadata?.namespace === namespace);
    return new Set(pods.flatMap(secretsOf));
  }
}
