/** Where a container mounts its pod's volumes, and which it gets as block devices. */
import type { Container, Volume, VolumeDevice, VolumeMount } from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notFound,
  type Path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { localDescendingPath, optionalOneOf, pathNoBacksteps } from './fields.js';

export function validateVolumeMounts(
  container: Container,
  volumes: ReadonlyMap<string, Volume>,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  const paths = new Set<string>();
  const devices = container.volumeDevices ?? [];
  for (const [i, mount] of (container.volumeMounts ?? []).entries()) {
    const own = at.index(i);
    const { name = '', mountPath = '' } = mount;
    if (name === '') errors.push(required(own.child('name')));
    if (!volumes.has(name)) errors.push(notFound(own.child('name'), name));
    if (mountPath === '') errors.push(required(own.child('mountPath')));
    if (paths.has(mountPath))
      errors.push(invalid(own.child('mountPath'), mountPath, 'must be unique'));
    paths.add(mountPath);
    if (devices.some((device) => device.name === name)) {
      errors.push(invalid(own.child('name'), name, 'must not already exist in volumeDevices'));
    }
    if (devices.some((device) => device.devicePath === mountPath)) {
      errors.push(
        invalid(
          own.child('mountPath'),
          mountPath,
          'must not already exist as a path in volumeDevices',
        ),
      );
    }
    errors.push(...validateSubPaths(mount, volumes.get(name), own, at));
    errors.push(...validatePropagation(mount, container, at));
  }
  return errors;
}

function validateSubPaths(
  mount: VolumeMount,
  volume: Volume | undefined,
  own: Path,
  at: Path,
): FieldError[] {
  const { subPath = '', subPathExpr = '' } = mount;
  const errors: FieldError[] = [];
  if (volume?.image) {
    const text = 'not allowed in image volume sources';
    if (subPath !== '') errors.push(invalid(own.child('subPath'), subPath, text));
    if (subPathExpr !== '') errors.push(invalid(own.child('subPathExpr'), subPathExpr, text));
  }
  if (subPath !== '') errors.push(...localDescendingPath(subPath, at.child('subPath')));
  if (subPathExpr !== '') {
    if (subPath !== '') {
      const text = 'subPathExpr and subPath are mutually exclusive';
      errors.push(invalid(own.child('subPathExpr'), subPathExpr, text));
    }
    errors.push(...localDescendingPath(subPathExpr, at.child('subPathExpr')));
  }
  return errors;
}

function validatePropagation(mount: VolumeMount, container: Container, at: Path): FieldError[] {
  const own = at.child('mountPropagation');
  const { mountPropagation, recursiveReadOnly } = mount;
  const errors = optionalOneOf(mountPropagation, ['Bidirectional', 'HostToContainer', 'None'], own);
  if (mountPropagation === 'Bidirectional' && !container.securityContext?.privileged) {
    errors.push(
      forbidden(own, 'Bidirectional mount propagation is available only to privileged containers'),
    );
  }
  const recursive = at.child('recursiveReadOnly');
  errors.push(
    ...optionalOneOf(recursiveReadOnly, ['Disabled', 'Enabled', 'IfPossible'], recursive),
  );
  if (recursiveReadOnly === 'Enabled' || recursiveReadOnly === 'IfPossible') {
    if (!mount.readOnly)
      errors.push(forbidden(recursive, 'may only be specified when readOnly is true'));
    if (mountPropagation !== undefined && mountPropagation !== 'None') {
      const text = 'may only be specified when mountPropagation is None or not specified';
      errors.push(forbidden(recursive, text));
    }
  }
  return errors;
}

export function validateVolumeDevices(
  container: Container,
  volumes: ReadonlyMap<string, Volume>,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  const paths = new Set<string>();
  const mounts = container.volumeMounts ?? [];
  for (const [i, device] of (container.volumeDevices ?? []).entries()) {
    errors.push(
      ...validateDevice(device, volumes.get(device.name), names, paths, mounts, at.index(i)),
    );
  }
  return errors;
}

function validateDevice(
  device: VolumeDevice,
  volume: Volume | undefined,
  names: Set<string>,
  paths: Set<string>,
  mounts: readonly VolumeMount[],
  at: Path,
): FieldError[] {
  const { name = '', devicePath = '' } = device;
  const errors: FieldError[] = [];
  if (name === '') errors.push(required(at.child('name')));
  if (names.has(name)) errors.push(invalid(at.child('name'), name, 'must be unique'));
  if (!volume) errors.push(notFound(at.child('name'), name));
  else if (!volume.persistentVolumeClaim && !volume.ephemeral) {
    const text =
      'can only use volume source type of PersistentVolumeClaim or Ephemeral for block mode';
    errors.push(invalid(at.child('name'), name, text));
  }
  if (devicePath === '') errors.push(required(at.child('devicePath')));
  if (paths.has(devicePath))
    errors.push(invalid(at.child('devicePath'), devicePath, 'must be unique'));
  if (pathNoBacksteps(devicePath, at).length > 0) {
    errors.push(invalid(at.child('devicePath'), devicePath, "can not contain backsteps ('..')"));
  } else {
    paths.add(devicePath);
  }
  if (mounts.some((mount) => mount.name === name)) {
    errors.push(invalid(at.child('name'), name, 'must not already exist in volumeMounts'));
  }
  if (mounts.some((mount) => mount.mountPath === devicePath)) {
    errors.push(
      invalid(
        at.child('devicePath'),
        devicePath,
        'must not already exist as a path in volumeMounts',
      ),
    );
  }
  if (name !== '') names.add(name);
  return errors;
}
