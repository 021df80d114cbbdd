/**
 * NamespaceLifecycle: nothing is written into a namespace that is not there, nothing is created in one that
 * is going, and the namespaces of the system stay.
 */
import type { Namespace } from '../../../pkg/api/types.js';
import { failure, isReason, notFound, type StatusError } from '../../../pkg/apimachinery/status.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { refuse } from '../refuse.js';

const IMMORTAL = new Set(['default', 'kube-system', 'kube-public']);
const NAMESPACES = { group: '', resource: 'namespaces' };

export const namespaceLifecycle: AdmissionPluginFactory = {
  name: 'NamespaceLifecycle',
  create: (server) => ({
    name: 'NamespaceLifecycle',
    handles: (operation, group, resource) =>
      operation !== 'CONNECT' &&
      (operation !== 'DELETE' || (group === '' && resource === 'namespaces')),
    async validate(attributes) {
      const { operation, namespace } = attributes;
      if (isNamespace(attributes)) {
        if (operation === 'DELETE' && IMMORTAL.has(attributes.name))
          throw refuse(attributes, 'this namespace may not be deleted');
        return;
      }
      if (namespace === '') return;
      const store = server.store('', 'namespaces');
      let found: Namespace | undefined = store.peek('', namespace);
      if (!found) {
        try {
          found = await store.get('', namespace);
        } catch (err) {
          if (isReason(err, 'NotFound')) throw notFound(NAMESPACES, namespace);
          throw err;
        }
      }
      if (operation !== 'CREATE' || found.status?.phase !== 'Terminating') return;
      throw terminating(attributes, namespace);
    },
    async admit(attributes, ctx) {
      // Before anything else has its say, as upstream, where this plugin mutates nothing but is asked first.
      await this.validate?.(attributes, ctx);
    },
  }),
};

function isNamespace({ group, resource }: AdmissionAttributes): boolean {
  return group === '' && resource === 'namespaces';
}

/** The namespace controller finds what holds a namespace up by this cause. */
function terminating(attributes: AdmissionAttributes, namespace: string): StatusError {
  const { status } = refuse(
    attributes,
    `unable to create new content in namespace ${namespace} because it is being terminated`,
  );
  return failure(403, 'Forbidden', status.message ?? '', {
    ...status.details,
    causes: [
      {
        reason: 'NamespaceTerminating',
        message: `namespace ${namespace} is being terminated`,
        field: 'metadata.namespace',
      },
    ],
  });
}
