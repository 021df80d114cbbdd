/**
 * The custom resources that this server serves: every served version of every CustomResourceDefinition that
 * is Established. Follows the definitions in its watch cache, so several servers on one store come to serve
 * the same within a moment; what a request names and is not here is looked for once more after catching up.
 *
 *   definition added or changed ─▶ its kinds made (cheaply) ─▶ store and watch cache at the first request
 *   definition changed or gone  ─▶ its caches closed: watches end, and clients come back
 */
import { Decoder } from '../../pkg/api/schema/decoder.js';
import type { SchemaSet } from '../../pkg/api/schema/model.js';
import type { CustomResourceDefinition } from '../../pkg/api/types.js';
import { parseApiVersion } from '../../pkg/apimachinery/meta.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import { unstructured } from '../registry/field-managers.js';
import type { GenericStore } from '../registry/generic-store.js';
import type { ResourceDefinition } from '../registry/resource.js';
import type { CustomSource, Stores } from '../registry/stores.js';
import type { ServiceResolver } from '../server/service-resolver.js';
import type { CacheSubscriber } from '../storage/cache-subscribers.js';
import type { StoredObject } from '../storage/stored-object.js';
import { ConversionWebhook } from './conversion-webhook.js';
import { isTrue } from './crd-status.js';
import { CustomKind } from './custom-kind.js';

export const CRD_GROUP = 'apiextensions.k8s.io';
export const CRD_RESOURCE = 'customresourcedefinitions';

export interface CustomResourcesOptions {
  readonly stores: Stores;
  readonly schemas: SchemaSet;
  readonly services: ServiceResolver;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What is served because of one definition. */
interface Entry {
  /** Another one means that everything is made anew. */
  readonly signature: string;
  stored: StoredObject;
  readonly storageVersion: string;
  readonly kinds: ReadonlyMap<string, CustomKind>;
  readonly stores: Map<string, GenericStore>;
  readonly converter: ConversionWebhook | undefined;
}

export class CustomResources implements CustomSource {
  private readonly entries = new Map<string, Entry>();
  private readonly builtIn: Decoder;
  private made: readonly ResourceDefinition[] = [];
  private loaded = false;
  private stale = false;

  constructor(private readonly options: CustomResourcesOptions) {
    this.builtIn = new Decoder(options.schemas);
    options.stores.serve(this);
  }

  /** Another list whenever something changed. */
  get definitions(): readonly ResourceDefinition[] {
    if (this.stale) {
      this.stale = false;
      this.made = [...this.entries.values()].flatMap(({ kinds, stored }) =>
        [...kinds.values()]
          .filter(({ definition }) => isServed(crdOf(stored), definition.version))
          .map(({ definition }) => definition),
      );
    }
    return this.made;
  }

  /** The same; undefined while the definitions have not been read. */
  get served(): readonly ResourceDefinition[] | undefined {
    return this.loaded ? this.definitions : undefined;
  }

  storeOf(definition: ResourceDefinition): GenericStore {
    const entry = this.entries.get(`${definition.resource}.${definition.group}`);
    const kind = entry?.kinds.get(definition.version);
    if (!entry || !kind || kind.definition !== definition)
      throw new Error(`${definition.resource}.${definition.group} is served no more`);
    return this.storeIn(entry, kind);
  }

  store(group: string, resource: string): GenericStore | undefined {
    const entry = this.entries.get(`${resource}.${group}`);
    const kind = entry?.kinds.get(entry.storageVersion);
    return entry && kind && this.storeIn(entry, kind);
  }

