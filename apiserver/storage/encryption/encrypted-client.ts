/**
 * The store's client with values encrypted on the way in and decrypted on the way out, so that nobody
 * above it knows. Whatever a provider of the resource can read is read; what none of them can is an error,
 * never handed up as it is. The configuration may be exchanged while the server runs.
 */
import type {
  Compare,
  EtcdClient,
  KeyValue,
  Op,
  RangeOptions,
  RangeResult,
  TxnResult,
  WatchOptions,
} from '../../../pkg/etcd-client/interface.js';
import { REGISTRY_ROOT } from '../keys.js';
import type { EncryptionConfiguration } from './configuration.js';
import { ENCRYPTED, type Provider } from './providers.js';

const PLAIN = Buffer.from(ENCRYPTED);

export interface EncryptedClientOptions {
  readonly client: EtcdClient;
  readonly configuration: EncryptionConfiguration;
  /** Folder (`/registry/secrets/`) → `secrets`, `deployments.apps`. Known once the server has its resources. */
  readonly folders: () => ReadonlyMap<string, string>;
}

export class EncryptedClient implements EtcdClient {
  private readonly client: EtcdClient;
  private configuration: EncryptionConfiguration;

  constructor(private readonly options: EncryptedClientOptions) {
    this.client = options.client;
    this.configuration = options.configuration;
  }

  /** From now on. What is stored stays as it is until it is written again. */
  reconfigure(configuration: EncryptionConfiguration): void {
    this.configuration = configuration;
  }

  /** Whether the value was encrypted otherwise than it would be now: writing it again, unchanged, has a point. */
  async isStale(key: string): Promise<boolean> {
    const [first] = this.providersOf(key);
    if (!first) return false;
    const { kvs } = await this.client.range(key);
    const value = kvs[0]?.value;
    if (!value) return false;
    return first.prefix === '' ? isEncrypted(value) : !startsWith(value, first.prefix);
  }

  async range(key: string, options?: RangeOptions): Promise<RangeResult> {
    const result = await this.client.range(key, options);
    return options?.keysOnly || options?.countOnly
      ? result
      : { ...result, kvs: this.readable(result.kvs) };
  }

  async txn(
    compare: readonly Compare[],
    success: readonly Op[],
    failure: readonly Op[],
    signal?: AbortSignal,
  ): Promise<TxnResult> {
    const sealed = (ops: readonly Op[]) => ops.map((op) => this.sealed(op));
    const result = await this.client.txn(compare, sealed(success), sealed(failure), signal);
    return {
      ...result,
      responses: result.responses.map(({ kvs }) => ({ kvs: this.readable(kvs) })),
    };
  }

  watch(key: string, options: WatchOptions): Promise<void> {
    return this.client.watch(key, {
      ...options,
      onBatch: ({ revision, events }) =>
        options.onBatch({
          revision,
          events: events.map((event) => {
            const { prevKv } = event;
            return {
              ...event,
              kv: event.type === 'put' ? this.opened(event.kv) : event.kv,
              ...(prevKv ? { prevKv: this.opened(prevKv) } : {}),
            };
          }),
        }),
    });
  }

  requestProgress(): Promise<void> {
    return this.client.requestProgress();
  }
  leaseGrant(ttlSeconds: number): Promise<{ id: string; ttl: number }> {
    return this.client.leaseGrant(ttlSeconds);
  }
  leaseRevoke(id: string): Promise<void> {
    return this.client.leaseRevoke(id);
  }
  leaseKeepAlive(id: string): Promise<{ ttl: number }> {
    return this.client.leaseKeepAlive(id);
  }
  compact(revision: number): Promise<void> {
    return this.client.compact(revision);
  }
  status(signal?: AbortSignal): ReturnType<EtcdClient['status']> {
    return this.client.status(signal);
  }
  close(): Promise<void> {
    return this.client.close();
  }

  private sealed(op: Op): Op {
    if (op.type !== 'put') return op;
    const [first] = this.providersOf(op.key);
    if (!first || first.prefix === '') return op;
    const value = Buffer.concat([Buffer.from(first.prefix), first.encrypt(op.value, op.key)]);
    return { ...op, value };
  }

  private readable(kvs: readonly KeyValue[]): KeyValue[] {
    return kvs.map((kv) => this.opened(kv));
  }

  private opened(kv: KeyValue): KeyValue {
    const { key, value } = kv;
    if (!isEncrypted(value)) return kv;
    const provider = this.providersOf(key).find(
      ({ prefix }) => prefix !== '' && startsWith(value, prefix),
    );
    if (!provider)
      throw new Error(
        `unable to transform key ${JSON.stringify(key)}: no matching key was found for the provider`,
      );
    try {
      return { ...kv, value: provider.decrypt(value.subarray(provider.prefix.length), key) };
    } catch (err) {
      throw new Error(`unable to transform key ${JSON.stringify(key)}: it cannot be decrypted`, {
        cause: err,
      });
    }
  }

  private providersOf(key: string): readonly Provider[] {
    const resource = this.resourceOf(key);
    return resource === undefined ? [] : this.configuration.providersFor(resource);
  }

  /** Folders have one segment or two; the folder of custom resources is `GROUP/PLURAL`. */
  private resourceOf(key: string): string | undefined {
    if (!key.startsWith(REGISTRY_ROOT)) return undefined;
    const folders = this.options.folders();
    const first = key.indexOf('/', REGISTRY_ROOT.length);
    if (first < 0) return undefined;
    const one = folders.get(key.slice(0, first + 1));
    if (one !== undefined) return one;
    const second = key.indexOf('/', first + 1);
    if (second < 0) return undefined;
    const two = folders.get(key.slice(0, second + 1));
    if (two !== undefined) return two;
    const group = key.slice(REGISTRY_ROOT.length, first);
    return group.includes('.') ? `${key.slice(first + 1, second)}.${group}` : undefined;
  }
}

/** Whether a value that has not changed should be written again all the same. */
export async function staleInStore(client: EtcdClient, key: string): Promise<boolean> {
  return client instanceof EncryptedClient && (await client.isStale(key));
}

function isEncrypted(value: Buffer): boolean {
  return value.length > PLAIN.length && PLAIN.compare(value, 0, PLAIN.length) === 0;
}

function startsWith(value: Buffer, prefix: string): boolean {
  return value.length >= prefix.length && value.toString('latin1', 0, prefix.length) === prefix;
}
