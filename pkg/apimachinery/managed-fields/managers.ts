/**
 * The owners of an object's fields: `metadata.managedFields` as a map by owner, and back. An owner is
 * identified by manager, operation, apiVersion (of Update entries; an applier keeps its fields across
 * versions) and subresource; its identifier is the JSON of these, as upstream has it.
 */
import type { ManagedFieldsEntry } from '../meta.js';
import { type FieldSet, FieldSetError, isEmptySet, parseSet, sortSet } from './field-set.js';

export interface Owner {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
  /** RFC 3339; absent for an applier that changed nothing. */
  readonly time?: string;
  readonly fields: FieldSet;
  /** The entry that it was read from, as long as nothing changed: it is written back as it is. */
  readonly entry?: ManagedFieldsEntry;
}

export type Owners = Map<string, Owner>;

export interface OwnerIdentity {
  readonly manager: string;
  readonly operation: 'Apply' | 'Update';
  readonly apiVersion: string;
  readonly subresource: string;
}

export function ownerId({ manager, operation, apiVersion, subresource }: OwnerIdentity): string {
  const said = manager === '' ? '' : `"manager":${JSON.stringify(manager)},`;
  const version =
    operation === 'Apply' || apiVersion === '' ? '' : `,"apiVersion":${JSON.stringify(apiVersion)}`;
  const part = subresource === '' ? '' : `,"subresource":${JSON.stringify(subresource)}`;
  return `{${said}"operation":"${operation}"${version}${part}}`;
}

/** From a stored object: its sets are in canonical form. Throws FieldSetError where an entry is broken. */
export function readOwners(entries: readonly ManagedFieldsEntry[] | undefined): Owners {
  return decode(entries ?? [], (fields) => fields as FieldSet);
}

/** From a client's object. Throws FieldSetError. */
export function parseOwners(entries: readonly ManagedFieldsEntry[]): Owners {
  return decode(entries, parseSet);
}

function decode(
  entries: readonly ManagedFieldsEntry[],
  fieldsOf: (fields: Record<string, unknown>) => FieldSet,
): Owners {
  const owners: Owners = new Map();
  for (const [i, entry] of entries.entries()) {
    const { manager = '', operation, apiVersion = '', subresource = '', time } = entry;
    if (operation !== 'Apply' && operation !== 'Update') {
      throw new FieldSetError('operation must be `Apply` or `Update`');
    }
    if (apiVersion === '') throw new FieldSetError('apiVersion must not be empty');
    const fieldsType: string = entry.fieldsType ?? '';
    if (fieldsType !== 'FieldsV1') {
      throw new FieldSetError(
        fieldsType === ''
          ? `missing fieldsType in managed fields entry ${i}`
          : `invalid fieldsType ${JSON.stringify(fieldsType)} in managed fields entry ${i}`,
      );
    }
    const fields = fieldsOf(entry.fieldsV1 ?? {});
    const owner = { manager, operation, apiVersion, subresource, fields };
    // Only an entry in canonical form may be written back as it came.
    const same = fields === entry.fieldsV1;
    owners.set(ownerId(owner), {
      ...owner,
      ...(time ? { time } : {}),
      ...(same ? { entry } : {}),
    });
  }
  return owners;
}

/** With other fields; undefined when that leaves none. */
export function withFields(owner: Owner, fields: FieldSet): Owner | undefined {
  if (fields === owner.fields) return isEmptySet(fields) ? undefined : owner;
  if (isEmptySet(fields)) return undefined;
  const { entry: _, ...rest } = owner;
  return { ...rest, fields };
}

export function withTime(owner: Owner, time: string): Owner {
  const { entry: _, ...rest } = owner;
  return { ...rest, time };
}

/** Sorted as upstream: operation, time, manager, apiVersion, subresource. Undefined when nobody owns anything. */
export function writeOwners(owners: Owners): ManagedFieldsEntry[] | undefined {
  if (owners.size === 0) return undefined;
  return [...owners.values()].sort(compareOwners).map(
    (owner) =>
      owner.entry ?? {
        ...(owner.manager === '' ? {} : { manager: owner.manager }),
        operation: owner.operation,
        apiVersion: owner.apiVersion,
        ...(owner.time === undefined ? {} : { time: owner.time }),
        fieldsType: 'FieldsV1',
        fieldsV1: sortSet(owner.fields),
        ...(owner.subresource === '' ? {} : { subresource: owner.subresource }),
      },
  );
}

function compareOwners(a: Owner, b: Owner): number {
  return (
    compareTexts(a.operation, b.operation) ||
    seconds(a) - seconds(b) ||
    compareTexts(a.manager, b.manager) ||
    compareTexts(a.apiVersion, b.apiVersion) ||
    compareTexts(a.subresource, b.subresource)
  );
}

/** Whole seconds since the epoch; what has no time counts as oldest. */
export function seconds(owner: Owner): number {
  return owner.time === undefined ? 0 : Math.floor(Date.parse(owner.time) / 1000);
}

function compareTexts(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
