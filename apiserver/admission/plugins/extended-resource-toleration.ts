/** ExtendedResourceToleration: a pod that asks for special hardware tolerates the taint that keeps others off it. */
import type { Container, Pod } from '../../../pkg/api/types.js';
import type { AdmissionPluginFactory } from '../admission.js';

export const extendedResourceToleration: AdmissionPluginFactory = {
  name: 'ExtendedResourceToleration',
  create: () => ({
    name: 'ExtendedResourceToleration',
    handles: (operation, group, resource, subresource) =>
      (operation === 'CREATE' || operation === 'UPDATE') &&
      group === '' &&
      resource === 'pods' &&
      subresource === '',
    admit(attributes) {
      const pod: Pod = attributes.object ?? {};
      if (!pod.spec) return;
      const all: readonly Container[] = [
        ...(pod.spec.containers ?? []),
        ...(pod.spec.initContainers ?? []),
      ];
      const names = all.flatMap(({ resources }) => Object.keys(resources?.requests ?? {}));
      const extended = [...new Set(names.filter(isExtended))].sort();
      const known = new Set(
        (pod.spec.tolerations ?? [])
          .filter(({ operator }) => operator === 'Exists')
          .map(({ key, effect }) => `${key}/${effect ?? ''}`),
      );
      for (const key of extended) {
        if (known.has(`${key}/NoSchedule`) || known.has(`${key}/`)) continue;
        pod.spec.tolerations = [
          ...(pod.spec.tolerations ?? []),
          { key, operator: 'Exists', effect: 'NoSchedule' },
        ];
      }
    },
  }),
};

/** Qualified by somebody's domain that is not Kubernetes' own. */
function isExtended(name: string): boolean {
  const slash = name.indexOf('/');
  if (slash < 0 || name.startsWith('requests.')) return false;
  const domain = name.slice(0, slash);
  return domain !== 'kubernetes.io' && !domain.endsWith('.kubernetes.io');
}
