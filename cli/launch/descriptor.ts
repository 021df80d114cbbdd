/**
 * How one kind of process is started: its program, flags and address, derived from the cluster's
 * configuration alone. The supervisor knows processes only by this.
 */
import type { ClusterConfig } from '../cluster-config.js';
import type { Layout } from '../layout.js';

export interface Launch {
  /** `apiserver`, `kubelet-node-1`. */
  readonly name: string;
  /** The bundle under dist/bin. */
  readonly program: string;
  readonly args: readonly string[];
  /** V8 and Node flags, which size the heap to the job. */
  readonly nodeArgs: readonly string[];
  /** How far it stands behind the others where processors are short: as of nice(1), 0 if left out. */
  readonly niceness?: number;
  /** What `ps` shows. */
  readonly address: string;
  /** A URL that answers 200 once the process does its work. */
  readonly ready: string;
  /** Lower starts first and stops last. */
  readonly stage: number;
}

export interface LaunchContext {
  readonly layout: Layout;
  readonly config: ClusterConfig;
}

export type Descriptor = (name: string, context: LaunchContext) => Launch;

/** `flag=value` of `--COMPONENT-arg` as a flag; a bare `flag` is a switch. */
export function extraFlags(config: ClusterConfig, component: string): string[] {
  return (config.extraArgs[component] ?? []).map((arg) => `--${arg.replace(/^--/, '')}`);
}

export function portOf(config: ClusterConfig, name: string): number {
  const port = config.ports[name];
  if (port === undefined) throw new Error(`no port was chosen for ${name}`);
  return port;
}

/** `apiserver-2` → 2, `apiserver` → 1. */
export function ordinal(name: string): number {
  return Number(/-(\d+)$/.exec(name)?.[1] ?? 1);
}

/** Nodes from which on a cluster's processes are given more memory to save processor time. */
const MANY_NODES = 100;
const LARGE_NURSERY_MIB = 32;
const ASKING_NICENESS = 3;

/**
 * The V8 flag for the space of young objects, `small` MiB in a cluster of a few nodes. Where much goes on at
 * once, a larger one lets what a request needed die there, instead of being copied and collected again.
 */
export function nursery(config: ClusterConfig, small: number): string[] {
  return [`--max-semi-space-size=${hasManyNodes(config) ? LARGE_NURSERY_MIB : small}`];
}

/** With many nodes on few processors, what answers requests goes before what makes them. */
export function behindTheApi(config: ClusterConfig): { niceness?: number } {
  return hasManyNodes(config) ? { niceness: ASKING_NICENESS } : {};
}

function hasManyNodes({ nodes, hollowNodes }: ClusterConfig): boolean {
  return nodes.length + hollowNodes >= MANY_NODES;
}
