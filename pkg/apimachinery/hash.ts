/**
 * Hashes for names: `pod-template-hash`, `controller-revision-hash`.
 *
 * DEVIATION: upstream hashes Go's dump of the struct, which no client can reproduce or depends on. Here
 * the JSON is hashed with its keys sorted, so the hash does not depend on key order.
 */
import { safeEncodeString } from './names/generate-name.js';

/** FNV-1a, 32 bits, over UTF-8: Go's `fnv.New32a`. */
export function fnv32a(text: string): number {
  let hash = 0x811c9dc5;
  for (const byte of Buffer.from(text)) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

/**
 * The hash of a template, with the Deployment's or StatefulSet's `collisionCount` mixed in, encoded for use
 * in names and labels: `5d4b8c9f7`.
 */
export function templateHash(template: unknown, collisionCount?: number): string {
  const count = collisionCount === undefined ? '' : `\n${collisionCount}`;
  return safeEncodeString(String(fnv32a(stableJson(template) + count)));
}

/** JSON with sorted keys; equal values give equal texts. */
export function stableJson(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value) ?? 'null';
  if (Array.isArray(value)) return `[${value.map(stableJson).join(',')}]`;
  const parts: string[] = [];
  const of = value as Record<string, unknown>;
  for (const key of Object.keys(of).sort()) {
    if (of[key] !== undefined) parts.push(`${JSON.stringify(key)}:${stableJson(of[key])}`);
  }
  return `{${parts.join(',')}}`;
}
