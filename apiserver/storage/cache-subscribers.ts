/**
 * Who listens to the events of one cache, kept by what each can have an interest in, so that an event costs
 * nothing for those it cannot concern: a thousand kubelets each want the pods of one node.
 */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import type { CacheEvent } from './watch-history.js';

/** Which events a subscriber can have any interest in, for finding it quickly. */
export interface Interest {
  /** Empty: all. */
  readonly namespace: string;
  /** Only the object with this relative key. */
  readonly key?: string;
  /** Only objects with this value, before or after the event. */
  readonly field?: { readonly name: string; readonly value: string };
}

export interface CacheSubscriber {
  readonly interest: Interest;
  /** Must return at once and not throw. */
  onEvent(event: CacheEvent): void;
  /** The cache starts again; events may have been missed. */
  onReset(): void;
}

export class CacheSubscribers {
  private readonly everyone = new Set<CacheSubscriber>();
  private readonly byNamespace = new Map<string, Set<CacheSubscriber>>();
  private readonly byKey = new Map<string, Set<CacheSubscriber>>();
  private readonly byField = new Map<string, Map<string, Set<CacheSubscriber>>>();

  /** `fieldsOf`: an object's fields for selectors. */
  constructor(private readonly fieldsOf: (obj: KubeObject) => Record<string, string>) {}

  add(subscriber: CacheSubscriber): void {
    this.shelf(subscriber.interest, true)?.add(subscriber);
  }

  remove(subscriber: CacheSubscriber): void {
    const { key, field, namespace } = subscriber.interest;
    const shelf = this.shelf(subscriber.interest, false);
    shelf?.delete(subscriber);
    if (!shelf || shelf.size > 0) return;
    if (key !== undefined) this.byKey.delete(key);
    else if (field) {
      const values = this.byField.get(field.name);
      values?.delete(field.value);
      if (values?.size === 0) this.byField.delete(field.name);
    } else if (namespace !== '') this.byNamespace.delete(namespace);
  }

  tell(event: CacheEvent): void {
    notify(this.everyone, event);
    const { namespace, key } = event.object;
    if (this.byNamespace.size > 0) notify(this.byNamespace.get(namespace), event);
    if (this.byKey.size > 0) notify(this.byKey.get(key), event);
    for (const [field, values] of this.byField) {
      const now = event.object.fields(this.fieldsOf)[field] ?? '';
      const before = event.previous ? (event.previous.fields(this.fieldsOf)[field] ?? '') : now;
      notify(values.get(now), event);
      if (before !== now) notify(values.get(before), event);
    }
  }

  reset(): void {
    const shelves = [this.everyone, ...this.byNamespace.values(), ...this.byKey.values()];
    for (const values of this.byField.values()) shelves.push(...values.values());
    for (const subscriber of shelves.flatMap((shelf) => [...shelf])) subscriber.onReset();
  }

  private shelf(interest: Interest, create: boolean): Set<CacheSubscriber> | undefined {
    const { key, field, namespace } = interest;
    if (key !== undefined) return shelfIn(this.byKey, key, create);
    if (field) {
      let values = this.byField.get(field.name);
      if (!values && create) {
        values = new Map();
        this.byField.set(field.name, values);
      }
      return values && shelfIn(values, field.value, create);
    }
    return namespace === '' ? this.everyone : shelfIn(this.byNamespace, namespace, create);
  }
}

function notify(subscribers: Set<CacheSubscriber> | undefined, event: CacheEvent): void {
  if (subscribers) for (const subscriber of subscribers) subscriber.onEvent(event);
}

function shelfIn(
  shelves: Map<string, Set<CacheSubscriber>>,
  name: string,
  create: boolean,
): Set<CacheSubscriber> | undefined {
  let shelf = shelves.get(name);
  if (!shelf && create) {
    shelf = new Set();
    shelves.set(name, shelf);
  }
  return shelf;
}
