/** Short ways to write rows: clauses that have a test of their own name, and those without one. */
import type { Area } from './coverage.js';

/** Each is a test by its own name in that file. */
export function held(file: string, clauses: readonly string[]): Area {
  return clauses.map((clause) => [clause, { file, test: [clause] }] as const);
}

export function covered(clause: string, file: string, ...test: string[]): Area {
  return [[clause, { file, test }]];
}

export function notCovered(reason: string, clauses: readonly string[]): Area {
  return clauses.map((clause) => [clause, { notCovered: reason }] as const);
}

/** Why there is no test; these say what is not known, never that something works. */
export const CONTAINER =
  "asks what a real container's processes and files do; simulated ones do part of it, untested";
export const TRAFFIC =
  'sends traffic to a pod or through a Service; nothing listens in a simulated container';
export const NAMES =
  'asks for DNS records, or for what the kubelet writes to resolv.conf and hosts; neither is simulated in full';
export const KERNEL =
  'asks a kernel for users, modes, mounts, privileges or sysctls; there is none under a simulated container';
export const MODES =
  'asks for the modes of files and mounts, and who may read them; files of a simulated container have none';
export const EXEC = 'runs commands in a container, or streams from it; not built';
export const TOKENS = 'uses the token in a container, where a simulated one has an empty file';
export const SAMPLE = 'runs an extension API server of another project in a container';
export const SLOW = 'waits for minutes';
