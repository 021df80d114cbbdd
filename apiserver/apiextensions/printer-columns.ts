/** The columns of a custom resource: what its version asks for, or its age. */
import type { CustomResourceColumnDefinition } from '../../pkg/api/types.js';
import { age } from '../../pkg/apimachinery/duration.js';
import { goText } from '../../pkg/apimachinery/go-format.js';
import { nameColumn } from '../registry/columns/metadata.js';
import type { Column } from '../registry/resource.js';
import { JsonPath } from './json-path.js';

type CellType = Column['type'];

const AGE: CustomResourceColumnDefinition = {
  name: 'Age',
  type: 'date',
  description:
    'CreationTimestamp is a timestamp representing the server time when this object was created. It is not guaranteed to be set in happens-before order across separate operations. Clients may not set this value. It is represented in RFC3339 form and is in UTC.\n\nPopulated by the system. Read-only. Null for lists. More info: https://git.k8s.io/community/contributors/devel/sig-architecture/api-conventions.md#metadata',
  jsonPath: '.metadata.creationTimestamp',
};

export function printerColumns(
  columns: readonly CustomResourceColumnDefinition[] | undefined,
): readonly Column[] {
  const shown = columns && columns.length > 0 ? columns : [AGE];
  return [nameColumn(), ...shown.map(printerColumn)];
}

function printerColumn(column: CustomResourceColumnDefinition): Column {
  const { name, format, description, priority, jsonPath } = column;
  const type = column.type as CellType;
  const path = JsonPath.parse(jsonPath);
  return {
    name,
    type,
    format: format ?? '',
    description:
      description || `Custom resource definition column (in JSONPath format): ${jsonPath}`,
    ...(priority === undefined ? {} : { priority }),
    value: (obj, now) => cell(type, path?.find(obj)[0], now),
  };
}

function cell(type: CellType, value: unknown, now: number): string | number | boolean | null {
  if (value === undefined || value === null) return null;
  switch (type) {
    case 'string':
      return goText(value);
    case 'integer':
      return typeof value === 'number' ? Math.trunc(value) : null;
    case 'number':
      return typeof value === 'number' ? value : null;
    case 'boolean':
      return typeof value === 'boolean' ? value : null;
    case 'date':
      if (typeof value !== 'string') return null;
      return Number.isNaN(Date.parse(value)) ? '<invalid>' : age(value, now);
  }
}
