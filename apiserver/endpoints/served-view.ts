/**
 * A resource as one version of the API shows it: which bytes an object has there, and how to get from what
 * a client sent to what is stored. For most resources that is the same thing; for one that shows another
 * version's objects (`ServedFrom`) each object is converted once and its bytes are kept with it.
 */
import { apiVersionOf, type KubeObject } from '../../pkg/apimachinery/meta.js';
import { invalid } from '../../pkg/apimachinery/status.js';
import type { GenericStore } from '../registry/generic-store.js';
import type { ResourceDefinition, ServedFrom } from '../registry/resource.js';
import { selectableFields } from '../registry/selectable-fields.js';
import type { RequestContext } from '../server/request-context.js';
import type { StoredObject } from '../storage/stored-object.js';
import { ObjectCodec } from '../storage/stored-object.js';

export class ServedView {
  readonly apiVersion: string;
  /** `{group, resource}` of the served version, as errors name it. */
  readonly qualified: { readonly group: string; readonly resource: string };
  readonly fieldsOf: (obj: KubeObject) => Record<string, string>;
  private readonly conversion: ServedFrom | undefined;
  private readonly codec: ObjectCodec;
  private readonly converted = new WeakMap<StoredObject, StoredObject>();

  constructor(
    readonly definition: ResourceDefinition,
    /** Of the stored version. */
    readonly store: GenericStore,
  ) {
    this.apiVersion = apiVersionOf(definition);
    this.qualified = { group: definition.group, resource: definition.resource };
    const { storage } = definition;
    this.conversion = storage && 'from' in storage ? storage : undefined;
    this.codec = new ObjectCodec(definition.kind, this.apiVersion);
    this.fieldsOf = selectableFields(store.definition);
  }

  get converts(): boolean {
    return this.conversion !== undefined;
  }

  /** The object in this version, with its bytes. */
  of(stored: StoredObject): StoredObject {
    if (!this.conversion) return stored;
    let shown = this.converted.get(stored);
    if (!shown) {
      const obj = this.conversion.fromStored(stored.clone());
      shown = this.codec.fromObject(stored.key, obj, stored.revision, stored.lease);
      this.converted.set(stored, shown);
    }
    return shown;
  }

  /**
   * What a client sent, as it is stored. May change and keep `obj`. What only the served version demands is
   * checked here; the rest, when the stored object is.
   */
  toStored(obj: KubeObject, ctx: RequestContext, current?: StoredObject): KubeObject {
    if (!this.conversion) return obj;
    const { strategy } = this.definition;
    strategy.setDefaults?.(obj);
    const errors = current
      ? strategy.validateUpdate?.(obj, this.of(current).object, ctx)
      : strategy.validate?.(obj, ctx);
    if (errors && errors.length > 0)
      throw invalid(this.definition, obj.metadata?.name ?? '', errors);
    return this.conversion.toStored(obj);
  }
}
