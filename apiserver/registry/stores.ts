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

export class Stores {
  readonly definitions: readonly ResourceDefinition[];
  readonly feed: StoreFeed;
  private readonly compactor: Compactor;
  private readonly stores = new Map<string, GenericStore>();
  private readonly internals = new Map<string, InternalStore>();

  constructor(options: StoresOptions) {
    const { client, clock, logger, definitions, compactionIntervalMs } = options;
    this.definitions = definitions;
    this.feed = new StoreFeed({ client, clock, logger });
    this.compactor = new Compactor({
      client,
      clock,
      logger,
      ...(compactionIntervalMs === undefined ? {} : { intervalMs: compactionIntervalMs }),
    });
    const defaulter = new Defaulter(options.schemas);
    const leases = new LeasePool(client, clock);
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

  /** The store of the objects that a definition shows. */
  of(definition: ResourceDefinition): GenericStore {
    const { storage } = definition;
    const { group, resource } = storage && 'from' in storage ? storage.from : definition;
    return this.get(group, resource);
  }

  get(group: string, resource: string): GenericStore {
    const store = this.stores.get(idOf(group, resource));
    if (!store) throw new Error(`no resource ${idOf(group, resource)} is stored`);
    return store;
  }

  /** As the server's own code sees it. */
  internal(group: string, resource: string): InternalStore {
    const id = idOf(group, resource);
    let internal = this.internals.get(id);
    if (!internal) {
      internal = internalStore(this.get(group, resource));
      this.internals.set(id, internal);
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

function idOf(group: string, resource: string): string {
  return group === '' ? resource : `${resource}.${group}`;
}
