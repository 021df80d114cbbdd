/**
 * Evicts pods from nodes with NoExecute taints that they do not tolerate, or only for a time
 * (`pkg/controller/tainteviction`).
 *
 *   taint or pod changes ─▶ sync pod ─▶ tolerated for ever: cancel │ for n seconds: again then │ not: delete
 */

import type { Node, Pod } from '../../pkg/api/types.js';
import { formatTime, keyOf, splitKey } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import { type EventRecorder, referenceTo } from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { NODES, PODS } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { noExecuteTaints, toleratedSeconds } from '../nodes/taints.js';
import { markDisrupted } from '../pod-disruption.js';
import { BY_NODE, isPodTerminal, nodeIndex } from '../pods.js';

export const taintEviction: ControllerDescriptor = {
  name: 'taint-eviction-controller',
  serviceAccount: 'node-controller',
  create: (context) => new TaintEvictionController(context),
};

class TaintEvictionController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly recorder: EventRecorder;
  private readonly nodes: Informer<Node>;
  private readonly pods: Informer<Pod>;
  private readonly client: ResourceClient<Pod>;
  /** Pods that have to go later, by key: since when the taints count. */
  private readonly scheduled = new Map<string, { readonly uid: string; readonly since: number }>();

  constructor(private readonly context: ControllerContext) {
    const { clock, client, informers } = context;
    this.queue = new RateLimitingQueue(clock);
    this.recorder = context.recorder.forComponent('taint-eviction-controller');
    this.client = client.resource<Pod>(PODS);
    this.nodes = informers.informer<Node>(NODES);
    this.pods = informers.informer<Pod>(PODS, { indexers: { [BY_NODE]: nodeIndex } });
    this.nodes.addHandler({
      add: (node) => this.enqueuePodsOf(node),
      update: (old, node) => {
        const [before, after] = [noExecuteTaints(old), noExecuteTaints(node)];
        if (JSON.stringify(before) !== JSON.stringify(after)) this.enqueuePodsOf(node);
      },
    });
    this.pods.addHandler({
      add: (pod) => this.enqueue(pod),
      update: (old, pod) => {
        const same = old.spec?.nodeName === pod.spec?.nodeName;
        if (!same || old.spec?.tolerations?.length !== pod.spec?.tolerations?.length)
          this.enqueue(pod);
      },
      delete: (pod) => this.enqueue(pod),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    const { context, queue } = this;
    return runSyncLoop(
      {
        context,
        queue,
        concurrency: 8,
        informers: [this.nodes, this.pods],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(key: string, signal: AbortSignal): Promise<void> {
    const pod = this.pods.store.get(key);
    const known = this.scheduled.get(key);
    if (!pod || pod.metadata?.deletionTimestamp !== undefined || !pod.spec?.nodeName) {
      this.scheduled.delete(key);
      return;
    }
    const uid = pod.metadata?.uid ?? '';
    const taints = noExecuteTaints(this.nodes.store.get(pod.spec.nodeName));
    const seconds = taints.length
      ? toleratedSeconds(taints, pod.spec.tolerations ?? [])
      : Number.POSITIVE_INFINITY;
    if (seconds === Number.POSITIVE_INFINITY) {
      if (known) this.tell(pod, `Cancelling deletion of Pod ${key}`);
      this.scheduled.delete(key);
      return;
    }
    const now = this.context.clock.monotonic();
    const since = known?.uid === uid ? known.since : now;
    const left = since + seconds * 1000 - now;
    this.scheduled.set(key, { uid, since });
    if (left > 0) {
      this.queue.addAfter(key, left);
      return;
    }
    await this.evict(pod, signal);
    this.scheduled.delete(key);
  }

  private async evict(pod: Pod, signal: AbortSignal): Promise<void> {
    const key = keyOf(pod);
    const { namespace, name } = splitKey(key);
    this.tell(pod, `Marking for deletion Pod ${key}`);
    try {
      if (!isPodTerminal(pod)) {
        await markDisrupted(this.client, pod, {
          reason: 'DeletionByTaintManager',
          message: 'Taint manager: deleting due to NoExecute taint',
          now: formatTime(new Date(this.context.clock.now())),
          signal,
        });
      }
      const preconditions = { uid: pod.metadata?.uid ?? '' };
      await this.client.delete(namespace, name, { preconditions, signal });
      this.context.logger.info(
        { namespace, name, node: pod.spec?.nodeName },
        'Pod evicted for a taint',
      );
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  private tell(pod: Pod, message: string): void {
    this.recorder.event(referenceTo(PODS, pod), 'Normal', 'TaintManagerEviction', message);
  }

  // --- enqueue helpers ---

  private enqueue(pod: Pod): void {
    const tainted = noExecuteTaints(this.nodes.store.get(pod.spec?.nodeName ?? '')).length > 0;
    if (tainted || this.scheduled.has(keyOf(pod))) this.queue.add(keyOf(pod));
  }

  private enqueuePodsOf(node: Node): void {
    const tainted = noExecuteTaints(node).length > 0;
    for (const pod of this.pods.store.byIndex(BY_NODE, node.metadata?.name ?? '')) {
      if (tainted || this.scheduled.has(keyOf(pod))) this.queue.add(keyOf(pod));
    }
  }
}
