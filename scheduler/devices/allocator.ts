/**
 * Finds devices for all claims of a pod on one node, or for none (`dynamic-resource-allocation/structured`).
 * Pure: what is allocated already, and what there is, is given.
 *
 *   claim a: 1 gpu, 1 nic of one root ─▶ gpu-0, nic-0? other root ─▶ gpu-0, nic-1? same root ✓ ─▶ claim b …
 *
 * Requests are tried in order, devices in the order of their pools; a choice that leaves nothing for what
 * comes after it is taken back. Of `firstAvailable` the first alternative that all of it works with is taken.
 */
import type {
  AllocationResult,
  Device,
  DeviceAllocationConfiguration,
  DeviceClass,
  DeviceConstraint,
  DeviceRequest,
  DeviceRequestAllocationResult,
  DeviceSelector,
  ExactDeviceRequest,
  NodeSelector,
  NodeSelectorTerm,
  ResourceClaim,
} from '../../pkg/api/types.js';
import { keyOf } from '../../pkg/apimachinery/meta.js';
import { DEVICE_ENVIRONMENT, deviceActivation, qualifiedName } from '../../pkg/cel/device.js';
import { CelIssues } from '../../pkg/cel/issues.js';
import { compile, type Program } from '../../pkg/cel/program.js';
import { type OfferedDevice, onlyNode, type Pool } from './pools.js';

/** Of one claim. */
const MAX_RESULTS = 32;
const MAX_PROGRAMS = 100;
/** Steps of the search after which a node counts as one that will not do: some puzzles have no end. */
const MAX_STEPS = 100_000;
/** How often the search looks at the clock. */
const STEPS_BETWEEN_LOOKS = 100;

/** A claim, a class or a device is wrong, and no node will change that. */
export class AllocationError extends Error {}

/** This node will not do; others may. */
export class NodeAllocationError extends Error {}

export interface AllocatorInput {
  readonly claims: readonly ResourceClaim[];
  readonly pools: readonly Pool[];
  readonly inUse: ReadonlySet<string>;
  deviceClass(name: string): DeviceClass | undefined;
  /** The time for this node is over; asked now and then. */
  expired?(): boolean;
}

/** One way to satisfy a request. */
interface Alternative {
  /** As results name it: `gpu`, or `gpu/large`. */
  readonly name: string;
  readonly className: string;
  readonly classOf: DeviceClass;
  readonly all: boolean;
  readonly count: number;
  readonly adminAccess: boolean;
  readonly request: Pick<ExactDeviceRequest, 'selectors' | 'tolerations' | 'adminAccess'>;
}

interface Chosen {
  readonly claim: number;
  readonly request: string;
  readonly alternative: Alternative;
  readonly offered: OfferedDevice;
}

const programs = new Map<string, Program | CelIssues>();

/** One result for each claim; undefined where the node does not have what they want. */
export function allocate(input: AllocatorInput): AllocationResult[] | undefined {
  const search = new Search(input);
  if (!search.claim(0)) return undefined;
  return input.claims.map((claim, i) =>
    resultOf(
      claim,
      search.chosen.filter((one) => one.claim === i),
    ),
  );
}

class Search {
  readonly chosen: Chosen[] = [];
  private readonly taken = new Set<string>();
  private readonly offers: readonly Offer[];
  private steps = 0;

  constructor(private readonly input: AllocatorInput) {
    this.offers = input.pools.flatMap((pool) => pool.devices.map((offered) => ({ pool, offered })));
  }

  claim(index: number): boolean {
    const claim = this.input.claims[index];
    if (!claim) return true;
    return this.request(index, 0);
  }

  private request(index: number, at: number): boolean {
    const claim = this.input.claims[index] as ResourceClaim;
    const request = claim.spec.devices?.requests?.[at];
    if (!request) return this.claim(index + 1);
    for (const alternative of this.alternatives(claim, request)) {
      const step = { index, at, alternative, request: request.name };
      if (alternative.all ? this.takeAll(claim, step) : this.takeOne(claim, step, 0, 0))
        return true;
    }
    return false;
  }

  /** `done` devices are chosen; the next comes from behind `from`, for their order means nothing. */
  private takeOne(claim: ResourceClaim, step: Step, done: number, from: number): boolean {
    if (done === step.alternative.count) return this.request(step.index, step.at + 1);
    if (++this.steps > MAX_STEPS || this.isLate())
      throw new NodeAllocationError('timed out trying to allocate devices');
    for (let i = from; i < this.offers.length; i++) {
      const { pool, offered } = this.offers[i] as Offer;
      if (pool.incomplete || !this.isFree(offered, step.alternative)) continue;
      if (!this.matches(claim, step.alternative, offered)) continue;
      if (pool.invalid) {
        throw new NodeAllocationError(`pool ${pool.name} is invalid: duplicate device names`);
      }
      if (!this.take(claim, step, offered)) continue;
      if (this.takeOne(claim, step, done + 1, i + 1)) return true;
      this.giveBack();
    }
    return false;
  }

