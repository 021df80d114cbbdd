/** What a PersistentVolume says of the storage behind it, source by source (`ValidatePersistentVolumeSpec`). */
import type { PersistentVolumeSpec, SecretReference } from '../../../pkg/api/types.js';
import {
  type FieldError,
  invalid,
  notSupported,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateNodeSelector } from './affinity.js';
import { pathNoBacksteps } from './fields.js';
import { validateDriverName } from './pod-volumes.js';

const HOST_PATH_TYPES = [
  '',
  'BlockDevice',
  'CharDevice',
  'Directory',
  'DirectoryOrCreate',
  'File',
  'FileOrCreate',
  'Socket',
];
const SECRETS = [
  'controllerPublishSecretRef',
  'controllerExpandSecretRef',
  'nodeExpandSecretRef',
] as const;

export function validateVolumeSource(spec: PersistentVolumeSpec, at: Path): FieldError[] {
  const { hostPath, local, nfs, csi, nodeAffinity } = spec;
  const errors: FieldError[] = [];
  if (nodeAffinity) {
    const own = at.child('nodeAffinity', 'required');
    if (nodeAffinity.required) errors.push(...validateNodeSelector(nodeAffinity.required, own));
    else errors.push(required(own, 'must specify required node constraints'));
  }
  if (hostPath) {
    const own = at.child('hostPath');
    if (!hostPath.path) errors.push(required(own.child('path')));
    else errors.push(...pathNoBacksteps(hostPath.path, own.child('path')));
    if (hostPath.type !== undefined && !HOST_PATH_TYPES.includes(hostPath.type))
      errors.push(notSupported(own.child('type'), hostPath.type, HOST_PATH_TYPES));
  }
  if (local) {
    const own = at.child('local', 'path');
    if (!local.path) errors.push(required(own));
    else errors.push(...pathNoBacksteps(local.path, own));
    if (!nodeAffinity)
      errors.push(required(at.child('nodeAffinity'), 'Local volume requires node affinity'));
  }
  if (nfs) {
    const own = at.child('nfs');
    if (!nfs.server) errors.push(required(own.child('server')));
    if (!nfs.path) errors.push(required(own.child('path')));
    else if (!nfs.path.startsWith('/'))
      errors.push(invalid(own.child('path'), nfs.path, 'must be an absolute path'));
  }
  if (csi) {
    const own = at.child('csi');
    errors.push(...validateDriverName(csi.driver, own.child('driver')));
    if (!csi.volumeHandle) errors.push(required(own.child('volumeHandle')));
    for (const field of SECRETS)
      if (csi[field]) errors.push(...secret(csi[field], own.child(field)));
  }
  return errors;
}

function secret({ name, namespace }: SecretReference, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (!name) errors.push(required(at.child('name')));
  if (!namespace) errors.push(required(at.child('namespace')));
  return errors;
}
