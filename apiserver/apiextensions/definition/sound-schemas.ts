/**
 * Which schemas of custom resources were found to be sound, by their text: every apply of a definition brings the
 * whole schema again, and half a megabyte of it takes a good part of a second to check. Only that nothing was
 * wrong is remembered; what is wrong is found, and said, each time.
 */
import { createHash } from 'node:crypto';
import type { FieldError } from '../../../pkg/apimachinery/field-error.js';
import { LruMap } from '../../../pkg/component/lru-map.js';
import type { JsonSchema } from '../schema/structural.js';

/** One thing that is checked of a schema: the same text has always the same outcome. */
export interface SchemaCheck {
  readonly name: string;
  run(): FieldError[];
}

/** Checks of as many schemas as a cluster with many operators has; each is some bytes. */
const MAX_KNOWN = 8_192;

const known = new LruMap<true>(MAX_KNOWN);
/** While one write is on its way, its object stays the same. */
const digests = new WeakMap<JsonSchema, string>();

/** What is wrong; runs the check only where that is not known to be nothing. */
export function faultsOf(schema: JsonSchema, check: SchemaCheck): FieldError[] {
  const id = idOf(schema, check);
  if (known.get(id)) return [];
  const errors = check.run();
  if (errors.length === 0) known.set(id, true);
  return errors;
}

export function isKnownSound(schema: JsonSchema, check: SchemaCheck): boolean {
  return known.get(idOf(schema, check)) === true;
}

function idOf(schema: JsonSchema, { name }: SchemaCheck): string {
  let digest = digests.get(schema);
  if (digest === undefined) {
    digest = createHash('sha256').update(JSON.stringify(schema)).digest('base64');
    digests.set(schema, digest);
  }
  return `${name} ${digest}`;
}
