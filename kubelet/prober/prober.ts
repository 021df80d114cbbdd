/**
 * Probes of one pod's running containers, by their declared timing: the first `initialDelaySeconds` after
 * the container's start, then every `periodSeconds`; a result turns after as many equal answers as its
 * threshold says. While a startup probe has not succeeded, the others do not run.
 *
 *   running container ──startup ok──▶ started ──readiness ok──▶ ready
 *        ▲                 │failed            │liveness failed
 *        └──── restart ◀───┴──────────────────┘
 *
 * One instance a pod. It only keeps results and calls `changed` or `unhealthy`; the pod worker acts.
 */
import type { Container, ContainerStatus, Pod, Probe } from '../../pkg/api/types.js';
import { goQuote } from '../../pkg/apimachinery/go-format.js';
import type { Clock, Timer } from '../../pkg/component/clock.js';
import type { ProbeView } from '../pod/container-statuses.js';
import { isSidecar } from '../pod/pod.js';
import {
  type ContainerInfo,
  type ContainerRuntime,
  type ProbeKind,
  type ProbeOutcome,
  RuntimeError,
} from '../runtime/interface.js';
import { requestOf } from './probe-request.js';

export interface ProberOptions {
  readonly runtime: ContainerRuntime;
  readonly clock: Clock;
  /** A result turned. */
  changed(): void;
  /** One probe failed: the text for an `Unhealthy` event. */
  failed(container: string, message: string): void;
  /** The container must be restarted. */
  unhealthy(container: string, containerId: string, kind: ProbeKind): void;
}

interface Worker {
  readonly kind: ProbeKind;
  readonly probe: Probe;
  readonly container: Container;
  readonly containerId: string;
  readonly startedAt: number;
  result: boolean;
  lastOk: boolean | undefined;
  run: number;
  onHold: boolean;
  timer: Timer | undefined;
}

const KINDS: readonly {
  kind: ProbeKind;
  field: 'startupProbe' | 'readinessProbe' | 'livenessProbe';
}[] = [
  { kind: 'startup', field: 'startupProbe' },
  { kind: 'readiness', field: 'readinessProbe' },
  { kind: 'liveness', field: 'livenessProbe' },
];

export class PodProber implements ProbeView {
  /** Most pods have no probes: made with the first. */
  private workers: Map<string, Worker> | undefined;
  private podIP = '';

  constructor(private readonly options: ProberOptions) {}

  /** Begins probing containers that run, ends it for those that do not. `olds` says what was so before. */
  sync(
    pod: Pod,
    infos: readonly ContainerInfo[],
    podIP: string,
    olds: readonly ContainerStatus[],
    scheme: string,
  ): void {
    this.podIP = podIP;
    const all = [
      ...(pod.spec?.initContainers ?? []).filter(isSidecar),
      ...(pod.spec?.containers ?? []),
    ];
    const alive = new Set<string>();
    for (const container of all) {
      if (!container.startupProbe && !container.readinessProbe && !container.livenessProbe)
        continue;
      const info = infos.find((c) => c.name === container.name);
      if (info?.state !== 'running') continue;
      alive.add(info.id);
      const old = olds.find((s) => s.containerID === `${scheme}://${info.id}`);
      for (const { kind, field } of KINDS) {
        const probe = container[field];
        if (probe) this.begin(kind, probe, container, info, old);
      }
    }
    for (const [key, worker] of this.workers ?? []) {
      if (alive.has(worker.containerId)) continue;
      worker.timer?.stop();
      this.workers?.delete(key);
    }
  }

  stop(): void {
    for (const worker of this.workers?.values() ?? []) worker.timer?.stop();
    this.workers = undefined;
  }

  isStarted(container: Container, containerId: string): boolean {
    return !container.startupProbe || this.resultOf('startup', containerId);
  }

  isReady(container: Container, containerId: string): boolean {
    return !container.readinessProbe || this.resultOf('readiness', containerId);
  }

  private resultOf(kind: ProbeKind, containerId: string): boolean {
    return this.workers?.get(`${containerId}/${kind}`)?.result ?? false;
  }

