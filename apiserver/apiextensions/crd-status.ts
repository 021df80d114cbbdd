/**
 * What the status of a CustomResourceDefinition has to be: which of its names are its own and which another
 * one of the group has already, and whether it may be served. Pure; `crd-controller.ts` writes it.
 */
import type {
  CustomResourceDefinition,
  CustomResourceDefinitionCondition,
  CustomResourceDefinitionNames,
  CustomResourceDefinitionStatus,
} from '../../pkg/api/types.js';
import { deepEqual } from '../../pkg/apimachinery/equality.js';
import { formatTime } from '../../pkg/apimachinery/meta.js';
import { apiApproval, isProtectedGroup } from './api-approval.js';

/** On a definition that is being deleted while it has objects. */
export const CLEANUP_FINALIZER = 'customresourcecleanup.apiextensions.k8s.io';

type Condition = Omit<CustomResourceDefinitionCondition, 'lastTransitionTime'>;
type Names = CustomResourceDefinitionNames;

export function isTrue(crd: CustomResourceDefinition, type: string): boolean {
  return crd.status?.conditions?.some((c) => c.type === type && c.status === 'True') ?? false;
}

/** What other definitions need to know of one. */
export interface GroupMember {
  readonly name: string;
  readonly group: string;
  readonly names: Partial<Names>;
  readonly accepted: boolean;
}

export function memberOf(crd: CustomResourceDefinition): GroupMember {
  return {
    name: crd.metadata?.name ?? '',
    group: crd.spec.group,
    names: { ...crd.status?.acceptedNames },
    accepted: isTrue(crd, 'NamesAccepted'),
  };
}

/** `group`: all definitions of the same group, the one asked about among them or not. */
export function crdStatus(
  crd: CustomResourceDefinition,
  group: readonly GroupMember[],
  now: number,
): CustomResourceDefinitionStatus {
  const { names, conflict } = acceptNames(crd, group);
  const conditions = [...(crd.status?.conditions ?? [])];
  setCondition(
    conditions,
    conflict
      ? { type: 'NamesAccepted', status: 'False', ...conflict }
      : {
          type: 'NamesAccepted',
          status: 'True',
          reason: 'NoConflicts',
          message: 'no conflicts found',
        },
    now,
  );
  // Once established it stays so, whatever becomes of its names.
  if (!isTrue(crd, 'Established')) {
    setCondition(
      conditions,
      conflict
        ? {
            type: 'Established',
            status: 'False',
            reason: 'NotAccepted',
            message: 'not all names are accepted',
          }
        : {
            type: 'Established',
            status: 'True',
            reason: 'InitialNamesAccepted',
            message: 'the initial names have been accepted',
          },
      now,
    );
  }
  const approval = approvalCondition(crd);
  if (approval) setCondition(conditions, approval, now);
  return { ...crd.status, acceptedNames: names, conditions };
}

/** In place; the time is when its status last changed. */
export function setCondition(
  conditions: CustomResourceDefinitionCondition[],
  wanted: Condition,
  now: number,
): void {
  const at = conditions.findIndex(({ type }) => type === wanted.type);
  const known = at < 0 ? undefined : conditions[at];
  const lastTransitionTime =
    known?.status === wanted.status && known.lastTransitionTime
      ? known.lastTransitionTime
      : formatTime(new Date(now));
  const condition = { ...wanted, lastTransitionTime };
  if (!known) conditions.push(condition);
  else if (!deepEqual(known, condition)) conditions[at] = condition;
}

function acceptNames(
  { spec, status, metadata }: CustomResourceDefinition,
  group: readonly GroupMember[],
): { names: Names; conflict?: { reason: string; message: string } } {
  const accepted: Names = status?.acceptedNames ?? { plural: '', kind: '' };
  const resources = new Set<string>();
  const kinds = new Set<string>();
  for (const other of group) {
    if (other.group !== spec.group || other.name === metadata?.name) continue;
    const { plural, singular, shortNames, kind, listKind } = other.names;
    for (const name of [plural, singular, ...(shortNames ?? [])]) if (name) resources.add(name);
    for (const name of [kind, listKind]) if (name) kinds.add(name);
  }
  const names: Names = { ...accepted };
  let conflict: { reason: string; message: string } | undefined;
  const inUse = (name: string) => `${JSON.stringify(name)} is already in use`;
  for (const [field, used, reason] of [
    ['plural', resources, 'PluralConflict'],
    ['singular', resources, 'SingularConflict'],
    ['shortNames', resources, 'ShortNamesConflict'],
    ['kind', kinds, 'KindConflict'],
    ['listKind', kinds, 'ListKindConflict'],
  ] as const) {
    if (field === 'shortNames') {
      const wanted = spec.names.shortNames ?? [];
      const taken = wanted.filter(
        (name) => !(accepted.shortNames ?? []).includes(name) && used.has(name),
      );
      if (taken.length > 0) {
        const all = taken.map(inUse);
        conflict = { reason, message: all.length === 1 ? (all[0] ?? '') : `[${all.join(', ')}]` };
      } else if (wanted.length > 0) names.shortNames = [...wanted];
      else delete names.shortNames;
      continue;
    }
    const wanted = spec.names[field] ?? '';
    if (wanted !== (accepted[field] ?? '') && used.has(wanted))
      conflict = { reason, message: inUse(wanted) };
    else names[field] = wanted;
  }
  if (spec.names.categories?.length) names.categories = [...spec.names.categories];
  else delete names.categories;
  return conflict ? { names, conflict } : { names };
}

const APPROVAL_REASONS = {
  missing: 'MissingAnnotation',
  invalid: 'InvalidAnnotation',
  bypassed: 'UnapprovedAnnotation',
  approved: 'ApprovedAnnotation',
} as const;

function approvalCondition(crd: CustomResourceDefinition): Condition | undefined {
  if (!isProtectedGroup(crd.spec.group)) return undefined;
  const { state, reason } = apiApproval(crd.metadata?.annotations);
  return {
    type: 'KubernetesAPIApprovalPolicyConformant',
    status: state === 'approved' ? 'True' : 'False',
    reason: APPROVAL_REASONS[state],
    message: reason,
  };
}
