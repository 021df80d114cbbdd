/**
 * Puts the scheduler together: informers feed cache and queue, `ScheduleOne` empties the queue. All
 * decisions are made from what the informers saw; the API is only written to.
 */
import { hostname } from 'node:os';
import type {
  CSIDriver,
  CSINode,
  CSIStorageCapacity,
  DeviceClass,
  Namespace,
  Node,
  PersistentVolume,
  PersistentVolumeClaim,
  Pod,
  PodDisruptionBudget,
  ReplicaSet,
  ReplicationController,
  ResourceClaim,
  ResourceSlice,
  Service,
  StatefulSet,
  StorageClass,
  VolumeAttachment,
} from '../pkg/api/types.js';
import { EventsV1Recorder } from '../pkg/client/events-v1-recorder.js';
import type { Informer } from '../pkg/client/informer.js';
import { InformerFactory } from '../pkg/client/informer-factory.js';
import {
  CSI_DRIVERS,
  CSI_NODES,
  CSI_STORAGE_CAPACITIES,
  DEVICE_CLASSES,
  NAMESPACES,
  NODES,
  PERSISTENT_VOLUME_CLAIMS,
  PERSISTENT_VOLUMES,
  POD_DISRUPTION_BUDGETS,
  PODS,
  REPLICA_SETS,
  REPLICATION_CONTROLLERS,
  RESOURCE_CLAIMS,
  RESOURCE_SLICES,
  SERVICES,
  STATEFUL_SETS,
  STORAGE_CLASSES,
  VOLUME_ATTACHMENTS,
} from '../pkg/client/resources.js';
import type { RestClient } from '../pkg/client/rest.js';
import { BY_NAMESPACE, namespaceIndex } from '../pkg/client/store.js';
import type { Clock } from '../pkg/component/clock.js';
import type { Logger } from '../pkg/component/logger.js';
import { TaskGroup } from '../pkg/component/task-group.js';
import { Algorithm } from './algorithm.js';
import { SchedulerCache } from './cache/cache.js';
import { argsOf, withDefaults } from './config/defaults.js';
import type { SchedulerConfiguration } from './config/types.js';
import { defaultSelectorFrom } from './default-selector.js';
import { ClaimBook } from './devices/claims.js';
import type { Extender } from './extender.js';
import { EXTENDER_HINTS, Extenders } from './extenders.js';
import { Framework } from './framework/framework.js';
import { profilePlugins } from './framework/profile.js';
import { SchedulerMetrics } from './metrics.js';
import { Observer, schedulerOf } from './observer.js';
import { allPlugins } from './plugins/index.js';
import { StorageCapacity } from './plugins/storage-capacity.js';
import { Volumes } from './plugins/volumes.js';
import { best, candidates } from './preemption.js';
import { Nominator } from './queue/nominator.js';
import { SchedulingQueue } from './queue/scheduling-queue.js';
import { ScheduleOne, type SchedulingProfile } from './schedule-one.js';

const BY_NODE = 'node';
/** Finished pods use nothing; the scheduler never hears of them. */
const LIVE_PODS = 'status.phase!=Succeeded,status.phase!=Failed';

export interface SchedulerOptions {
  client: RestClient;
  clock: Clock;
  logger: Logger;
  metrics?: SchedulerMetrics;
  /** Absent: Kubernetes' defaults. */
  configuration?: SchedulerConfiguration;
  /** Those of the configuration, opened. */
  extenders?: readonly Extender[];
}

export class Scheduler {
  readonly metrics: SchedulerMetrics;
  private readonly cache = new SchedulerCache();
  private readonly nominator = new Nominator();
  private readonly queue: SchedulingQueue;
  private readonly factory: InformerFactory;
  private readonly pods: Informer<Pod>;
  private readonly budgets: Informer<PodDisruptionBudget>;
  private readonly configuration: SchedulerConfiguration;
  private readonly extenders: Extenders;
  /** By the name that pods give as their scheduler. */
  private readonly frameworks: ReadonlyMap<string, Framework>;

