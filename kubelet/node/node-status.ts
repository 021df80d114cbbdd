/**
 * The Node object that a kubelet registers and keeps up: labels, capacity, conditions, addresses, node info.
 * Upstream's reasons and messages. Pure.
 */
import { readFileSync } from 'node:fs';
import { release } from 'node:os';
import type { Node, NodeCondition, NodeStatus, Taint } from '../../pkg/api/types.js';
import { formatTime } from '../../pkg/apimachinery/meta.js';
import { GIT_VERSION } from '../../pkg/component/version.js';
import type { ImageInfo } from '../runtime/interface.js';

const MAX_IMAGES = 50;

export interface NodeSettings {
  readonly name: string;
  readonly ip: string;
  /** Of the HTTPS server. */
  readonly port: number;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly capacity: Readonly<Record<string, string>>;
  readonly runtimeVersion: string;
}

interface Machine {
  readonly machineID: string;
  readonly bootID: string;
  readonly kernelVersion: string;
  readonly osImage: string;
  readonly architecture: string;
}

const CONDITIONS = [
  [
    'MemoryPressure',
    'False',
    'KubeletHasSufficientMemory',
    'kubelet has sufficient memory available',
  ],
  ['DiskPressure', 'False', 'KubeletHasNoDiskPressure', 'kubelet has no disk pressure'],
  ['PIDPressure', 'False', 'KubeletHasSufficientPID', 'kubelet has sufficient PID available'],
  ['Ready', 'True', 'KubeletReady', 'kubelet is posting ready status'],
] as const;

export function architecture(): string {
  return process.arch === 'x64' ? 'amd64' : process.arch;
}

/** The labels that a kubelet answers for. */
export function defaultLabels(name: string): Record<string, string> {
  const arch = architecture();
  return {
    'beta.kubernetes.io/arch': arch,
    'beta.kubernetes.io/os': 'linux',
    'kubernetes.io/arch': arch,
    'kubernetes.io/hostname': name,
    'kubernetes.io/os': 'linux',
  };
}

export function nodeObject(settings: NodeSettings, now: number): Node {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: {
      name: settings.name,
      labels: { ...defaultLabels(settings.name), ...settings.labels },
      annotations: { 'volumes.kubernetes.io/controller-managed-attach-detach': 'true' },
    },
    spec: settings.taints.length > 0 ? { taints: [...settings.taints] } : {},
    status: nodeStatus(settings, [], [], now),
  };
}

export function nodeStatus(
  settings: NodeSettings,
  images: readonly ImageInfo[],
  before: readonly NodeCondition[],
  now: number,
): NodeStatus {
  const host = machine();
  return {
    capacity: { ...settings.capacity },
    allocatable: { ...settings.capacity },
    conditions: conditions(before, now),
    addresses: [
      { type: 'InternalIP', address: settings.ip },
      { type: 'Hostname', address: settings.name },
    ],
    daemonEndpoints: { kubeletEndpoint: { Port: settings.port } },
    nodeInfo: {
      machineID: host.machineID,
      systemUUID: host.machineID,
      bootID: host.bootID,
      kernelVersion: host.kernelVersion,
      osImage: host.osImage,
      containerRuntimeVersion: settings.runtimeVersion,
      kubeletVersion: GIT_VERSION,
      kubeProxyVersion: '',
      operatingSystem: 'linux',
      architecture: host.architecture,
    },
    runtimeHandlers: [
      { name: '', features: { recursiveReadOnlyMounts: false, userNamespaces: false } },
    ],
    ...(images.length > 0
      ? {
          images: largest(images).map((i) => ({
            names: [i.id, ...i.names],
            sizeBytes: i.sizeBytes,
          })),
        }
      : {}),
  };
}

function conditions(before: readonly NodeCondition[], now: number): NodeCondition[] {
  const time = formatTime(new Date(now));
  return CONDITIONS.map(([type, status, reason, message]) => {
    const old = before.find((c) => c.type === type);
    const lastTransitionTime = old?.status === status ? (old.lastTransitionTime ?? time) : time;
    return { type, status, lastHeartbeatTime: time, lastTransitionTime, reason, message };
  });
}

function largest(images: readonly ImageInfo[]): ImageInfo[] {
  return [...images].sort((a, b) => b.sizeBytes - a.sizeBytes).slice(0, MAX_IMAGES);
}

let known: Machine | undefined;

function machine(): Machine {
  known ??= {
    machineID: fileText('/etc/machine-id').replaceAll('-', ''),
    bootID: fileText('/proc/sys/kernel/random/boot_id'),
    kernelVersion: release(),
    osImage: /^PRETTY_NAME="?([^"\n]*)/m.exec(fileText('/etc/os-release'))?.[1] ?? process.platform,
    architecture: architecture(),
  };
  return known;
}

/** Empty where the system has no such file. */
function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8').trim();
  } catch {
    return '';
  }
}
