/**
 * Sees that a pod has a sandbox that is ready, before anything of it is started (`kuberuntime.createPodSandbox`). One
 * that was lost is made anew only where a container is still to run in it.
 */
import type { Pod } from '../../pkg/api/types.js';
import type { KubeletEvents } from '../events.js';
import {
  type ContainerRuntime,
  type PodRuntimeStatus,
  RuntimeError,
  type SandboxStatus,
} from '../runtime/interface.js';
import { hostnameOf, newest, readySandbox, shouldRestart, uidOf } from './pod.js';
import { RETRY_MS, type SyncRetry } from './sync-retry.js';

export interface PodSandboxOptions {
  readonly runtime: ContainerRuntime;
  readonly events: KubeletEvents;
}

/** Undefined: there is none, and none is needed or none can be had now. */
export async function ensureSandbox(
  { runtime, events }: PodSandboxOptions,
  pod: Pod,
  status: PodRuntimeStatus,
  retry: SyncRetry,
): Promise<SandboxStatus | undefined> {
  const ready = readySandbox(status);
  if (ready) return ready;
  const before = status.sandboxes[0];
  if (before) {
    const left = (pod.spec?.containers ?? []).filter((c) =>
      shouldRestart(pod, c, newest(status, c.name)),
    );
    if (left.length === 0) return undefined;
    events.pod(
      pod,
      'Normal',
      'SandboxChanged',
      'Pod sandbox changed, it will be killed and re-created.',
    );
  }
  try {
    await runtime.runSandbox({
      podUid: uidOf(pod),
      podName: pod.metadata?.name ?? '',
      podNamespace: pod.metadata?.namespace ?? '',
      attempt: before ? before.attempt + 1 : 0,
      hostname: hostnameOf(pod),
      hostNetwork: pod.spec?.hostNetwork === true,
      annotations: pod.metadata?.annotations ?? {},
      labels: pod.metadata?.labels ?? {},
    });
  } catch (err) {
    if (!(err instanceof RuntimeError)) throw err;
    // Without a network yet the worker is woken when there is one.
    if (err.code !== 'Unavailable') {
      events.pod(
        pod,
        'Warning',
        'FailedCreatePodSandBox',
        `Failed to create pod sandbox: ${err.message}`,
      );
      retry.within(RETRY_MS);
    }
    return undefined;
  }
  return readySandbox(await runtime.podStatus(uidOf(pod)));
}
