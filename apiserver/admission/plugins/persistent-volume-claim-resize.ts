/** PersistentVolumeClaimResize: a bound claim grows where its StorageClass allows that, and nowhere else. */
import type { PersistentVolumeClaim, StorageClass } from '../../../pkg/api/types.js';
import { parseQuantity } from '../../../pkg/apimachinery/quantity.js';
import { isReason } from '../../../pkg/apimachinery/status.js';
import type { ServerAccess } from '../../server/request-context.js';
import type { AdmissionPluginFactory } from '../admission.js';
import { refuse } from '../refuse.js';

const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

export const persistentVolumeClaimResize: AdmissionPluginFactory = {
  name: 'PersistentVolumeClaimResize',
  create: (server) => ({
    name: 'PersistentVolumeClaimResize',
    handles: (operation, group, resource, subresource) =>
      operation === 'UPDATE' &&
      group === '' &&
      resource === 'persistentvolumeclaims' &&
      subresource === '',
    async validate(attributes) {
      const claim: PersistentVolumeClaim = attributes.object ?? {};
      const old: PersistentVolumeClaim = attributes.oldObject ?? {};
      if (storageOf(claim).compare(storageOf(old)) <= 0) return;
      if (old.status?.phase !== 'Bound')
        throw refuse(attributes, 'Only bound persistent volume claims can be expanded');
      if (!(await expands(server, claim)))
        throw refuse(
          attributes,
          'only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support resize',
        );
    },
  }),
};

function storageOf({ spec }: PersistentVolumeClaim) {
  return parseQuantity(spec?.resources?.requests?.['storage'] ?? '0');
}

async function expands(server: ServerAccess, claim: PersistentVolumeClaim): Promise<boolean> {
  const name = claim.metadata?.annotations?.[CLASS_ANNOTATION] ?? claim.spec?.storageClassName;
  if (!name) return false;
  try {
    const found = (await server
      .store('storage.k8s.io', 'storageclasses')
      .get('', name)) as StorageClass;
    return found.allowVolumeExpansion === true;
  } catch (err) {
    if (isReason(err, 'NotFound')) return false;
    throw err;
  }
}
