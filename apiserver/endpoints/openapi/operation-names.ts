/** How operations are called after what they work on: ids, tags. */

/** `rbac.authorization.k8s.io` and `v1` → `RbacAuthorizationV1`; the core group → `CoreV1`. */
export function groupName({ group, version }: { group: string; version: string }): string {
  return groupWord(group) + capital(version);
}

/** `rbac.authorization.k8s.io` → `RbacAuthorization` */
export function groupWord(group: string): string {
  return groupWords(group).map(capital).join('');
}

/** `rbacAuthorization_v1` */
export function tagOf({ group, version }: { group: string; version: string }): string {
  const [first = '', ...rest] = groupWords(group);
  return `${first}${rest.map(capital).join('')}_${version}`;
}

function groupWords(group: string): string[] {
  return group === '' ? ['core'] : group.replace(/\.k8s\.io$/, '').split('.');
}

export function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
