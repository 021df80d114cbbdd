/**
 * The store that every resource shares. A definition's strategy says what is special about its kind; the
 * order of things is here, and the same for all:
 *
 *   create.ts   managed fields → mutate → metadata, prepareForCreate → validate → admission → write
 *   update.ts   current state → change → mutate → prepareForUpdate → validate → admission → write over
 *               exactly that state, or again from the new one
 *   delete.ts   preconditions → finalizers and grace → mark, or remove
 *
 * Objects come in and go out in the STORED version; the endpoints convert. Everything that a user can do
 * wrong throws a StatusError; nothing here knows HTTP.
 */
import type { FieldError } from '../../pkg/apimachinery/field-error.js';
import type { FieldManager } from '../../pkg/apimachinery/managed-fields/field-manager.js';
import { apiVersionOf, type KubeObject } from '../../pkg/apimachinery/meta.js';
import {
  badRequest,
  invalid,
  notFound,
  type Qualified,
  qualify,
} from '../../pkg/apimachinery/status.js';
import { isValidPathSegmentName } from '../../pkg/apimachinery/validation/names.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import type { AdmissionAttributes, AdmissionChain, Operation } from '../admission/admission.js';
import type { RequestContext } from '../server/request-context.js';
import { relativeKey } from '../storage/keys.js';
import type { ListPage, ListQuery, ResourceStorage } from '../storage/resource-storage.js';
import type { StoredObject } from '../storage/stored-object.js';
import type { ResourceDefinition, Strategy } from './resource.js';

export interface GenericStoreOptions {
  readonly definition: ResourceDefinition;
  readonly storage: ResourceStorage;
  readonly admission: AdmissionChain;
  readonly fields: FieldManager;
  /** The defaults that stand in the kind's schema. */
  readonly schemaDefaults: (obj: KubeObject) => void;
  /** What the schema of the kind demands of an object: required fields, enums, formats. */
  readonly validateSchema: (obj: KubeObject) => FieldError[];
  readonly clock: Clock;
  readonly logger: Logger;
}

export class GenericStore {
  readonly definition: ResourceDefinition;
  readonly strategy: Strategy;
  readonly storage: ResourceStorage;
  readonly admission: AdmissionChain;
  readonly validateSchema: (obj: KubeObject) => FieldError[];
  private readonly schemaDefaults: (obj: KubeObject) => void;
  readonly clock: Clock;
  readonly logger: Logger;
  /** `{group, resource}`, as errors name it. */
  readonly qualified: Qualified;
  readonly apiVersion: string;

  constructor(private readonly options: GenericStoreOptions) {
    this.definition = options.definition;
    this.strategy = options.definition.strategy;
    this.storage = options.storage;
    this.admission = options.admission;
    this.validateSchema = options.validateSchema;
    this.schemaDefaults = options.schemaDefaults;
    this.clock = options.clock;
    this.logger = options.logger;
    this.qualified = { group: options.definition.group, resource: options.definition.resource };
    this.apiVersion = apiVersionOf(options.definition);
  }

  /** Made when it is first needed. */
  get fields(): FieldManager {
    return this.options.fields;
  }

  /** The relative key; 400 for what cannot be a key. */
  key(namespace: string, name: string): string {
    if (this.definition.namespaced && namespace === '')
      throw badRequest('Namespace parameter required.');
    if (name === '') throw badRequest('Name parameter required.');
    const problems = isValidPathSegmentName(name);
    if (problems.length > 0) {
      throw badRequest(`Name parameter invalid: ${JSON.stringify(name)}: ${problems.join(';')}`);
    }
    return relativeKey(this.definition.namespaced, namespace, name);
  }

  async get(
    namespace: string,
    name: string,
    resourceVersion = '',
    signal?: AbortSignal,
  ): Promise<StoredObject> {
    const found = await this.storage.get(this.key(namespace, name), resourceVersion, signal);
    if (!found) throw notFound(this.qualified, name);
    return found;
  }

  list(query: ListQuery): Promise<ListPage> {
    return this.storage.list(query);
  }

  /** What a write starts from: the cache where it is filled, else the store. It may be stale; writes compare. */
  async current(key: string): Promise<{ object: StoredObject | undefined; fresh: boolean }> {
    const { cache } = this.storage;
    const cached = cache.live ? cache.get(key) : undefined;
    if (cached) return { object: cached, fresh: false };
    return { object: await this.storage.read(key), fresh: true };
  }

  attributes(
    operation: Operation,
    namespace: string,
    name: string,
    subresource: string,
    ctx: RequestContext,
    objects: Pick<AdmissionAttributes, 'object' | 'oldObject' | 'options'>,
  ): AdmissionAttributes {
    const { group, version, kind, resource } = this.definition;
    return {
      operation,
      group,
      version,
      kind,
      resource,
      subresource,
      namespace,
      name,
      dryRun: ctx.dryRun,
      ...objects,
    };
  }

  /** Fills what is absent. Idempotent. */
  setDefaults(obj: KubeObject): void {
    this.schemaDefaults(obj);
    this.strategy.setDefaults?.(obj);
  }

  /** 422 with all that is wrong, or nothing. */
  refuse(name: string, errors: readonly FieldError[]): void {
    if (errors.length > 0) throw invalid(this.definition, name, errors);
  }

  toString(): string {
    return qualify(this.qualified);
  }
}
