/** All subresources of pods but `status`. */
import type { Pod } from '../../../pkg/api/types.js';
import { type KubeletConnection, streamingNotImplemented } from '../../endpoints/kubelet-proxy.js';
import type { Subresource } from '../resource.js';
import { podBinding } from './pod-binding.js';
import { podEphemeralContainers } from './pod-ephemeral-containers.js';
import { podEviction } from './pod-eviction.js';
import { podLog } from './pod-log.js';
import { podResize } from './pod-resize.js';

export function podSubresources(kubelet: KubeletConnection): readonly Subresource<Pod>[] {
  return [
    streaming('attach', 'PodAttachOptions', ['create', 'get']),
    podBinding,
    podEphemeralContainers,
    podEviction,
    streaming('exec', 'PodExecOptions', ['create', 'get']),
    podLog(kubelet),
    streaming('portforward', 'PodPortForwardOptions', ['create', 'get']),
    streaming('proxy', 'PodProxyOptions', ['create', 'delete', 'get', 'patch', 'update']),
    podResize,
  ];
}

/** Listed, authorised and looked up like any other; only the stream itself is missing. */
function streaming(name: string, kind: string, verbs: Subresource['verbs']): Subresource<Pod> {
  return {
    name,
    kind: { group: '', version: 'v1', kind },
    verbs,
    async connect(parent, ctx) {
      await ctx.server.store('', 'pods').get(parent.namespace, parent.name);
      throw streamingNotImplemented(`pods/${name}`);
    },
  };
}
