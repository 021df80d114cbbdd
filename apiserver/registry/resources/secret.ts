/** Secret: binary data under keys; its type says which keys must be there and never changes. */
import type { Secret } from '../../../pkg/api/types.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import type { ResourceDefinition } from '../resource.js';
import { secretWarnings, validateSecret, validateSecretUpdate } from '../validation/secret.js';

export const secret: ResourceDefinition<Secret> = {
  group: '',
  version: 'v1',
  kind: 'Secret',
  resource: 'secrets',
  singular: 'secret',
  namespaced: true,
  definition: 'io.k8s.api.core.v1.Secret',
  columns: [
    nameColumn(),
    {
      name: 'Type',
      type: 'string',
      description: 'What the data is for.',
      value: (obj) => obj.type ?? '',
    },
    {
      name: 'Data',
      type: 'string',
      description: 'Number of keys.',
      value: (obj) => Object.keys(obj.data ?? {}).length,
    },
    ageColumn(),
  ],
  strategy: {
    setDefaults(obj) {
      moveStringData(obj);
      obj.type ||= 'Opaque';
    },
    prepareForUpdate(obj, old) {
      // As upstream: an update that says no type keeps the one the Secret has.
      if (!obj.type || (obj.type === 'Opaque' && !old.type)) obj.type = old.type;
    },
    validate: validateSecret,
    validateUpdate: validateSecretUpdate,
    warningsOnCreate: secretWarnings,
    warningsOnUpdate: secretWarnings,
    selectableFields: (obj) => ({ type: obj.type ?? '' }),
  },
};

/** `stringData` is for writing only: each key is encoded into `data` and wins over one that is there. */
function moveStringData(obj: Secret): void {
  if (!obj.stringData) return;
  const data = { ...obj.data };
  for (const [key, text] of Object.entries(obj.stringData)) {
    data[key] = Buffer.from(text, 'utf8').toString('base64');
  }
  if (Object.keys(data).length > 0) obj.data = data;
  delete obj.stringData;
}
