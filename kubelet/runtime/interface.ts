/**
 * What the kubelet needs of a container runtime, shaped after CRI so that a simulated runtime, Docker and
 * a CRI socket can each stand behind it. One instance serves one node.
 *
 * Guarantees that every implementation gives (and `suite.ts` checks):
 *  - ids are unique for the life of the node; lists are newest first;
 *  - `stop*` and `remove*` of what is gone, or stopped already, succeed and change nothing;
 *  - an event is emitted after each change of state, once the change can be read; events may be missed
 *    over a restart, so a caller lists first;
 *  - an error a user may see is a `RuntimeError` whose text is fit for an event.
 */

export interface SandboxConfig {
  readonly podUid: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly attempt: number;
  readonly hostname: string;
  readonly hostNetwork: boolean;
  readonly annotations: Readonly<Record<string, string>>;
  readonly labels: Readonly<Record<string, string>>;
}

export interface SandboxStatus {
  readonly id: string;
  readonly podUid: string;
  readonly podName: string;
  readonly podNamespace: string;
  readonly attempt: number;
  readonly state: 'ready' | 'notready';
  /** Milliseconds since the epoch, as all times here. */
  readonly createdAt: number;
  /** Empty for a pod on the host's network. */
  readonly ips: readonly string[];
}

/** A volume, or a part of it, in a container. */
export interface Mount {
  /** In the container. */
  readonly path: string;
  /** Empty: all of it. */
  readonly subPath: string;
  readonly readOnly: boolean;
  readonly source:
    | { readonly kind: 'pod'; readonly volume: string }
    | { readonly kind: 'host'; readonly path: string }
    | { readonly kind: 'cluster'; readonly persistentVolume: string };
}

/** What a container may use at most. Absent: what the node has. */
export interface ContainerLimits {
  readonly cpuLimitNanoCores?: number;
  readonly memoryLimitBytes?: number;
}

export interface ContainerConfig extends ContainerLimits {
  readonly name: string;
  readonly attempt: number;
  readonly image: string;
  readonly imageId: string;
  /** After `$(VAR)` expansion; empty means the image's own. */
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: readonly { readonly name: string; readonly value: string }[];
  /** Absent: none. */
  readonly mounts?: readonly Mount[];
  readonly workingDir?: string;
  /** What is written to this file is the container's last word. Absent: /dev/termination-log. */
  readonly terminationMessagePath?: string;
  readonly tty: boolean;
  readonly stdin: boolean;
  /** Whether the pod starts it again: never, on failure or always. A simulation may end what would not end. */
  readonly restartPolicy: 'Always' | 'OnFailure' | 'Never';
  /** Changes when the container must be replaced. */
  readonly specHash: string;
  readonly logPath: string;
}

export type ContainerState = 'created' | 'running' | 'exited' | 'unknown';

export interface ContainerInfo {
  readonly id: string;
  readonly sandboxId: string;
  readonly podUid: string;
  readonly name: string;
  readonly attempt: number;
  readonly image: string;
  readonly imageId: string;
  readonly specHash: string;
  readonly state: ContainerState;
  readonly createdAt: number;
  readonly startedAt?: number;
  readonly finishedAt?: number;
  readonly exitCode?: number;
  /** `Completed`, `Error`, `OOMKilled` … */
  readonly reason?: string;
  readonly message?: string;
  readonly logPath: string;
}

export interface PodRuntimeStatus {
  readonly sandboxes: readonly SandboxStatus[];
  readonly containers: readonly ContainerInfo[];
}

export interface ImageInfo {
  readonly id: string;
  readonly names: readonly string[];
  readonly sizeBytes: number;
  /** Whom its processes run as, unless the pod says otherwise: an id, or a name. Absent: unknown. */
  readonly user?: number | string;
}

export interface ExecResult {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
  /** It was still running when its time was over. */
  readonly timedOut?: boolean;
}

export type ProbeKind = 'startup' | 'readiness' | 'liveness';

/** What a probe asked and heard; the text is what `Unhealthy` events carry. */
export interface ProbeOutcome {
  readonly ok: boolean;
  readonly output: string;
}

export interface ProbeRequest {
  readonly kind: ProbeKind;
  readonly handler: 'exec' | 'http' | 'tcp' | 'grpc';
  /** `http://10.0.0.5:80/healthz`, `10.0.0.5:5432`, or the command. */
  readonly target: string;
  readonly timeoutMs: number;
}

export interface ContainerStats {
  readonly containerId: string;
  readonly cpuNanoCores: number;
  /** Since the container started; never less than before. */
  readonly cpuNanoSeconds: number;
  readonly memoryBytes: number;
}

export interface RuntimeEvent {
  readonly type: 'started' | 'exited' | 'removed' | 'sandbox';
  readonly podUid: string;
  readonly id: string;
}

export interface PullOptions {
  readonly annotations: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

export interface ContainerRuntime {
  /** The scheme of container ids: `simulated`. */
  readonly name: string;
  readonly version: string;

  /** Tells the range that pod IPs come from. */
  configureNetwork(podCidr: string): void;

  runSandbox(config: SandboxConfig): Promise<string>;
  stopSandbox(id: string): Promise<void>;
  /** With its containers, which must not run. */
  removeSandbox(id: string): Promise<void>;

  /**
   * Says what stands in a volume that the kubelet fills: exactly these files, by their path in the volume.
   * Absent where nobody can look into one.
   */
  fillVolume?(podUid: string, volume: string, files: Readonly<Record<string, string>>): void;

  createContainer(sandboxId: string, config: ContainerConfig): Promise<string>;
  startContainer(id: string): Promise<void>;
  /** Other limits, all of them, for a container that goes on as it is. */
  updateContainer(id: string, limits: ContainerLimits): Promise<void>;
  /** Asks it to end, and ends it after the grace period; resolves when it has ended. */
  stopContainer(id: string, graceMs: number): Promise<void>;
  removeContainer(id: string): Promise<void>;

  podStatus(podUid: string): Promise<PodRuntimeStatus>;
  /** The pods that have a sandbox or a container. */
  podUids(): Promise<readonly string[]>;

  /** The image's id, or undefined when it has to be pulled. */
  imageStatus(image: string): Promise<ImageInfo | undefined>;
  pullImage(image: string, options: PullOptions): Promise<ImageInfo>;
  images(): Promise<readonly ImageInfo[]>;

  exec(
    containerId: string,
    command: readonly string[],
    timeoutMs: number,
    signal?: AbortSignal,
  ): Promise<ExecResult>;
  /** Present where pods have no network or processes of their own: it answers probes in their place. */
  probe?(containerId: string, request: ProbeRequest): Promise<ProbeOutcome>;
  /** The pod's annotations as they are now: they may have changed since its sandbox was made. */
  stats(
    podUid: string,
    annotations?: Readonly<Record<string, string>>,
  ): Promise<readonly ContainerStats[]>;

  /** Returns what ends the subscription. A handler only notes the pod; it must not wait or throw. */
  subscribe(handler: (event: RuntimeEvent) => void): () => void;
  /** Containers go on running, where they can; nothing is emitted any more. */
  close(): Promise<void>;
}

export class RuntimeError extends Error {
  constructor(
    readonly code: 'NotFound' | 'InvalidArgument' | 'Unavailable' | 'Unknown',
    message: string,
  ) {
    super(message);
    this.name = 'RuntimeError';
  }
}
