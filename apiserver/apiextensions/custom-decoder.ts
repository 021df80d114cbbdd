/**
 * Turns what a client sent, or the store holds, into an object of a custom kind: metadata in the API's own
 * form, unknown fields pruned and told, defaults put in. What is sent is checked; what the store holds is
 * brought into the schema of today as far as it goes, since the schema may have changed since.
 */

import { type Decoded, DecodeError, type Decoder } from '../../pkg/api/schema/decoder.js';
import { clone } from '../../pkg/apimachinery/clone.js';
import type { KubeObject, ObjectMeta, UnstructuredObject } from '../../pkg/apimachinery/meta.js';
import { applyDefaults, dropNulls } from './schema/defaulting.js';
import { coerceEmbedded, hasEmbedded, type MetaReader } from './schema/embedded-objects.js';
import { prune } from './schema/pruning.js';
import { isMap, type JsonSchema } from './schema/structural.js';

const OBJECT_META = 'io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta';

export class CustomDecoder {
  private readonly embeds: boolean;
  private readonly reader: MetaReader;

  constructor(
    private readonly schema: JsonSchema,
    builtIn: Decoder,
  ) {
    this.embeds = hasEmbedded(schema);
    this.reader = {
      read: (metadata) => {
        const { object, unknownFields } = builtIn.decode(OBJECT_META, metadata ?? {});
        return { metadata: object as ObjectMeta, unknown: unknownFields };
      },
    };
  }

  /** Throws DecodeError for what is no object at all. */
  decode(_definition: string, value: unknown): Decoded {
    if (!isMap(value)) {
      throw new DecodeError(
        `json: cannot unmarshal ${Array.isArray(value) ? 'array' : typeof value} into Go value of type map[string]interface {}`,
      );
    }
    const members = membersOf(value);
    const object = clone(value);
    const unknown: string[] = [];
    if (Object.hasOwn(object, 'metadata')) {
      const read = this.reader.read(object['metadata']);
      object['metadata'] = read.metadata;
      unknown.push(...read.unknown.map((field) => `metadata.${field}`));
    }
    unknown.push(...prune(object, this.schema));
    dropNulls(object, withoutMeta(this.schema));
    if (this.embeds) {
      try {
        unknown.push(...coerceEmbedded(object, this.schema, '', this.reader, false));
      } catch (err) {
        throw err instanceof DecodeError ? err : new DecodeError(messageOf(err));
      }
    }
    this.setDefaults(object);
    return { object, unknownFields: unknown, members };
  }

  /** Numbers keep their form: there is no structure that they must fit. */
  readonly refuseFraction = (): void => undefined;

  definitionOf(): undefined {
    return undefined;
  }

  setDefaults(obj: KubeObject): boolean {
    return applyDefaults(obj, withoutMeta(this.schema));
  }

  /** An object from the store, in place; true when it changed. */
  revive(obj: UnstructuredObject): boolean {
    let changed = prune(obj, this.schema).length > 0;
    changed = dropNulls(obj, withoutMeta(this.schema)) || changed;
    if (this.embeds) coerceEmbedded(obj, this.schema, '', this.reader, true);
    changed = this.setDefaults(obj) || changed;
    return changed;
  }
}

/** What a schema says of the root's metadata restricts names; it never fills or drops. */
const stripped = new WeakMap<JsonSchema, JsonSchema>();

function withoutMeta(schema: JsonSchema): JsonSchema {
  const { properties } = schema;
  if (!properties?.['metadata']) return schema;
  let made = stripped.get(schema);
  if (!made) {
    const { metadata: _metadata, ...rest } = properties;
    made = { ...schema, properties: rest };
    stripped.set(schema, made);
  }
  return made;
}

function membersOf(value: unknown): number {
  if (typeof value !== 'object' || value === null) return 0;
  let members = Array.isArray(value) ? 0 : Object.keys(value).length;
  for (const part of Object.values(value)) members += membersOf(part);
  return members;
}

function messageOf(err: unknown): string {
  return err instanceof Error ? err.message : String(err);
}
