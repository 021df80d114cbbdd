/**
 * Namespace. Deleting one only marks it Terminating: its `spec.finalizers` (always `kubernetes` at first)
 * hold it until the namespace controller has emptied it and writes `/finalize` without them.
 */
import type { Namespace } from '../../../pkg/api/types.js';
import { nameIsDNSLabel } from '../../../pkg/apimachinery/validation/names.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import type { ResourceDefinition, Strategy } from '../resource.js';
import {
  validateNamespace,
  validateNamespaceFinalizeUpdate,
  validateNamespaceStatusUpdate,
  validateNamespaceUpdate,
} from '../validation/namespace.js';

const KUBERNETES_FINALIZER = 'kubernetes';
const NAME_LABEL = 'kubernetes.io/metadata.name';

function setDefaults(obj: Namespace): void {
  obj.spec ??= {};
  obj.status ??= {};
  obj.status.phase ||= 'Active';
  const name = obj.metadata?.name;
  if (!name) return;
  obj.metadata ??= {};
  obj.metadata.labels = { ...obj.metadata.labels, [NAME_LABEL]: name };
}

const strategy: Strategy<Namespace> = {
  setDefaults,
  prepareForCreate(obj) {
    // Once more: a name that is generated is there only now, and so is the label made of it.
    setDefaults(obj);
    obj.status = { phase: 'Active' };
    const finalizers = obj.spec?.finalizers ?? [];
    obj.spec = {
      ...obj.spec,
      finalizers: finalizers.includes(KUBERNETES_FINALIZER)
        ? finalizers
        : [...finalizers, KUBERNETES_FINALIZER],
    };
  },
  prepareForUpdate(obj, old) {
    obj.spec = { ...obj.spec };
    if (old.spec?.finalizers) obj.spec.finalizers = [...old.spec.finalizers];
    else delete obj.spec.finalizers;
  },
  validateName: nameIsDNSLabel,
  validate: validateNamespace,
  validateUpdate: validateNamespaceUpdate,
  status: { validateUpdate: validateNamespaceStatusUpdate },
  prepareForDelete(obj) {
    obj.status = { ...obj.status, phase: 'Terminating' };
  },
  holdsDeletion: (obj) => (obj.spec?.finalizers ?? []).length > 0,
  selectableFields: (obj) => ({
    'status.phase': obj.status?.phase ?? '',
    name: obj.metadata?.name ?? '',
  }),
};

/** `/finalize` writes `spec.finalizers` and keeps the status. */
const finalizeStrategy: Strategy<Namespace> = {
  setDefaults,
  prepareForUpdate(obj, old) {
    if (old.status) obj.status = structuredClone(old.status);
  },
  validateUpdate: validateNamespaceFinalizeUpdate,
  holdsDeletion: strategy.holdsDeletion,
};

export const namespace: ResourceDefinition<Namespace> = {
  group: '',
  version: 'v1',
  kind: 'Namespace',
  resource: 'namespaces',
  singular: 'namespace',
  namespaced: false,
  shortNames: ['ns'],
  verbs: ['create', 'get', 'list', 'watch', 'update', 'patch', 'delete'],
  definition: 'io.k8s.api.core.v1.Namespace',
  columns: [
    nameColumn(),
    {
      name: 'Status',
      type: 'string',
      description: 'The status of the namespace',
      value: (obj) => obj.status?.phase ?? '',
    },
    ageColumn(),
  ],
  strategy,
  subresources: [
    {
      name: 'finalize',
      kind: { group: '', version: 'v1', kind: 'Namespace' },
      verbs: ['update'],
      strategy: finalizeStrategy,
    },
  ],
};
