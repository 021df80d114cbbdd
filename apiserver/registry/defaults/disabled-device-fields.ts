/**
 * What Kubernetes v1.35 has off by default of devices: DRAConsumableCapacity, DRADeviceBindingConditions,
 * DRADeviceTaints, DRAExtendedResource and DRAPartitionableDevices. Their fields are taken out of what is
 * written, in silence, unless the object had some of the same feature before.
 */
import type {
  Device,
  DeviceClass,
  ResourceClaim,
  ResourceClaimSpec,
  ResourceSlice,
  ResourceSliceSpec,
} from '../../../pkg/api/types.js';

/** One feature: whether an object has any of it, and how it is taken out. */
interface Feature<T> {
  inUse(obj: T): boolean;
  drop(obj: T): void;
}

export function dropFromSlice({ spec }: ResourceSlice, old?: ResourceSlice): void {
  if (spec) drop(SLICE_FEATURES, spec, old?.spec);
}

export function dropFromClaimSpec(
  spec: ResourceClaimSpec | undefined,
  old?: ResourceClaimSpec,
): void {
  if (spec) drop(CLAIM_FEATURES, spec, old);
}

export function dropFromClaimStatus(claim: ResourceClaim, old: ResourceClaim): void {
  drop(STATUS_FEATURES, claim, old);
}

export function dropFromClass({ spec }: DeviceClass, old?: DeviceClass): void {
  if (old?.spec?.extendedResourceName === undefined) delete spec?.extendedResourceName;
}

function drop<T>(features: readonly Feature<T>[], obj: T, old: T | undefined): void {
  for (const feature of features) if (!old || !feature.inUse(old)) feature.drop(obj);
}

const devicesOf = ({ devices = [] }: ResourceSliceSpec): Device[] => devices;

const SLICE_FEATURES: readonly Feature<ResourceSliceSpec>[] = [
  {
    inUse: (spec) => devicesOf(spec).some(({ taints = [] }) => taints.length > 0),
    drop: (spec) => {
      for (const device of devicesOf(spec)) delete device.taints;
    },
  },
  {
    inUse: (spec) =>
      (spec.sharedCounters ?? []).length > 0 ||
      spec.perDeviceNodeSelection !== undefined ||
      devicesOf(spec).some(
        ({ consumesCounters = [], nodeName, nodeSelector, allNodes }) =>
          consumesCounters.length > 0 || (nodeName ?? nodeSelector ?? allNodes) !== undefined,
      ),
    drop: (spec) => {
      delete spec.sharedCounters;
      delete spec.perDeviceNodeSelection;
      for (const device of devicesOf(spec)) {
        delete device.consumesCounters;
        delete device.nodeName;
        delete device.nodeSelector;
        delete device.allNodes;
      }
    },
  },
  {
    inUse: (spec) =>
      devicesOf(spec).some(
        ({ bindsToNode, bindingConditions = [], bindingFailureConditions = [] }) =>
          bindsToNode !== undefined ||
          bindingConditions.length + bindingFailureConditions.length > 0,
      ),
    drop: (spec) => {
      for (const device of devicesOf(spec)) {
        delete device.bindsToNode;
        delete device.bindingConditions;
        delete device.bindingFailureConditions;
      }
    },
  },
  {
    inUse: (spec) =>
      devicesOf(spec).some(
        ({ allowMultipleAllocations, capacity = {} }) =>
          allowMultipleAllocations !== undefined ||
          Object.values(capacity).some(({ requestPolicy }) => requestPolicy !== undefined),
      ),
    drop: (spec) => {
      for (const device of devicesOf(spec)) {
        delete device.allowMultipleAllocations;
        for (const capacity of Object.values(device.capacity ?? {})) delete capacity.requestPolicy;
      }
    },
  },
];

/** Requests, and the alternatives of those that have some. */
const wishesOf = ({ devices }: ResourceClaimSpec) =>
  (devices?.requests ?? []).flatMap(({ exactly, firstAvailable = [] }) => [
    ...(exactly ? [exactly] : []),
    ...firstAvailable,
  ]);
const constraintsOf = ({ devices }: ResourceClaimSpec) => devices?.constraints ?? [];

const CLAIM_FEATURES: readonly Feature<ResourceClaimSpec>[] = [
  {
    inUse: (spec) => wishesOf(spec).some(({ tolerations = [] }) => tolerations.length > 0),
    drop: (spec) => {
      for (const wish of wishesOf(spec)) delete wish.tolerations;
    },
  },
  {
    inUse: (spec) =>
      wishesOf(spec).some(({ capacity }) => capacity !== undefined) ||
      constraintsOf(spec).some(({ distinctAttribute }) => distinctAttribute !== undefined),
    drop: (spec) => {
      for (const wish of wishesOf(spec)) delete wish.capacity;
      for (const constraint of constraintsOf(spec)) delete constraint.distinctAttribute;
    },
  },
];

const resultsOf = ({ status }: ResourceClaim) => status?.allocation?.devices?.results ?? [];
const [, SHARES] = CLAIM_FEATURES;

const STATUS_FEATURES: readonly Feature<ResourceClaim>[] = [
  {
    inUse: (claim) =>
      SHARES?.inUse(claim.spec) === true ||
      resultsOf(claim).some((one) => (one.shareID ?? one.consumedCapacity) !== undefined) ||
      (claim.status?.devices ?? []).some(({ shareID }) => shareID !== undefined),
    drop: (claim) => {
      for (const result of resultsOf(claim)) {
        delete result.shareID;
        delete result.consumedCapacity;
      }
      for (const device of claim.status?.devices ?? []) delete device.shareID;
    },
  },
  {
    inUse: (claim) =>
      resultsOf(claim).some(
        (one) => (one.bindingConditions ?? one.bindingFailureConditions) !== undefined,
      ),
    drop: (claim) => {
      delete claim.status?.allocation?.allocationTimestamp;
      for (const result of resultsOf(claim)) {
        delete result.bindingConditions;
        delete result.bindingFailureConditions;
      }
    },
  },
];
