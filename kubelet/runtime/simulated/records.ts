/**
 * What a node's runtime knows of its sandboxes and containers, by id and by pod, the newest first; every change
 * is journaled, so that it outlives the process. Who changes a record in place tells so with `saveSandbox` or
 * `saveContainer`: what is told of its pod is computed again only then. A pod without records is forgotten.
 */
import {
  type ContainerConfig,
  type ContainerInfo,
  type ContainerState,
  type PodRuntimeStatus,
  RuntimeError,
  type SandboxConfig,
  type SandboxStatus,
} from '../interface.js';
import type { RecordKind } from './journal.js';
import type { ProcessExit } from './process.js';

export interface SandboxRecord {
  id: string;
  config: SandboxConfig;
  state: 'ready' | 'notready';
  createdAt: number;
  ips: string[];
}

export interface ContainerRecord {
  id: string;
  sandboxId: string;
  podUid: string;
  config: ContainerConfig;
  state: ContainerState;
  createdAt: number;
  startedAt?: number;
  finishedAt?: number;
  exitCode?: number;
  reason?: string;
  message?: string;
}

interface PodRecords {
  readonly sandboxes: SandboxRecord[];
  readonly containers: ContainerRecord[];
  /** As it is told, which is many times between two changes. */
  told?: PodRuntimeStatus | undefined;
}

/** The node's part of the journal. */
export interface RecordKeeper {
  put(kind: RecordKind, id: string, value: unknown): void;
  remove(kind: RecordKind, id: string): void;
}

export interface RecordsOptions {
  readonly keeper: RecordKeeper;
  /** Nothing is left of the pod. */
  podForgotten(uid: string): void;
}

export class Records {
  private readonly pods = new Map<string, PodRecords>();
  private readonly sandboxes = new Map<string, SandboxRecord>();
  private readonly containers = new Map<string, ContainerRecord>();

  constructor(private readonly options: RecordsOptions) {}

  sandbox(id: string): SandboxRecord | undefined {
    return this.sandboxes.get(id);
  }

  container(id: string): ContainerRecord | undefined {
    return this.containers.get(id);
  }

  mustHaveContainer(id: string): ContainerRecord {
    const container = this.containers.get(id);
    if (!container) throw new RuntimeError('NotFound', `container ${JSON.stringify(id)} not found`);
    return container;
  }

  allContainers(): readonly ContainerRecord[] {
    return [...this.containers.values()];
  }

  containersOf(podUid: string): readonly ContainerRecord[] {
    return this.pods.get(podUid)?.containers ?? [];
  }

  podUids(): readonly string[] {
    return [...this.pods.keys()];
  }

  podStatus(podUid: string): PodRuntimeStatus {
    const pod = this.pods.get(podUid);
    if (!pod) return { sandboxes: [], containers: [] };
    pod.told ??= {
      sandboxes: pod.sandboxes.map(sandboxStatus),
      containers: pod.containers.map(containerInfo),
    };
    return pod.told;
  }

  /** As it was journaled before; it is not written again. */
  restoreSandbox(sandbox: SandboxRecord): void {
    this.sandboxes.set(sandbox.id, sandbox);
    this.pod(sandbox.config.podUid).sandboxes.unshift(sandbox);
  }

  /** As it was journaled before; it is not written again. */
  restoreContainer(container: ContainerRecord): void {
    this.containers.set(container.id, container);
    this.pod(container.podUid).containers.unshift(container);
  }

  addSandbox(sandbox: SandboxRecord): void {
    this.restoreSandbox(sandbox);
    this.saveSandbox(sandbox);
  }

  addContainer(container: ContainerRecord): void {
    this.restoreContainer(container);
    this.saveContainer(container);
  }

  saveSandbox(sandbox: SandboxRecord): void {
    this.changed(sandbox.config.podUid);
    this.options.keeper.put('sandbox', sandbox.id, sandbox);
  }

  saveContainer(container: ContainerRecord): void {
    this.changed(container.podUid);
    this.options.keeper.put('container', container.id, container);
  }

  saveEnd(container: ContainerRecord, exit: ProcessExit, reason: string | undefined): void {
    container.state = 'exited';
    container.exitCode = exit.exitCode;
    container.finishedAt = exit.finishedAt;
    container.reason = reason ?? (exit.exitCode === 0 ? 'Completed' : 'Error');
    if (exit.message !== undefined) container.message = exit.message;
    this.saveContainer(container);
  }

  /** False: somebody else has done it meanwhile. */
  removeSandbox(sandbox: SandboxRecord): boolean {
    if (!this.sandboxes.delete(sandbox.id)) return false;
    const { podUid } = sandbox.config;
    const sandboxes = this.pods.get(podUid)?.sandboxes;
    sandboxes?.splice(sandboxes.indexOf(sandbox), 1);
    this.changed(podUid);
    this.forgetEmpty(podUid);
    this.options.keeper.remove('sandbox', sandbox.id);
    return true;
  }

  /** False: somebody else has done it meanwhile. */
  removeContainer(container: ContainerRecord): boolean {
    if (!this.containers.delete(container.id)) return false;
    const containers = this.pods.get(container.podUid)?.containers;
    containers?.splice(containers.indexOf(container), 1);
    this.changed(container.podUid);
    this.forgetEmpty(container.podUid);
    this.options.keeper.remove('container', container.id);
    return true;
  }

  private pod(uid: string): PodRecords {
    let pod = this.pods.get(uid);
    if (!pod) {
      pod = { sandboxes: [], containers: [] };
      this.pods.set(uid, pod);
    }
    return pod;
  }

  private changed(podUid: string): void {
    const pod = this.pods.get(podUid);
    if (pod) pod.told = undefined;
  }

  private forgetEmpty(uid: string): void {
    const pod = this.pods.get(uid);
    if (!pod || pod.sandboxes.length + pod.containers.length > 0) return;
    this.pods.delete(uid);
    this.options.podForgotten(uid);
  }
}

function sandboxStatus(sandbox: SandboxRecord): SandboxStatus {
  const { podUid, podName, podNamespace, attempt } = sandbox.config;
  const { id, state, createdAt, ips } = sandbox;
  return { id, podUid, podName, podNamespace, attempt, state, createdAt, ips };
}

function containerInfo(container: ContainerRecord): ContainerInfo {
  const { config, ...rest } = container;
  const { name, attempt, image, imageId, specHash, logPath } = config;
  return { ...rest, name, attempt, image, imageId, specHash, logPath };
}
