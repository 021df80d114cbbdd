/**
 * Plugins that Kubernetes has on by default and that look at nothing unless a feature is on that v1.35 has
 * off: ClusterTrustBundles, and features that nodes declare. Their names are taken by the flags.
 */
import type { AdmissionPluginFactory } from '../admission.js';

export function inert(name: string): AdmissionPluginFactory {
  return { name, create: () => ({ name, handles: () => false }) };
}
