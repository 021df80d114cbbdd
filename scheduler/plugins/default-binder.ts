/** Tells the API which node a pod gets: POST pods/binding. */
import type { Binding, Pod } from '../../pkg/api/types.js';
import type { ResourceClient } from '../../pkg/client/resource-client.js';
import type { Plugin } from '../framework/interface.js';

export function defaultBinder(pods: Pick<ResourceClient<Pod>, 'createSubresource'>): Plugin {
  return {
    name: 'DefaultBinder',
    async bind(_state, pod, node, signal) {
      const binding: Binding = {
        apiVersion: 'v1',
        kind: 'Binding',
        metadata: { namespace: pod.namespace, name: pod.name, uid: pod.uid },
        target: { kind: 'Node', name: node },
      };
      await pods.createSubresource(pod.namespace, pod.name, 'binding', binding, { signal });
    },
  };
}
