/**
 * All resources of the server by group and name: one storage for each stored resource, shared by the
 * versions that show it. Makes nothing run: `run` follows the store and compacts it until its signal aborts.
 */
import { Defaulter } from '../../pkg/api/schema/defaults.js';
import type { SchemaSet } from '../../pkg/api/schema/model.js';
import { apiVersionOf } from '../../pkg/apimachinery/meta.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import type { EtcdClient } from '../../pkg/etcd-client/interface.js';
import type { AdmissionChain } from '../admission/admission.js';
import type { InternalStore } from '../server/request-context.js';
import { Compactor } from '../storage/compactor.js';
import { storagePrefix } from '../storage/keys.js';
import { LeasePool } from '../storage/lease-pool.js';
import { ResourceStorage } from '../storage/resource-storage.js';
import { StoreFeed } from '../storage/store-feed.js';
import type { StoredForm } from '../storage/stored-form.js';
import { fieldManager } from './field-managers.js';
import { GenericStore } from './generic-store.js';
import { internalStore } from './internal-store.js';
import type { ResourceDefinition } from './resource.js';
import { validateAgainstSchema } from './schema-validation.js';
import { selectableFields } from './selectable-fields.js';

export interface StoresOptions {
  readonly definitions: readonly ResourceDefinition[];
  readonly client: EtcdClient;
  readonly schemas: SchemaSet;
  readonly admission: AdmissionChain;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `--etcd-compaction-interval`; 0 never. */
  readonly compactionIntervalMs?: number;
}

/** Resources that users add and take away while the server runs. */
export interface CustomSource {
  /** Another list whenever something changed. */
  readonly definitions: readonly ResourceDefinition[];
  storeOf(definition: ResourceDefinition): GenericStore;
  /** In the version that is stored; undefined where there is no such resource. */
  store(group: string, resource: string): GenericStore | undefined;
}

export class Stores {
  /** Those that are part of the server. */
  readonly builtIn: readonly ResourceDefinition[];
  readonly feed: StoreFeed;
  private custom: CustomSource | undefined;
  private all: readonly ResourceDefinition[];
  private known: readonly ResourceDefinition[] = [];
  private readonly index = new Map<string, ResourceDefinition>();
  private readonly leases: LeasePool;
  private readonly compactor: Compactor;
  private readonly stores = new Map<string, GenericStore>();
  private readonly internals = new WeakMap<GenericStore, InternalStore>();

  constructor(private readonly options: StoresOptions) {
    const { client, clock, logger, definitions, compactionIntervalMs } = options;
    this.builtIn = definitions;
    this.all = definitions;
    for (const definition of definitions) this.index.set(versionedId(definition), definition);
    this.feed = new StoreFeed({ client, clock, logger });
    this.compactor = new Compactor({
      client,
      clock,
      logger,
      ...(compactionIntervalMs === undefined ? {} : { intervalMs: compactionIntervalMs }),
    });
    const defaulter = new Defaulter(options.schemas);
    this.leases = new LeasePool(client, clock);
    const { leases } = this;
    for (const definition of definitions) {
      if (definition.virtual || showsAnother(definition)) continue;
      const id = idOf(definition.group, definition.resource);
      if (this.stores.has(id)) throw new Error(`two definitions store ${id}`);
      const storage = new ResourceStorage({
        prefix: storagePrefix(definition),
        kind: definition.kind,
        apiVersion: apiVersionOf(definition),
        client,
        feed: this.feed,
        leases,
        clock,
        logger,
        fieldsOf: selectableFields(definition),
      });
      this.stores.set(
        id,
        new GenericStore({
          definition,
          storage,
          admission: options.admission,
          fields: fieldManager(definition, options.schemas),
          schemaDefaults: (obj) => defaulter.apply(definition.definition, obj),
          validateSchema: (obj) =>
            definition.strategy.validate
              ? []
              : validateAgainstSchema(options.schemas, definition.definition, obj),
          clock,
          logger,
        }),
      );
    }
  }

  /** From now on these are served, too. */
  serve(custom: CustomSource): void {
    this.custom = custom;
  }

  /** Everything that is served just now: the same list for as long as nothing changes. */
  get definitions(): readonly ResourceDefinition[] {
    const now = this.custom?.definitions;
    if (now && now !== this.known) {
      for (const definition of this.known) this.index.delete(versionedId(definition));
      for (const definition of now) this.index.set(versionedId(definition), definition);
      this.known = now;
      this.all = [...this.builtIn, ...now];
    }
    return this.all;
  }

  /** Those among them that users added. */
  get added(): readonly ResourceDefinition[] {
    return this.custom?.definitions ?? this.known;
  }

  definition(group: string, version: string, resource: string): ResourceDefinition | undefined {
    // Brings the index up to date.
    if (this.definitions.length === 0) return undefined;
    return this.index.get(versionedId({ group, version, resource }));
  }

  /** A store for a kind that users added. Nothing keeps it but the caller, who closes its cache. */
  customStore(definition: ResourceDefinition, form: StoredForm): GenericStore {
    const { client, clock, logger, admission } = this.options;
    const { custom } = definition;
    if (!custom) throw new Error(`${versionedId(definition)} has no schema of its own`);
    const storage = new ResourceStorage({
      prefix: storagePrefix(definition),
      kind: definition.kind,
      apiVersion: apiVersionOf(definition),
      client,
      feed: this.feed,
      leases: this.leases,
      clock,
      logger,
      fieldsOf: selectableFields(definition),
      form,
    });
    return new GenericStore({
      definition,
      storage,
      admission,
      get fields() {
        return custom.fields;
      },
      schemaDefaults: (obj) => custom.decoder.setDefaults(obj),
      validateSchema: () => [],
      clock,
      logger,
    });
  }

  /** The store of the objects that a definition shows. */
  of(definition: ResourceDefinition): GenericStore {
    if (definition.custom && this.custom) return this.custom.storeOf(definition);
    const { storage } = definition;
    const { group, resource } = storage && 'from' in storage ? storage.from : definition;
    return this.get(group, resource);
  }

  get(group: string, resource: string): GenericStore {
    const store = this.stores.get(idOf(group, resource)) ?? this.custom?.store(group, resource);
    if (!store) throw new Error(`no resource ${idOf(group, resource)} is stored`);
    return store;
  }

  /** How much there is of a resource, where its objects are in memory just now. */
  volume(group: string, resource: string): { count: number; bytes: number } | undefined {
    const store = this.stores.get(idOf(group, resource)) ?? this.custom?.store(group, resource);
    const cache = store?.storage.cache;
    return cache?.live ? { count: cache.size, bytes: cache.bytes } : undefined;
  }

  /** As the server's own code sees it. */
  internal(group: string, resource: string): InternalStore {
    const store = this.get(group, resource);
    let internal = this.internals.get(store);
    if (!internal) {
      internal = internalStore(store);
      this.internals.set(store, internal);
    }
    return internal;
  }

  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.feed.run(signal), this.compactor.run(signal)]);
  }
}

function showsAnother(definition: ResourceDefinition): boolean {
  return definition.storage !== undefined && 'from' in definition.storage;
}

function versionedId(of: Pick<ResourceDefinition, 'group' | 'version' | 'resource'>): string {
  return `${of.group}/${of.version}/${of.resource}`;
}

function idOf(group: string, resource: string): string {
  return group === '' ? resource : `${resource}.${group}`;
}
