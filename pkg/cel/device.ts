/** What the selectors of devices speak of: `device.attributes['gpu.example.com'].model` (`dynamic-resource-allocation/cel`). */
import type { Device, DeviceAttribute } from '../api/types.js';
import { Quantity } from '../apimachinery/quantity.js';
import type { SizeOfPath } from './cost-estimate.js';
import { type DeclField, type DeclType, map, object, scalar } from './decl-type.js';
import type { Activation } from './frame.js';
import { QUANTITY_TYPE } from './library/quantity.js';
import { semverOf } from './library/semver.js';
import type { Environment } from './program.js';
import { BOOL, DYN, opaque, STRING } from './types.js';
import { CelFailure, CelMap, QuantityValue, type Value } from './values.js';

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

/** A device as selectors see it: what it says of itself by domain, where the driver's own goes without. */
export function deviceActivation(driver: string, device: Device): Activation {
  const attributes = byDomain(driver, device.attributes ?? {}, attributeValue);
  const capacity = byDomain(
    driver,
    device.capacity ?? {},
    ({ value }) => new QuantityValue(Quantity.parse(value)),
  );
  const fields = new Members(
    new Map<string, Value>([
      ['driver', driver],
      ['attributes', attributes],
      ['capacity', capacity],
      ['allowMultipleAllocations', device.allowMultipleAllocations === true],
    ]),
    () => undefined,
  );
  return { variable: (name) => (name === 'device' ? fields : undefined) };
}

/** `domain/name`, whole. */
export function qualifiedName(driver: string, name: string): string {
  return name.includes('/') ? name : `${driver}/${name}`;
}

class Members extends CelMap {
  constructor(
    private readonly members: ReadonlyMap<string, Value>,
    private readonly otherwise: (key: string) => Value | undefined,
  ) {
    super();
  }

  get size(): number {
    return this.members.size;
  }

  get(key: Value): Value | undefined {
    if (typeof key !== 'string') return undefined;
    return this.members.get(key) ?? this.otherwise(key);
  }

  keys(): readonly Value[] {
    return [...this.members.keys()];
  }
}

const NOTHING = new Members(new Map(), () => undefined);

/** A domain that the device says nothing of is an empty map. */
function byDomain<T>(
  driver: string,
  entries: Readonly<Record<string, T>>,
  toValue: (entry: T) => Value,
): CelMap {
  const domains = new Map<string, Map<string, Value>>();
  for (const [key, entry] of Object.entries(entries)) {
    const [domain = '', name = ''] = qualifiedName(driver, key).split('/');
    const members = domains.get(domain) ?? new Map<string, Value>();
    domains.set(domain, members.set(name, toValue(entry)));
  }
  const maps = [...domains].map(
    ([domain, members]) => [domain, new Members(members, () => undefined)] as const,
  );
  return new Members(new Map(maps), () => NOTHING);
}

function attributeValue({ bool, int, string, version }: DeviceAttribute): Value {
  if (string !== undefined) return string;
  if (bool !== undefined) return bool;
  if (int !== undefined) return int;
  const parsed = semverOf(version ?? '');
  if (!parsed) throw new CelFailure('unsupported attribute value');
  return parsed;
}
