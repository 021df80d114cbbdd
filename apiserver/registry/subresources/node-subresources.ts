/** The subresources of nodes but `status`: `proxy` hands a request on to the node's kubelet. */
import type { Node } from '../../../pkg/api/types.js';
import {
  forwardToKubelet,
  type KubeletConnection,
  kubeletTarget,
} from '../../endpoints/kubelet-proxy.js';
import type { Subresource } from '../resource.js';

export function nodeSubresources(kubelet: KubeletConnection): readonly Subresource<Node>[] {
  return [
    {
      name: 'proxy',
      kind: { group: '', version: 'v1', kind: 'NodeProxyOptions' },
      verbs: ['create', 'delete', 'get', 'patch', 'update'],
      async connect(parent, ctx) {
        // `name:port` asks for the kubelet all the same; only its own port is reached.
        const name = parent.name.split(':')[0] ?? '';
        const node: Node = await ctx.server.store('', 'nodes').get('', name);
        const rest = ctx.requestInfo.parts.slice(3).map(encodeURIComponent).join('/');
        const query = ctx.query.toString();
        await forwardToKubelet(
          kubelet,
          kubeletTarget(node, kubelet),
          {
            method: ctx.exchange?.req.method ?? 'GET',
            path: query === '' ? `/${rest}` : `/${rest}?${query}`,
            about: `nodes ${name}`,
            checkAnswer: false,
            withBody: true,
          },
          ctx,
        );
      },
    },
  ];
}
