/**
 * Removes pods that nobody else will (`pkg/controller/podgc`), every 20 s:
 *
 *   ended, beyond the threshold ─ oldest first     bound to a node that is gone for 40 s
 *   terminating without a node                     terminating on a node marked out-of-service
 */

import type { Node, Pod } from '../../pkg/api/types.js';
import { formatTime, keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import type { Informer } from '../../pkg/client/informer.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { NODES, PODS } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runPeriodically,
} from '../controller.js';
import { readyCondition } from '../nodes/health.js';
import { TAINT_OUT_OF_SERVICE } from '../nodes/taints.js';
import { markDisrupted } from '../pod-disruption.js';
import { BY_NODE, isPodTerminal, nodeIndex } from '../pods.js';

const PERIOD_MS = 20_000;
/** A node that is missing from the cache may only be late. */
const QUARANTINE_MS = 40_000;

export const podGarbageCollector: ControllerDescriptor = {
  name: 'pod-garbage-collector-controller',
  aliases: ['podgc'],
  serviceAccount: 'pod-garbage-collector',
  create: (context) => new PodGarbageCollector(context),
};

class PodGarbageCollector implements Controller {
  private readonly pods: Informer<Pod>;
  private readonly nodes: Informer<Node>;
  private readonly client: ResourceClient<Pod>;
  private readonly nodeClient: ResourceClient<Node>;
  /** Nodes that pods name and nobody has, since when. */
  private readonly missing = new Map<string, number>();

  constructor(private readonly context: ControllerContext) {
    const { client, informers } = context;
    this.client = client.resource<Pod>(PODS);
    this.nodeClient = client.resource<Node>(NODES);
    this.pods = informers.informer<Pod>(PODS, { indexers: { [BY_NODE]: nodeIndex } });
    this.nodes = informers.informer<Node>(NODES);
  }

  async run(signal: AbortSignal): Promise<void> {
    try {
      await Promise.all([this.pods.waitForSync(signal), this.nodes.waitForSync(signal)]);
    } catch (err) {
      if (signal.aborted) return;
      throw err;
    }
    await runPeriodically(this.context.clock, PERIOD_MS, signal, () => this.collect(signal));
  }

  private async collect(signal: AbortSignal): Promise<void> {
    const doomed = [
      ...this.ended(),
      ...this.outOfService(),
      ...(await this.orphaned(signal)),
      ...this.unscheduledTerminating(),
    ];
    for (const { pod, why } of doomed) {
      if (signal.aborted) return;
      await this.remove(pod, why, signal);
    }
  }

  private ended(): Doomed[] {
    const { terminatedPodGcThreshold } = this.context.options;
    if (terminatedPodGcThreshold <= 0) return [];
    const ended = [...this.pods.store.values()].filter(isPodTerminal);
    const surplus = ended.length - terminatedPodGcThreshold;
    if (surplus <= 0) return [];
    return ended
      .sort((a, b) => ageKey(a) - ageKey(b) || (keyOf(a) < keyOf(b) ? -1 : 1))
      .slice(0, surplus)
      .map((pod) => ({ pod }));
  }

  private outOfService(): Doomed[] {
    return [...this.nodes.store.values()]
      .filter((node) => readyCondition(node)?.status !== 'True')
      .filter((node) => node.spec?.taints?.some((taint) => taint.key === TAINT_OUT_OF_SERVICE))
      .flatMap((node) => this.pods.store.byIndex(BY_NODE, node.metadata?.name ?? ''))
      .filter((pod) => pod.metadata?.deletionTimestamp !== undefined)
      .map((pod) => ({ pod, why: 'PodGC: node is out of service' }));
  }

  private async orphaned(signal: AbortSignal): Promise<Doomed[]> {
    const now = this.context.clock.monotonic();
    const names = [...this.pods.store.indexValues(BY_NODE)].filter(
      (n) => n !== '' && !this.nodes.store.get(n),
    );
    for (const known of this.missing.keys()) if (!names.includes(known)) this.missing.delete(known);
    const doomed: Doomed[] = [];
    for (const name of names) {
      const since = this.missing.get(name) ?? now;
      this.missing.set(name, since);
      if (now - since < QUARANTINE_MS || (await this.nodeExists(name, signal))) continue;
      for (const pod of this.pods.store.byIndex(BY_NODE, name)) {
        doomed.push({ pod, why: 'PodGC: node no longer exists' });
      }
    }
    return doomed;
  }

  private unscheduledTerminating(): Doomed[] {
    return this.pods.store
      .byIndex(BY_NODE, '')
      .filter((pod) => pod.metadata?.deletionTimestamp !== undefined)
      .map((pod) => ({ pod }));
  }

  private async nodeExists(name: string, signal: AbortSignal): Promise<boolean> {
    try {
      await this.nodeClient.get('', name, { signal });
      return true;
    } catch (err) {
      // An apiserver that does not answer proves nothing.
      return !isNotFound(err);
    }
  }

  private async remove(pod: Pod, why: string | undefined, signal: AbortSignal): Promise<void> {
    const { namespace = '', name = '', uid = '' } = pod.metadata ?? {};
    try {
      if (!isPodTerminal(pod)) {
        await markDisrupted(this.client, pod, {
          reason: 'DeletionByPodGC',
          message: why ?? 'PodGC: unscheduled pod is terminating',
          now: formatTime(new Date(this.context.clock.now())),
          phase: 'Failed',
          signal,
        });
      }
      await this.client.delete(namespace, name, {
        gracePeriodSeconds: 0,
        preconditions: { uid },
        signal,
      });
      this.context.logger.info({ namespace, name, why }, 'Pod removed');
    } catch (err) {
      if (signal.aborted || isNotFound(err)) return;
      // The next round tries again.
      this.context.logger.info({ namespace, name, err }, 'Pod could not be removed');
    }
  }
}

interface Doomed {
  readonly pod: Pod;
  readonly why?: string;
}

function ageKey(pod: Pod): number {
  return Date.parse(pod.metadata?.creationTimestamp ?? '') || 0;
}
