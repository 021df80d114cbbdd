/** What a Node may still say, to no effect. */
import type { Node } from '../../../pkg/api/types.js';
import { path } from '../../../pkg/apimachinery/field-error.js';
import { cidrWarnings } from './addresses.js';

export function nodeWarnings(node: Node): string[] {
  const warnings: string[] = [];
  if (node.spec?.configSource) {
    warnings.push('spec.configSource: the feature is removed');
  }
  if (node.spec?.externalID)
    warnings.push('spec.externalID: this field is deprecated, and is unused by Kubernetes');
  for (const [i, range] of (node.spec?.podCIDRs ?? []).entries()) {
    warnings.push(...cidrWarnings(range, path('spec', 'podCIDRs').index(i)));
  }
  return warnings;
}
