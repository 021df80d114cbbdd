/**
 * Who owns which field after a write: the rules of `sigs.k8s.io/structured-merge-diff/merge`.
 *
 *   update: what changed goes from all others to the writer; what is gone, nobody owns.
 *   apply:  what the config sets is the applier's, shared with others who have it as it is. A different
 *           value of another's field is a conflict, or, forced, a take-over. What the applier set
 *           before and leaves out now is removed, unless someone else owns it as well.
 *
 * Sets are compared in the apiVersion they were written in; an owner of a version that is no longer
 * served is forgotten. Functions return new maps and change none.
 */
import { deepEqual } from '../equality.js';
import type { UnstructuredObject } from '../meta.js';
import { type Comparison, compare } from './compare.js';
import { ConflictError, conflictsOf } from './conflict.js';
import {
  below,
  difference,
  EMPTY_SET,
  type FieldSet,
  type FieldSetBuilder,
  hasBelow,
  hasElement,
  intersection,
  isEmptySet,
  LEAF,
  makeNode,
  recursiveDifference,
  union,
} from './field-set.js';
import { deducedType, type FieldType } from './field-type.js';
import { type Owner, type Owners, withFields } from './managers.js';
import { merge, removeFields, withNamedFields } from './merge.js';
import { toFieldSet } from './to-field-set.js';

/** The versions in which a kind is served. */
export interface Versions {
  /** Undefined: not served (any more). */
  typeOf(apiVersion: string): FieldType | undefined;
  convert(obj: UnstructuredObject, apiVersion: string): UnstructuredObject | undefined;
  /** Fields that a write in this version and to this subresource resets, and so never owns. */
  ignored(apiVersion: string): FieldSet | undefined;
}

/** An object in the version it is written in. */
export interface Versioned {
  readonly obj: UnstructuredObject;
  readonly apiVersion: string;
}

export class Updater {
  constructor(private readonly versions: Versions) {}

  /** Undefined when nothing that anyone may own has changed. */
  compare(
    live: UnstructuredObject,
    obj: UnstructuredObject,
    apiVersion: string,
  ): Comparison | undefined {
    const comparison = compare(this.type(apiVersion), live, obj);
    return comparison && this.filter(comparison, apiVersion);
  }

  /** The owners, without what changed hands, and what the writer gains. */
  update(
    live: UnstructuredObject,
    obj: UnstructuredObject,
    apiVersion: string,
    comparison: Comparison,
    owners: Owners,
  ): { owners: Owners; gained: FieldSet } {
    const reconciled = this.reconcile(owners);
    const after = this.handOver(live, obj, apiVersion, comparison, reconciled, undefined, true);
    return { owners: after, gained: gainedBy(comparison) };
  }

  /** Throws ConflictError. `obj` is undefined when the object stays as it is. */
  apply(
    live: UnstructuredObject,
    config: Versioned,
    owners: Owners,
    id: string,
    applier: Omit<Owner, 'fields' | 'entry'>,
    force: boolean,
  ): { obj: unknown; owners: Owners } {
    const { apiVersion } = config;
    const type = this.type(apiVersion);
    const before = this.reconcile(owners);
    const last = before.get(id);
    const merged = merge(type, live, config.obj);
    const ignored = this.versions.ignored(apiVersion);
    const set = toFieldSet(type, config.obj);
    const fields = ignored ? recursiveDifference(set, ignored) : set;
    before.set(id, { ...applier, fields });
    const pruned = last ? this.prune(merged, apiVersion, before, last) : merged;
    const after = (pruned ?? {}) as UnstructuredObject;
    if (deepEqual(live, after)) return { obj: undefined, owners: this.dropEmpty(before) };
    const comparison = compare(type, live, after);
    const filtered = (comparison && this.filter(comparison, apiVersion)) ?? {};
    const result = this.handOver(live, after, apiVersion, filtered, before, id, force);
    return { obj: after, owners: result };
  }

  /** What changed is taken from all but `id`; without force, a conflict. */
  private handOver(
    live: UnstructuredObject,
    obj: UnstructuredObject,
    apiVersion: string,
    comparison: Comparison,
    owners: Owners,
    id: string | undefined,
    force: boolean,
  ): Owners {
    const byVersion = new Map<string, Comparison | undefined>([[apiVersion, comparison]]);
    const taken = new Map<string, { owner: Owner; fields: FieldSet }>();
    const result: Owners = new Map();
    for (const [key, owner] of owners) {
      if (key === id) {
        result.set(key, owner);
        continue;
      }
      if (!byVersion.has(owner.apiVersion)) {
        const type = this.versions.typeOf(owner.apiVersion);
        const from = type && this.versions.convert(live, owner.apiVersion);
        const to = type && this.versions.convert(obj, owner.apiVersion);
        if (type === undefined || from === undefined || to === undefined) continue;
        const other = compare(type, from, to);
        byVersion.set(owner.apiVersion, other && this.filter(other, owner.apiVersion));
      }
      const changes = byVersion.get(owner.apiVersion);
      let { fields } = owner;
      if (changes?.modified || changes?.added) {
        const changed = union(changes.modified ?? EMPTY_SET, changes.added ?? EMPTY_SET);
        const lost = intersection(fields, changed);
        if (!isEmptySet(lost)) {
          taken.set(key, { owner, fields: lost });
          fields = difference(fields, lost);
        }
      }
      if (changes?.removed && !isEmptySet(intersection(fields, changes.removed))) {
        fields = difference(fields, changes.removed);
      }
      const left = withFields(owner, fields);
      if (left) result.set(key, left);
    }
    if (!force && taken.size > 0) throw new ConflictError(conflictsOf(taken));
    return this.dropEmpty(result);
  }

