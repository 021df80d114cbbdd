/** Copies of an object with a finalizer more, or less. */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';

export function withFinalizer<T extends KubeObject>(obj: T, finalizer: string): T {
  const finalizers = [...(obj.metadata?.finalizers ?? []), finalizer];
  return { ...obj, metadata: { ...obj.metadata, finalizers } };
}

export function withoutFinalizer<T extends KubeObject>(obj: T, finalizer: string): T {
  const finalizers = (obj.metadata?.finalizers ?? []).filter((one) => one !== finalizer);
  return { ...obj, metadata: { ...obj.metadata, finalizers } };
}
