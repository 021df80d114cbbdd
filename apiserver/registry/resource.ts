/**
 * What one file of `registry/resources/` says about its resource. Everything that the API serves about a
 * kind (paths, verbs, discovery, OpenAPI, table columns, defaults, validation) derives from this value.
 *
 * Who may change an object, in the order of the road that every write takes:
 *   decode → setDefaults → prepareForCreate | prepareForUpdate → mutating admission → setDefaults
 *   → validate | validateUpdate (change nothing, report all) → validating admission → store.
 * Reads never change what is stored.
 */
import type { ValueDecoder } from '../../pkg/api/schema/decode.js';
import type { FieldError } from '../../pkg/apimachinery/field-error.js';
import type { FieldManager } from '../../pkg/apimachinery/managed-fields/field-manager.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { RequestContext } from '../server/request-context.js';

export type Verb =
  | 'create'
  | 'get'
  | 'list'
  | 'watch'
  | 'update'
  | 'patch'
  | 'delete'
  | 'deletecollection';

export interface ResourceDefinition<T extends KubeObject = KubeObject> {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
  /** `KINDList` when absent. */
  readonly listKind?: string;
  /** Plural, lower case: `pods`. */
  readonly resource: string;
  readonly singular: string;
  readonly namespaced: boolean;
  readonly shortNames?: readonly string[];
  readonly categories?: readonly string[];
  /** All eight when absent. */
  readonly verbs?: readonly Verb[];
  /** The OpenAPI definition: `io.k8s.api.core.v1.Pod`. */
  readonly definition: string;
  /**
   * The folder under `/registry/` when it is not the plural (`services/specs`, `minions`, as upstream), or
   * the resource whose objects this one shows under another version (HPA v1 of v2, events.k8s.io of core).
   */
  readonly storage?: StoragePrefix | ServedFrom;
  readonly strategy: Strategy<T>;
  readonly columns?: readonly Column<T>[];
  readonly subresources?: readonly Subresource<T>[];
  /** A warning that every answer about the resource carries: `v1 Endpoints is deprecated in v1.33+; use …`. */
  readonly deprecation?: string;
  /** Where `/scale` reads and writes; absent: no scale subresource. */
  readonly scale?: ScalePaths;
  /** A resource with no storage (SubjectAccessReview, ComponentStatus, Binding): it answers by itself. */
  readonly virtual?: VirtualResource;
  /** A kind that users added: its schema is its own, and not among the built-in definitions. */
  readonly custom?: CustomSchema;
}

export interface CustomSchema {
  readonly decoder: ValueDecoder & { setDefaults(obj: KubeObject): void };
  readonly fields: FieldManager;
  /** The kind and its list as definitions of OpenAPI, by name. */
  openApi(version: 2 | 3): Readonly<Record<string, object>>;
  /** The same object in another version of the kind; itself where it is in that version. */
  convert(obj: KubeObject, apiVersion: string): KubeObject | Promise<KubeObject>;
  /** Changes when the schema does. */
  readonly digest: string;
  /** Its definition is being deleted: no object is created any more. */
  readonly terminating: boolean;
}

export interface StoragePrefix {
  readonly prefix: string;
}

export interface ServedFrom {
  readonly from: { readonly group: string; readonly version: string; readonly resource: string };
  /** Both make a new object of the other version and lose nothing on the way there and back. */
  toStored(obj: KubeObject): KubeObject;
  fromStored(obj: KubeObject): KubeObject;
}

