/**
 * How a simulated container behaves: from its pod's `drydock.dev/` annotations, else from its command.
 *
 * | annotation (`drydock.dev/…`) | meaning |
 * | --- | --- |
 * | `runs-for: 5s` | it ends by itself after this long |
 * | `exit-code: "1"` | how it ends (after a second, when `runs-for` is absent) |
 * | `exit-reason: OOMKilled` | the reason in its status, instead of Completed or Error |
 * | `log: …` | lines that it prints when it starts; with `log-interval: 1s` one line at a time, over and over |
 * | `ready-after: 3s` | probes fail until then |
 * | `fail-probes: liveness,readiness` | these probes fail (`all`), from `fail-probes-after: 30s` on |
 * | `stop-after: 10s` | how long it takes to end once asked to |
 * | `cpu: 250m`, `memory: 64Mi` | what it uses (`usage.ts`), also when changed while it runs |
 * | `pull-time: 2s`, `pull-error: text` | how its image's pull goes |
 *
 * Each may be for one container alone: `drydock.dev/NAME.runs-for`. Pure.
 */
import { parseDuration } from '../../../pkg/apimachinery/duration.js';
import type { ContainerConfig, ProbeKind } from '../interface.js';
import { endsWithoutInput } from './image-facts.js';
import { isServer } from './image-servers.js';
import { type Effect, isKnownCommand, runProcess, type ShellContext } from './shell.js';
import { stressUsage } from './stress.js';

export const PREFIX = 'drydock.dev/';
const DEFAULT_END_MS = 1000;
/** SIGTERM's exit code, for a process that does not handle it. */
const SIGTERM_CODE = 143;
const SIGKILL_CODE = 137;

type Annotations = Readonly<Record<string, string>>;

export interface Behaviour {
  readonly exitReason?: string;
  readonly readyAfterMs: number;
  readonly failProbes: ReadonlySet<ProbeKind>;
  readonly failProbesAfterMs: number;
  readonly stopAfterMs: number;
  /** The exit code when it is asked to stop in time. */
  readonly stopCode: number;
  /** What it does from its start; returns the exit code. `now` is the time inside the container. */
  run(now: () => number): Generator<Effect, number, void>;
}

/** The annotation of the container, else of the whole pod. */
export function annotationOf(
  annotations: Annotations,
  container: string,
  name: string,
): string | undefined {
  return annotations[`${PREFIX}${container}.${name}`] ?? annotations[PREFIX + name];
}

/** A Go duration, or a plain number of seconds. Undefined for what is neither. */
export function durationMs(text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (/^\d+(\.\d+)?$/.test(text.trim())) return Number(text) * 1000;
  try {
    return Math.max(0, parseDuration(text.trim()));
  } catch {
    return undefined;
  }
}

/** What a container sees of the world: its name, its files, the cluster's names. */
export type Surroundings = Pick<ShellContext, 'hostname' | 'messagePath' | 'files' | 'resolve'>;

export function behaviourOf(
  config: ContainerConfig,
  annotations: Annotations,
  surroundings: Surroundings,
): Behaviour {
  const get = (name: string) => annotationOf(annotations, config.name, name);
  const argv = [...config.command, ...config.args];
  const scripted = get('runs-for') ?? get('exit-code') ?? get('log');
  const known = scripted === undefined && argv.length > 0 && isKnownCommand(argv);
  const killed = scripted === undefined && isTooMuch(config);
  const reason = get('exit-reason') ?? (killed ? 'OOMKilled' : undefined);
  return {
    ...(reason === undefined ? {} : { exitReason: reason }),
    readyAfterMs: durationMs(get('ready-after')) ?? 0,
    failProbes: probesOf(get('fail-probes')),
    failProbesAfterMs: durationMs(get('fail-probes-after')) ?? 0,
    stopAfterMs: durationMs(get('stop-after')) ?? 0,
    stopCode: known ? SIGTERM_CODE : 0,
    run: (now) =>
      killed
        ? runUntilKilled()
        : scripted === undefined
          ? runOwn(config, argv, { ...surroundings, now })
          : runAnnotated({
              runsForMs: durationMs(get('runs-for')),
              exitCode: get('exit-code'),
              log: get('log'),
              intervalMs: durationMs(get('log-interval')),
            }),
  };
}

/** Its memory's limit is below what it takes as soon as it runs. */
function isTooMuch(config: ContainerConfig): boolean {
  const { memoryLimitBytes: limit = Number.POSITIVE_INFINITY } = config;
  return (stressUsage(config)?.memoryBytes ?? 0) > limit;
}

function* runUntilKilled(): Generator<Effect, number, void> {
  yield { type: 'wait', ms: DEFAULT_END_MS };
  return SIGKILL_CODE;
}

function runOwn(
  config: ContainerConfig,
  argv: readonly string[],
  context: Surroundings & Pick<ShellContext, 'now'>,
): Generator<Effect, number, void> {
  const isPrompt = argv.length === 0 && endsWithoutInput(config.image);
  const isOpen = config.stdin || config.tty;
  return runProcess(isPrompt ? [isOpen ? 'pause' : 'true'] : argv, {
    ...context,
    env: new Map(config.env.map((e) => [e.name, e.value])),
    unknown: !isServer(config) && endsByItself(config, argv) ? 'ends' : 'forever',
  });
}

/** An unknown command, or an image's own, ends only where the pod says that ending is its purpose. */
function endsByItself(config: ContainerConfig, argv: readonly string[]): boolean {
  return (
    config.restartPolicy !== 'Always' && !/^(nginx|httpd|redis|postgres|mysql)/.test(argv[0] ?? '')
  );
}

function* runAnnotated(spec: {
  runsForMs: number | undefined;
  exitCode: string | undefined;
  log: string | undefined;
  intervalMs: number | undefined;
}): Generator<Effect, number, void> {
  const ends =
    spec.runsForMs ?? (spec.exitCode === undefined ? Number.POSITIVE_INFINITY : DEFAULT_END_MS);
  const lines = (spec.log ?? '').replace(/\n$/, '').split('\n');
  let left = ends;
  if (spec.log !== undefined && !spec.intervalMs) yield print(lines.join('\n'));
  if (spec.log !== undefined && spec.intervalMs) {
    for (let i = 0; left > 0; i++) {
      yield print(lines[i % lines.length] ?? '');
      const ms = Math.min(spec.intervalMs, left);
      yield { type: 'wait', ms };
      left -= ms;
    }
  }
  if (left === Number.POSITIVE_INFINITY) yield { type: 'forever' };
  else if (left > 0) yield { type: 'wait', ms: left };
  return Number(spec.exitCode ?? 0) & 255;
}

function print(text: string): Effect {
  return { type: 'print', text: `${text}\n`, stream: 'stdout' };
}

const PROBES: readonly ProbeKind[] = ['startup', 'readiness', 'liveness'];

function probesOf(text: string | undefined): ReadonlySet<ProbeKind> {
  if (text === undefined) return new Set();
  const names = text.split(',').map((n) => n.trim());
  return new Set(
    PROBES.filter((p) => names.includes(p) || names.includes('all') || names.includes('true')),
  );
}
