/**
 * Roles and bindings, as `pkg/apis/rbac/validation` checks them. Whether the author may grant what a role
 * says is the authoriser's question, not asked here.
 */

import type {
  ClusterRole,
  PolicyRule,
  RoleBinding,
  RoleRef,
  Subject,
} from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateLabelSelector } from '../../../pkg/apimachinery/validation/label-selector.js';
import {
  nameIsDNSSubdomain,
  nameIsPathSegment,
} from '../../../pkg/apimachinery/validation/names.js';

export const RBAC_GROUP = 'rbac.authorization.k8s.io';

export function validatePolicyRules(
  rules: readonly PolicyRule[] | undefined,
  namespaced: boolean,
): FieldError[] {
  return (rules ?? []).flatMap((rule, i) => validateRule(rule, namespaced, path('rules').index(i)));
}

function validateRule(rule: PolicyRule, namespaced: boolean, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if ((rule.verbs ?? []).length === 0) {
    errors.push(required(at.child('verbs'), 'verbs must contain at least one value'));
  }
  const groups = rule.apiGroups ?? [];
  const resources = rule.resources ?? [];
  const urls = rule.nonResourceURLs ?? [];
  if (urls.length > 0) {
    const here = at.child('nonResourceURLs');
    if (namespaced) {
      errors.push(invalid(here, urls, 'namespaced rules cannot apply to non-resource URLs'));
    }
    if (groups.length > 0 || resources.length > 0 || (rule.resourceNames ?? []).length > 0) {
      errors.push(
        invalid(here, urls, 'rules cannot apply to both regular resources and non-resource URLs'),
      );
    }
    return errors;
  }
  if (groups.length === 0) {
    errors.push(
      required(at.child('apiGroups'), 'resource rules must supply at least one api group'),
    );
  }
  if (resources.length === 0) {
    errors.push(
      required(at.child('resources'), 'resource rules must supply at least one resource'),
    );
  }
  return errors;
}

export function validateClusterRole(role: ClusterRole): FieldError[] {
  const errors = validatePolicyRules(role.rules, false);
  if (role.aggregationRule) {
    const at = path('aggregationRule', 'clusterRoleSelectors');
    const selectors = role.aggregationRule.clusterRoleSelectors ?? [];
    if (selectors.length === 0) {
      errors.push(
        required(at, 'at least one clusterRoleSelector required if aggregationRule is non-nil'),
      );
    }
    selectors.forEach((selector, i) => {
      errors.push(...validateLabelSelector(selector, at.index(i)));
    });
  }
  return errors;
}

type Binding = Pick<RoleBinding, 'roleRef' | 'subjects'>;

/** A ClusterRoleBinding names only ClusterRoles and needs the namespaces of its service accounts. */
export function validateBinding(binding: Binding, namespaced: boolean): FieldError[] {
  const errors = validateRoleRef(
    binding.roleRef,
    namespaced ? ['Role', 'ClusterRole'] : ['ClusterRole'],
  );
  (binding.subjects ?? []).forEach((subject, i) => {
    errors.push(...validateSubject(subject, namespaced, path('subjects').index(i)));
  });
  return errors;
}

export function validateBindingUpdate(
  binding: Binding,
  old: Binding,
  namespaced: boolean,
): FieldError[] {
  const errors = validateBinding(binding, namespaced);
  const { roleRef: now } = binding;
  const { roleRef: before } = old;
  if (now.apiGroup !== before.apiGroup || now.kind !== before.kind || now.name !== before.name) {
    const shown = { APIGroup: now.apiGroup, Kind: now.kind, Name: now.name };
    errors.push(invalid('roleRef', shown, 'cannot change roleRef'));
  }
  return errors;
}

function validateRoleRef(ref: RoleRef, kinds: readonly string[]): FieldError[] {
  const at = path('roleRef');
  const errors: FieldError[] = [];
  if (ref.apiGroup !== RBAC_GROUP) {
    errors.push(notSupported(at.child('apiGroup'), ref.apiGroup, [RBAC_GROUP]));
  }
  if (!kinds.includes(ref.kind)) errors.push(notSupported(at.child('kind'), ref.kind, kinds));
  if (!ref.name) errors.push(required(at.child('name')));
  else
    errors.push(
      ...nameIsPathSegment(ref.name, false).map((why) => invalid(at.child('name'), ref.name, why)),
    );
  return errors;
}

function validateSubject(subject: Subject, namespaced: boolean, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (!subject.name) errors.push(required(at.child('name')));
  const group = subject.apiGroup ?? '';
  switch (subject.kind) {
    case 'ServiceAccount':
      if (subject.name) {
        errors.push(
          ...nameIsDNSSubdomain(subject.name, false).map((why) =>
            invalid(at.child('name'), subject.name, why),
          ),
        );
      }
      if (group !== '') errors.push(notSupported(at.child('apiGroup'), group, ['']));
      if (!namespaced && !subject.namespace) errors.push(required(at.child('namespace')));
      break;
    case 'User':
    case 'Group':
      if (!subject.name) {
        errors.push(
          invalid(at.child('name'), '', `${subject.kind.toLowerCase()} name cannot be empty`),
        );
      }
      if (group !== RBAC_GROUP)
        errors.push(notSupported(at.child('apiGroup'), group, [RBAC_GROUP]));
      break;
    default:
      errors.push(
        notSupported(at.child('kind'), subject.kind, ['ServiceAccount', 'User', 'Group']),
      );
  }
  return errors;
}

/** The group goes without saying for users and groups, and for the role. */
export function setBindingDefaults(binding: Binding): void {
  if (binding.roleRef && !binding.roleRef.apiGroup) binding.roleRef.apiGroup = RBAC_GROUP;
  for (const subject of binding.subjects ?? []) {
    if (!subject.apiGroup && (subject.kind === 'User' || subject.kind === 'Group')) {
      subject.apiGroup = RBAC_GROUP;
    }
  }
}