export interface Strategy<T extends KubeObject = KubeObject> {
  /** Fills what is absent. Idempotent; also applied to an object read from the store in an older shape. */
  setDefaults?(obj: T): void;
  prepareForCreate?(obj: T, ctx: RequestContext): void;
  /** Besides ObjectMeta and the schema, which the generic store checks for every kind. */
  validate?(obj: T, ctx: RequestContext): FieldError[];
  prepareForUpdate?(obj: T, old: T, ctx: RequestContext): void;
  /** Complete for an update: what create checks, if it holds on update too, is called from here. */
  validateUpdate?(obj: T, old: T, ctx: RequestContext): FieldError[];
  warningsOnCreate?(obj: T, ctx: RequestContext): string[];
  warningsOnUpdate?(obj: T, old: T, ctx: RequestContext): string[];
  /** Messages for a bad name; DNS-1123 subdomain when absent. `prefix`: it is a generateName. */
  validateName?(name: string, prefix: boolean): string[];
  /** So large an object that each step of a write takes long: others' requests are let in between them. */
  readonly large?: boolean;
  /** Of a large one: what `validate` would take long for, done before it in pieces. Reports nothing. */
  checkAhead?(obj: T): Promise<void>;
  /** PUT creates what is not there. */
  readonly allowCreateOnUpdate?: boolean;
  /** PUT without resourceVersion overwrites; false answers 422 "must be specified for an update". Default true. */
  readonly allowUnconditionalUpdate?: boolean;
  /** `metadata.generation` is 1 at create and counts changes of anything but metadata and status. */
  readonly generation?: boolean;
  /** `status` is a subresource: main writes keep the old one, `/status` writes keep all else (and metadata, as upstream). */
  readonly status?: StatusStrategy<T> | true;
  /** A create keeps the status that its author sent (Nodes: a kubelet registers with one). */
  readonly keepsStatusOnCreate?: boolean;
  /**
   * Fields for `--field-selector` besides metadata.name and metadata.namespace, by path: `spec.nodeName`.
   * Always the same fields, also for an object that has nothing but metadata.
   */
  selectableFields?(obj: T): Record<string, string>;
  /**
   * Graceful deletion (pods): seconds that the object stays with a deletionTimestamp; 0 deletes at once.
   * Absent: deleted at once when no finalizer holds it.
   */
  gracefulDeletion?(obj: T, requestedSeconds: number | undefined, ctx: RequestContext): number;
  /** Why nobody deletes the object of this name by itself; undefined where anybody may. */
  undeletable?(name: string): string | undefined;
  /** Changes made together with the mark of deletion (Namespace: `status.phase`). */
  prepareForDelete?(obj: T, ctx: RequestContext): void;
  /**
   * Besides `metadata.finalizers`: whether something in the object holds it while it is being deleted
   * (Namespace: `spec.finalizers`). Asked at DELETE and after every write to an object that is marked;
   * the object goes when nothing holds it any more.
   */
  holdsDeletion?(obj: T): boolean;
  /** Allocations and other effects bound to a write (Service addresses). Undone when the write fails. */
  begin?(
    write: 'create' | 'update' | 'delete',
    obj: T,
    old: T | undefined,
    ctx: RequestContext,
  ): Promise<Undo>;
  /** Seconds after the last write at which the object goes by itself (Events). Absent: never. */
  readonly ttlSeconds?: number;
  /** DELETE answers the object that went in place of a Status, as upstream for pods, services and some more. */
  readonly returnsDeletedObject?: boolean;
  /** When propagationPolicy is not given: `background` for every built-in kind but ReplicationController and Job v1's `orphan`. */
  readonly defaultPropagation?: 'Background' | 'Orphan';
}

export interface StatusStrategy<T extends KubeObject = KubeObject> {
  prepareForUpdate?(obj: T, old: T, ctx: RequestContext): void;
  validateUpdate?(obj: T, old: T, ctx: RequestContext): FieldError[];
}

/**
 * What is owed after `begin`, one of the two: calling it takes back what `begin` took, after the write failed;
 * `commit`, after the write is done, gives back what the object no longer has.
 */
export interface Undo {
  (): Promise<void>;
  commit?(): Promise<void>;
}

export interface Column<T extends KubeObject = KubeObject> {
  /** As kubectl prints it, in upstream's case: `Nominated Node`. */
  readonly name: string;
  readonly type: 'string' | 'integer' | 'number' | 'boolean' | 'date';
  readonly format?: string;
  readonly description: string;
  /** 0 always shows; 1 with `-o wide`. */
  readonly priority?: number;
  /** `now`: milliseconds since the epoch, for ages. */
  value(obj: T, now: number): string | number | boolean | null;
}

export interface ScalePaths {
  /** `spec.replicas` */
  readonly specReplicas: string;
  readonly statusReplicas: string;
  /** The field that holds the LabelSelector, or the plain map (ReplicationController). */
  readonly selector: string;
}

export interface Subresource<T extends KubeObject = KubeObject> {
  /** `binding`, `eviction`, `log`, `token` … `status` and `scale` are derived, not listed. */
  readonly name: string;
  /** The kind of its body, as discovery lists it. */
  readonly kind: {
    readonly group: string;
    readonly version: string;
    readonly kind: string;
    /** Versions that are served no more and that older clients still write. */
    readonly olderVersions?: readonly string[];
  };
  readonly verbs: readonly ('create' | 'get' | 'update' | 'patch' | 'delete')[];
  /** Reads and writes of the parent object under another strategy (ephemeralcontainers, resize, approval, finalize). */
  readonly strategy?: Strategy<T>;
  /** POST of a body of `kind`; resolves to the object or Status to answer with. */
  create?(
    parent: { namespace: string; name: string },
    body: KubeObject,
    ctx: RequestContext,
  ): Promise<KubeObject>;
  /** GET, POST … with the raw exchange: logs, exec, proxy. */
  connect?(parent: { namespace: string; name: string }, ctx: RequestContext): Promise<void>;
}

export interface VirtualResource {
  create?(body: KubeObject, ctx: RequestContext): Promise<KubeObject>;
  get?(name: string, ctx: RequestContext): Promise<KubeObject>;
  list?(ctx: RequestContext): Promise<KubeObject[]>;
}
