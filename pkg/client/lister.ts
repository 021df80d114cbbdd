/**
 * Reads from an informer's store by namespace and name. Results are shared: read-only, always.
 */
import type { KubeObject } from '../apimachinery/meta.js';
import type { Informer } from './informer.js';
import { BY_NAMESPACE, namespaceIndex, type Store } from './store.js';

export class Lister<T extends KubeObject> {
  private readonly store: Store<T>;

  constructor(informer: Informer<T>) {
    informer.addIndexers({ [BY_NAMESPACE]: namespaceIndex });
    this.store = informer.store;
  }

  /** '' as the namespace for a cluster-scoped resource. */
  get(namespace: string, name: string): T | undefined {
    return this.store.get(namespace === '' ? name : `${namespace}/${name}`);
  }

  /** All of a namespace, or with '' of all namespaces. */
  list(namespace = ''): T[] {
    return namespace === ''
      ? [...this.store.values()]
      : this.store.byIndex(BY_NAMESPACE, namespace);
  }

  byIndex(index: string, value: string): T[] {
    return this.store.byIndex(index, value);
  }
}
