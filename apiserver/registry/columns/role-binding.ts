/** The table of a binding: what it gives, and with `-o wide` to whom. */
import type { RoleBinding } from '../../../pkg/api/types.js';
import type { Column } from '../resource.js';
import { ageColumn, nameColumn } from './metadata.js';
import { textColumn, wide } from './text-column.js';

export function bindingColumns(): Column<RoleBinding>[] {
  return [
    nameColumn(),
    textColumn('Role', 'Role that is given.', (obj) => `${obj.roleRef.kind}/${obj.roleRef.name}`),
    ageColumn(),
    wide(textColumn('Users', 'Users in the binding.', (obj) => subjectsOf(obj, 'User'))),
    wide(textColumn('Groups', 'Groups in the binding.', (obj) => subjectsOf(obj, 'Group'))),
    wide(
      textColumn('ServiceAccounts', 'Service accounts in the binding.', (obj) =>
        subjectsOf(obj, 'ServiceAccount'),
      ),
    ),
  ];
}

function subjectsOf({ subjects = [] }: RoleBinding, kind: string): string {
  return subjects
    .filter((subject) => subject.kind === kind)
    .map(({ namespace, name }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name))
    .join(', ');
}
