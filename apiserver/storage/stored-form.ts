/**
 * How objects lie in the store where that is not simply as they are served: custom resources, which are
 * stored in one version, served in several, and may have been stored under an older schema.
 *
 *   served v2 ──encode──▶ {"apiVersion":"g/v1",…} in the store ──decode──▶ (convert) ──▶ revive ──▶ served v2
 */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { KeyValue } from '../../pkg/etcd-client/interface.js';

export interface StoredForm {
  /** The apiVersion that objects are written in. */
  readonly apiVersion: string;
  /** Brings what the store holds into today's schema, in place; true when it changed. */
  revive?(obj: KubeObject): boolean;
  /** Absent: versions differ in their apiVersion alone. */
  readonly converter?: ObjectConverter;
}

export interface ObjectConverter {
  /** One for one, in the same order. Rejects when it cannot. */
  convert(objects: readonly KubeObject[], apiVersion: string): Promise<KubeObject[]>;
}

/** Values of the store in the version `apiVersion`; those that are in it already are left alone. */
export async function convertValues(
  kvs: readonly KeyValue[],
  apiVersion: string,
  converter: ObjectConverter | undefined,
): Promise<readonly KeyValue[]> {
  if (!converter || kvs.length === 0) return kvs;
  const others: { at: number; object: KubeObject }[] = [];
  for (const [at, kv] of kvs.entries()) {
    const object: KubeObject | undefined = parse(kv.value);
    if (object && object.apiVersion !== apiVersion) others.push({ at, object });
  }
  if (others.length === 0) return kvs;
  const converted = await converter.convert(
    others.map(({ object }) => object),
    apiVersion,
  );
  const out = [...kvs];
  for (const [i, { at }] of others.entries()) {
    const kv = kvs[at];
    if (kv) out[at] = { ...kv, value: Buffer.from(JSON.stringify(converted[i])) };
  }
  return out;
}

/** Undefined for what is no JSON, which its reader will find out. */
function parse(value: Buffer): KubeObject | undefined {
  if (value.length === 0) return undefined;
  try {
    return JSON.parse(value.toString());
  } catch {
    return undefined;
  }
}
