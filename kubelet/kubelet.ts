/**
 * A kubelet process: one node, or many hollow ones, over one client and one picture of their pods.
 *
 *   apiserver ─pods of this node─▶ informer ─▶ NodeAgent ─▶ PodWorker ─▶ runtime
 *       ▲                                                       │           │ events
 *       └── status ◀── StatusManager ◀──────────────────────────┴───────────┘
 *
 * Constructing starts nothing; `run` resolves when everything has stopped. Containers go on running.
 */
import { setMaxListeners } from 'node:events';
import type { CSINode, Lease, Node, Pod, Service } from '../pkg/api/types.js';
import { EventRecorder, EventSender } from '../pkg/client/event-recorder.js';
import { Informer } from '../pkg/client/informer.js';
import { CSI_NODES, LEASES, NODES, PODS, SERVICES } from '../pkg/client/resources.js';
import type { RestClient } from '../pkg/client/rest.js';
import { BY_NAMESPACE, namespaceIndex } from '../pkg/client/store.js';
import type { Clock } from '../pkg/component/clock.js';
import type { Logger } from '../pkg/component/logger.js';
import { TaskGroup } from '../pkg/component/task-group.js';
import { KubeletEvents } from './events.js';
import { NodeLease } from './node/lease.js';
import { NodeAgent } from './node/node-agent.js';
import type { NodeSettings } from './node/node-status.js';
import { slimNode } from './node/slim-node.js';
import type { RuntimeFactory } from './runtime/index.js';
import { StatusManager } from './status-manager.js';
import { ObjectCache } from './volumes/object-cache.js';

/** Registrations under way at once, of a process with many nodes. */
const REGISTER_AT_ONCE = 16;

export interface KubeletOptions {
  readonly client: RestClient;
  readonly runtimes: RuntimeFactory;
  readonly nodes: readonly Omit<NodeSettings, 'runtimeVersion'>[];
  /** More than one node, of which nobody watches each. */
  readonly hollow: boolean;
  readonly register: boolean;
  readonly statusIntervalMs: number;
  readonly leaseDurationSeconds: number;
  readonly rootDir: string;
  readonly clock: Clock;
  readonly logger: Logger;
}

export class Kubelet {
  private readonly byName = new Map<string, NodeAgent>();
  private failure: { err: unknown } | undefined;
  private services: Informer<Service> | undefined;

  constructor(private readonly options: KubeletOptions) {}

  agents(): Iterable<NodeAgent> {
    return this.byName.values();
  }

  /** What the cluster's DNS would answer; see `ServiceAddresses`. */
  serviceAddresses(namespace: string, name: string): readonly string[] | undefined {
    const service = this.services?.store.get(`${namespace}/${name}`);
    if (!service) return undefined;
    const { clusterIP } = service.spec ?? {};
    return clusterIP && clusterIP !== 'None' ? [clusterIP] : [];
  }

  /** Until the signal aborts; rejects when a part of it broke. */
  async run(signal: AbortSignal): Promise<void> {
    const { client, clock, logger, nodes, hollow } = this.options;
    const tasks = new TaskGroup(signal, (task, err) => {
      logger.error({ task, err }, 'A part of the kubelet failed');
      this.failure = { err };
    });
    // Every wait of every node listens for the end.
    setMaxListeners(0, tasks.signal);
    const statuses = new StatusManager({
      client: client.resource<Pod>(PODS),
      clock,
      logger,
      tasks,
    });
    const services = new Informer<Service>({
      client: client.resource<Service>(SERVICES),
      indexers: { [BY_NAMESPACE]: namespaceIndex },
      transform: slimService,
      clock,
      logger,
    });
    this.services = services;
    const objects = new ObjectCache(client, clock, (namespace) =>
      services.store.byIndex(BY_NAMESPACE, namespace),
    );
    const sender = new EventSender(client, clock, logger);
    for (const settings of nodes) {
      this.byName.set(settings.name, this.agentOf(settings, { statuses, objects, sender, tasks }));
    }
    tasks.spawn('registration', (inner) => this.runAgents(inner, tasks));
    const only = nodes.length === 1 && !hollow ? nodes[0]?.name : undefined;
    const nodeInformer = new Informer<Node>({
      client: client.resource<Node>(NODES),
      ...(only === undefined ? {} : { fieldSelector: `metadata.name=${only}` }),
      transform: slimNode,
      clock,
      logger,
    });
    nodeInformer.addHandler({
      add: (node) => this.byName.get(node.metadata?.name ?? '')?.observeNode(node),
      update: (_, node) => this.byName.get(node.metadata?.name ?? '')?.observeNode(node),
    });
    const podInformer = new Informer<Pod>({
      client: client.resource<Pod>(PODS),
      fieldSelector: only === undefined ? 'spec.nodeName!=' : `spec.nodeName=${only}`,
      transform: (pod) => this.slimPod(pod),
      clock,
      logger,
    });
    podInformer.addHandler({
      add: (pod) => this.agentFor(pod)?.observePod(pod),
      update: (_, pod) => this.agentFor(pod)?.observePod(pod),
      delete: (pod) => this.agentFor(pod)?.removePod(pod),
    });
    tasks.spawn('nodes', (inner) => nodeInformer.run(inner));
    tasks.spawn('services', (inner) => services.run(inner));
    // A pod's environment names the services that were there before it.
    tasks.spawn('pods', async (inner) => {
      await services.waitForSync(inner);
      await podInformer.run(inner);
    });
    tasks.spawn('adoption', async (inner) => {
      await podInformer.waitForSync(inner);
      for (const agent of this.agents()) await agent.adopt();
    });
    // A worker may wait for a container's end; a kubelet that stops leaves containers and stops waiting.
    const closing = () => tasks.spawn('runtimes', () => this.closeRuntimes());
    tasks.signal.addEventListener('abort', closing, { once: true });
    await tasks.done();
    await this.options.runtimes.close();
    if (this.failure) throw this.failure.err;
  }

