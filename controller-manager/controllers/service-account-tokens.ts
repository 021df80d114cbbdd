/**
 * Fills Secrets of type `kubernetes.io/service-account-token` with a token of the account that they name,
 * the CA and the namespace, and deletes them with the account (`pkg/controller/serviceaccount`,
 * TokensController). Such a token has no end; it is good as long as its Secret is there.
 */
import { createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { SignJWT } from 'jose';
import type { Secret, ServiceAccount } from '../../pkg/api/types.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { isConflict, isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { SECRETS, SERVICE_ACCOUNTS } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { accountNameOf, accountUidOf, TOKEN_SECRET_TYPE } from '../service-account/token-secret.js';

const UID_ANNOTATION = 'kubernetes.io/service-account.uid';
const ISSUER = 'kubernetes/serviceaccount';
const CLAIM = 'kubernetes.io/serviceaccount';
const REMOVE = 'reference to ';

export const serviceAccountTokens: ControllerDescriptor = {
  name: 'serviceaccount-token-controller',
  aliases: ['serviceaccount-token'],
  // It makes the credentials of all others, so it has none of its own.
  create: (context) => new ServiceAccountTokensController(context),
};

class ServiceAccountTokensController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly secrets: Informer<Secret>;
  private readonly accounts: Informer<ServiceAccount>;
  private readonly client: ResourceClient<Secret>;
  private readonly accountClient: ResourceClient<ServiceAccount>;
  private readonly ca: string;
  private key: KeyObject | undefined;

  constructor(private readonly context: ControllerContext) {
    const { client, informers, options } = context;
    const { rootCaFile } = options;
    const ca = rootCaFile === '' ? (client.config.ca ?? '') : readFileSync(rootCaFile, 'utf8');
    this.ca = encode(ca);
    this.queue = new RateLimitingQueue(context.clock);
    this.client = client.resource<Secret>(SECRETS);
    this.accountClient = client.resource<ServiceAccount>(SERVICE_ACCOUNTS);
    this.secrets = informers.informer<Secret>(SECRETS, {
      fieldSelector: `type=${TOKEN_SECRET_TYPE}`,
    });
    this.accounts = informers.informer<ServiceAccount>(SERVICE_ACCOUNTS);
    const enqueue = (secret: Secret) => this.queue.add(keyOf(secret));
    this.secrets.addHandler({
      add: enqueue,
      update: (_, secret) => enqueue(secret),
      delete: (secret) => this.queue.add(`${REMOVE}${keyOf(secret)}/${accountNameOf(secret)}`),
    });
    const enqueueOf = (account: ServiceAccount) => {
      for (const secret of this.secrets.store.values())
        if (
          secret.metadata?.namespace === account.metadata?.namespace &&
          accountNameOf(secret) === account.metadata?.name
        )
          enqueue(secret);
    };
    this.accounts.addHandler({ add: enqueueOf, delete: enqueueOf });
  }

  async run(signal: AbortSignal): Promise<void> {
    const { queue } = this;
    const { serviceAccountPrivateKeyFile, concurrency } = this.context.options;
    // Without a key nobody can make tokens.
    if (serviceAccountPrivateKeyFile === '') return;
    this.key = createPrivateKey(readFileSync(serviceAccountPrivateKeyFile));
    await runSyncLoop(
      {
        context: this.context,
        queue,
        concurrency: concurrency['serviceaccount-token'] ?? 5,
        informers: [this.secrets, this.accounts],
        sync: (key, stop) =>
          key.startsWith(REMOVE)
            ? this.dropReference(key.slice(REMOVE.length), stop)
            : this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const secret = this.secrets.store.get(key);
    if (!secret || secret.metadata?.deletionTimestamp !== undefined) return;
    const { namespace = '', name = '', uid } = secret.metadata ?? {};
    try {
      const account = await this.accountOf(secret, signal);
      if (account) await this.fill(secret, account, signal);
      else
        await this.client.delete(namespace, name, {
          ...(uid === undefined ? {} : { preconditions: { uid } }),
          signal,
        });
    } catch (err) {
      // Gone, or changed: that comes back as an event.
      if (!isNotFound(err) && !isConflict(err)) throw err;
    }
  }

  /** The account that it names, under the same uid; the cache may be behind. */
  private async accountOf(
    secret: Secret,
    signal: AbortSignal,
  ): Promise<ServiceAccount | undefined> {
    const namespace = secret.metadata?.namespace ?? '';
    const name = accountNameOf(secret);
    const uid = accountUidOf(secret);
    const fits = (account: ServiceAccount) => uid === '' || account.metadata?.uid === uid;
    const cached = this.accounts.store.get(`${namespace}/${name}`);
    if (cached && fits(cached)) return cached;
    try {
      const found = await this.accountClient.get(namespace, name, { signal });
      return fits(found) ? found : undefined;
    } catch (err) {
      if (isNotFound(err)) return undefined;
      throw err;
    }
  }

  private async fill(secret: Secret, account: ServiceAccount, signal: AbortSignal): Promise<void> {
    const data = { ...secret.data };
    const namespace = account.metadata?.namespace ?? '';
    if (this.ca !== '') data['ca.crt'] = this.ca;
    data['namespace'] ||= encode(namespace);
    data['token'] ||= encode(await this.sign(secret, account));
    const annotations = {
      ...secret.metadata?.annotations,
      [UID_ANNOTATION]: account.metadata?.uid ?? '',
    };
    const same = (['ca.crt', 'namespace', 'token'] as const).every(
      (key) => data[key] === secret.data?.[key],
    );
    if (same) return;
    await this.client.update(
      { ...secret, metadata: { ...secret.metadata, annotations }, data },
      { signal },
    );
  }

  private async sign(secret: Secret, account: ServiceAccount): Promise<string> {
    if (!this.key) throw new Error('no --service-account-private-key-file was given');
    const { namespace = '', name = '', uid = '' } = account.metadata ?? {};
    const spki = createPublicKey(this.key).export({ type: 'spki', format: 'der' });
    return new SignJWT({
      [`${CLAIM}/namespace`]: namespace,
      [`${CLAIM}/secret.name`]: secret.metadata?.name ?? '',
      [`${CLAIM}/service-account.name`]: name,
      [`${CLAIM}/service-account.uid`]: uid,
    })
      .setProtectedHeader({
        alg: algorithmOf(this.key),
        kid: createHash('sha256').update(spki).digest('base64url'),
      })
      .setIssuer(ISSUER)
      .setSubject(`system:serviceaccount:${namespace}:${name}`)
      .sign(this.key);
  }

  /** An account that lists a Secret which is gone forgets it. */
  private async dropReference(key: string, signal: AbortSignal): Promise<void> {
    const [namespace = '', secretName = '', name = ''] = key.split('/');
    const refers = (account: ServiceAccount) => account.secrets?.some((s) => s.name === secretName);
    const cached = this.accounts.store.get(`${namespace}/${name}`);
    if (!cached || !refers(cached) || this.secrets.store.get(`${namespace}/${secretName}`)) return;
    try {
      const account = await this.accountClient.get(namespace, name, { signal });
      if (!refers(account)) return;
      const secrets = account.secrets?.filter((s) => s.name !== secretName) ?? [];
      await this.accountClient.update({ ...account, secrets }, { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }
}

function encode(text: string): string {
  return Buffer.from(text, 'utf8').toString('base64');
}

function algorithmOf(key: KeyObject): string {
  if (key.asymmetricKeyType === 'rsa') return 'RS256';
  const algorithms: Readonly<Record<string, string>> = {
    prime256v1: 'ES256',
    secp384r1: 'ES384',
    secp521r1: 'ES512',
  };
  const found = algorithms[key.asymmetricKeyDetails?.namedCurve ?? ''];
  if (found === undefined)
    throw new Error('service account keys must be RSA, P-256, P-384 or P-521');
  return found;
}
