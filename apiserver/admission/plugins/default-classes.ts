/**
 * DefaultStorageClass and DefaultIngressClass: a claim or an Ingress that names no class gets the one that is
 * marked as default; of several, the newest.
 */
import type { Ingress, PersistentVolumeClaim } from '../../../pkg/api/types.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import type { AdmissionPluginFactory } from '../admission.js';

export const defaultStorageClass: AdmissionPluginFactory = {
  name: 'DefaultStorageClass',
  create: (server) => ({
    name: 'DefaultStorageClass',
    handles: (operation, group, resource, subresource) =>
      operation === 'CREATE' &&
      group === '' &&
      resource === 'persistentvolumeclaims' &&
      subresource === '',
    async admit(attributes) {
      const claim: PersistentVolumeClaim = attributes.object ?? {};
      const annotated = claim.metadata?.annotations?.['volume.beta.kubernetes.io/storage-class'];
      if (!claim.spec || claim.spec.storageClassName !== undefined || annotated !== undefined)
        return;
      const found = newestDefault(await server.store('storage.k8s.io', 'storageclasses').list(''), [
        'storageclass.kubernetes.io/is-default-class',
        'storageclass.beta.kubernetes.io/is-default-class',
      ]);
      if (found?.metadata?.name) claim.spec.storageClassName = found.metadata.name;
    },
  }),
};

export const defaultIngressClass: AdmissionPluginFactory = {
  name: 'DefaultIngressClass',
  create: (server) => ({
    name: 'DefaultIngressClass',
    handles: (operation, group, resource, subresource) =>
      operation === 'CREATE' &&
      group === 'networking.k8s.io' &&
      resource === 'ingresses' &&
      subresource === '',
    async admit(attributes) {
      const ingress: Ingress = attributes.object ?? {};
      const annotated = ingress.metadata?.annotations?.['kubernetes.io/ingress.class'];
      if (!ingress.spec || ingress.spec.ingressClassName !== undefined || annotated !== undefined)
        return;
      const found = newestDefault(
        await server.store('networking.k8s.io', 'ingressclasses').list(''),
        ['ingressclass.kubernetes.io/is-default-class'],
      );
      if (found?.metadata?.name) ingress.spec.ingressClassName = found.metadata.name;
    },
  }),
};

/** Of those created in the same second, the first by name. */
export function newestDefault(
  classes: readonly KubeObject[],
  annotations: readonly string[],
): KubeObject | undefined {
  return classes
    .filter(({ metadata }) => annotations.some((key) => metadata?.annotations?.[key] === 'true'))
    .sort(
      (a, b) =>
        compare(b.metadata?.creationTimestamp, a.metadata?.creationTimestamp) ||
        compare(a.metadata?.name, b.metadata?.name),
    )[0];
}

function compare(a = '', b = ''): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
