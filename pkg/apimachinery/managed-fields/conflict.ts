/**
 * Fields that an applier wants to set and others own. Thrown by the updater; the field manager makes the
 * 409 of it, with one cause for each field and owner.
 */
import { applyConflict, type StatusCause, type StatusError } from '../status.js';
import { type FieldSet, paths } from './field-set.js';
import type { Owner } from './managers.js';
import { formatPath } from './path-element.js';

export interface Conflict {
  readonly id: string;
  readonly owner: Owner;
  readonly path: readonly string[];
}

export class ConflictError extends Error {
  override name = 'ConflictError';
  constructor(readonly conflicts: readonly Conflict[]) {
    super(conflictMessage(conflicts));
  }
}

/** By owner, then by path. */
export function conflictsOf(
  sets: ReadonlyMap<string, { owner: Owner; fields: FieldSet }>,
): Conflict[] {
  return [...sets]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .flatMap(([id, { owner, fields }]) => paths(fields).map((path) => ({ id, owner, path })));
}

export function conflictStatus(conflicts: readonly Conflict[]): StatusError {
  const causes: StatusCause[] = conflicts.map(({ owner, path }) => ({
    reason: 'FieldManagerConflict',
    message: `conflict with ${printOwner(owner)}`,
    field: formatPath(path),
  }));
  return applyConflict(causes, conflictMessage(conflicts));
}

function conflictMessage(conflicts: readonly Conflict[]): string {
  const [first] = conflicts;
  if (first && conflicts.length === 1) {
    return `Apply failed with 1 conflict: conflict with ${printOwner(first.owner)}: ${formatPath(first.path)}`;
  }
  const lines: string[] = [];
  let last = '';
  for (const { id, owner, path } of conflicts) {
    if (id !== last) lines.push(`conflicts with ${printOwner(owner)}:`);
    lines.push(`- ${formatPath(path)}`);
    last = id;
  }
  return `Apply failed with ${conflicts.length} conflicts: ${lines.join('\n')}`;
}

/** Appliers by name alone; others with the version that they wrote. */
function printOwner({ manager, operation, apiVersion, subresource }: Owner): string {
  let text = JSON.stringify(manager);
  if (subresource !== '') text += ` with subresource ${JSON.stringify(subresource)}`;
  return operation === 'Update' ? `${text} using ${apiVersion}` : text;
}
