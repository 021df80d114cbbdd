/**
 * The charts among the manifests of others: how their objects are read, what of them is ready, and what a
 * cluster of simulated nodes must be given because no program of an image runs there.
 */
import { readdirSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import type { RawApi } from '../support/raw-api.js';
import { documentsOf, FOLDER } from './corpus-manifests.js';

/** How a chart gets to the cluster; its objects without a namespace belong to the last way. */
export const WAYS = [
  { way: 'client', flags: ['--server-side=false'] },
  { way: 'server', flags: ['--server-side', '--force-conflicts'] },
] as const;

/** Secrets that a Job of the chart makes by calling the API: simulated programs call nobody. */
export const MADE_BY_JOBS = [
  { chart: 'bitnami.contour', secret: 'contourcert', keys: ['ca.crt', 'tls.crt', 'tls.key'] },
  { chart: 'bitnami.contour', secret: 'envoycert', keys: ['ca.crt', 'tls.crt', 'tls.key'] },
  {
    chart: 'nginx.ingress-nginx',
    secret: 'rel-ingress-nginx-admission',
    keys: ['ca', 'cert', 'key'],
  },
] as const;

/** Who waits longer than this before its first probe is told to begin at once. */
export const MOST_PATIENCE_S = 60;

/** A chart was printed for a namespace that is named after it; here it gets one of its own. */
export interface ChartObject {
  /** Without its namespace. */
  readonly document: string;
  readonly kind: string;
  readonly name: string;
  /** Every pod of it takes a port of its node: only one of these fits on each. */
  readonly takesHostPort: boolean;
  /** A Job that is gone some time after it is done. */
  readonly goes: boolean;
  /** Containers that become ready late, and after how long. */
  readonly late: readonly { readonly container: string; readonly delayS: number }[];
}

export interface Chart {
  /** `bitnami.redis` */
  readonly name: string;
  readonly file: string;
  readonly objects: readonly ChartObject[];
}

export function namespaceOf(way: string, chart: string): string {
  return `${way}-${chart.replaceAll('.', '-')}`;
}

/** Those first that take longest. */
export function charts(): Chart[] {
  const found = readdirSync(join(FOLDER, 'rendered')).map((name): Chart => {
    const file = `rendered/${name}`;
    return {
      name: name.replace(/\.yaml$/, ''),
      file,
      objects: documentsOf(file).map(chartObject),
    };
  });
  return found.sort((a, b) => longestDelay(b) - longestDelay(a));
}

function longestDelay({ objects }: Chart): number {
  return Math.max(0, ...objects.flatMap(({ late }) => late.map(({ delayS }) => delayS)));
}

interface Parsed {
  readonly kind: string;
  readonly metadata: { readonly name: string };
  readonly spec?: {
    readonly ttlSecondsAfterFinished?: number;
    readonly template?: { readonly spec?: PodSpec };
  };
}

interface PodSpec {
  readonly hostNetwork?: boolean;
  readonly containers?: readonly {
    readonly name: string;
    readonly ports?: readonly unknown[];
    readonly readinessProbe?: { readonly initialDelaySeconds?: number };
  }[];
}

function chartObject(text: string): ChartObject {
  // What holds no pods need not be read: definitions of custom resources are long.
  const kind = /^kind: (\w+)/m.exec(text)?.[1] ?? '';
  const holdsPods = isWorkload(kind);
  const { metadata, spec }: Pick<Parsed, 'metadata' | 'spec'> = holdsPods
    ? parse(text)
    : { metadata: { name: '' } };
  const { hostNetwork = false, containers = [] } = spec?.template?.spec ?? {};
  return {
    document: withoutNamespace(text),
    kind,
    name: metadata.name,
    goes: spec?.ttlSecondsAfterFinished !== undefined,
    takesHostPort: hostNetwork && containers.some(({ ports = [] }) => ports.length > 0),
    late: containers.flatMap(({ name, readinessProbe: { initialDelaySeconds = 0 } = {} }) =>
      initialDelaySeconds > 0 ? [{ container: name, delayS: initialDelaySeconds }] : [],
    ),
  };
}

/** By lines, since a number such as 0644 would not survive being parsed and printed. */
function withoutNamespace(document: string): string {
  let section = '';
  const lines = document.split('\n').filter((line) => {
    section = /^(\w+):/.exec(line)?.[1] ?? section;
    return section !== 'metadata' || !line.startsWith('  namespace:');
  });
  return lines.join('\n');
}

export interface Workload {
  readonly kind: string;
  readonly metadata: {
    readonly namespace: string;
    readonly name: string;
    readonly generation?: number;
  };
  readonly spec: { readonly replicas?: number };
  readonly status?: {
    readonly observedGeneration?: number;
    readonly readyReplicas?: number;
    readonly updatedReplicas?: number;
    readonly numberReady?: number;
    readonly desiredNumberScheduled?: number;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
    readonly phase?: string;
  };
}

/** What is ready, and how it is said. */
const WORKLOADS = [
  { kind: 'Deployment', path: '/apis/apps/v1/deployments' },
  { kind: 'StatefulSet', path: '/apis/apps/v1/statefulsets' },
  { kind: 'DaemonSet', path: '/apis/apps/v1/daemonsets' },
  { kind: 'Job', path: '/apis/batch/v1/jobs' },
  { kind: 'PersistentVolumeClaim', path: '/api/v1/persistentvolumeclaims' },
] as const;

export function isWorkload(kind: string): boolean {
  return WORKLOADS.some((each) => each.kind === kind);
}

/** `3 of 3 ready`: what the workload says of itself, in one line. */
export function readiness({ kind, metadata, spec, status = {} }: Workload): {
  readonly isReady: boolean;
  readonly says: string;
} {
  const { conditions = [], phase = '' } = status;
  if (kind === 'Job') {
    const isReady = conditions.some((c) => c.type === 'Complete' && c.status === 'True');
    return { isReady, says: isReady ? 'complete' : 'not complete' };
  }
  if (kind === 'PersistentVolumeClaim') return { isReady: phase === 'Bound', says: phase };
  const isDaemonSet = kind === 'DaemonSet';
  const wanted = isDaemonSet ? (status.desiredNumberScheduled ?? -1) : (spec.replicas ?? 1);
  const found = (isDaemonSet ? status.numberReady : status.readyReplicas) ?? 0;
  const isSeen = (status.observedGeneration ?? 0) >= (metadata.generation ?? 1);
  return { isReady: isSeen && found === wanted, says: `${found} of ${wanted} ready` };
}

/** Every workload and claim of these namespaces. */
export async function workloadsIn(
  api: RawApi,
  namespaces: ReadonlySet<string>,
): Promise<Workload[]> {
  const lists = await Promise.all(
    WORKLOADS.map(async ({ kind, path }) => {
      const { code, text } = await api.ask({ path });
      if (code !== 200) throw new Error(`${path}: ${code} ${text}`);
      const { items }: { items: Omit<Workload, 'kind'>[] } = JSON.parse(text);
      return items.map((item): Workload => ({ ...item, kind }));
    }),
  );
  return lists.flat().filter(({ metadata }) => namespaces.has(metadata.namespace));
}
