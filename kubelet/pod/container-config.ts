/**
 * What the runtime is asked to make of a container (`kuberuntime.generateContainerConfig`): its spec with the
 * variables of its command filled in, its limits, where its log goes, and by what a change that needs a new
 * container is known. Pure.
 */
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import type { Container, Pod } from '../../pkg/api/types.js';
import { Quantity } from '../../pkg/apimachinery/quantity.js';
import type { ContainerConfig, ContainerLimits, Mount } from '../runtime/interface.js';
import { expand } from '../volumes/environment.js';
import { uidOf } from './pod.js';

export interface ContainerConfigInput {
  readonly pod: Pod;
  readonly container: Container;
  /** How often it was made before. */
  readonly attempt: number;
  readonly imageId: string;
  readonly env: ReadonlyMap<string, string>;
  readonly mounts: readonly Mount[];
  /** The kubelet's. */
  readonly rootDir: string;
}

export function containerConfig(input: ContainerConfigInput): ContainerConfig {
  const { pod, container, attempt, imageId, env, mounts, rootDir } = input;
  return {
    name: container.name,
    attempt,
    image: container.image ?? '',
    imageId,
    command: (container.command ?? []).map((part) => expand(part, env)),
    args: (container.args ?? []).map((part) => expand(part, env)),
    env: [...env].map(([key, value]) => ({ name: key, value })),
    ...(mounts.length > 0 ? { mounts } : {}),
    ...(container.workingDir === undefined ? {} : { workingDir: container.workingDir }),
    ...(container.terminationMessagePath === undefined
      ? {}
      : { terminationMessagePath: container.terminationMessagePath }),
    tty: container.tty === true,
    stdin: container.stdin === true,
    restartPolicy: restartPolicyOf(pod, container),
    ...limitsOf(container),
    specHash: specHash(container),
    logPath: join(logFolder(rootDir, pod), container.name, `${attempt}.log`),
  };
}

export function limitsOf(container: Container): ContainerLimits {
  const { cpu, memory } = container.resources?.limits ?? {};
  const cores = Quantity.tryParse(cpu ?? '0');
  const bytes = Quantity.tryParse(memory ?? '0');
  return {
    ...(cores && cores.sign > 0 ? { cpuLimitNanoCores: cores.milliValue() * 1_000_000 } : {}),
    ...(bytes && bytes.sign > 0 ? { memoryLimitBytes: bytes.value() } : {}),
  };
}

/** What cannot change under a running container. */
export function specHash(container: Container): string {
  return createHash('sha1')
    .update(`${container.name}\n${container.image ?? ''}`)
    .digest('hex')
    .slice(0, 8);
}

/** The folder of all logs of the pod. */
export function logFolder(rootDir: string, pod: Pod): string {
  const { namespace = '', name = '' } = pod.metadata ?? {};
  return join(rootDir, 'logs', `${namespace}_${name}_${uidOf(pod)}`);
}

/** Under a pod that always restarts, an init container is still meant to end, and runs again only if it failed. */
function restartPolicyOf(pod: Pod, container: Container): ContainerConfig['restartPolicy'] {
  const isInit = pod.spec?.initContainers?.some(({ name }) => name === container.name) === true;
  const ofPod = pod.spec?.restartPolicy ?? 'Always';
  const policy = container.restartPolicy ?? (isInit && ofPod === 'Always' ? 'OnFailure' : ofPod);
  return policy === 'Never' || policy === 'OnFailure' ? policy : 'Always';
}
