/** Shorthands for the columns that a kind has for itself. */
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import type { Column } from '../resource.js';

export function textColumn<T extends KubeObject>(
  name: string,
  description: string,
  value: (obj: T, now: number) => string | number | null,
): Column<T> {
  return { name, type: 'string', description, value };
}

export function integerColumn<T extends KubeObject>(
  name: string,
  description: string,
  value: (obj: T, now: number) => number | null,
): Column<T> {
  return { name, type: 'integer', description, value };
}

export function booleanColumn<T extends KubeObject>(
  name: string,
  description: string,
  value: (obj: T) => boolean,
): Column<T> {
  return { name, type: 'boolean', description, value };
}

/** Shown with `-o wide` only. */
export function wide<T extends KubeObject>(column: Column<T>): Column<T> {
  return { ...column, priority: 1 };
}

/** The creation time itself, for the kinds whose tables show it in place of an age. */
export function createdAtColumn<T extends KubeObject>(): Column<T> {
  return {
    name: 'Created At',
    type: 'date',
    description: 'Time when the server created the object.',
    value: (obj) => obj.metadata?.creationTimestamp ?? '',
  };
}
