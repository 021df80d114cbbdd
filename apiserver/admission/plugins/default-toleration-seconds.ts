/** DefaultTolerationSeconds: a pod stays on a node that is not ready or not reachable for this long, unless it says. */
import type { Pod, Toleration } from '../../../pkg/api/types.js';
import type { AdmissionPluginFactory } from '../admission.js';

export interface TolerationSeconds {
  readonly notReady: number;
  readonly unreachable: number;
}

export function defaultTolerationSeconds(seconds: TolerationSeconds): AdmissionPluginFactory {
  const defaults: Toleration[] = [
    toleration('node.kubernetes.io/not-ready', seconds.notReady),
    toleration('node.kubernetes.io/unreachable', seconds.unreachable),
  ];
  return {
    name: 'DefaultTolerationSeconds',
    create: () => ({
      name: 'DefaultTolerationSeconds',
      handles: (operation, group, resource, subresource) =>
        (operation === 'CREATE' || operation === 'UPDATE') &&
        group === '' &&
        resource === 'pods' &&
        subresource === '',
      admit(attributes) {
        const pod: Pod = attributes.object ?? {};
        if (!pod.spec) return;
        const present = pod.spec.tolerations ?? [];
        const missing = defaults.filter(
          ({ key }) =>
            !present.some(
              (own) => (!own.key || own.key === key) && (!own.effect || own.effect === 'NoExecute'),
            ),
        );
        if (missing.length > 0)
          pod.spec.tolerations = [...present, ...missing.map((one) => ({ ...one }))];
      },
    }),
  };
}

function toleration(key: string, tolerationSeconds: number): Toleration {
  return { key, operator: 'Exists', effect: 'NoExecute', tolerationSeconds };
}
