/**
 * What a simulated container answers to a probe: what its annotations say of the time since its start, else
 * what its command ends with inside, or what its image's own server answers; else that all is well.
 */
import { formatDuration } from '../../../pkg/apimachinery/duration.js';
import { goQuote } from '../../../pkg/apimachinery/go-format.js';
import type { Clock } from '../../../pkg/component/clock.js';
import type { ProbeOutcome, ProbeRequest } from '../interface.js';
import { addressOf, refused, serverAnswer } from './image-servers.js';
import type { ContainerRecord, Records } from './records.js';
import type { RunningContainers } from './running-containers.js';

export interface ProbeAnswersOptions {
  readonly clock: Clock;
  readonly records: Records;
  readonly running: RunningContainers;
}

export class ProbeAnswers {
  constructor(private readonly options: ProbeAnswersOptions) {}

  async answer(container: ContainerRecord, request: ProbeRequest): Promise<ProbeOutcome> {
    const { clock, running } = this.options;
    const behaviour = running.behaviourOf(container.id);
    if (!behaviour || container.startedAt === undefined)
      return { ok: false, output: 'container is not running' };
    const age = clock.now() - container.startedAt;
    const failing = behaviour.failProbes.has(request.kind) && age >= behaviour.failProbesAfterMs;
    if (age < behaviour.readyAfterMs || failing) return { ok: false, output: failureText(request) };
    return request.handler === 'exec'
      ? this.ofCommand(container, request)
      : this.ofServer(container, request, age);
  }

  private async ofCommand(
    container: ContainerRecord,
    { target, timeoutMs }: ProbeRequest,
  ): Promise<ProbeOutcome> {
    const command = splitCommand(target);
    const { running } = this.options;
    const result = await running.runInside(container, command, { timeoutMs, isStopping: false });
    if (result.timedOut)
      return { ok: false, output: `command ${goQuote(command.join(' '))} timed out` };
    return { ok: result.exitCode === 0, output: result.stdout + result.stderr };
  }

  /** Of a port that another container of the pod may serve nothing is certain. */
  private ofServer(container: ContainerRecord, request: ProbeRequest, age: number): ProbeOutcome {
    const { records } = this.options;
    const sandbox = records.sandbox(container.sandboxId);
    const inside = records.containersOf(container.podUid).filter((c) => c.state === 'running');
    const isAlone = inside.length === 1 && sandbox?.config.hostNetwork !== true;
    const known = isAlone ? serverAnswer(container.config, request, age) : undefined;
    return known ?? { ok: true, output: '' };
  }
}

function failureText(request: ProbeRequest): string {
  const { handler, target, timeoutMs } = request;
  switch (handler) {
    case 'http':
    case 'tcp':
      return refused(request).output;
    case 'grpc':
      return `timeout: failed to connect service "${addressOf(target)}" within ${formatDuration(timeoutMs)}: context deadline exceeded`;
    case 'exec':
      return 'the container is not ready';
  }
}

/** Probe targets carry their command as a JSON list. */
function splitCommand(target: string): readonly string[] {
  const parsed: unknown = JSON.parse(target);
  return Array.isArray(parsed) ? parsed.map(String) : [];
}
