/** Which finalizers of the garbage collector an object gets when it is deleted. */
import type { DeleteOptions } from '../../pkg/apimachinery/validation/options.js';

export const ORPHAN_FINALIZER = 'orphan';
export const FOREGROUND_FINALIZER = 'foregroundDeletion';

/** The finalizers that the garbage collector works on, after the options, what is there, and the kind's default. */
export function gcFinalizers(
  options: DeleteOptions,
  finalizers: readonly string[],
  orphanByDefault: boolean,
): string[] {
  const others = finalizers.filter((f) => f !== ORPHAN_FINALIZER && f !== FOREGROUND_FINALIZER);
  if (orphans(options, finalizers, orphanByDefault)) others.push(ORPHAN_FINALIZER);
  if (waitsForDependents(options, finalizers)) others.push(FOREGROUND_FINALIZER);
  return others;
}

function orphans(
  options: DeleteOptions,
  finalizers: readonly string[],
  byDefault: boolean,
): boolean {
  if (options.orphanDependents !== undefined) return options.orphanDependents;
  if (options.propagationPolicy !== undefined) return options.propagationPolicy === 'Orphan';
  if (finalizers.includes(ORPHAN_FINALIZER)) return true;
  if (finalizers.includes(FOREGROUND_FINALIZER)) return false;
  return byDefault;
}

function waitsForDependents(options: DeleteOptions, finalizers: readonly string[]): boolean {
  if (options.orphanDependents !== undefined) return false;
  if (options.propagationPolicy !== undefined) return options.propagationPolicy === 'Foreground';
  return finalizers.includes(FOREGROUND_FINALIZER);
}
