/** What a simulated process does that can be seen from outside, and what it knows of its container. */
import type { ContainerFiles } from './files.js';

export type Effect =
  | { readonly type: 'print'; readonly text: string; readonly stream: 'stdout' | 'stderr' }
  | { readonly type: 'wait'; readonly ms: number }
  /** Runs until it is stopped. */
  | { readonly type: 'forever' }
  | { readonly type: 'message'; readonly text: string };

export interface ShellContext {
  readonly env: Map<string, string>;
  readonly hostname: string;
  /** The file of last words. */
  readonly messagePath: string;
  /** The time inside the container, for `date`. */
  now(): number;
  /** What a command nobody knows does: it runs on, takes a moment, or has passed already. */
  readonly unknown: 'forever' | 'ends' | 'passes';
  /** Who looks for the container's other processes finds none: they have been told to quit. */
  readonly isStopping?: boolean;
  readonly files: ContainerFiles;
  /** The addresses of a name of the cluster, none if it has none; undefined for any other name. */
  resolve(name: string): readonly string[] | undefined;
}

/** A process: its effects in order, then its exit code. */
export type Run = Generator<Effect, number, void>;

/** `exit N`, from however deep. */
export class Exit extends Error {
  constructor(readonly code: number) {
    super('exit');
  }
}

/** A command that does what it does at once. */
export function* quick(code: number, effects: readonly Effect[] = []): Run {
  yield* effects;
  return code;
}

export function out(text: string): Effect {
  return { type: 'print', text, stream: 'stdout' };
}

/** The program's name without its folder. */
export function base(path: string): string {
  return path.slice(path.lastIndexOf('/') + 1);
}
