/**
 * A load of writes that goes on while processes die: several writers, each creating ConfigMaps with names
 * that are used once, remembering those that the server acknowledged. A write that failed may have been
 * carried out or not; it is not tried again under its name, so that "acknowledged" and "there" can be
 * compared name by name. With `churn`, every second one is changed and every fourth deleted afterwards.
 */
import { makeInformer, type V1ConfigMap } from '@kubernetes/client-node';
import { type Kube, NAMESPACE, statusOf } from './kube.js';

/** A writer that fails waits this long, so that a server that is down is not run over when it is back. */
const PAUSE_MS = 20;
/** Longer than this, a write counts as hung. */
const ANSWER_MS = 70_000;

export interface WriteLoadOptions {
  readonly kube: Kube;
  readonly prefix: string;
  readonly writers: number;
  readonly churn?: boolean;
}

export class WriteLoad {
  /** Names whose creation the server acknowledged, and their deletion, if it was tried, it did not. */
  readonly acknowledged: string[] = [];
  /** Names whose deletion the server acknowledged. */
  readonly deleted: string[] = [];
  /** What the failed writes said: how often each. */
  readonly errors = new Map<string, number>();
  /** The longest that a write, done or failed, has taken. */
  slowestMs = 0;
  private stopped = false;
  private readonly done: Promise<unknown>;

  constructor(private readonly options: WriteLoadOptions) {
    this.done = Promise.all(
      Array.from({ length: options.writers }, (_, writer) => this.write(writer)),
    );
  }

  /** Resolves when the last write in flight has been answered. */
  async stop(): Promise<void> {
    this.stopped = true;
    await this.done;
  }

  /** What of this load a list shows: name → resourceVersion. */
  async listed(): Promise<Map<string, string>> {
    const { kube, prefix } = this.options;
    const { items } = await kube.core.listNamespacedConfigMap({
      namespace: NAMESPACE,
      labelSelector: `load=${prefix}`,
    });
    return new Map(items.map(nameAndVersion));
  }

  /** What a list lacks of the acknowledged writes, or shows in spite of an acknowledged deletion. */
  async lost(): Promise<string[]> {
    const there = await this.listed();
    return [
      ...this.acknowledged.filter((name) => !there.has(name)),
      ...this.deleted.filter((name) => there.has(name)),
    ];
  }

  private async write(writer: number): Promise<void> {
    const { core } = this.options.kube;
    const { prefix, churn } = this.options;
    for (let i = 0; !this.stopped; i++) {
      const name = `${prefix}-${writer}-${i}`;
      const labels = { load: prefix };
      const body = { metadata: { name, labels }, data: { name } };
      const created = await this.tried(() =>
        core.createNamespacedConfigMap({ namespace: NAMESPACE, body }),
      );
      if (!created) continue;
      if (churn && i % 4 === 0) {
        const deleted = await this.tried(() =>
          core.deleteNamespacedConfigMap({ name, namespace: NAMESPACE }),
        );
        if (deleted) this.deleted.push(name);
        continue;
      }
      this.acknowledged.push(name);
      if (churn && i % 2 === 0) {
        const changed = { ...body, data: { name, changed: 'true' } };
        await this.tried(() =>
          core.replaceNamespacedConfigMap({ name, namespace: NAMESPACE, body: changed }),
        );
      }
    }
  }

  private async tried(write: () => Promise<unknown>): Promise<boolean> {
    const start = performance.now();
    try {
      await within(ANSWER_MS, write());
      return true;
    } catch (err) {
      const { code, reason, message } = statusOf(err);
      // Ports, names and the like aside: what kind of error.
      const kind = `${code ?? ''} ${reason ?? ''} ${message}`.replace(/\d{4,}/g, 'N');
      this.errors.set(kind, (this.errors.get(kind) ?? 0) + 1);
      await new Promise((resolve) => setTimeout(resolve, PAUSE_MS));
      return false;
    } finally {
      this.slowestMs = Math.max(this.slowestMs, performance.now() - start);
    }
  }
}

export function nameAndVersion(object: {
  metadata?: { name?: string; resourceVersion?: string };
}): [string, string] {
  return [object.metadata?.name ?? '', object.metadata?.resourceVersion ?? ''];
}

/** Rejects when the promise takes longer. */
export async function within<T>(ms: number, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`no answer within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}

interface Restartable {
  start(): Promise<void>;
  stop(): Promise<void>;
  on(verb: 'error', callback: (err?: unknown) => void): void;
}

/** An informer of client-node is started again by its user when its connection fails. */
export function keepStarted(informer: Restartable): { stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let stopped = false;
  informer.on('error', () => {
    if (!stopped) timer = setTimeout(() => informer.start(), 100);
  });
  return {
    stop: () => {
      stopped = true;
      clearTimeout(timer);
      return informer.stop();
    },
  };
}

/** What an informer of client-node knows of a load's ConfigMaps. */
export function watchLoad(kube: Kube, load: string) {
  const labelSelector = `load=${load}`;
  const informer = makeInformer<V1ConfigMap>(
    kube.config,
    `/api/v1/namespaces/${NAMESPACE}/configmaps`,
    () => kube.core.listNamespacedConfigMap({ namespace: NAMESPACE, labelSelector }),
    labelSelector,
  );
  const kept = keepStarted(informer);
  const watched = {
    connections: 0,
    connected: Promise.resolve(),
    /** Name and resourceVersion of each, sorted. */
    cache: () => informer.list(NAMESPACE).map(nameAndVersion).sort(),
    stop: () => kept.stop(),
  };
  informer.on('connect', () => {
    watched.connections++;
  });
  watched.connected = informer.start();
  return watched;
}
