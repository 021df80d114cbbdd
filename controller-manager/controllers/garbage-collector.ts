/**
 * Deletes what nobody owns any more (`pkg/controller/garbagecollector`):
 *
 *   owner deleted, Background ─▶ dependents are suspects ─▶ all owners gone? delete
 *   owner deleted, Foreground ─▶ dependents are deleted ─▶ the last blocking one gone? finalizer off
 *   owner deleted, Orphan     ─▶ references to it are taken off ─▶ finalizer off
 *
 * The graph only says whom to suspect. Before anything is deleted, the object and each of its owners are
 * read from the server, and the deletion names uid and resourceVersion: a stale picture never costs an
 * object. Suspects are judged when every resource has been listed
 * once, or cannot be.
 */
import type { KubeObject, OwnerReference } from '../../pkg/apimachinery/meta.js';
import { isConflict, isNotFound } from '../../pkg/client/errors.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { runWorkers } from '../../pkg/client/workers.js';
import { TaskGroup } from '../../pkg/component/task-group.js';
import type { Controller, ControllerContext, ControllerDescriptor } from '../controller.js';
import {
  FINALIZER_FOREGROUND,
  FINALIZER_ORPHAN,
  type Identity,
  identityOf,
  type Node,
  OwnerGraph,
} from '../garbage/graph.js';
import { Monitors } from '../garbage/monitors.js';

export const garbageCollector: ControllerDescriptor = {
  name: 'garbage-collector-controller',
  aliases: ['garbagecollector'],
  serviceAccount: 'generic-garbage-collector',
  create: (context) => new GarbageCollector(context),
};

/** What the server says of the owners of one object. */
interface Owners {
  readonly solid: OwnerReference[];
  readonly dangling: OwnerReference[];
  readonly waiting: OwnerReference[];
}

class GarbageCollector implements Controller {
  private readonly suspects: RateLimitingQueue;
  private readonly orphans: RateLimitingQueue;
  private readonly graph: OwnerGraph;
  private readonly monitors: Monitors;

  constructor(private readonly context: ControllerContext) {
    this.suspects = new RateLimitingQueue(context.clock);
    this.orphans = new RateLimitingQueue(context.clock);
    this.graph = new OwnerGraph({
      suspect: (uid) => this.suspects.add(uid),
      orphan: (uid) => this.orphans.add(uid),
    });
    this.monitors = new Monitors(context, this.graph, () => this.lookAgain());
  }

  async run(signal: AbortSignal): Promise<void> {
    let failure: { err: unknown } | undefined;
    const tasks = new TaskGroup(signal, (_, err) => {
      failure ??= { err };
    });
    tasks.spawn('monitors', (stop) => this.monitors.run(stop));
    tasks.spawn('workers', (stop) => this.work(stop));
    await tasks.done();
    if (failure) throw failure.err;
  }

  /** There are new kinds: an owner of one of them need not wait for its next try. */
  private lookAgain(): void {
    for (const uid of this.graph.unseen()) {
      this.suspects.forget(uid);
      this.suspects.add(uid);
    }
  }

  private async work(signal: AbortSignal): Promise<void> {
    const { logger, options } = this.context;
    try {
      await this.monitors.waitForSync(signal);
    } catch (err) {
      if (signal.aborted) return;
      throw err;
    }
    const concurrency = options.concurrency['gc'] ?? 20;
    const onError = (uid: string, err: unknown): undefined => {
      if (!isConflict(err)) logger.debug({ uid, err }, 'Garbage collection failed, trying again');
    };
    await Promise.all([
      runWorkers({
        queue: this.suspects,
        concurrency,
        sync: (uid, stop) => this.judge(uid, stop),
        onError,
        signal,
      }),
      runWorkers({
        queue: this.orphans,
        concurrency,
        sync: (uid, stop) => this.orphan(uid, stop),
        onError,
        signal,
      }),
    ]);
  }

  /** Deletes the suspect if the server agrees that it should go. */
  private async judge(uid: string, signal: AbortSignal): Promise<void> {
    const node = this.graph.get(uid);
    if (!node) return;
    if (node.beingDeleted && !node.deletingDependents) return;
    const { identity } = node;
    const latest = await this.read(identity, signal);
    if (latest?.metadata?.uid !== uid) {
      this.graph.noteAbsent(uid, identity.namespace);
      this.graph.remove(uid);
      return;
    }
    if (node.deletingDependents) return this.finishForeground(node, latest, signal);
    const refs = latest.metadata.ownerReferences ?? [];
    if (refs.length > 0) await this.judgeByOwners(node, latest, refs, signal);
    // It is there, and no watch has shown it yet: look again, later and later.
    if (this.graph.get(uid)?.virtual) throw new Error('the owner is not seen by a watch yet');
  }

  private async judgeByOwners(
    node: Node,
    latest: KubeObject,
    refs: readonly OwnerReference[],
    signal: AbortSignal,
  ): Promise<void> {
    const { solid, dangling, waiting } = await this.classify(refs, node.identity, signal);
    if (solid.length > 0) {
      const loose = new Set([...dangling, ...waiting].map((ref) => ref.uid));
      if (loose.size === 0) return;
      // Another owner keeps it; it must not hold up those that go.
      const ownerReferences = refs.filter((ref) => !loose.has(ref.uid));
      await this.patch(node.identity, latest, { ownerReferences }, signal);
      return;
    }
    const finalizers = latest.metadata?.finalizers ?? [];
    if (waiting.length > 0 && node.dependents.size > 0) {
      if ([...node.dependents].some((dependent) => dependent.deletingDependents)) {
        // A circle of foreground deletions would wait for itself.
        const ownerReferences = refs.map((ref) => ({ ...ref, blockOwnerDeletion: false }));
        latest = await this.patch(node.identity, latest, { ownerReferences }, signal);
      }
      return this.delete(node.identity, latest, 'Foreground', signal);
    }
    const policy = finalizers.includes(FINALIZER_ORPHAN)
      ? 'Orphan'
      : finalizers.includes(FINALIZER_FOREGROUND)
        ? 'Foreground'
        : 'Background';
    return this.delete(node.identity, latest, policy, signal);
  }

