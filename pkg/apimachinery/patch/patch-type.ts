/**
 * What strategic merge needs to know of a field: how its value is merged, and by which key its items
 * are told apart. Read from the schema's `patchStrategy` and `patchMergeKey`.
 */
import type { Schema, SchemaSet } from '../../api/schema/model.js';
import { failure } from '../status.js';

export class PatchType {
  private constructor(
    private readonly schema: Schema | undefined,
    private readonly schemas: SchemaSet,
    readonly strategy: 'merge' | 'replace' | '',
    readonly mergeKey: string,
  ) {}

  static of(schema: Schema, schemas: SchemaSet): PatchType {
    return new PatchType(schemas.resolve(schema), schemas, '', '');
  }

  /** Of a field of this object; for a list, the type is that of its items. Throws for an unknown field. */
  field(name: string): PatchType {
    const schema = this.schema;
    if (schema === undefined) return this.untyped();
    const { properties, additionalProperties } = schema;
    const property =
      properties !== undefined && Object.hasOwn(properties, name)
        ? properties[name]
        : additionalProperties;
    if (property === undefined) {
      if (properties === undefined || schema.preserveUnknownFields) return this.untyped();
      throw failure(
        500,
        '',
        `unable to find api field in struct ${shortName(schema)} for the json field ${JSON.stringify(name)}`,
      );
    }
    const own = this.schemas.resolve(property);
    const strategies = property.patchStrategy ?? own.patchStrategy ?? [];
    const strategy = strategies.includes('merge')
      ? 'merge'
      : strategies.includes('replace')
        ? 'replace'
        : '';
    const inner = own.type === 'array' && own.items ? this.schemas.resolve(own.items) : own;
    const mergeKey = property.patchMergeKey ?? own.patchMergeKey ?? '';
    return new PatchType(inner, this.schemas, strategy, mergeKey);
  }

  private untyped(): PatchType {
    return new PatchType(undefined, this.schemas, '', '');
  }
}

function shortName(schema: Schema): string {
  return schema.groupVersionKinds?.[0]?.kind ?? '';
}
