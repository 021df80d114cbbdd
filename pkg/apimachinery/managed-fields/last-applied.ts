/**
 * The way from kubectl's client-side apply to server-side apply. Client-side apply keeps what it applied
 * in an annotation: fields that stand there, unchanged since, may be taken over without a conflict, and
 * the annotation follows later server-side applies, so that one may go back.
 */
import { stableJson } from '../hash.js';
import type { UnstructuredObject } from '../meta.js';
import { TOTAL_ANNOTATION_SIZE_LIMIT } from '../validation/object-meta.js';
import { compare } from './compare.js';
import { difference, hasPath } from './field-set.js';
import type { FieldType } from './field-type.js';
import { toFieldSet } from './to-field-set.js';
import { isMap } from './typed.js';

export const LAST_APPLIED_ANNOTATION = 'kubectl.kubernetes.io/last-applied-configuration';

/** Which paths the annotation allows kubectl to take; none when there is no annotation that can be read. */
export function allowedByLastApplied(
  live: UnstructuredObject,
  type: FieldType,
  apiVersion: string,
): (path: readonly string[]) => boolean {
  const applied = parse(live.metadata?.annotations?.[LAST_APPLIED_ANNOTATION]);
  if (applied?.['apiVersion'] !== apiVersion) return () => false;
  const changes = compare(type, applied, live) ?? {};
  let allowed = toFieldSet(type, applied);
  for (const changed of [changes.modified, changes.added, changes.removed]) {
    if (changed) allowed = difference(allowed, changed);
  }
  return (path) => hasPath(allowed, path);
}

/** `obj` with the annotation set to the applied patch, or without it where it would be too large. */
export function withLastApplied(
  obj: UnstructuredObject,
  patch: UnstructuredObject,
): UnstructuredObject {
  const { [LAST_APPLIED_ANNOTATION]: _, ...patchAnnotations } = patch.metadata?.annotations ?? {};
  const { annotations: __, ...patchMeta } = patch.metadata ?? {};
  const kept = Object.keys(patchAnnotations).length > 0;
  const applied = {
    ...patch,
    metadata: kept ? { ...patchMeta, annotations: patchAnnotations } : patchMeta,
  };
  const annotations: Record<string, string> = {
    ...obj.metadata?.annotations,
    // Go's encoder ends a document with a line break.
    [LAST_APPLIED_ANNOTATION]: `${stableJson(applied)}\n`,
  };
  let size = 0;
  for (const [key, value] of Object.entries(annotations)) {
    size += Buffer.byteLength(key) + Buffer.byteLength(value);
  }
  if (size > TOTAL_ANNOTATION_SIZE_LIMIT) delete annotations[LAST_APPLIED_ANNOTATION];
  return { ...obj, metadata: { ...obj.metadata, annotations } };
}

function parse(text: string | undefined): Readonly<Record<string, unknown>> | undefined {
  if (!text) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isMap(value) ? value : undefined;
  } catch (err) {
    if (err instanceof SyntaxError) return undefined;
    throw err;
  }
}
