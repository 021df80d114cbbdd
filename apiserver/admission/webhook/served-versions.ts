/**
 * The forms in which webhooks see what is written: a stored object in each version of the API that shows it
 * (HorizontalPodAutoscaler v1 of v2), and the kinds of subresources (a Scale, an Eviction). And the way
 * back, for what a mutating webhook made of it.
 */
import { clone } from '../../../pkg/apimachinery/clone.js';
import type { FieldType } from '../../../pkg/apimachinery/managed-fields/field-type.js';
import { apiVersionOf, type KubeObject } from '../../../pkg/apimachinery/meta.js';
import { applyReplicas, scaleOf } from '../../endpoints/scale.js';
import type { ResourceDefinition } from '../../registry/resource.js';

export interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface ServedVersion {
  readonly group: string;
  readonly version: string;
  readonly resource: string;
  /** Of the object or, where the subresource has a body of its own, of that. */
  kind(subresource: string): GroupVersionKind;
  /** The stored object (or the subresource's body) as this version shows it. Changes nothing. */
  show(obj: KubeObject, subresource: string): KubeObject | Promise<KubeObject>;
  /**
   * From a value in this version to what is stored, with defaults. `before`: what `show` was given. Throws for
   * a value that is no such object; `strict`: also for one with fields that a built-in kind does not have.
   */
  take(
    value: unknown,
    subresource: string,
    before: KubeObject,
    strict?: boolean,
  ): KubeObject | Promise<KubeObject>;
  /** What `show` gives, for merging; undefined where nothing is known of it. */
  fieldType(subresource: string): FieldType | undefined;
}

/** All versions of the API that show the objects of a stored resource, the stored one first. */
export type VersionsOf = (group: string, resource: string) => readonly ServedVersion[];

export interface KindDecoder {
  /** Checks a value against a kind's schema; fields that it does not have are dropped, or refused. */
  decode(
    kind: GroupVersionKind & Partial<Pick<ResourceDefinition, 'definition' | 'custom'>>,
    value: unknown,
    strict: boolean,
  ): KubeObject;
  /** Of a built-in kind. */
  fieldType(kind: GroupVersionKind): FieldType | undefined;
  /** Of the stored version. */
  setDefaults(definition: ResourceDefinition, obj: KubeObject): void;
}

export function servedVersions(
  definitions: () => readonly ResourceDefinition[],
  decoder: KindDecoder,
): VersionsOf {
  const known = new Map<string, readonly ServedVersion[]>();
  let of: readonly ResourceDefinition[] | undefined;
  return (group, resource) => {
    const all = definitions();
    if (all !== of) {
      known.clear();
      of = all;
    }
    const id = `${resource}.${group}`;
    let found = known.get(id);
    if (!found) {
      const stored = all.filter(
        (d) => d.group === group && d.resource === resource && !showsAnother(d),
      );
      const shown = all.filter(
        ({ storage }) =>
          storage &&
          'from' in storage &&
          storage.from.group === group &&
          storage.from.resource === resource,
      );
      const origin = stored[0];
      found = origin ? [...stored, ...shown].map((d) => servedVersion(d, origin, decoder)) : [];
      known.set(id, found);
    }
    return found;
  };
}

function servedVersion(
  definition: ResourceDefinition,
  stored: ResourceDefinition,
  decoder: KindDecoder,
): ServedVersion {
  const { group, version, resource, storage, custom } = definition;
  const conversion = storage && 'from' in storage ? storage : undefined;
  const kindOf = (subresource: string): GroupVersionKind => {
    if (subresource === 'scale' && definition.scale)
      return { group: 'autoscaling', version: 'v1', kind: 'Scale' };
    const sub = definition.subresources?.find(({ name }) => name === subresource);
    return sub?.create || sub?.connect ? sub.kind : { group, version, kind: definition.kind };
  };
  const hasOwnBody = (subresource: string) =>
    definition.subresources?.some(
      (sub) => sub.name === subresource && (sub.create || sub.connect) !== undefined,
    ) ?? false;
  const ofParent = (obj: KubeObject) =>
    typed(conversion ? conversion.fromStored(clone(obj)) : obj, kindOf(''));
  return {
    group,
    version,
    resource,
    kind: kindOf,
    show(obj, subresource) {
      if (subresource === 'scale' && definition.scale) return scaleOf(definition, ofParent(obj));
      if (custom) return custom.convert(obj, apiVersionOf(definition));
      return hasOwnBody(subresource) ? typed(obj, kindOf(subresource)) : ofParent(obj);
    },
    fieldType(subresource) {
      const own = subresource === 'scale' || hasOwnBody(subresource);
      return custom && !own ? custom.fields.type : decoder.fieldType(kindOf(subresource));
    },
    take(value, subresource, before, strict = false) {
      const kind = kindOf(subresource);
      if (subresource === 'scale' && definition.scale)
        return applyReplicas(stored, before, decoder.decode(kind, value, strict));
      if (hasOwnBody(subresource)) return decoder.decode(kind, value, strict);
      if (custom) {
        const obj = decoder.decode({ ...kind, custom }, value, false);
        return custom.convert(obj, before.apiVersion ?? apiVersionOf(definition));
      }
      const obj = decoder.decode({ ...kind, definition: definition.definition }, value, strict);
      const back = conversion ? conversion.toStored(obj) : obj;
      decoder.setDefaults(stored, back);
      return back;
    },
  };
}

function showsAnother({ storage }: ResourceDefinition): boolean {
  return storage !== undefined && 'from' in storage;
}

function typed(obj: KubeObject, { group, version, kind }: GroupVersionKind): KubeObject {
  const { kind: _kind, apiVersion: _apiVersion, ...rest } = obj;
  return { kind, apiVersion: group === '' ? version : `${group}/${version}`, ...rest };
}