  private async closeRuntimes(): Promise<void> {
    for (const agent of this.agents()) await agent.runtime.close();
  }

  private agentOf(
    settings: Omit<NodeSettings, 'runtimeVersion'>,
    shared: {
      statuses: StatusManager;
      objects: ObjectCache;
      sender: EventSender;
      tasks: TaskGroup;
    },
  ): NodeAgent {
    const { client, clock, logger, runtimes, hollow, register, rootDir, statusIntervalMs } =
      this.options;
    const { name } = settings;
    const { statuses, objects, sender, tasks } = shared;
    const runtime = runtimes.forNode(name);
    const recorder = new EventRecorder({ client, component: 'kubelet', host: name, clock }, sender);
    const agent: { node: NodeAgent | undefined } = { node: undefined };
    const lease = new NodeLease({
      client: client.resource<Lease>(LEASES),
      clock,
      logger,
      nodeName: name,
      durationSeconds: this.options.leaseDurationSeconds,
      nodeUid: () => agent.node?.uid,
    });
    agent.node = new NodeAgent({
      settings: { ...settings, runtimeVersion: `${runtime.name}://${runtime.version}` },
      register,
      statusIntervalMs,
      rootDir,
      runtime,
      nodes: client.resource<Node>(NODES),
      csiNodes: client.resource<CSINode>(CSI_NODES),
      lease,
      statuses,
      objects,
      events: new KubeletEvents(recorder, name),
      verbose: !hollow,
      clock,
      logger,
      tasks,
    });
    return agent.node;
  }

  /** A few nodes at a time, each with its own turn within every period. */
  private async runAgents(signal: AbortSignal, tasks: TaskGroup): Promise<void> {
    const waiting = [...this.byName.values()];
    const count = waiting.length;
    let started = 0;
    const registerNext = async (): Promise<void> => {
      for (let agent = waiting.shift(); agent && !signal.aborted; agent = waiting.shift()) {
        const turn = count === 1 ? 0 : started++ / count;
        const current = agent;
        await current.start(signal);
        tasks.spawn(`node ${current.name}`, (inner) => current.run(inner, turn));
      }
    };
    await Promise.all(Array.from({ length: Math.min(REGISTER_AT_ONCE, count) }, registerNext));
  }

  private agentFor(pod: Pod): NodeAgent | undefined {
    return this.byName.get(pod.spec?.nodeName ?? '');
  }

  /** Nobody here reads managedFields, and of another process' pods nothing but whose they are. */
  private slimPod(pod: Pod): Pod {
    if (pod.metadata) delete pod.metadata.managedFields;
    if (this.agentFor(pod)) return pod;
    const { name, namespace, uid, resourceVersion } = pod.metadata ?? {};
    return {
      metadata: {
        ...(name === undefined ? {} : { name }),
        ...(namespace === undefined ? {} : { namespace }),
        ...(uid === undefined ? {} : { uid }),
        ...(resourceVersion === undefined ? {} : { resourceVersion }),
      },
    };
  }
}

/** Name and addresses are all that an environment needs. */
function slimService(service: Service): Service {
  const { name, namespace, uid, resourceVersion } = service.metadata ?? {};
  return {
    metadata: {
      ...(name === undefined ? {} : { name }),
      ...(namespace === undefined ? {} : { namespace }),
      ...(uid === undefined ? {} : { uid }),
      ...(resourceVersion === undefined ? {} : { resourceVersion }),
    },
    spec: {
      ...(service.spec?.clusterIP === undefined ? {} : { clusterIP: service.spec.clusterIP }),
      ...(service.spec?.ports === undefined ? {} : { ports: service.spec.ports }),
    },
  };
}