  /** Takes away what the applier set last time and does not now, but what others own or lies below it. */
  private prune(merged: unknown, apiVersion: string, owners: Owners, last: Owner): unknown {
    if (isEmptySet(last.fields)) return merged;
    const type = this.versions.typeOf(last.apiVersion);
    const full = this.convert(merged, apiVersion, last.apiVersion);
    if (type === undefined || full === undefined) return merged;
    let pruned = removeFields(type, full, withNamedFields(type, last.fields));

    const owned = new Map<string, FieldSet>();
    for (const owner of owners.values()) {
      owned.set(owner.apiVersion, union(owned.get(owner.apiVersion) ?? EMPTY_SET, owner.fields));
    }
    const versions = [last.apiVersion, ...[...owned.keys()].filter((v) => v !== last.apiVersion)];
    for (const version of versions) {
      const set = owned.get(version);
      const ownerType = this.versions.typeOf(version);
      const there = this.convert(full, last.apiVersion, version);
      const left = this.convert(pruned ?? {}, last.apiVersion, version);
      if (!set || !ownerType || there === undefined || left === undefined) continue;
      const keep = union(
        withNamedFields(ownerType, toFieldSet(ownerType, left)),
        withNamedFields(ownerType, set),
      );
      const all = withNamedFields(ownerType, toFieldSet(ownerType, there));
      const added = removeFields(ownerType, there, difference(all, keep));
      pruned = this.convert(added ?? {}, version, last.apiVersion);
    }

    // What hangs below a removed field and was never the applier's stays.
    const all = withNamedFields(type, toFieldSet(type, full));
    const left = withNamedFields(type, toFieldSet(type, pruned));
    const gone = intersection(difference(all, left), withNamedFields(type, last.fields));
    return this.convert(removeFields(type, full, gone), last.apiVersion, apiVersion);
  }

  private convert(obj: unknown, from: string, to: string): unknown {
    if (from === to || obj === undefined) return obj;
    return this.versions.convert(obj as UnstructuredObject, to);
  }

  private filter(comparison: Comparison, apiVersion: string): Comparison | undefined {
    const ignored = this.versions.ignored(apiVersion);
    if (ignored === undefined) return comparison;
    const without = (set: FieldSet | undefined): FieldSet | undefined => {
      const left = set && recursiveDifference(set, ignored);
      return left && !isEmptySet(left) ? left : undefined;
    };
    const added = without(comparison.added);
    const modified = without(comparison.modified);
    const removed = without(comparison.removed);
    if (!added && !modified && !removed) return undefined;
    return {
      ...(added ? { added } : {}),
      ...(modified ? { modified } : {}),
      ...(removed ? { removed } : {}),
    };
  }

  private type(apiVersion: string): FieldType {
    const type = this.versions.typeOf(apiVersion);
    if (type === undefined) throw new Error(`no type for ${apiVersion}`);
    return type;
  }

  /** Fields whose type became atomic since they were recorded are owned as one. */
  private reconcile(owners: Owners): Owners {
    const result: Owners = new Map();
    for (const [id, owner] of owners) {
      const type = this.versions.typeOf(owner.apiVersion);
      if (type === undefined) continue;
      const fields = reconcileSet(type, owner.fields);
      result.set(id, fields === owner.fields ? owner : { ...owner, fields });
    }
    return result;
  }

  private dropEmpty(owners: Owners): Owners {
    return new Map([...owners].filter(([, owner]) => !isEmptySet(owner.fields)));
  }
}

/** What the writer owns from now on. */
export function gainedBy({ modified, added }: Comparison): FieldSet {
  return union(modified ?? EMPTY_SET, added ?? EMPTY_SET);
}

/** The set itself where there is none of them, which is nearly always. */
function reconcileSet(type: FieldType, set: FieldSet): FieldSet {
  let out: FieldSetBuilder | undefined;
  for (const element in set) {
    if (element === '.' || !hasBelow(set, element)) continue;
    const node = below(set, element);
    const childType =
      (element.startsWith('f:') ? type.map?.field(element.slice(2)) : type.list?.element) ??
      deducedType();
    const atomic = childType.map ? childType.map.atomic : childType.list?.atomic === true;
    const inner = atomic ? LEAF : reconcileSet(childType, node);
    if (inner === node) continue;
    out ??= { ...set };
    out[element] = atomic ? LEAF : (makeNode(inner, hasElement(set, element)) ?? LEAF);
  }
  return out ?? set;
}
