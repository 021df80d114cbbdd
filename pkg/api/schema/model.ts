/**
 * The one internal model of a kind's schema, for built-in kinds (generated at build time) and, later,
 * for those of a CustomResourceDefinition. Decoding, field validation, pruning, defaulting, strategic
 * merge, server-side apply, OpenAPI v2 and v3 and `kubectl explain` all read this model and nothing else.
 *
 * It is OpenAPI's structural subset with the `x-kubernetes-*` extensions under plain names. Field order
 * is the order in which OpenAPI lists them. Shared instances are frozen: never change one.
 */

export type SchemaType = 'object' | 'array' | 'string' | 'integer' | 'number' | 'boolean';

export interface Schema {
  readonly description?: string;
  /** Absent where any JSON value is allowed (RawExtension, JSON, FieldsV1 have `preserveUnknownFields`). */
  readonly type?: SchemaType;
  /** int32, int64, double, byte, date-time, micro-time, int-or-string, quantity, duration … */
  readonly format?: string;
  /** The name of another definition, `io.k8s.api.core.v1.PodSpec`. With it, only description and default stand beside. */
  readonly ref?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly items?: Schema;
  /** A map from string to this. */
  readonly additionalProperties?: Schema;
  readonly enum?: readonly string[];
  readonly default?: unknown;
  /** Absent means atomic for server-side apply. */
  readonly listType?: 'atomic' | 'set' | 'map';
  readonly listMapKeys?: readonly string[];
  /** Absent means granular. */
  readonly mapType?: 'atomic' | 'granular';
  /** x-kubernetes-patch-strategy, as `kubectl` and strategic merge read it. */
  readonly patchStrategy?: readonly ('merge' | 'replace' | 'retainKeys')[];
  readonly patchMergeKey?: string;
  readonly unions?: readonly unknown[];
  readonly preserveUnknownFields?: boolean;
  readonly embeddedResource?: boolean;
  readonly nullable?: boolean;
  /**
   * What the types of Kubernetes make of this field's zero (`""`, 0, false, `[]`, `{}`) on its way through
   * the server: `omit` drops it; `fill` puts it where the field is absent (null for a time). Absent: what is sent is kept as it is. Never set for a custom kind.
   */
  readonly zero?: 'omit' | 'fill';
  /** The value is always there in the types of Kubernetes; OpenAPI v3 says so by an empty default. */
  readonly byValue?: boolean;
  readonly groupVersionKinds?: readonly { group: string; version: string; kind: string }[];
}

/** All definitions by their OpenAPI name. `resolve` follows a `ref`; an unknown name is a broken build and throws. */
export interface SchemaSet {
  get(name: string): Schema;
  has(name: string): boolean;
  names(): Iterable<string>;
  /** The schema itself, or what its `ref` names. */
  resolve(schema: Schema): Schema;
}
