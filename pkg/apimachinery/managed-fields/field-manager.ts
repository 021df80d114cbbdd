/**
 * Keeps `metadata.managedFields` as `k8s.io/apimachinery/pkg/util/managedfields` does, for one kind in
 * one version. Called by the generic store on every create, update, patch and apply, before the object
 * is stored; returns new objects and changes none of those it gets.
 *
 * Invariants: entries are sorted; an empty one is dropped; a write that changes nothing changes no entry
 * and no time; an entry that did not change is the same object as before.
 */
import type { Schema, SchemaSet } from '../../api/schema/model.js';
import { deepEqual } from '../equality.js';
import type { ManagedFieldsEntry, ObjectMeta, UnstructuredObject } from '../meta.js';
import { formatTime } from '../meta.js';
import { badRequest, failure } from '../status.js';
import { ConflictError, conflictStatus } from './conflict.js';
import { difference, type FieldSet, FieldSetError, isEmptySet, setOf, union } from './field-set.js';
import { type FieldType, fieldTypeOf } from './field-type.js';
import { allowedByLastApplied, LAST_APPLIED_ANNOTATION, withLastApplied } from './last-applied.js';
import {
  type Owner,
  type OwnerIdentity,
  type Owners,
  ownerId,
  parseOwners,
  readOwners,
  seconds,
  withFields,
  withTime,
  writeOwners,
} from './managers.js';
import { gainedBy, Updater, type Versions } from './updater.js';
import { typeErrors } from './validate-typed.js';

/** More Update entries than this are merged, oldest first, so that objects do not grow for ever. */
const MAX_UPDATE_MANAGERS = 10;
const ANCIENT_CHANGES = 'ancient-changes';
/** Owns what an object without managedFields had when it was first applied to. */
const BEFORE_FIRST_APPLY = 'before-first-apply';
const UNKNOWN_MANAGER = 'unknown';
/** kubectl's server-side apply, which takes over from its client-side one. */
const KUBECTL = 'kubectl';

/** What the server sets, so that nobody owns it. */
const STRIPPED: FieldSet = setOf(
  ['f:apiVersion'],
  ['f:kind'],
  ['f:metadata'],
  ['f:metadata', 'f:name'],
  ['f:metadata', 'f:namespace'],
  ['f:metadata', 'f:creationTimestamp'],
  ['f:metadata', 'f:selfLink'],
  ['f:metadata', 'f:uid'],
  ['f:metadata', 'f:clusterName'],
  ['f:metadata', 'f:generation'],
  ['f:metadata', 'f:managedFields'],
  ['f:metadata', 'f:resourceVersion'],
);

export interface FieldManagerOptions {
  /** The version that this manager writes: `apps/v1`. */
  readonly apiVersion: string;
  readonly kind: string;
  readonly schemas: SchemaSet;
  /** The kind's schema in this version. */
  readonly schema: Schema;
  /**
   * Fields that a write to the main resource (subresource `''`) or a subresource leaves as they are, such
   * as `f:status` on the main resource: `setOf(['f:status'])`.
   */
  resetFields?(subresource: string, apiVersion: string): FieldSet | undefined;
  /** Other served versions of the kind; without them, owners of any other version are forgotten. */
  readonly otherVersions?: {
    schemaOf(apiVersion: string): Schema | undefined;
    convert(obj: UnstructuredObject, apiVersion: string): UnstructuredObject | undefined;
  };
}

export class FieldManager {
  private readonly updaters = new Map<string, Updater>();
  /** Of the kind in this version. */
  readonly type: FieldType;

  constructor(private readonly options: FieldManagerOptions) {
    this.type = fieldTypeOf(options.schema, options.schemas);
  }

  /**
   * The new object with its managedFields, after a create (`live` undefined), update or patch. The client's
   * own managedFields count, as they may be edited or emptied, but not in a write to a subresource.
   */
  update<T extends UnstructuredObject>(
    live: UnstructuredObject | undefined,
    obj: T,
    manager: string,
    subresource: string,
    now: number,
  ): T {
    const entries = live?.metadata?.managedFields;
    const sent = obj.metadata?.managedFields;
    const trusted = subresource !== '' || sent === undefined || sent === entries;
    if (!trusted && isReset(sent)) return this.afterReset(live, obj, manager, subresource, now);
    const owners =
      trusted || deepEqual(sent, entries) ? storedOwners(entries) : sentOwners(sent, entries);

    // An object from before there were managedFields is not tracked until it is applied to.
    if (owners.size === 0 && live?.metadata?.uid) return withEntries(obj, undefined);

    const { apiVersion } = this.options;
    const from = live ? bare(live) : {};
    const updater = this.updater(subresource);
    const comparison = updater.compare(from, bare(obj), apiVersion);
    if (comparison === undefined) return withEntries(obj, this.settled(owners, entries));

    const after =
      owners.size === 0
        ? { owners: new Map<string, Owner>(), gained: gainedBy(comparison) }
        : updater.update(from, bare(obj), apiVersion, comparison, owners);
    const gained = difference(after.gained, STRIPPED);
    if (!isEmptySet(gained)) {
      const identity = this.identity(manager, 'Update', subresource);
      const id = ownerId(identity);
      const previous = after.owners.get(id);
      const fields = previous ? union(gained, previous.fields) : gained;
      after.owners.set(id, { ...identity, fields, time: formatTime(new Date(now)) });
    }
    return withEntries(obj, writeOwners(capped(after.owners)));
  }

