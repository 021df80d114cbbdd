/** NamespaceAutoProvision makes the namespace that a write needs; NamespaceExists refuses the write without it. */
import { isReason, notFound } from '../../../pkg/apimachinery/status.js';
import type { ServerAccess } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';

export const namespaceAutoProvision: AdmissionPluginFactory = {
  name: 'NamespaceAutoProvision',
  create: (server) => ({
    name: 'NamespaceAutoProvision',
    handles: (operation) => operation === 'CREATE',
    async admit(attributes, ctx) {
      const { namespace } = attributes;
      // A dry run may not leave a namespace behind.
      if (attributes.dryRun || !isInNamespace(attributes)) return;
      if (await exists(server, namespace)) return;
      try {
        await server.store('', 'namespaces').create({ metadata: { name: namespace } }, ctx);
      } catch (err) {
        if (!isReason(err, 'AlreadyExists')) throw err;
      }
    },
  }),
};

export const namespaceExists: AdmissionPluginFactory = {
  name: 'NamespaceExists',
  create: (server) => ({
    name: 'NamespaceExists',
    handles: (operation) => operation !== 'CONNECT',
    async validate(attributes) {
      const { namespace } = attributes;
      if (isInNamespace(attributes) && !(await exists(server, namespace)))
        throw notFound({ group: '', resource: 'namespaces' }, namespace);
    },
  }),
};

function isInNamespace({ namespace, group, resource }: AdmissionAttributes): boolean {
  return namespace !== '' && (group !== '' || resource !== 'namespaces');
}

async function exists(server: ServerAccess, name: string): Promise<boolean> {
  const store = server.store('', 'namespaces');
  if (store.peek('', name)) return true;
  try {
    await store.get('', name);
    return true;
  } catch (err) {
    if (isReason(err, 'NotFound')) return false;
    throw err;
  }
}
