/**
 * Tells kubelets, in an annotation of their node, how long they may believe the Secrets and ConfigMaps that
 * they have read: longer in larger clusters (`pkg/controller/ttl`). The steps overlap, so that a cluster at
 * a boundary does not go to and fro.
 */
import type { Node } from '../../pkg/api/types.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import { NODES } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';

const ANNOTATION = 'node.alpha.kubernetes.io/ttl';
const CONCURRENCY = 5;

/** Below `from` nodes the step before holds again; above `to` the next. */
const STEPS = [
  { from: 0, to: 100, seconds: 0 },
  { from: 90, to: 500, seconds: 15 },
  { from: 450, to: 1000, seconds: 30 },
  { from: 900, to: 2000, seconds: 60 },
  { from: 1800, to: Number.POSITIVE_INFINITY, seconds: 300 },
] as const;

export const nodeTtl: ControllerDescriptor = {
  name: 'ttl-controller',
  aliases: ['ttl'],
  serviceAccount: 'ttl-controller',
  create: (context) => new NodeTtlController(context),
};

class NodeTtlController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly nodes: Informer<Node>;
  private step = 0;

  constructor(private readonly context: ControllerContext) {
    this.queue = new RateLimitingQueue(context.clock);
    this.nodes = context.informers.informer<Node>(NODES);
    const enqueue = (node: Node) => this.queue.add(node.metadata?.name ?? '');
    this.nodes.addHandler({
      add: (node) => {
        this.count();
        enqueue(node);
      },
      update: (_, node) => enqueue(node),
      delete: () => this.count(),
    });
  }

  run(signal: AbortSignal): Promise<void> {
    const { context, queue } = this;
    return runSyncLoop(
      {
        context,
        queue,
        concurrency: CONCURRENCY,
        informers: [this.nodes],
        sync: (key, stop) => this.sync(key, stop),
      },
      signal,
    );
  }

  private async sync(name: string, signal: AbortSignal): Promise<void> {
    const node = this.nodes.store.get(name);
    const ttl = String(STEPS[this.step]?.seconds ?? 0);
    if (!node || node.metadata?.annotations?.[ANNOTATION] === ttl) return;
    const patch = { metadata: { annotations: { [ANNOTATION]: ttl } } };
    try {
      await this.context.client
        .resource<Node>(NODES)
        .patch('', name, 'strategic', patch, { signal });
    } catch (err) {
      if (!isNotFound(err)) throw err;
    }
  }

  private count(): void {
    const step = ttlStep(this.nodes.store.size, this.step);
    if (step === this.step) return;
    this.step = step;
    for (const node of this.nodes.store.values()) this.queue.add(node.metadata?.name ?? '');
  }
}

/** The step for so many nodes, coming from another. Pure. */
export function ttlStep(nodes: number, current: number): number {
  let step = current;
  while (nodes > (STEPS[step]?.to ?? nodes)) step++;
  while (nodes < (STEPS[step]?.from ?? nodes)) step--;
  return step;
}
