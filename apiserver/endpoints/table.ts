/** `meta.k8s.io/v1 Table`: what `kubectl get` prints, made from a resource's columns. */
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { badRequest } from '../../pkg/apimachinery/status.js';
import type { Column, ResourceDefinition } from '../registry/resource.js';
import type { Accepted } from './media-type.js';

type MetaVersion = Accepted['metaVersion'];
export type IncludeObject = 'None' | 'Metadata' | 'Object';

export interface TableRow {
  readonly cells: readonly unknown[];
  readonly object?: unknown;
}

export interface Table extends KubeObject {
  readonly columnDefinitions: readonly object[] | null;
  readonly rows: readonly TableRow[];
}

/** What is shown of a kind without columns of its own. */
const DEFAULT_COLUMNS: readonly Column[] = [
  {
    name: 'Name',
    type: 'string',
    format: 'name',
    description:
      'Name must be unique within a namespace. Is required when creating resources, although some resources may allow a client to request the generation of an appropriate name automatically. Name is primarily intended for creation idempotence and configuration definition. Cannot be updated. More info: https://kubernetes.io/docs/concepts/overview/working-with-objects/names#names',
    value: (obj) => obj.metadata?.name ?? '',
  },
  {
    name: 'Created At',
    type: 'date',
    description:
      'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata',
    value: (obj) => obj.metadata?.creationTimestamp ?? null,
  },
];

export function includeObject(query: URLSearchParams): IncludeObject {
  const value = query.get('includeObject') ?? '';
  if (value === '') return 'Metadata';
  if (value === 'None' || value === 'Metadata' || value === 'Object') return value;
  throw badRequest(`unrecognized includeObject value: ${JSON.stringify(value)}`);
}

export function columnDefinitions(definition: ResourceDefinition): object[] {
  return (definition.columns ?? DEFAULT_COLUMNS).map(
    ({ name, type, format, description, priority }) => ({
      name,
      type,
      format: format ?? (name === 'Name' ? 'name' : ''),
      description,
      priority: priority ?? 0,
    }),
  );
}

/** `served` is the object in the served version, as `includeObject=Object` shows it. */
export function tableRow(
  definition: ResourceDefinition,
  served: KubeObject,
  include: IncludeObject,
  now: number,
  version: MetaVersion = 'v1',
): TableRow {
  const cells = (definition.columns ?? DEFAULT_COLUMNS).map((column) => column.value(served, now));
  if (include === 'None') return { cells, object: null };
  return { cells, object: include === 'Object' ? served : partialMetadata(served, version) };
}

export function partialMetadata(obj: KubeObject, version: MetaVersion = 'v1'): KubeObject {
  return {
    kind: 'PartialObjectMetadata',
    apiVersion: `meta.k8s.io/${version}`,
    metadata: obj.metadata ?? {},
  };
}

export function table(
  columns: readonly object[] | null,
  rows: readonly TableRow[],
  metadata: object,
  version: MetaVersion = 'v1',
): Table {
  return {
    kind: 'Table',
    apiVersion: `meta.k8s.io/${version}`,
    metadata,
    columnDefinitions: columns,
    rows,
  };
}
