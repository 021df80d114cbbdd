/**
 * The containers of a node that run: each one's process, what it sees around it, its log and what it uses; and what
 * is run inside beside its process. A container is here from its launch until its end, which is told once.
 */
import type { Clock } from '../../../pkg/component/clock.js';
import { type ContainerStats, type ExecResult, RuntimeError } from '../interface.js';
import { LogWriter } from '../log-file.js';
import { type Behaviour, behaviourOf, type Surroundings } from './behaviour.js';
import { ContainerFiles } from './files.js';
import { givenFiles, resolveName, type ServiceAddresses } from './names.js';
import { type ProcessExit, SimulatedProcess } from './process.js';
import type { ContainerRecord, Records } from './records.js';
import { runProcess } from './shell.js';
import { UsageMeter, usageOf } from './usage.js';
import type { VolumeTrees } from './volume-trees.js';

/** What a command run inside may print at most. */
const MAX_EXEC_EFFECTS = 10_000;
const MESSAGE_PATH = '/dev/termination-log';
const KILLED = 137;

interface Running {
  readonly files: ContainerFiles;
  readonly process: SimulatedProcess;
  readonly behaviour: Behaviour;
  readonly log: LogWriter;
  readonly usage: UsageMeter;
}

export interface RunningContainersOptions {
  readonly clock: Clock;
  readonly records: Records;
  readonly volumes: VolumeTrees;
  readonly services: ServiceAddresses | undefined;
  /** By itself or because it was stopped; `reason` where its behaviour names one. */
  ended(container: ContainerRecord, exit: ProcessExit, reason: string | undefined): void;
}

export interface InsideOptions {
  readonly timeoutMs: number;
  /** Who looks for the container's other processes finds none: they have been told to quit. */
  readonly isStopping: boolean;
  readonly signal?: AbortSignal | undefined;
}

export class RunningContainers {
  private readonly running = new Map<string, Running>();
  private readonly closing = new AbortController();

  constructor(private readonly options: RunningContainersOptions) {}

  /** `resumed`: it ran before, under an earlier process of the kubelet. */
  launch(container: ContainerRecord, resumed: boolean): void {
    const { clock } = this.options;
    const surroundings = this.surroundingsOf(container);
    const annotations = this.annotationsOf(container);
    const behaviour = behaviourOf(container.config, annotations, surroundings);
    const log = new LogWriter(container.config.logPath);
    const process = new SimulatedProcess({
      clock,
      behaviour,
      startedAt: container.startedAt ?? clock.now(),
      resumed,
      print: (text, stream) => log.write(clock.now(), stream, text),
      exited: (exit) => {
        log.flush();
        this.running.delete(container.id);
        this.options.ended(container, exit, behaviour.exitReason);
      },
    });
    const usage = new UsageMeter(container.startedAt ?? clock.now());
    this.running.set(container.id, { process, behaviour, log, usage, files: surroundings.files });
    process.start();
  }

  /** Undefined: it does not run. */
  behaviourOf(id: string): Behaviour | undefined {
    return this.running.get(id)?.behaviour;
  }

  /** Resolves when it has ended. */
  stop(id: string, graceMs: number): Promise<void> {
    return this.running.get(id)?.process.stop(graceMs) ?? Promise.resolve();
  }

  /** Runs a command inside the container, beside its process, until its end, the timeout or the container's end. */
  async runInside(
    container: ContainerRecord,
    command: readonly string[],
    { timeoutMs, isStopping, signal }: InsideOptions,
  ): Promise<ExecResult> {
    const { clock } = this.options;
    const until = clock.now() + timeoutMs;
    const result = { stdout: '', stderr: '' };
    const run = runProcess(command, {
      ...this.surroundingsOf(container, this.running.get(container.id)?.files),
      env: new Map(container.config.env.map((e) => [e.name, e.value])),
      now: () => clock.now(),
      unknown: 'passes',
      isStopping,
    });
    for (let n = 0; n < MAX_EXEC_EFFECTS; n++) {
      const step = run.next();
      if (step.done) return { ...result, exitCode: step.value };
      const effect = step.value;
      if (effect.type === 'print') result[effect.stream] += effect.text;
      if (effect.type !== 'wait' && effect.type !== 'forever') continue;
      const wanted = effect.type === 'wait' ? effect.ms : Number.POSITIVE_INFINITY;
      const left = until - clock.now();
      await this.pause(Math.min(wanted, left), signal);
      if (wanted > left) return { ...result, exitCode: KILLED, timedOut: true };
      if (!this.running.has(container.id)) break;
    }
    return { ...result, exitCode: KILLED };
  }

  /** Of those of the pod that run; `annotations` are the pod's of now, where they are known. */
  stats(
    podUid: string,
    annotations: Readonly<Record<string, string>> | undefined,
  ): readonly ContainerStats[] {
    const { clock, records } = this.options;
    return records.containersOf(podUid).flatMap((container) => {
      const running = this.running.get(container.id);
      if (!running) return [];
      const usage = usageOf(annotations ?? this.annotationsOf(container), container.config);
      return [{ containerId: container.id, ...running.usage.read(usage, clock.now()) }];
    });
  }

  /** Leaves them as they are, to be resumed; their ends are not told any more. */
  close(): void {
    this.closing.abort();
    for (const { process, log } of this.running.values()) {
      process.abandon();
      log.flush();
    }
    this.running.clear();
  }

  private async pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
    if (ms <= 0) return;
    const closing = this.closing.signal;
    try {
      await this.options.clock.sleep(ms, signal ? AbortSignal.any([signal, closing]) : closing);
    } catch (err) {
      if (closing.aborted && !signal?.aborted)
        throw new RuntimeError('Unavailable', 'the runtime is closed');
      throw err;
    }
  }

  private surroundingsOf(container: ContainerRecord, files?: ContainerFiles): Surroundings {
    const { records, volumes, services } = this.options;
    const { hostname = '', podNamespace = '' } = records.sandbox(container.sandboxId)?.config ?? {};
    const mounts = (container.config.mounts ?? []).map((mount) =>
      volumes.mounted(container.podUid, mount),
    );
    return {
      hostname,
      messagePath: container.config.terminationMessagePath ?? MESSAGE_PATH,
      files: files ?? new ContainerFiles(givenFiles(hostname, podNamespace), mounts),
      resolve: (name) => resolveName(name, podNamespace, services),
    };
  }

  private annotationsOf(container: ContainerRecord): Readonly<Record<string, string>> {
    return this.options.records.sandbox(container.sandboxId)?.config.annotations ?? {};
  }
}
