/** Binding: a write-only kind; creating one does what creating `pods/NAME/binding` does. */
import type { Binding } from '../../../pkg/api/types.js';
import { badRequest } from '../../../pkg/apimachinery/status.js';
import type { ResourceDefinition } from '../resource.js';
import { bindPod } from '../subresources/pod-binding.js';

export const binding: ResourceDefinition<Binding> = {
  group: '',
  version: 'v1',
  kind: 'Binding',
  resource: 'bindings',
  singular: 'binding',
  namespaced: true,
  verbs: ['create'],
  definition: 'io.k8s.api.core.v1.Binding',
  strategy: {},
  virtual: {
    async create(body, ctx) {
      const name = body.metadata?.name;
      if (!name) throw badRequest('name is required in the binding');
      const namespace = ctx.requestInfo.namespace || body.metadata?.namespace || '';
      return bindPod({ namespace, name }, body, ctx);
    },
  },
};
