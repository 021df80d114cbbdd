/**
 * Service: a stable address for pods. Its virtual addresses and node ports are allocated in `begin`, before
 * the write, and given back when the write fails or the Service no longer has them.
 */
import type { Service } from '../../../pkg/api/types.js';
import { defaultIPFamilies, validateIPFamilies } from '../allocators/ip-families.js';
import type { ServiceAllocator } from '../allocators/service-allocator.js';
import { serviceColumns } from '../columns/service.js';
import { clearUnusedServiceFields, setServiceDefaults } from '../defaults/service.js';
import type { ResourceDefinition, Subresource } from '../resource.js';
import {
  validateService,
  validateServiceStatusUpdate,
  validateServiceUpdate,
} from '../validation/service.js';
import { validateServiceName } from '../validation/service-name.js';
import { serviceWarnings } from '../validation/service-warnings.js';

export function service(
  allocator: ServiceAllocator,
  subresources: readonly Subresource<Service>[],
): ResourceDefinition<Service> {
  return {
    group: '',
    version: 'v1',
    kind: 'Service',
    resource: 'services',
    singular: 'service',
    namespaced: true,
    shortNames: ['svc'],
    categories: ['all'],
    definition: 'io.k8s.api.core.v1.Service',
    storage: { prefix: 'services/specs' },
    columns: serviceColumns,
    strategy: {
      returnsDeletedObject: true,
      setDefaults: setServiceDefaults,
      prepareForCreate(obj) {
        obj.status = { loadBalancer: {} };
        clearUnusedServiceFields(obj, undefined);
        defaultIPFamilies(obj, allocator.families);
      },
      prepareForUpdate(obj, old) {
        clearUnusedServiceFields(obj, old);
        defaultIPFamilies(obj, allocator.families);
      },
      validateName: validateServiceName,
      validate: (obj) => [...validateService(obj), ...validateIPFamilies(obj, allocator.families)],
      validateUpdate: (obj, old) => [
        ...validateServiceUpdate(obj, old),
        ...validateIPFamilies(obj, allocator.families),
      ],
      warningsOnCreate: (obj) => serviceWarnings(obj),
      warningsOnUpdate: (obj) => serviceWarnings(obj),
      allowCreateOnUpdate: true,
      status: { validateUpdate: validateServiceStatusUpdate },
      selectableFields: (obj) => ({
        'spec.clusterIP': obj.spec?.clusterIP ?? '',
        'spec.type': obj.spec?.type ?? '',
      }),
      begin: (write, obj, old, ctx) => allocator.begin(write, obj, old, ctx),
    },
    subresources,
  };
}
