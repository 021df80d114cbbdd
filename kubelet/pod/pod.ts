/** Small questions about a Pod that several parts of the kubelet ask. Pure. */
import type { Container, Pod } from '../../pkg/api/types.js';
import { deepEqual } from '../../pkg/apimachinery/equality.js';
import type { ContainerInfo, PodRuntimeStatus, SandboxStatus } from '../runtime/interface.js';

export const DEFAULT_GRACE_SECONDS = 30;

/** `name_namespace(uid)`, as messages name a pod. */
export function formatPod(pod: Pod): string {
  const { name, namespace, uid } = pod.metadata ?? {};
  return `${name ?? ''}_${namespace ?? ''}(${uid ?? ''})`;
}

export function uidOf(pod: Pod): string {
  return pod.metadata?.uid ?? '';
}

export function isTerminalPhase(phase: string | undefined): boolean {
  return phase === 'Failed' || phase === 'Succeeded';
}

/** A native sidecar. */
export function isSidecar(container: Container): boolean {
  return container.restartPolicy === 'Always';
}

/** A regular or init container; ephemeral ones have neither hooks nor probes. */
export function containerOf(pod: Pod, name: string): Container | undefined {
  const { containers = [], initContainers = [] } = pod.spec ?? {};
  return [...containers, ...initContainers].find((c) => c.name === name);
}

export function newest(status: PodRuntimeStatus, name: string): ContainerInfo | undefined {
  return status.containers.find((c) => c.name === name);
}

export function readySandbox(status: PodRuntimeStatus): SandboxStatus | undefined {
  return status.sandboxes[0]?.state === 'ready' ? status.sandboxes[0] : undefined;
}

/** Whether a container that has exited, or none, is started (again); `pod.spec` and its own policy decide. */
export function shouldRestart(
  pod: Pod,
  container: Container,
  last: ContainerInfo | undefined,
): boolean {
  if (pod.metadata?.deletionTimestamp !== undefined) return false;
  if (!last || last.state === 'created' || last.state === 'unknown') return true;
  if (last.state === 'running') return false;
  const exitCode = last.exitCode ?? 0;
  for (const rule of container.restartPolicyRules ?? []) {
    const { operator, values = [] } = rule.exitCodes ?? {};
    const matches = operator === 'NotIn' ? !values.includes(exitCode) : values.includes(exitCode);
    if (rule.action === 'Restart' && matches) return true;
  }
  const policy = container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always';
  if (policy === 'Never') return false;
  return policy === 'Always' || exitCode !== 0;
}

export function hasStartedRegularContainer(pod: Pod, status: PodRuntimeStatus): boolean {
  return (pod.spec?.containers ?? []).some((c) =>
    status.containers.some((s) => s.name === c.name && s.startedAt !== undefined),
  );
}

export function graceSecondsOf(pod: Pod): number {
  return (
    pod.metadata?.deletionGracePeriodSeconds ??
    pod.spec?.terminationGracePeriodSeconds ??
    DEFAULT_GRACE_SECONDS
  );
}

/** The name inside the pod. */
export function hostnameOf(pod: Pod): string {
  return (pod.spec?.hostnameOverride ?? pod.spec?.hostname ?? pod.metadata?.name ?? '')
    .slice(0, 63)
    .replace(/[-.]+$/, '');
}

/** Whether the API asks for something that it did not ask for before. */
export function asksAnew(before: Pod, now: Pod): boolean {
  const [old = {}, meta = {}] = [before.metadata, now.metadata];
  return (
    meta.generation === undefined ||
    meta.generation !== old.generation ||
    meta.deletionTimestamp !== old.deletionTimestamp ||
    meta.deletionGracePeriodSeconds !== old.deletionGracePeriodSeconds ||
    // Conditions that others write decide about readiness.
    (now.spec?.readinessGates ?? []).length > 0 ||
    !deepEqual(meta.annotations, old.annotations) ||
    !deepEqual(meta.labels, old.labels)
  );
}