  /** Follows the definitions until the signal aborts. */
  async run(signal: AbortSignal): Promise<void> {
    const { stores, clock, logger } = this.options;
    const { cache } = stores.get(CRD_GROUP, CRD_RESOURCE).storage;
    while (!signal.aborted) {
      try {
        await cache.ready(signal);
      } catch (err) {
        if (signal.aborted) break;
        logger.warn({ err }, 'the custom resource definitions cannot be read yet');
        await clock.sleep(RETRY_MS, signal).catch(() => undefined);
        continue;
      }
      await new Promise<void>((resolve) => {
        const subscriber: CacheSubscriber = {
          interest: { namespace: '' },
          onEvent: ({ type, object }) => {
            if (type === 'DELETED') this.forget(object.name);
            else this.observe(object);
          },
          onReset: end,
        };
        function end() {
          cache.unsubscribe(subscriber);
          signal.removeEventListener('abort', end);
          resolve();
        }
        signal.addEventListener('abort', end, { once: true });
        cache.subscribe(subscriber);
        const all = cache.list('');
        const names = new Set(all.map(({ name }) => name));
        for (const name of [...this.entries.keys()]) if (!names.has(name)) this.forget(name);
        for (const stored of all) this.observe(stored);
        this.loaded = true;
      });
    }
    for (const name of [...this.entries.keys()]) this.forget(name);
  }

  /** Resolves when this server knows of every definition that the store had at the time of the call. */
  async catchUp(signal: AbortSignal): Promise<void> {
    await this.options.stores.feed.consistent(signal);
  }

  private observe(stored: StoredObject): void {
    const crd = crdOf(stored);
    const known = this.entries.get(stored.name);
    if (!isTrue(crd, 'Established')) {
      this.forget(stored.name);
      return;
    }
    const signature = signatureOf(crd);
    if (known?.signature === signature) {
      known.stored = stored;
      return;
    }
    this.forget(stored.name);
    this.entries.set(stored.name, this.entry(stored, crd, signature, known?.kinds));
    this.stale = true;
  }

  private forget(name: string): void {
    const known = this.entries.get(name);
    if (!known) return;
    this.entries.delete(name);
    this.stale = true;
    for (const { storage } of known.stores.values()) storage.cache.close();
  }

  /** `before`: the versions as they were, by name. */
  private entry(
    stored: StoredObject,
    crd: CustomResourceDefinition,
    signature: string,
    before?: ReadonlyMap<string, CustomKind>,
  ): Entry {
    const { spec } = crd;
    const { clock, services, schemas } = this.options;
    const conversion = spec.conversion ?? { strategy: 'None' };
    const plainConversion = conversion.strategy !== 'Webhook';
    const kinds = new Map<string, CustomKind>();
    const entry: Entry = {
      signature,
      stored,
      storageVersion: spec.versions.find(({ storage }) => storage)?.name ?? '',
      kinds,
      stores: new Map(),
      converter: plainConversion
        ? undefined
        : new ConversionWebhook({ conversion, services, clock }),
    };
    for (const { name } of spec.versions) {
      const compiled = before?.get(name)?.compiled;
      const kind = new CustomKind({
        ...(compiled ? { before: compiled } : {}),
        crd: () => crdOf(entry.stored),
        version: name,
        schemas,
        builtIn: this.builtIn,
        sibling: (apiVersion) => kinds.get(parseApiVersion(apiVersion).version),
        ...(entry.converter ? { converter: entry.converter } : {}),
      });
      kinds.set(name, kind);
    }
    return entry;
  }

  private storeIn(entry: Entry, kind: CustomKind): GenericStore {
    const { version, group } = kind.definition;
    let store = entry.stores.get(version);
    if (!store) {
      store = this.options.stores.customStore(kind.definition, {
        apiVersion: `${group}/${entry.storageVersion}`,
        revive: (obj) => kind.decoder.revive(unstructured(obj)),
        ...(entry.converter ? { converter: entry.converter } : {}),
      });
      entry.stores.set(version, store);
    }
    return store;
  }
}

const RETRY_MS = 200;

function crdOf(stored: StoredObject): CustomResourceDefinition {
  return stored.object as CustomResourceDefinition;
}

function isServed({ spec }: CustomResourceDefinition, version: string): boolean {
  return spec.versions.some(({ name, served }) => name === version && served);
}

/** Of all that the served kinds are made from. */
function signatureOf(crd: CustomResourceDefinition): string {
  const { metadata, status } = crd;
  return JSON.stringify([metadata?.uid, metadata?.generation, status?.acceptedNames]);
}
