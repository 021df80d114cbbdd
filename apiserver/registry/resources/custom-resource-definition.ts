/**
 * CustomResourceDefinition: a kind that users add. Here it is an object like any other; what it then does
 * (names accepted, Established, its own paths) is in `apiextensions/`.
 */
import type { CustomResourceDefinition } from '../../../pkg/api/types.js';
import { CLEANUP_FINALIZER, setCondition } from '../../apiextensions/crd-status.js';
import {
  checkSchemasAhead,
  validateDefinition,
} from '../../apiextensions/definition/crd-validation.js';
import { formatWarnings } from '../../apiextensions/definition/format-warnings.js';
import { nameColumn } from '../columns/metadata.js';
import { createdAtColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';

export const customResourceDefinition: ResourceDefinition<CustomResourceDefinition> = {
  group: 'apiextensions.k8s.io',
  version: 'v1',
  kind: 'CustomResourceDefinition',
  resource: 'customresourcedefinitions',
  singular: 'customresourcedefinition',
  namespaced: false,
  shortNames: ['crd', 'crds'],
  categories: ['api-extensions'],
  definition: 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.CustomResourceDefinition',
  columns: [nameColumn(), createdAtColumn()],
  strategy: {
    setDefaults({ spec }) {
      if (!spec) return;
      spec.names.singular ||= spec.names.kind.toLowerCase();
      if (spec.names.kind) spec.names.listKind ||= `${spec.names.kind}List`;
      spec.conversion ??= { strategy: 'None' };
      const service = spec.conversion.webhook?.clientConfig?.service;
      if (service) service.port ??= 443;
    },
    prepareForCreate(obj) {
      obj.status = {
        acceptedNames: { plural: '', kind: '' },
        conditions: [],
        storedVersions: obj.spec.versions.filter(({ storage }) => storage).map(({ name }) => name),
      };
    },
    prepareForUpdate(obj, old) {
      if (!old.status) return;
      obj.status = { ...old.status };
      const stored = old.status.storedVersions ?? [];
      const now = obj.spec.versions.find(({ storage }) => storage)?.name;
      if (now && !stored.includes(now)) obj.status.storedVersions = [...stored, now];
    },
    checkAhead: checkSchemasAhead,
    validate: (obj) => validateDefinition(obj),
    validateUpdate: (obj, old) => validateDefinition(obj, old),
    warningsOnCreate: (obj) => formatWarnings(obj),
    warningsOnUpdate: (obj, old) => formatWarnings(obj, old),
    /** The first DELETE marks it; its objects go before it does. */
    holdsDeletion: ({ metadata }) => metadata?.deletionTimestamp === undefined,
    prepareForDelete(obj, ctx) {
      const finalizers = obj.metadata?.finalizers ?? [];
      if (!finalizers.includes(CLEANUP_FINALIZER))
        obj.metadata = { ...obj.metadata, finalizers: [...finalizers, CLEANUP_FINALIZER] };
      const conditions = [...(obj.status?.conditions ?? [])];
      const message =
        'CustomResourceDefinition marked for deletion; CustomResource deletion will begin soon';
      setCondition(
        conditions,
        { type: 'Terminating', status: 'True', reason: 'InstanceDeletionPending', message },
        ctx.clock.now(),
      );
      obj.status = { ...obj.status, conditions };
      // What is asked for stays the same, as upstream.
      obj.metadata = { ...obj.metadata, generation: (obj.metadata?.generation ?? 2) - 1 };
    },
    large: true,
    generation: true,
    status: true,
  },
};