  private async classify(
    refs: readonly OwnerReference[],
    dependent: Identity,
    signal: AbortSignal,
  ): Promise<Owners> {
    const owners: Owners = { solid: [], dangling: [], waiting: [] };
    for (const ref of refs) {
      if (this.graph.isAbsent(ref.uid, dependent.namespace)) {
        owners.dangling.push(ref);
        continue;
      }
      const identity = identityOf(ref, dependent.namespace);
      if (this.monitors.resourceOf(identity).namespaced && dependent.namespace === '') {
        // An invalid reference is nobody's proof; the object stays, as upstream.
        owners.solid.push(ref);
        continue;
      }
      const owner = await this.read(identity, signal);
      if (owner?.metadata?.uid !== ref.uid) {
        this.graph.noteAbsent(
          ref.uid,
          this.monitors.resourceOf(identity).namespaced ? dependent.namespace : '',
        );
        owners.dangling.push(ref);
      } else if (
        owner.metadata.deletionTimestamp !== undefined &&
        owner.metadata.finalizers?.includes(FINALIZER_FOREGROUND)
      ) {
        owners.waiting.push(ref);
      } else {
        owners.solid.push(ref);
      }
    }
    return owners;
  }

  private async finishForeground(
    node: Node,
    latest: KubeObject,
    signal: AbortSignal,
  ): Promise<void> {
    const blocking = this.graph.blockingDependents(node);
    if (blocking.length === 0) {
      await this.removeFinalizer(node.identity, latest, FINALIZER_FOREGROUND, signal);
      return;
    }
    for (const dependent of blocking) {
      if (!dependent.deletingDependents) this.suspects.add(dependent.identity.uid);
    }
  }

  private async orphan(uid: string, signal: AbortSignal): Promise<void> {
    const node = this.graph.get(uid);
    if (!node) return;
    const results = await Promise.allSettled(
      [...node.dependents].map((dependent) => this.letGo(dependent.identity, uid, signal)),
    );
    const failed = results.find((r) => r.status === 'rejected');
    if (failed) throw failed.reason;
    const latest = await this.read(node.identity, signal);
    if (latest?.metadata?.uid === uid) {
      await this.removeFinalizer(node.identity, latest, FINALIZER_ORPHAN, signal);
    }
  }

  private async letGo(dependent: Identity, ownerUid: string, signal: AbortSignal): Promise<void> {
    const latest = await this.read(dependent, signal);
    const refs = latest?.metadata?.ownerReferences ?? [];
    if (latest?.metadata?.uid !== dependent.uid || !refs.some((ref) => ref.uid === ownerUid))
      return;
    const ownerReferences = refs.filter((ref) => ref.uid !== ownerUid);
    await this.patch(dependent, latest, { ownerReferences }, signal);
  }

  private async removeFinalizer(
    identity: Identity,
    latest: KubeObject,
    finalizer: string,
    signal: AbortSignal,
  ): Promise<void> {
    const finalizers = latest.metadata?.finalizers ?? [];
    if (!finalizers.includes(finalizer)) return;
    try {
      await this.patch(
        identity,
        latest,
        { finalizers: finalizers.filter((f) => f !== finalizer) },
        signal,
      );
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  private async delete(
    identity: Identity,
    { metadata }: KubeObject,
    propagationPolicy: 'Orphan' | 'Background' | 'Foreground',
    signal: AbortSignal,
  ): Promise<void> {
    const { uid = '', resourceVersion = '' } = metadata ?? {};
    const { namespace, name, kind } = identity;
    try {
      const preconditions = { uid, resourceVersion };
      await this.clientOf(identity).delete(namespace, name, {
        propagationPolicy,
        preconditions,
        signal,
      });
      this.context.logger.info(
        { kind, namespace, name, uid, propagationPolicy },
        'Deleted, for its owners are gone',
      );
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  /** A merge patch that a later change of the object refuses. */
  private patch(
    identity: Identity,
    latest: KubeObject,
    metadata: Record<string, unknown>,
    signal: AbortSignal,
  ): Promise<KubeObject> {
    const { uid, resourceVersion } = latest.metadata ?? {};
    const body = { metadata: { uid, resourceVersion, ...metadata } };
    return this.clientOf(identity).patch(identity.namespace, identity.name, 'merge', body, {
      signal,
    });
  }

  /** From the server; undefined: it is not there. */
  private async read(identity: Identity, signal: AbortSignal): Promise<KubeObject | undefined> {
    const { namespaced } = this.monitors.resourceOf(identity);
    try {
      return await this.clientOf(identity).get(
        namespaced ? identity.namespace : '',
        identity.name,
        { signal },
      );
    } catch (err) {
      if (isNotFound(err)) return undefined;
      throw err;
    }
  }

  private clientOf(identity: Identity): ResourceClient<KubeObject> {
    return this.context.client.resource<KubeObject>(this.monitors.resourceOf(identity), {
      metadataOnly: true,
    });
  }
}
