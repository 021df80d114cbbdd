/** What a Node may still say, to no effect. */
import type { Node } from '../../../pkg/api/types.js';
import { deprecatedLabelWarning } from './pod-warnings.js';

export function nodeWarnings(node: Node): string[] {
  const warnings: string[] = [];
  if (node.spec?.configSource) {
    warnings.push('spec.configSource: the feature is removed');
  }
  if (node.spec?.externalID)
    warnings.push('spec.externalID: this field is deprecated, and is unused by Kubernetes');
  for (const key of Object.keys(node.metadata?.labels ?? {})) {
    const text = deprecatedLabelWarning(key);
    // Kubelets set the deprecated labels beside the new ones themselves.
    if (text && !key.startsWith('beta.kubernetes.io/') && !key.startsWith('failure-domain.')) {
      warnings.push(`metadata.labels[${key}]: ${text}`);
    }
  }
  return warnings;
}
