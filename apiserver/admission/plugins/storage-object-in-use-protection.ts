/** StorageObjectInUseProtection: volumes and claims are not deleted under the pods that use them. */
import type { AdmissionPluginFactory } from '../admission.js';

const FINALIZERS: Readonly<Record<string, string>> = {
  'persistentvolumes.': 'kubernetes.io/pv-protection',
  'persistentvolumeclaims.': 'kubernetes.io/pvc-protection',
  'volumeattributesclasses.storage.k8s.io': 'kubernetes.io/vac-protection',
};

export const storageObjectInUseProtection: AdmissionPluginFactory = {
  name: 'StorageObjectInUseProtection',
  create: () => ({
    name: 'StorageObjectInUseProtection',
    handles: (operation, group, resource, subresource) =>
      operation === 'CREATE' && subresource === '' && `${resource}.${group}` in FINALIZERS,
    admit(attributes) {
      const finalizer = FINALIZERS[`${attributes.resource}.${attributes.group}`];
      const metadata = attributes.object?.metadata;
      if (!finalizer || !metadata || metadata.finalizers?.includes(finalizer)) return;
      metadata.finalizers = [...(metadata.finalizers ?? []), finalizer];
    },
  }),
};
