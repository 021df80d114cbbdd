/**
 * `terminationMessagePolicy: FallbackToLogsOnError`: a container that failed and left no message has the end of its
 * log as one, at most 80 lines and 2 KiB.
 */
import type { Pod } from '../../pkg/api/types.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { ContainerInfo, PodRuntimeStatus } from '../runtime/interface.js';
import { readLogs } from '../server/container-logs.js';

const MAX_LINES = 80;
const MAX_BYTES = 2048;

export async function withLogMessages(
  pod: Pod,
  status: PodRuntimeStatus,
  clock: Clock,
  signal: AbortSignal,
): Promise<PodRuntimeStatus> {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  const names = new Set(
    [...containers, ...initContainers]
      .filter((c) => c.terminationMessagePolicy === 'FallbackToLogsOnError')
      .map((c) => c.name),
  );
  if (names.size === 0) return status;
  const infos: ContainerInfo[] = [];
  for (const info of status.containers) {
    const isMute = info.state === 'exited' && info.exitCode !== 0 && !info.message;
    infos.push(
      isMute && names.has(info.name)
        ? { ...info, message: await endOf(info.logPath, clock, signal) }
        : info,
    );
  }
  return { ...status, containers: infos };
}

async function endOf(path: string, clock: Clock, signal: AbortSignal): Promise<string> {
  const source = { path, running: async () => false };
  const options = { follow: false, timestamps: false, tailLines: MAX_LINES };
  let text = '';
  for await (const part of readLogs(source, options, clock, signal)) text += part;
  return Buffer.from(text).subarray(-MAX_BYTES).toString();
}
