/** Short notation for the default policy. Lists are separated by spaces; `core` is the group without a name. */
import type { ClusterRole, ClusterRoleBinding, PolicyRule } from '../../../pkg/api/types.js';

export const READ = 'get list watch';
export const WRITE = 'create delete deletecollection patch update';
export const READ_WRITE = 'create delete deletecollection get list patch update watch';
export const READ_UPDATE = 'get list patch update watch';

const RBAC_GROUP = 'rbac.authorization.k8s.io';
const LABELS = { 'kubernetes.io/bootstrapping': 'rbac-defaults' };
const ANNOTATIONS = { 'rbac.authorization.kubernetes.io/autoupdate': 'true' };

/** `allow('get list', 'core apps', 'pods deployments')`; names restrict it to single objects. */
export function allow(
  verbs: string,
  groups: string,
  resources: string,
  ...names: string[]
): PolicyRule {
  return {
    verbs: sorted(verbs),
    apiGroups: sorted(groups)
      .map((group) => (group === 'core' ? '' : group))
      .sort(),
    resources: sorted(resources),
    ...(names.length > 0 ? { resourceNames: [...names].sort() } : {}),
  };
}

export function allowPaths(verbs: string, paths: string): PolicyRule {
  return { verbs: sorted(verbs), nonResourceURLs: sorted(paths) };
}

/** Events of either API. */
export const EVENTS = allow('create patch update', 'core events.k8s.io', 'events');

export function clusterRole(
  name: string,
  rules: readonly PolicyRule[],
  options: { readonly labels?: Record<string, string>; readonly aggregates?: string } = {},
): ClusterRole {
  return {
    apiVersion: `${RBAC_GROUP}/v1`,
    kind: 'ClusterRole',
    metadata: { name, labels: { ...LABELS, ...options.labels }, annotations: { ...ANNOTATIONS } },
    ...(options.aggregates
      ? {
          aggregationRule: {
            clusterRoleSelectors: [{ matchLabels: { [aggregateTo(options.aggregates)]: 'true' } }],
          },
        }
      : {}),
    rules: [...rules],
  };
}

/** The label by which a role becomes a part of `admin`, `edit` or `view`. */
export function aggregateTo(role: string): string {
  return `${RBAC_GROUP}/aggregate-to-${role}`;
}

export interface Subjects {
  readonly groups?: readonly string[];
  readonly users?: readonly string[];
  /** `namespace/name` */
  readonly accounts?: readonly string[];
}

export function subjectsOf(subjects: Subjects): NonNullable<ClusterRoleBinding['subjects']> {
  return [
    ...(subjects.groups ?? []).map((name) => ({ apiGroup: RBAC_GROUP, kind: 'Group', name })),
    ...(subjects.users ?? []).map((name) => ({ apiGroup: RBAC_GROUP, kind: 'User', name })),
    ...(subjects.accounts ?? []).map((account) => {
      const [namespace = '', name = ''] = account.split('/');
      return { kind: 'ServiceAccount', name, namespace };
    }),
  ];
}

export function clusterBinding(name: string, subjects: Subjects): ClusterRoleBinding {
  return {
    apiVersion: `${RBAC_GROUP}/v1`,
    kind: 'ClusterRoleBinding',
    metadata: { name, labels: { ...LABELS }, annotations: { ...ANNOTATIONS } },
    roleRef: { apiGroup: RBAC_GROUP, kind: 'ClusterRole', name },
    subjects: subjectsOf(subjects),
  };
}

export function defaultMetadata(): {
  labels: Record<string, string>;
  annotations: Record<string, string>;
} {
  return { labels: { ...LABELS }, annotations: { ...ANNOTATIONS } };
}

function sorted(words: string): string[] {
  return words.split(' ').sort();
}
