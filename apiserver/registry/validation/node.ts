/** Nodes: taints, addresses and amounts are well-formed; what a node was given once (pod CIDR, provider) stays. */
import type { Node } from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  path,
} from '../../../pkg/apimachinery/field-error.js';
import { validateCIDR } from './addresses.js';
import { validateQuantityValue } from './resources.js';
import { validateTaints } from './tolerations.js';

const CIDR_CHANGED = 'node updates may not change podCIDR except from "" to valid';

export function validateNode(node: Node): FieldError[] {
  const errors = validateTaints(node.spec?.taints ?? [], path('metadata', 'taints'));
  errors.push(...validateAmounts(node));
  const cidrs = node.spec?.podCIDRs ?? [];
  const at = path('spec', 'podCIDRs');
  for (const [i, value] of cidrs.entries()) errors.push(...validateCIDR(value, at.index(i)));
  if (cidrs.length < 2) return errors;
  const families = new Set(cidrs.map((value) => value.includes(':')));
  if (families.size < 2 || cidrs.length > 2) {
    errors.push(invalid(at, cidrs, 'may specify no more than one CIDR for each IP family'));
  }
  for (const [i, value] of cidrs.entries()) {
    if (cidrs.indexOf(value) < i) errors.push(duplicate(at.index(i), value));
  }
  return errors;
}

export function validateNodeUpdate(node: Node, old: Node): FieldError[] {
  return [...validateNode(node), ...validateChange(node, old)];
}

export function validateNodeStatusUpdate(node: Node, old: Node): FieldError[] {
  return [
    ...validateAmounts(node),
    ...validateChange(node, old),
    ...validateTaints(node.spec?.taints ?? [], path('metadata', 'taints')),
  ];
}

function validateChange(node: Node, old: Node): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, address] of (node.status?.addresses ?? []).entries()) {
    const key = `${address.type}/${address.address}`;
    if (seen.has(key)) errors.push(duplicate(path('status', 'addresses').index(i), address));
    seen.add(key);
  }
  const before = old.spec?.podCIDRs ?? [];
  const now = node.spec?.podCIDRs ?? [];
  if (
    before.length > 0 &&
    (before.length !== now.length || before.some((value, i) => value !== now[i]))
  ) {
    errors.push(forbidden(path('spec', 'podCIDRs'), CIDR_CHANGED));
  }
  const provider = old.spec?.providerID ?? '';
  if (provider !== '' && provider !== (node.spec?.providerID ?? '')) {
    const text = 'node updates may not change providerID except from "" to valid';
    errors.push(forbidden(path('spec', 'providerID'), text));
  }
  if ((node.spec?.externalID ?? '') !== (old.spec?.externalID ?? '')) {
    errors.push(forbidden(path('spec', 'externalID'), 'may not be updated'));
  }
  return errors;
}

function validateAmounts(node: Node): FieldError[] {
  return (['capacity', 'allocatable'] as const).flatMap((field) =>
    Object.entries(node.status?.[field] ?? {}).flatMap(([name, value]) =>
      validateQuantityValue(name, value, path('status', field, name)),
    ),
  );
}
