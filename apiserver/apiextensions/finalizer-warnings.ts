/** Finalizers that other writers may choose as well: their author is told, and gets what he wants. */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { isQualifiedName } from '../../pkg/apimachinery/validation/names.js';

const STANDARD = new Set(['orphan', 'foregroundDeletion', 'kubernetes']);

export function finalizerWarnings(obj: KubeObject, old?: KubeObject): string[] {
  const before = new Set(old?.metadata?.finalizers);
  const added = (obj.metadata?.finalizers ?? []).filter((name) => !before.has(name)).sort();
  return added.flatMap((name) => {
    const place = `metadata.finalizers: ${JSON.stringify(name)}`;
    const warnings = isQualifiedName(name).map((why) => `${place}: ${why}`);
    if (name.includes('/') || STANDARD.has(name)) return warnings;
    const how = name.includes('.') ? 'finalizer name including a path (/)' : 'finalizer name';
    const text = `prefer a domain-qualified ${how} to avoid accidental conflicts with other finalizer writers`;
    return [...warnings, `${place}: ${text}`];
  });
}