  private isLate(): boolean {
    return this.steps % STEPS_BETWEEN_LOOKS === 0 && this.input.expired?.() === true;
  }

  /** Every device that matches, of which none may be in use. */
  private takeAll(claim: ResourceClaim, step: Step): boolean {
    const before = this.chosen.length;
    const where = `claim ${keyOf(claim)}, request ${step.request}`;
    const undo = () => {
      while (this.chosen.length > before) this.giveBack();
      return false;
    };
    for (const pool of this.input.pools) {
      const fault = pool.incomplete
        ? 'is currently being updated'
        : pool.invalid
          ? 'is currently invalid'
          : undefined;
      if (fault !== undefined) {
        undo();
        const all = `asks for all devices, but resource pool ${pool.name} ${fault}`;
        throw new NodeAllocationError(`${where}: ${all}`);
      }
      for (const offered of pool.devices) {
        if (!this.matches(claim, step.alternative, offered)) continue;
        if (!this.isFree(offered, step.alternative)) return undo();
        if (!this.take(claim, step, offered)) return undo();
      }
    }
    if (this.chosen.length === before) return false;
    return this.request(step.index, step.at + 1) || undo();
  }

  private take(claim: ResourceClaim, step: Step, offered: OfferedDevice): boolean {
    const { index, alternative, request } = step;
    const ofClaim = this.chosen.filter((one) => one.claim === index);
    if (ofClaim.length >= MAX_RESULTS) {
      throw new AllocationError(
        `claim ${keyOf(claim)}: number of requested devices exceeds the claim limit of ${MAX_RESULTS}`,
      );
    }
    const next: Chosen = { claim: index, request, alternative, offered };
    const constraints = claim.spec.devices?.constraints ?? [];
    if (!constraints.every((constraint) => agrees(constraint, ofClaim, next))) return false;
    this.chosen.push(next);
    if (!alternative.adminAccess) this.taken.add(offered.id);
    return true;
  }

  private giveBack(): void {
    const last = this.chosen.pop();
    if (last && !last.alternative.adminAccess) this.taken.delete(last.offered.id);
  }

  private isFree({ id }: OfferedDevice, { adminAccess }: Alternative): boolean {
    return adminAccess || !(this.input.inUse.has(id) || this.taken.has(id));
  }

  private matches(claim: ResourceClaim, wanted: Alternative, offered: OfferedDevice): boolean {
    const of = `class ${wanted.className}`;
    return (
      selected(of, wanted.classOf.spec.selectors, offered) &&
      selected(`claim ${keyOf(claim)}`, wanted.request.selectors, offered)
    );
  }

  private alternatives(claim: ResourceClaim, request: DeviceRequest): Alternative[] {
    const { exactly, firstAvailable = [] } = request;
    const of = (name: string, one: Omit<ExactDeviceRequest, 'capacity'>): Alternative => {
      const where = `claim ${keyOf(claim)}, request ${name}`;
      const classOf = this.input.deviceClass(one.deviceClassName);
      if (!classOf)
        throw new AllocationError(
          `${where}: could not retrieve device class ${one.deviceClassName}`,
        );
      const mode = one.allocationMode ?? 'ExactCount';
      if (mode !== 'All' && mode !== 'ExactCount')
        throw new AllocationError(`${where}: unsupported count mode ${mode}`);
      return {
        name,
        className: one.deviceClassName,
        classOf,
        all: mode === 'All',
        count: one.count ?? 1,
        adminAccess: one.adminAccess === true,
        request: one,
      };
    };
    if (exactly) return [of(request.name, exactly)];
    return firstAvailable.map((sub) => of(`${request.name}/${sub.name}`, sub));
  }
}

interface Offer {
  readonly pool: Pool;
  readonly offered: OfferedDevice;
}

/** Where the search is: which claim, which of its requests, and how that is tried. */
interface Step {
  readonly index: number;
  readonly at: number;
  readonly alternative: Alternative;
  readonly request: string;
}