  private begin(
    kind: ProbeKind,
    probe: Probe,
    container: Container,
    info: ContainerInfo,
    old: ContainerStatus | undefined,
  ): void {
    const key = `${info.id}/${kind}`;
    this.workers ??= new Map();
    if (this.workers.has(key)) return;
    const before = {
      startup: old?.started === true,
      readiness: old?.ready === true,
      liveness: true,
    };
    const worker: Worker = {
      kind,
      probe,
      container,
      containerId: info.id,
      startedAt: info.startedAt ?? this.options.clock.now(),
      result: before[kind],
      lastOk: undefined,
      run: 0,
      onHold: false,
      timer: undefined,
    };
    this.workers.set(key, worker);
    if (kind === 'startup' && worker.result) return;
    const first =
      worker.startedAt + (probe.initialDelaySeconds ?? 0) * 1000 - this.options.clock.now();
    this.arm(worker, Math.max(0, first));
  }

  private arm(worker: Worker, ms: number): void {
    worker.timer = this.options.clock.after(ms, () => this.tick(worker));
  }

  private tick(worker: Worker): void {
    const again = () => {
      const finished = worker.onHold || (worker.kind === 'startup' && worker.result);
      if (!finished && this.isCurrent(worker))
        this.arm(worker, (worker.probe.periodSeconds ?? 10) * 1000);
    };
    if (worker.kind !== 'startup' && !this.isStarted(worker.container, worker.containerId)) {
      again();
      return;
    }
    this.ask(worker).then(
      (outcome) => {
        if (this.isCurrent(worker)) this.observe(worker, outcome);
        again();
      },
      (err: unknown) => {
        if (!(err instanceof RuntimeError)) throw err;
        again();
      },
    );
  }

  private async ask(worker: Worker): Promise<ProbeOutcome> {
    const { runtime } = this.options;
    const request = requestOf(worker.kind, worker.probe, worker.container, this.podIP);
    if (runtime.probe) return runtime.probe(worker.containerId, request);
    if (worker.probe.exec) {
      const command = worker.probe.exec.command ?? [];
      const result = await runtime.exec(worker.containerId, command, request.timeoutMs);
      if (result.timedOut) {
        return { ok: false, output: `command ${goQuote(command.join(' '))} timed out` };
      }
      return { ok: result.exitCode === 0, output: result.stdout + result.stderr };
    }
    throw new RuntimeError('Unavailable', `runtime ${runtime.name} offers no network to probe`);
  }

  private observe(worker: Worker, outcome: ProbeOutcome): void {
    const { kind, probe, container } = worker;
    if (!outcome.ok) {
      const name = `${kind[0]?.toUpperCase()}${kind.slice(1)}`;
      this.options.failed(container.name, `${name} probe failed: ${outcome.output}`);
    }
    worker.run = worker.lastOk === outcome.ok ? worker.run + 1 : 1;
    worker.lastOk = outcome.ok;
    const threshold = outcome.ok ? (probe.successThreshold ?? 1) : (probe.failureThreshold ?? 3);
    if (worker.run < threshold) return;
    const turned = worker.result !== outcome.ok;
    worker.result = outcome.ok;
    if (!outcome.ok && kind !== 'readiness') {
      worker.onHold = true;
      worker.run = 0;
      this.options.unhealthy(container.name, worker.containerId, kind);
    } else if (turned) {
      if (kind === 'startup') this.hurryOthers(worker);
      this.options.changed();
    }
  }

  /** The others of a container that has just started do not wait for their next turn. */
  private hurryOthers(started: Worker): void {
    for (const worker of this.workers?.values() ?? []) {
      if (worker === started || worker.containerId !== started.containerId) continue;
      const due = worker.startedAt + (worker.probe.initialDelaySeconds ?? 0) * 1000;
      worker.timer?.stop();
      this.arm(worker, Math.max(0, due - this.options.clock.now()));
    }
  }

  private isCurrent(worker: Worker): boolean {
    return this.workers?.get(`${worker.containerId}/${worker.kind}`) === worker;
  }
}
