/** VolumeAttachment: the wish to have a volume on a node, and how far it is. */

import type { VolumeAttachment } from '../../../pkg/api/types.js';
import { semanticDeepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  forbidden,
  invalid,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';
import { FIELD_IMMUTABLE } from '../../../pkg/apimachinery/validation/object-meta.js';
import { ageColumn, nameColumn } from '../columns/metadata.js';
import { booleanColumn, textColumn } from '../columns/text-column.js';
import type { ResourceDefinition } from '../resource.js';
import { validateQualifiedDriverName } from '../validation/storage.js';

export const volumeAttachment: ResourceDefinition<VolumeAttachment> = {
  group: 'storage.k8s.io',
  version: 'v1',
  kind: 'VolumeAttachment',
  resource: 'volumeattachments',
  singular: 'volumeattachment',
  namespaced: false,
  definition: 'io.k8s.api.storage.v1.VolumeAttachment',
  columns: [
    nameColumn(),
    textColumn('Attacher', 'The driver.', (obj) => obj.spec.attacher),
    textColumn('PV', 'The volume.', (obj) => obj.spec.source?.persistentVolumeName ?? ''),
    textColumn('Node', 'The node.', (obj) => obj.spec.nodeName),
    booleanColumn('Attached', 'Whether it is there.', (obj) => obj.status?.attached ?? false),
    ageColumn(),
  ],
  strategy: {
    prepareForCreate(obj) {
      obj.status = { attached: false };
    },
    prepareForUpdate(obj, old) {
      if (old.status) obj.status = old.status;
    },
    validate,
    validateUpdate: (obj, old) =>
      semanticDeepEqual(obj.spec, old.spec) ? [] : [invalid('spec', obj.spec, FIELD_IMMUTABLE)],
    status: true,
    returnsDeletedObject: true,
  },
};

function validate({ spec }: VolumeAttachment): FieldError[] {
  const at = path('spec');
  const errors: FieldError[] = spec.attacher
    ? validateQualifiedDriverName(spec.attacher, at.child('attacher'))
    : [required(at.child('attacher'))];
  const { persistentVolumeName: name, inlineVolumeSpec: inline } = spec.source ?? {};
  if (name === undefined && inline === undefined) {
    errors.push(
      required(
        at.child('source'),
        'must specify exactly one of inlineVolumeSpec and persistentVolumeName',
      ),
    );
  } else if (name !== undefined && inline !== undefined) {
    errors.push(
      forbidden(
        at.child('source'),
        'must specify exactly one of inlineVolumeSpec and persistentVolumeName',
      ),
    );
  } else if (name === '')
    errors.push(
      required(
        at.child('source', 'persistentVolumeName'),
        'must specify non empty persistentVolumeName',
      ),
    );
  errors.push(
    ...isDNS1123Subdomain(spec.nodeName).map((why) =>
      invalid(at.child('nodeName'), spec.nodeName, why),
    ),
  );
  return errors;
}