function selected(
  of: string,
  selectors: readonly DeviceSelector[] | undefined,
  { driver, device }: OfferedDevice,
): boolean {
  return (selectors ?? []).every(({ cel }, i) => {
    if (!cel) throw new AllocationError(`${of}: selector #${i}: unsupported selector type`);
    const program = programOf(cel.expression);
    const where = `${of}: selector #${i}: CEL`;
    if (program instanceof CelIssues)
      throw new AllocationError(`${where} compile error: ${program.message}`);
    const { value, failure } = program.evaluate(deviceActivation(driver, device));
    if (failure) throw new AllocationError(`${where} runtime error: ${failure.message}`);
    return value === true;
  });
}

/** Few classes and templates make the selectors of most claims. */
function programOf(expression: string): Program | CelIssues {
  const known = programs.get(expression);
  if (known) return known;
  let made: Program | CelIssues;
  try {
    made = compile(expression, DEVICE_ENVIRONMENT);
  } catch (err) {
    if (!(err instanceof CelIssues)) throw err;
    made = err;
  }
  if (programs.size >= MAX_PROGRAMS) programs.delete(programs.keys().next().value ?? '');
  programs.set(expression, made);
  return made;
}

/** Whether the next device has what the constraint wants the chosen ones to share, or to differ in. */
function agrees(
  { matchAttribute, distinctAttribute, requests = [] }: DeviceConstraint,
  chosen: readonly Chosen[],
  next: Chosen,
): boolean {
  const concerned = ({ request, alternative }: Chosen) =>
    requests.length === 0 || requests.includes(request) || requests.includes(alternative.name);
  if (!concerned(next)) return true;
  const name = matchAttribute ?? distinctAttribute ?? '';
  const value = attributeOf(name, next.offered);
  if (value === undefined) return false;
  const others = chosen.filter(concerned).map(({ offered }) => attributeOf(name, offered));
  return matchAttribute === undefined
    ? !others.includes(value)
    : others.every((other) => other === value);
}

/** As text that is equal where kind and value are. */
function attributeOf(
  name: string,
  { driver, device }: { readonly driver: string; readonly device: Device },
): string | undefined {
  for (const [key, value] of Object.entries(device.attributes ?? {})) {
    if (qualifiedName(driver, key) === name) return JSON.stringify(value);
  }
  return undefined;
}

function resultOf(claim: ResourceClaim, chosen: readonly Chosen[]): AllocationResult {
  const results = chosen.map(({ alternative, offered }): DeviceRequestAllocationResult => {
    const { adminAccess, tolerations } = alternative.request;
    return {
      request: alternative.name,
      driver: offered.driver,
      pool: offered.pool,
      device: offered.device.name,
      ...(adminAccess === undefined ? {} : { adminAccess }),
      ...(tolerations ? { tolerations } : {}),
    };
  });
  const config = [...classConfig(chosen), ...claimConfig(claim, chosen)];
  const nodeSelector = nodesOf(chosen.flatMap(({ offered }) => offered.onNodes ?? []));
  return {
    devices: { results, ...(config.length > 0 ? { config } : {}) },
    ...(nodeSelector ? { nodeSelector } : {}),
  };
}

function classConfig(chosen: readonly Chosen[]): DeviceAllocationConfiguration[] {
  const byRequest = new Map(chosen.map(({ alternative }) => [alternative.name, alternative]));
  return [...byRequest].flatMap(([name, { classOf }]) =>
    (classOf.spec.config ?? []).map((one) => ({ source: 'FromClass', requests: [name], ...one })),
  );
}

/** What was said for alternatives that were not taken is left out. */
function claimConfig(
  claim: ResourceClaim,
  chosen: readonly Chosen[],
): DeviceAllocationConfiguration[] {
  const names = new Set(chosen.flatMap(({ request, alternative }) => [request, alternative.name]));
  return (claim.spec.devices?.config ?? [])
    .filter(({ requests = [] }) => requests.length === 0 || requests.some((one) => names.has(one)))
    .map((one) => ({ source: 'FromClaim', ...one }));
}

/** Where all of the devices are: one of them that is on one node says it all. */
function nodesOf(selectors: readonly NodeSelector[]): NodeSelector | undefined {
  let merged: NodeSelectorTerm | undefined;
  for (const { nodeSelectorTerms } of selectors) {
    const [term] = nodeSelectorTerms;
    const [field] = term?.matchFields ?? [];
    if (field?.key === 'metadata.name' && field.values?.[0] !== undefined)
      return onlyNode(field.values[0]);
    const known = merged?.matchExpressions ?? [];
    const more = (term?.matchExpressions ?? []).filter(
      (one) => !known.some((other) => JSON.stringify(other) === JSON.stringify(one)),
    );
    merged = { matchExpressions: [...known, ...more] };
  }
  return merged && { nodeSelectorTerms: [merged] };
}