  constructor(private readonly options: SchedulerOptions) {
    const { client, clock, logger } = options;
    this.configuration = options.configuration ?? withDefaults({});
    this.extenders = new Extenders(options.extenders ?? [], logger);
    this.metrics = options.metrics ?? new SchedulerMetrics();
    this.factory = new InformerFactory({ client, clock, logger });
    this.pods = this.factory.informer<Pod>(PODS, { fieldSelector: LIVE_PODS });
    this.budgets = this.factory.informer<PodDisruptionBudget>(POD_DISRUPTION_BUDGETS, {
      indexers: { [BY_NAMESPACE]: namespaceIndex },
    });
    const namespaces = this.factory.informer<Namespace>(NAMESPACES);
    const services = this.factory.informer<Service>(SERVICES, {
      indexers: { [BY_NAMESPACE]: namespaceIndex },
    });
    const claims = this.factory.informer<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS);
    const volumes = this.factory.informer<PersistentVolume>(PERSISTENT_VOLUMES);
    const classes = this.factory.informer<StorageClass>(STORAGE_CLASSES);
    const csiNodes = this.factory.informer<CSINode>(CSI_NODES);
    const attachments = this.factory.informer<VolumeAttachment>(VOLUME_ATTACHMENTS, {
      indexers: { [BY_NODE]: ({ spec }) => [spec.nodeName] },
    });
    const drivers = this.factory.informer<CSIDriver>(CSI_DRIVERS);
    const capacities = this.factory.informer<CSIStorageCapacity>(CSI_STORAGE_CAPACITIES);
    const deviceClaims = this.factory.informer<ResourceClaim>(RESOURCE_CLAIMS);
    const slices = this.factory.informer<ResourceSlice>(RESOURCE_SLICES);
    const deviceClasses = this.factory.informer<DeviceClass>(DEVICE_CLASSES);
    const devices = new ClaimBook({
      claims: deviceClaims,
      slices,
      classes: deviceClasses,
      client: client.resource<ResourceClaim>(RESOURCE_CLAIMS),
    });
    const volumeBook = new Volumes({
      claims,
      volumes,
      classes,
      claimClient: client.resource<PersistentVolumeClaim>(PERSISTENT_VOLUME_CLAIMS),
      volumeClient: client.resource<PersistentVolume>(PERSISTENT_VOLUMES),
      capacity: new StorageCapacity({ drivers, capacities }),
      clock,
      node: (name) => this.cache.node(name),
    });
    const defaultSelector = defaultSelectorFrom({
      services: services.store,
      replicaSets: this.selectorsOnly<ReplicaSet>(REPLICA_SETS).store,
      statefulSets: this.selectorsOnly<StatefulSet>(STATEFUL_SETS).store,
      replicationControllers:
        this.selectorsOnly<ReplicationController>(REPLICATION_CONTROLLERS).store,
    });
    this.frameworks = new Map(
      this.configuration.profiles.map((profile) => {
        const registry = allPlugins({
          args: (plugin) => argsOf(profile, plugin),
          cache: this.cache,
          pods: client.resource<Pod>(PODS),
          volumes: volumeBook,
          devices,
          clock,
          attachments: {
            csiNode: (node) => csiNodes.store.get(node),
            ofNode: (node) => attachments.store.byIndex(BY_NODE, node),
          },
          namespaceLabels: (namespace) => namespaces.store.get(namespace)?.metadata?.labels ?? {},
          defaultSelector,
        });
        const name = profile.schedulerName;
        return [name, new Framework(name, profilePlugins(name, profile.plugins, registry))];
      }),
    );
    this.queue = new SchedulingQueue({
      clock,
      plugins: new Map(
        [...this.frameworks].map(([name, { plugins }]) => [
          name,
          this.extenders.none ? plugins : [...plugins, EXTENDER_HINTS],
        ]),
      ),
      isGated: (pod) => this.frameworks.get(schedulerOf(pod))?.preEnqueue(pod) !== undefined,
      initialBackoffMs: this.configuration.podInitialBackoffSeconds * 1000,
      maxBackoffMs: this.configuration.podMaxBackoffSeconds * 1000,
    });
    this.metrics.watch(this.queue);
    const observer = new Observer({
      cache: this.cache,
      queue: this.queue,
      nominator: this.nominator,
      serves: (name) => this.frameworks.has(name),
    });
    observer.watchPods(this.pods);
    observer.watchNodes(this.factory.informer<Node>(NODES));
    observer.forward(claims, 'PersistentVolumeClaim');
    observer.forward(volumes, 'PersistentVolume');
    observer.forward(classes, 'StorageClass');
    observer.forward(csiNodes, 'CSINode');
    observer.forward(attachments, 'VolumeAttachment');
    observer.forward(drivers, 'CSIDriver');
    observer.forward(capacities, 'CSIStorageCapacity');
    observer.forward(deviceClaims, 'ResourceClaim');
    observer.forward(slices, 'ResourceSlice');
    observer.forward(deviceClasses, 'DeviceClass');
  }

  /** Watches, so that a standby is ready to lead at once. Until the signal aborts. */
  observe(signal: AbortSignal): Promise<void> {
    return this.factory.run(signal);
  }

  /** Schedules, from the first complete picture on, until the signal aborts. `observe` must be running. */
  async run(signal: AbortSignal): Promise<void> {
    const { client, clock, logger } = this.options;
    await this.factory.waitForSync(signal);
    let failure: { err: unknown } | undefined;
    const tasks = new TaskGroup(signal, (_task, err) => {
      failure = { err };
    });
    const profiles = new Map(
      [...this.frameworks].map(([name, framework]) => [name, this.profileOf(framework)]),
    );
    const loop = new ScheduleOne({
      cache: this.cache,
      queue: this.queue,
      nominator: this.nominator,
      extenders: this.extenders,
      profileOf: (pod) => profiles.get(schedulerOf(pod.pod)),
      pods: client.resource<Pod>(PODS),
      clock,
      logger,
      metrics: this.metrics,
      tasks,
      latest: (pod) => {
        const found = this.pods.store.get(`${pod.namespace}/${pod.name}`);
        return found?.metadata?.uid === pod.uid ? found : undefined;
      },
    });
    this.queue.run();
    signal.addEventListener('abort', () => this.queue.close(), { once: true });
    tasks.spawn('schedule', (inner) => loop.run(inner));
    await tasks.done();
    if (failure) throw failure.err;
  }

  /** What one profile decides with, and in whose name it tells. */
  private profileOf(framework: Framework): SchedulingProfile {
    const { client, clock, logger } = this.options;
    const { cache, nominator, extenders } = this;
    const name = framework.profile;
    const own = this.configuration.profiles.find((profile) => profile.schedulerName === name);
    const random = () => clock.random();
    const percentage = own?.percentageOfNodesToScore ?? this.configuration.percentageOfNodesToScore;
    const algorithm = new Algorithm({
      cache,
      nominator,
      framework,
      random,
      ...(percentage > 0 ? { percentageOfNodesToScore: percentage } : {}),
    });
    const args = framework.preemption;
    const budgets = (namespace: string) => this.budgets.store.byIndex(BY_NAMESPACE, namespace);
    return {
      framework,
      algorithm,
      recorder: new EventsV1Recorder({
        client,
        reportingController: name,
        reportingInstance: `${name}-${hostname()}`,
        clock,
        logger,
      }),
      ...(args
        ? {
            preempt: (state, pod, diagnosis, signal) => {
              const options = { args, cache, framework, algorithm, random, budgets };
              const found = candidates(options, state, pod, diagnosis);
              if ('message' in found) return found;
              return extenders.none ? best(found) : extenders.choose(pod, found, cache, signal);
            },
          }
        : {}),
    };
  }

  /** Of workloads only the selector is read; their templates would be most of the memory. */
  private selectorsOnly<T extends ReplicaSet | StatefulSet | ReplicationController>(
    ref: typeof REPLICA_SETS,
  ): Informer<T> {
    return this.factory.informer<T>(ref, {
      transform: (obj) => {
        delete obj.metadata?.managedFields;
        if (obj.spec && 'template' in obj.spec) Reflect.deleteProperty(obj.spec, 'template');
        return obj;
      },
    });
  }
}
