/** PodTopologyLabels: a pod that is bound to a node takes the node's zone and region as labels of its own. */
import type { Binding, Pod } from '../../../pkg/api/types.js';
import type { ObjectMeta } from '../../../pkg/apimachinery/meta.js';
import { isReason } from '../../../pkg/apimachinery/status.js';
import type { ServerAccess } from '../../server/request-context.js';
import type { AdmissionPluginFactory } from '../admission.js';

const LABELS = ['topology.kubernetes.io/region', 'topology.kubernetes.io/zone'];

export const podTopologyLabels: AdmissionPluginFactory = {
  name: 'PodTopologyLabels',
  create: (server) => ({
    name: 'PodTopologyLabels',
    handles: (operation, group, resource, subresource) =>
      operation === 'CREATE' &&
      group === '' &&
      resource === 'pods' &&
      (subresource === '' || subresource === 'binding'),
    async admit({ object, subresource }) {
      if (!object) return;
      if (subresource === 'binding') {
        const { target } = object as Partial<Binding>;
        if (!target?.kind || target.kind === 'Node') await copy(server, target?.name, object);
      } else await copy(server, (object as Pod).spec?.nodeName, object);
    },
  }),
};

/** A node that is not there (yet) is no reason to refuse. */
async function copy(
  server: ServerAccess,
  nodeName: string | undefined,
  to: { metadata?: ObjectMeta },
): Promise<void> {
  if (!nodeName) return;
  const labels = await labelsOf(server, nodeName);
  const found = LABELS.flatMap((key) => {
    const value = labels[key];
    return value === undefined ? [] : [[key, value] as const];
  });
  if (found.length === 0) return;
  to.metadata ??= {};
  to.metadata.labels = { ...to.metadata.labels, ...Object.fromEntries(found) };
}

async function labelsOf(
  server: ServerAccess,
  node: string,
): Promise<Readonly<Record<string, string>>> {
  const store = server.store('', 'nodes');
  try {
    return (store.peek('', node) ?? (await store.get('', node))).metadata?.labels ?? {};
  } catch (err) {
    if (isReason(err, 'NotFound')) return {};
    throw err;
  }
}
