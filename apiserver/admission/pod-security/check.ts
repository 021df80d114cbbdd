/** What a check of the Pod Security Standards is, and the words that all of them share. */
import type { Container, EphemeralContainer, ObjectMeta, PodSpec } from '../../../pkg/api/types.js';

export type AnyContainer = Container | EphemeralContainer;

export interface Violation {
  readonly reason: string;
  readonly detail: string;
}

/** Undefined where there is nothing to object to. */
export type CheckPod = (spec: PodSpec, meta: ObjectMeta) => Violation | undefined;

export interface Check {
  /** Upstream's; violations are listed in the order of the ids. */
  readonly id: string;
  /** By the first minor version that it holds in, ascending. */
  readonly versions: readonly (readonly [sinceMinor: number, check: CheckPod])[];
  /** Baseline checks that a restricted one makes superfluous. */
  readonly overrides?: readonly string[];
}

/** In the order in which they start. */
export function containersOf(spec: PodSpec): readonly AnyContainer[] {
  return [
    ...(spec.initContainers ?? []),
    ...(spec.containers ?? []),
    ...(spec.ephemeralContainers ?? []),
  ];
}

/** `container "a"`, `containers "a", "b"` */
export function named(one: string, names: readonly string[]): string {
  return `${plural(one, names.length)} ${quoted(names)}`;
}

export function plural(one: string, count: number): string {
  return count === 1 ? one : `${one}s`;
}

export function quoted(values: readonly string[]): string {
  return values.map((value) => JSON.stringify(value)).join(', ');
}

/** Distinct, sorted. */
export function distinct(values: Iterable<string>): string[] {
  return [...new Set(values)].sort();
}

export function namesWhere(
  spec: PodSpec,
  bad: (container: AnyContainer) => boolean | undefined,
): string[] {
  return containersOf(spec)
    .filter((container) => bad(container))
    .map(({ name }) => name);
}

/** `pod`, `container "a"`, `pod and containers "a", "b"`; empty when nobody did it. */
export function setters(pod: boolean | undefined, containers: readonly string[]): string {
  return [pod ? 'pod' : '', containers.length > 0 ? named('container', containers) : '']
    .filter((text) => text !== '')
    .join(' and ');
}

/** A pod in a user namespace of its own may be what it likes inside. */
export function inUserNamespace(spec: PodSpec): boolean {
  return spec.hostUsers === false;
}

export function isWindows(spec: PodSpec): boolean {
  return spec.os?.name === 'windows';
}
