/**
 * The model of what a path does, independent of the version of OpenAPI that tells it: one `PathItem` a path,
 * one `Operation` a method of it.
 */

export type Method = 'get' | 'put' | 'post' | 'delete' | 'options' | 'head' | 'patch';

export interface Gvk {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

export interface Operation {
  readonly id: string;
  readonly description: string;
  /** `get`, `list`, `post`, `put`, `patch`, `delete`, `deletecollection`, `watch`, `watchlist`, `connect`. */
  readonly action?: string;
  readonly kind?: Gvk;
  readonly tag: string;
  /** Of the query, besides the path item's own. */
  readonly parameters: readonly string[];
  /** The definition of the body; `Patch` for all kinds of patches. */
  readonly body?: {
    readonly definition: string;
    readonly required: boolean;
    /** `structural`: of a custom kind, which takes no strategic merge patch. */
    readonly patch?: 'any' | 'structural';
  };
  /** Code → definition; absent: a text. */
  readonly responses: Readonly<Record<string, string | undefined>>;
  readonly produces: 'object' | 'list' | 'text' | 'any' | 'json' | 'keys' | 'version';
}

export interface PathItem {
  readonly path: string;
  readonly parameters: readonly string[];
  readonly operations: Partial<Record<Method, Operation>>;
}

export const META = 'io.k8s.apimachinery.pkg.apis.meta.v1.';
