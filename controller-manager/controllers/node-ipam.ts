/** Gives every node a part of the cluster's pod network (`pkg/controller/nodeipam`). */

import type { Node } from '../../pkg/api/types.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { isNotFound } from '../../pkg/client/errors.js';
import { type EventRecorder, referenceTo } from '../../pkg/client/event-recorder.js';
import type { Informer } from '../../pkg/client/informer.js';
import { RateLimitingQueue } from '../../pkg/client/rate-limiting-queue.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import { NODES } from '../../pkg/client/resources.js';
import {
  type Controller,
  type ControllerContext,
  type ControllerDescriptor,
  runSyncLoop,
} from '../controller.js';
import { CidrSet } from '../nodes/cidr.js';

/** Nodes that are told of their part at a time, as upstream: a thousand may come at once, and their pods wait for it. */
const WORKERS = 30;

export const nodeIpam: ControllerDescriptor = {
  name: 'node-ipam-controller',
  aliases: ['nodeipam'],
  serviceAccount: 'node-controller',
  create: (context) => new NodeIpamController(context),
};

class NodeIpamController implements Controller {
  private readonly queue: RateLimitingQueue;
  private readonly recorder: EventRecorder;
  private readonly nodes: Informer<Node>;
  private readonly client: ResourceClient<Node>;
  private readonly cidrs: CidrSet | undefined;
  /** Given to a node, by uid, and not in the cache yet. */
  private readonly given = new Map<string, string>();

  constructor(private readonly context: ControllerContext) {
    const { allocateNodeCidrs, clusterCidr, nodeCidrMaskSize } = context.options;
    this.queue = new RateLimitingQueue(context.clock);
    this.recorder = context.recorder.forComponent('cidrAllocator');
    this.client = context.client.resource<Node>(NODES);
    this.nodes = context.informers.informer<Node>(NODES);
    if (!allocateNodeCidrs || clusterCidr === '') return;
    this.cidrs = new CidrSet(clusterCidr, nodeCidrMaskSize);
    this.nodes.addHandler({
      // Before any sync: what nodes have already must not be given away.
      add: (node) => this.noticed(node),
      update: (_, node) => this.noticed(node),
      delete: (node) => {
        this.given.delete(node.metadata?.uid ?? '');
        for (const cidr of node.spec?.podCIDRs ?? []) this.cidrs?.release(cidr);
      },
    });
  }

  run(signal: AbortSignal): Promise<void> {
    const { context, queue } = this;
    const loop = { context, queue, concurrency: WORKERS, informers: [this.nodes] };
    return runSyncLoop({ ...loop, sync: (key, stop) => this.sync(key, stop) }, signal);
  }

  private async sync(name: string, signal: AbortSignal): Promise<void> {
    const node = this.nodes.store.get(name);
    if (!node || node.spec?.podCIDR) return;
    const { uid = '' } = node.metadata ?? {};
    if (this.given.has(uid)) return;
    const cidr = this.cidrs?.allocate();
    if (cidr === undefined) {
      const message = `Node ${name} status is now: CIDRNotAvailable`;
      this.recorder.event(referenceTo(NODES, node), 'Normal', 'CIDRNotAvailable', message);
      throw new Error('failed to allocate a pod CIDR: there are no remaining CIDRs left');
    }
    try {
      const spec = { podCIDR: cidr, podCIDRs: [cidr] };
      await this.client.patch('', name, 'strategic', { metadata: { uid }, spec }, { signal });
      this.given.set(uid, cidr);
      this.context.logger.info({ node: name, cidr }, 'Pod CIDR assigned');
    } catch (err) {
      this.cidrs?.release(cidr);
      if (!isNotFound(err)) throw err;
    }
  }

  private noticed(node: Node): void {
    for (const cidr of node.spec?.podCIDRs ?? []) this.cidrs?.occupy(cidr);
    if (node.spec?.podCIDR) this.given.delete(node.metadata?.uid ?? '');
    if (!node.spec?.podCIDR) this.queue.add(keyOf(node));
  }
}