  /**
   * `live` with the patch applied and its managedFields; `live` undefined creates. Throws a StatusError:
   * 409 with one cause per field that others own, 400 for a patch of another kind.
   */
  apply(
    live: UnstructuredObject | undefined,
    patch: UnstructuredObject,
    manager: string,
    force: boolean,
    subresource: string,
    now: number,
  ): UnstructuredObject {
    this.check(patch);
    let owners = this.liveOwners(live);
    const from: UnstructuredObject = live ? bare(live) : {};
    if (owners.size === 0 && live?.metadata?.uid) {
      owners = this.ownersBeforeApply(from, subresource, now);
    }
    try {
      return this.merge(from, patch, owners, manager, force, subresource, now);
    } catch (err) {
      if (!(err instanceof ConflictError)) throw err;
      if (manager !== KUBECTL || live === undefined) throw conflictStatus(err.conflicts);
      // What kubectl's last client-side apply set, and nobody changed since, is its own.
      const { apiVersion } = this.options;
      const allowed = allowedByLastApplied(live, this.type, apiVersion);
      const left = err.conflicts.filter(({ path }) => !allowed(path));
      if (left.length > 0) throw conflictStatus(left);
      return this.merge(from, patch, owners, manager, true, subresource, now);
    }
  }

  private merge(
    live: UnstructuredObject,
    patch: UnstructuredObject,
    owners: Owners,
    manager: string,
    force: boolean,
    subresource: string,
    now: number,
  ): UnstructuredObject {
    const identity = this.identity(manager, 'Apply', subresource);
    const id = ownerId(identity);
    const time = owners.get(id)?.time;
    const result = this.updater(subresource).apply(
      live,
      { obj: patch, apiVersion: this.options.apiVersion },
      owners,
      id,
      { ...identity, ...(time === undefined ? {} : { time }) },
      force,
    );
    const changed = result.obj !== undefined;
    const applier = result.owners.get(id);
    if (applier) {
      const fields = difference(applier.fields, STRIPPED);
      const kept = withFields(applier, fields);
      if (kept === undefined) result.owners.delete(id);
      else result.owners.set(id, changed ? withTime(kept, formatTime(new Date(now))) : kept);
    }
    let obj = (changed ? result.obj : live) as UnstructuredObject;
    if (manager === KUBECTL && obj.metadata?.annotations?.[LAST_APPLIED_ANNOTATION]) {
      obj = withLastApplied(obj, patch);
    }
    return withEntries(obj, writeOwners(result.owners));
  }

  private check(patch: UnstructuredObject): void {
    const { apiVersion, kind } = this.options;
    if (patch.apiVersion !== apiVersion || patch.kind !== kind) {
      throw badRequest(`invalid object type: ${gvkText(patch.apiVersion, patch.kind)}`);
    }
    if (patch.metadata?.managedFields !== undefined && patch.metadata.managedFields !== null) {
      throw badRequest('metadata.managedFields must be nil');
    }
    const errors = typeErrors(this.type, patch);
    if (errors !== undefined) {
      const { namespace = '', name = '' } = patch.metadata ?? {};
      // Upstream answers this one as an error without a reason.
      throw failure(
        500,
        '',
        `failed to create typed patch object (${namespace}/${name}; ${gvkText(apiVersion, kind)}): ${errors}`,
      );
    }
  }

  private liveOwners(live: UnstructuredObject | undefined): Owners {
    try {
      return readOwners(live?.metadata?.managedFields);
    } catch (err) {
      if (!(err instanceof FieldSetError)) throw err;
      throw failure(500, '', `failed to decode managed fields: ${err.message}`);
    }
  }

  private ownersBeforeApply(live: UnstructuredObject, subresource: string, now: number): Owners {
    const { apiVersion } = this.options;
    const comparison = this.updater(subresource).compare({}, live, apiVersion);
    const { added, modified } = comparison ?? {};
    const all = union(added ?? {}, modified ?? {});
    const fields = difference(all, STRIPPED);
    if (isEmptySet(fields)) return new Map();
    const identity = this.identity(BEFORE_FIRST_APPLY, 'Update', subresource);
    return new Map([[ownerId(identity), { ...identity, fields, time: formatTime(new Date(now)) }]]);
  }

  /** The client emptied the list: on create it starts anew, on update the object is tracked no more. */
  private afterReset<T extends UnstructuredObject>(
    live: UnstructuredObject | undefined,
    obj: T,
    manager: string,
    subresource: string,
    now: number,
  ): T {
    if (live?.metadata?.uid) return withEntries(obj, undefined);
    return this.update(live && bare(live), bare(obj), manager, subresource, now);
  }

