/** What the selectors of devices speak of: `device.attributes['gpu.example.com'].model` (`dynamic-resource-allocation/cel`). */
import type { SizeOfPath } from './cost-estimate.js';
import { type DeclField, type DeclType, map, object, scalar } from './decl-type.js';
import { QUANTITY_TYPE } from './library/quantity.js';
import type { Environment } from './program.js';
import { BOOL, DYN, opaque, STRING } from './types.js';

/** Limits of the API: attributes and capacities of a device together, and their names and texts. */
const MAX_ATTRIBUTES = 32;
const MAX_TEXT = 64;
const MAX_DOMAIN = 63;

const FIELDS: Readonly<Record<string, DeclType>> = {
  driver: scalar(STRING, false, 0, MAX_DOMAIN),
  attributes: map(map(scalar(DYN, false, 1, MAX_TEXT), MAX_ATTRIBUTES), MAX_ATTRIBUTES),
  capacity: map(map(scalar(opaque(QUANTITY_TYPE)), MAX_ATTRIBUTES), MAX_ATTRIBUTES),
  allowMultipleAllocations: scalar(BOOL),
};

const DEVICE = object(
  'kubernetes.DRADevice',
  new Map<string, DeclField>(
    Object.entries(FIELDS).map(([name, declared]) => [name, { name, declared }]),
  ),
);

export const DEVICE_ENVIRONMENT: Environment = {
  variables: new Map([['device', DEVICE.type]]),
  bindings: true,
};

export const deviceSize: SizeOfPath = ([, ...path]) => {
  let at: DeclType | undefined = DEVICE;
  for (const step of path) {
    if (step === '@keys') return MAX_DOMAIN;
    at =
      step === '@items' || step === '@values'
        ? at?.element
        : (at?.fields?.get(step)?.declared ?? at?.element);
    if (!at) return undefined;
  }
  return at.maxElements;
};
