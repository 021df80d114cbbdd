/**
 * The status of a ResourceClaim: the devices that it was given, which then stay the same, the pods that use
 * it, and what drivers report about each device.
 */
import type {
  AllocatedDeviceStatus,
  AllocationResult,
  DeviceAllocationConfiguration,
  DeviceRequestAllocationResult,
  NetworkDeviceData,
  ResourceClaim,
  ResourceClaimConsumerReference,
} from '../../../pkg/api/types.js';
import { deepEqual } from '../../../pkg/apimachinery/equality.js';
import {
  type FieldError,
  forbidden,
  invalid,
  type Path,
  path,
  required,
  tooLong,
  tooMany,
} from '../../../pkg/apimachinery/field-error.js';
import { validateImmutable } from '../../../pkg/apimachinery/validation/object-meta.js';
import { interfaceAddressFaults } from './addresses.js';
import { validateNodeSelector } from './affinity.js';
import { validateConditions } from './conditions.js';
import {
  validateBindingConditions,
  validateDeviceToleration,
  validateList,
  validatePool,
  validateSet,
} from './device-names.js';
import {
  requestNamesOf,
  validateConfiguration,
  validateRaw,
  validateRequestRef,
  validateRequestRefs,
} from './devices.js';
import { dnsLabel, invalidEach, oneOf } from './fields.js';
import { validateDriverName } from './pod-volumes.js';

const STATUS = path('status');
const MAX_CONSUMERS = 256;
const MAX_RESULTS = 32;
/** Those of the class and those of the claim. */
const MAX_CONFIGS = 64;
const MAX_CONDITIONS = 8;
const MAX_INTERFACE_BYTES = 256;
const MAX_HARDWARE_ADDRESS_BYTES = 128;
const MAX_IPS = 16;
const SOURCES = ['FromClaim', 'FromClass'];
const UUID_RE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/;

export function validateClaimStatus(obj: ResourceClaim, old: ResourceClaim): FieldError[] {
  const { reservedFor, allocation, devices } = obj.status ?? {};
  const allocated = new Set((allocation?.devices?.results ?? []).map(deviceKey));
  const errors = [
    ...validateSet(
      reservedFor,
      MAX_CONSUMERS,
      validateConsumer,
      ({ uid }) => uid,
      STATUS.child('reservedFor'),
    ),
    ...validateSet(
      devices,
      Number.POSITIVE_INFINITY,
      (device, at) => validateDevice(device, allocated, at),
      deviceKey,
      STATUS.child('devices'),
    ),
    ...validateReserved(obj, old),
  ];
  if (!allocation) return errors;
  const own = STATUS.child('allocation');
  const before = old.status?.allocation;
  return before
    ? [...errors, ...validateImmutable(allocation, before, own)]
    : [...errors, ...validateAllocation(allocation, requestNamesOf(obj.spec), own)];
}

function validateReserved(obj: ResourceClaim, old: ResourceClaim): FieldError[] {
  const now = obj.status?.reservedFor ?? [];
  const at = STATUS.child('reservedFor');
  if (now.length === 0) return [];
  if (!obj.status?.allocation) {
    return [forbidden(at, 'may not be specified when `allocated` is not set')];
  }
  const before = old.status?.reservedFor ?? [];
  const added = now.some((consumer) => !before.some((one) => deepEqual(one, consumer)));
  if (!obj.metadata?.deletionTimestamp || !added) return [];
  const text =
    'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set';
  return [forbidden(at, text)];
}

function validateConsumer(consumer: ResourceClaimConsumerReference, at: Path): FieldError[] {
  return (['resource', 'name', 'uid'] as const).flatMap((field) =>
    consumer[field] ? [] : [required(at.child(field))],
  );
}

function validateAllocation(
  { devices = {}, nodeSelector }: AllocationResult,
  names: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  const own = at.child('devices');
  return [
    ...validateList(
      devices.results,
      MAX_RESULTS,
      (result, here) => validateResult(result, names, here),
      own.child('results'),
    ),
    ...validateList(
      devices.config,
      MAX_CONFIGS,
      (config: DeviceAllocationConfiguration, here) => [
        ...oneOf(config.source, SOURCES, here.child('source')),
        ...validateRequestRefs(config.requests, names, here.child('requests')),
        ...validateConfiguration(config, here),
      ],
      own.child('config'),
    ),
    ...(nodeSelector ? validateNodeSelector(nodeSelector, at.child('nodeSelector')) : []),
  ];
}

function validateResult(
  result: DeviceRequestAllocationResult,
  names: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  return [
    ...validateRequestRef(result.request ?? '', names, at.child('request')),
    ...validatePlace(result, at),
    ...validateBindingConditions(result, at),
    ...(result.tolerations ?? []).flatMap((toleration, i) =>
      validateDeviceToleration(toleration, at.child('tolerations').index(i)),
    ),
  ];
}

function validateDevice(
  device: AllocatedDeviceStatus,
  allocated: ReadonlySet<string>,
  at: Path,
): FieldError[] {
  const errors = validatePlace(device, at);
  if (!allocated.has(deviceKey(device))) {
    errors.push(invalid(at, deviceKey(device), 'must be an allocated device in the claim'));
  }
  const conditions = device.conditions ?? [];
  const own = at.child('conditions');
  if (conditions.length > MAX_CONDITIONS)
    errors.push(tooMany(own, conditions.length, MAX_CONDITIONS));
  errors.push(...validateConditions(conditions, own));
  if (device.data !== undefined) errors.push(...validateRaw(device.data, at.child('data')));
  if (device.networkData) errors.push(...validateNetwork(device.networkData, at));
  return errors;
}

function validateNetwork(data: NetworkDeviceData, device: Path): FieldError[] {
  const at = device.child('networkData');
  const errors: FieldError[] = [];
  for (const [field, max] of [
    ['interfaceName', MAX_INTERFACE_BYTES],
    ['hardwareAddress', MAX_HARDWARE_ADDRESS_BYTES],
  ] as const) {
    if (Buffer.byteLength(data[field] ?? '') > max) errors.push(tooLong(at.child(field), max));
  }
  const validate = (ip: string, here: Path) => invalidEach(here, ip, interfaceAddressFaults(ip));
  return [...errors, ...validateSet(data.ips, MAX_IPS, validate, (ip) => ip, at.child('ips'))];
}

interface Place {
  readonly driver: string;
  readonly pool: string;
  readonly device: string;
  readonly shareID?: string;
}

function validatePlace({ driver, pool, device, shareID }: Place, at: Path): FieldError[] {
  return [
    ...validateDriverName(driver, at.child('driver')),
    ...validatePool(pool, at.child('pool')),
    ...dnsLabel(device ?? '', at.child('device')),
    ...(shareID === undefined || UUID_RE.test(shareID)
      ? []
      : [
          invalid(
            at.child('shareID'),
            shareID,
            'uid must be in RFC 4122 normalized form, `xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx` with lowercase hexadecimal characters',
          ),
        ]),
  ];
}

/** What a device is called in a claim. */
export function deviceKey({ driver, pool, device, shareID }: Place): string {
  const key = `${driver}/${pool}/${device}`;
  return shareID === undefined ? key : `${key}/${shareID}`;
}
