/** The subresources of services but `status`. */
import type { Service } from '../../../pkg/api/types.js';
import { streamingNotImplemented } from '../../endpoints/kubelet-proxy.js';
import type { Subresource } from '../resource.js';

export function serviceSubresources(): readonly Subresource<Service>[] {
  return [
    {
      name: 'proxy',
      kind: { group: '', version: 'v1', kind: 'ServiceProxyOptions' },
      verbs: ['create', 'delete', 'get', 'patch', 'update'],
      async connect(parent, ctx) {
        // `https:name:port` and `name:port` are names here as well.
        const parts = parent.name.split(':');
        const name = (parts.length === 3 ? parts[1] : parts[0]) ?? '';
        await ctx.server.store('', 'services').get(parent.namespace, name);
        throw streamingNotImplemented('services/proxy');
      },
    },
  ];
}