  /** Nothing changed: the stored list itself, unless the client edited it or it has too many entries. */
  private settled(
    owners: Owners,
    entries: ManagedFieldsEntry[] | undefined,
  ): ManagedFieldsEntry[] | undefined {
    const untouched = owners.size === (entries?.length ?? 0) && owners.size <= MAX_UPDATE_MANAGERS;
    if (untouched && entries?.every((entry) => isFrom(owners, entry))) return entries;
    return writeOwners(capped(owners));
  }

  private identity(
    manager: string,
    operation: 'Apply' | 'Update',
    subresource: string,
  ): OwnerIdentity {
    const { apiVersion } = this.options;
    return { manager: manager || UNKNOWN_MANAGER, operation, apiVersion, subresource };
  }

  private updater(subresource: string): Updater {
    let updater = this.updaters.get(subresource);
    if (updater === undefined) {
      updater = new Updater(this.versions(subresource));
      this.updaters.set(subresource, updater);
    }
    return updater;
  }

  private versions(subresource: string): Versions {
    const { apiVersion, schemas, otherVersions } = this.options;
    return {
      typeOf: (version) => {
        if (version === apiVersion) return this.type;
        const schema = otherVersions?.schemaOf(version);
        return schema && fieldTypeOf(schema, schemas);
      },
      convert: (obj, version) =>
        obj.apiVersion === version || (version === apiVersion && obj.apiVersion === undefined)
          ? obj
          : otherVersions?.convert(obj, version),
      ignored: (version) => this.options.resetFields?.(subresource, version),
    };
  }
}

/** `apps/v1, Kind=Deployment`, and `/v1, Kind=Pod` of the core group. What is no text is nothing. */
function gvkText(apiVersion: unknown, kind: unknown): string {
  const version = typeof apiVersion === 'string' ? apiVersion : '';
  const groupVersion = version.includes('/') ? version : `/${version}`;
  return `${groupVersion}, Kind=${typeof kind === 'string' ? kind : ''}`;
}

/** `[]` and `[{}]` ask for the owners to be forgotten. */
function isReset(entries: readonly ManagedFieldsEntry[]): boolean {
  const [first] = entries;
  return first === undefined || (entries.length === 1 && Object.keys(first).length === 0);
}

/** A list that cannot be read is as good as none. */
function storedOwners(entries: readonly ManagedFieldsEntry[] | undefined): Owners {
  try {
    return readOwners(entries);
  } catch (err) {
    if (err instanceof FieldSetError) return new Map();
    throw err;
  }
}

/** A client's list that cannot be read, or is empty, leaves the stored one in force. */
function sentOwners(
  sent: readonly ManagedFieldsEntry[],
  entries: readonly ManagedFieldsEntry[] | undefined,
): Owners {
  try {
    const owners = parseOwners(sent);
    return owners.size > 0 ? owners : storedOwners(entries);
  } catch (err) {
    if (err instanceof FieldSetError) return storedOwners(entries);
    throw err;
  }
}

function isFrom(owners: Owners, entry: ManagedFieldsEntry): boolean {
  for (const owner of owners.values()) if (owner.entry === entry) return true;
  return false;
}

/** The object without its managedFields, which are nobody's field. */
function bare<T extends UnstructuredObject>(obj: T): T {
  return obj.metadata?.managedFields === undefined ? obj : withEntries(obj, undefined);
}

function withEntries<T extends UnstructuredObject>(
  obj: T,
  entries: ManagedFieldsEntry[] | undefined,
): T {
  if (entries === undefined && obj.metadata?.managedFields === undefined) return obj;
  const { managedFields: _, ...rest } = obj.metadata ?? {};
  const metadata: ObjectMeta = entries === undefined ? rest : { ...rest, managedFields: entries };
  return { ...obj, metadata };
}

/** The oldest Update entries of a version become one, until few enough are left. */
function capped(owners: Owners): Owners {
  const updaters = [...owners].filter(([, owner]) => owner.operation === 'Update');
  if (updaters.length <= MAX_UPDATE_MANAGERS) return owners;
  updaters.sort(([a, x], [b, y]) => seconds(x) - seconds(y) || (a < b ? -1 : 1));
  const result = new Map(owners);
  const firstOf = new Map<string, string>();
  let count = updaters.length;
  for (const [id, owner] of updaters) {
    if (count <= MAX_UPDATE_MANAGERS) break;
    const { apiVersion } = owner;
    const first = firstOf.get(apiVersion);
    if (first === undefined) {
      firstOf.set(apiVersion, id);
      continue;
    }
    const identity: OwnerIdentity = {
      manager: ANCIENT_CHANGES,
      operation: 'Update',
      apiVersion,
      subresource: '',
    };
    const bucketId = ownerId(identity);
    const bucket: Owner | undefined = result.get(bucketId) ?? result.get(first);
    if (!result.has(bucketId)) result.delete(first);
    result.delete(id);
    result.set(bucketId, {
      ...identity,
      fields: bucket ? union(owner.fields, bucket.fields) : owner.fields,
      ...(owner.time === undefined ? {} : { time: owner.time }),
    });
    count--;
  }
  return result;
}
