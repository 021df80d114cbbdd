/** APIService: who serves a group and version; without a Service, this server itself. */

import type { APIService } from '../../../pkg/api/types.js';
import { type FieldError, invalid, path, required } from '../../../pkg/apimachinery/field-error.js';
import {
  isDNS1035Label,
  isDNS1123Subdomain,
  isValidPathSegmentName,
} from '../../../pkg/apimachinery/validation/names.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';

const MAX_GROUP_PRIORITY = 20_000;
const MAX_VERSION_PRIORITY = 1000;

export const apiService: ResourceDefinition<APIService> = {
  group: 'apiregistration.k8s.io',
  version: 'v1',
  kind: 'APIService',
  resource: 'apiservices',
  singular: 'apiservice',
  namespaced: false,
  categories: ['api-extensions'],
  definition: 'io.k8s.kube-aggregator.pkg.apis.apiregistration.v1.APIService',
  columns: [
    nameColumn(),
    textColumn('Service', 'Who serves it.', ({ spec }) =>
      spec?.service ? `${spec.service.namespace ?? ''}/${spec.service.name ?? ''}` : 'Local',
    ),
    textColumn('Available', 'Whether it can be reached.', ({ status }) => {
      const available = status?.conditions?.find(({ type }) => type === 'Available');
      if (!available) return 'Unknown';
      return available.status === 'True'
        ? 'True'
        : `${available.status} (${available.reason ?? ''})`;
    }),
    ageColumn(),
  ],
  strategy: {
    setDefaults({ spec }) {
      if (spec?.service) spec.service.port ??= 443;
    },
    prepareForCreate(obj) {
      obj.status = {};
      if (!obj.spec?.service) {
        obj.status.conditions = [
          {
            type: 'Available',
            status: 'True',
            reason: 'Local',
            message: 'Local APIServices are always available',
            ...(obj.metadata?.creationTimestamp
              ? { lastTransitionTime: obj.metadata.creationTimestamp }
              : {}),
          },
        ];
      }
    },
    prepareForUpdate(obj, old) {
      if (old.status) obj.status = old.status;
    },
    validate,
    validateUpdate: validate,
    // The core group's is `v1.`.
    validateName: isValidPathSegmentName,
    status: true,
  },
};

function validate({ metadata, spec }: APIService): FieldError[] {
  const at = path('spec');
  if (!spec) return [required(at)];
  const errors: FieldError[] = [];
  const { group = '', version = '', service } = spec;
  const wanted = `${version}.${group}`;
  if (metadata?.name !== wanted) {
    errors.push(
      invalid(
        'metadata.name',
        metadata?.name ?? '',
        `\`spec.version+"."+spec.group\`: ${JSON.stringify(wanted)}`,
      ),
    );
  }
  if (group === '') {
    if (version !== 'v1') {
      errors.push(
        required(at.child('group'), 'only v1 may have an empty group and it better be legacy kube'),
      );
    }
  } else
    errors.push(...isDNS1123Subdomain(group).map((why) => invalid(at.child('group'), group, why)));
  errors.push(...isDNS1035Label(version).map((why) => invalid(at.child('version'), version, why)));
  const { groupPriorityMinimum: groupPriority, versionPriority } = spec;
  if (groupPriority <= 0 || groupPriority > MAX_GROUP_PRIORITY) {
    errors.push(
      invalid(
        at.child('groupPriorityMinimum'),
        groupPriority,
        'must be positive and less than 20000',
      ),
    );
  }
  if (versionPriority <= 0 || versionPriority > MAX_VERSION_PRIORITY) {
    errors.push(
      invalid(at.child('versionPriority'), versionPriority, 'must be positive and less than 1000'),
    );
  }
  if (!service) {
    if ((spec.caBundle ?? '') !== '') {
      errors.push(
        invalid(
          at.child('caBundle'),
          `${spec.caBundle?.length ?? 0} bytes`,
          'local APIServices may not have a caBundle',
        ),
      );
    }
    if (spec.insecureSkipTLSVerify) {
      errors.push(
        invalid(
          at.child('insecureSkipTLSVerify'),
          true,
          'local APIServices may not have insecureSkipTLSVerify',
        ),
      );
    }
    return errors;
  }
  for (const field of ['namespace', 'name'] as const) {
    if (!service[field]) errors.push(required(at.child('service', field)));
  }
  const port = service.port;
  if (port !== undefined && (port < 1 || port > 65535)) {
    errors.push(
      invalid(
        at.child('service', 'port'),
        port,
        'port is not valid: must be between 1 and 65535, inclusive',
      ),
    );
  }
  if (spec.insecureSkipTLSVerify && (spec.caBundle ?? '') !== '') {
    errors.push(
      invalid(at.child('insecureSkipTLSVerify'), true, 'may not be true if caBundle is present'),
    );
  }
  return errors;
}
