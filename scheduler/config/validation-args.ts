/** What is wrong with the arguments of a plugin (`validation_pluginargs.go`). */
import type { NodeSelectorTerm, TopologySpreadConstraint } from '../../pkg/api/types.js';
import { parseDuration } from '../../pkg/apimachinery/duration.js';
import {
  duplicate,
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  required,
} from '../../pkg/apimachinery/field-error.js';
import { newRequirement, SelectorError } from '../../pkg/apimachinery/labels.js';
import { validateLabelName } from '../../pkg/apimachinery/validation/label-selector.js';
import type {
  DefaultPreemptionArgs,
  DynamicResourcesArgs,
  InterPodAffinityArgs,
  NodeAffinityArgs,
  NodeResourcesBalancedAllocationArgs,
  NodeResourcesFitArgs,
  PluginConfig,
  PodTopologySpreadArgs,
  ShapePoint,
  VolumeBindingArgs,
} from './types.js';

const STRATEGIES = ['LeastAllocated', 'MostAllocated', 'RequestedToCapacityRatio'];
const ACTIONS = ['DoNotSchedule', 'ScheduleAnyway'];
const DEFAULTING = ['System', 'List'];
const MAX_UTILIZATION = 100;
const MAX_SHAPE_SCORE = 10;
const OPERATORS: Readonly<Record<string, 'in' | 'notin' | 'exists' | '!' | 'gt' | 'lt'>> = {
  In: 'in',
  NotIn: 'notin',
  Exists: 'exists',
  DoesNotExist: '!',
  Gt: 'gt',
  Lt: 'lt',
};

export function validateArgs(config: PluginConfig, at: Path): FieldError[] {
  switch (config.name) {
    case 'DefaultPreemption':
      return defaultPreemption(config.args, at);
    case 'DynamicResources':
      return dynamicResources(config.args, at);
    case 'InterPodAffinity':
      return interPodAffinity(config.args, at);
    case 'NodeAffinity':
      return nodeAffinity(config.args, at);
    case 'NodeResourcesBalancedAllocation':
      return balancedAllocation(config.args, at.child('resources'));
    case 'NodeResourcesFit':
      return nodeResourcesFit(config.args, at);
    case 'PodTopologySpread':
      return podTopologySpread(config.args, at);
    case 'VolumeBinding':
      return volumeBinding(config.args, at);
  }
}

function defaultPreemption(args: DefaultPreemptionArgs, at: Path): FieldError[] {
  const { minCandidateNodesPercentage: share, minCandidateNodesAbsolute: count } = args;
  const shareAt = at.child('minCandidateNodesPercentage');
  const countAt = at.child('minCandidateNodesAbsolute');
  const errors: FieldError[] = [];
  if (share < 0 || share > 100) errors.push(invalid(shareAt, share, 'not in valid range [0, 100]'));
  if (count < 0) errors.push(invalid(countAt, count, 'not in valid range [0, inf)'));
  if (share === 0 && count === 0) {
    const text = 'cannot be zero at the same time as';
    errors.push(invalid(shareAt, share, `${text} minCandidateNodesAbsolute`));
    errors.push(invalid(countAt, count, `${text} minCandidateNodesPercentage`));
  }
  return errors;
}

function interPodAffinity({ hardPodAffinityWeight }: InterPodAffinityArgs, at: Path): FieldError[] {
  if (hardPodAffinityWeight >= 0 && hardPodAffinityWeight <= 100) return [];
  const text = 'not in valid range [0, 100]';
  return [invalid(at.child('hardPodAffinityWeight'), hardPodAffinityWeight, text)];
}

function nodeAffinity({ addedAffinity }: NodeAffinityArgs, at: Path): FieldError[] {
  const own = at.child('addedAffinity');
  const must = addedAffinity?.requiredDuringSchedulingIgnoredDuringExecution;
  const may = addedAffinity?.preferredDuringSchedulingIgnoredDuringExecution ?? [];
  const terms = own.child('requiredDuringSchedulingIgnoredDuringExecution', 'nodeSelectorTerms');
  const preferences = own.child('preferredDuringSchedulingIgnoredDuringExecution');
  return [
    ...(must?.nodeSelectorTerms ?? []).flatMap((term, i) => validateTerm(term, terms.index(i))),
    ...may.flatMap(({ preference }, i) => validateTerm(preference ?? {}, preferences.index(i))),
  ];
}

function validateTerm(term: NodeSelectorTerm, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const [i, { key = '', operator = '', values = [] }] of (
    term.matchExpressions ?? []
  ).entries()) {
    const own = at.child('matchExpressions').index(i);
    const known = OPERATORS[operator];
    if (!known) {
      errors.push(notSupported(own.child('operator'), operator, Object.keys(OPERATORS).sort()));
      continue;
    }
    try {
      newRequirement(key, known, values);
    } catch (err) {
      if (!(err instanceof SelectorError)) throw err;
      errors.push(invalid(own, { key, operator, values }, err.message));
    }
  }
  for (const [i, { key = '', operator = '', values = [] }] of (term.matchFields ?? []).entries()) {
    const own = at.child('matchFields').index(i);
    if (operator !== 'In' && operator !== 'NotIn')
      errors.push(notSupported(own.child('operator'), operator, ['In', 'NotIn']));
    if (key !== 'metadata.name')
      errors.push(invalid(own.child('key'), key, 'not a valid field selector key'));
    if (values.length !== 1) errors.push(required(own.child('values')));
  }
  return errors;
}

function balancedAllocation(
  { resources }: NodeResourcesBalancedAllocationArgs,
  at: Path,
): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  for (const [i, { name, weight }] of resources.entries()) {
    if (seen.has(name)) errors.push(duplicate(at.index(i).child('name'), name));
    seen.add(name);
    if (weight !== 1) errors.push(invalid(at.index(i).child('weight'), weight, 'must be 1'));
  }
  return errors;
}

function nodeResourcesFit(args: NodeResourcesFitArgs, at: Path): FieldError[] {
  const { scoringStrategy: strategy } = args;
  const errors: FieldError[] = [];
  for (const [i, name] of args.ignoredResources.entries())
    errors.push(...validateLabelName(name, at.child('ignoredResources').index(i)));
  for (const [i, group] of args.ignoredResourceGroups.entries()) {
    const own = at.child('ignoredResourceGroups').index(i);
    if (group.includes('/'))
      errors.push(invalid(own, group, "resource group name can't contain '/'"));
    errors.push(...validateLabelName(group, own));
  }
  const own = at.child('scoringStrategy');
  if (!STRATEGIES.includes(strategy.type))
    errors.push(notSupported(own.child('type'), strategy.type, STRATEGIES));
  for (const [i, { name, weight }] of strategy.resources.entries()) {
    if (weight > 0 && weight <= 100) continue;
    const text = `resource weight of ${name} not in valid range (0, 100]`;
    errors.push(invalid(own.child('resources').index(i).child('weight'), weight, text));
  }
  const ratio = own.child('requestedToCapacityRatio');
  if (strategy.type !== 'RequestedToCapacityRatio') {
    if (strategy.requestedToCapacityRatio)
      errors.push(forbidden(ratio, 'must be nil when type is not RequestedToCapacityRatio'));
  } else if (!strategy.requestedToCapacityRatio) {
    errors.push(required(ratio, 'must be specified when type is RequestedToCapacityRatio'));
  } else {
    errors.push(...validateShape(strategy.requestedToCapacityRatio.shape, ratio.child('shape')));
  }
  return errors;
}

function validateShape(shape: readonly ShapePoint[], at: Path): FieldError[] {
  if (shape.length === 0) return [required(at, 'at least one point must be specified')];
  const errors: FieldError[] = [];
  const unsorted = shape.findIndex(
    ({ utilization }, i) => i > 0 && (shape[i - 1]?.utilization ?? 0) >= utilization,
  );
  if (unsorted > 0) {
    const text = 'values must be sorted in increasing order';
    const where = at.index(unsorted).child('utilization');
    errors.push(invalid(where, shape[unsorted]?.utilization, text));
  }
  for (const [i, { utilization, score }] of shape.entries()) {
    if (utilization < 0 || utilization > MAX_UTILIZATION) {
      const text = `not in valid range [0, ${MAX_UTILIZATION}]`;
      errors.push(invalid(at.index(i).child('utilization'), utilization, text));
    }
    if (score < 0 || score > MAX_SHAPE_SCORE) {
      const text = `not in valid range [0, ${MAX_SHAPE_SCORE}]`;
      errors.push(invalid(at.index(i).child('score'), score, text));
    }
  }
  return errors;
}

function podTopologySpread(args: PodTopologySpreadArgs, at: Path): FieldError[] {
  const { defaultingType, defaultConstraints } = args;
  const errors: FieldError[] = [];
  const type = at.child('defaultingType');
  if (!DEFAULTING.includes(defaultingType))
    errors.push(notSupported(type, defaultingType, DEFAULTING));
  else if (defaultingType === 'System' && defaultConstraints.length > 0)
    errors.push(invalid(type, defaultingType, 'when .defaultConstraints are not empty'));
  const list = at.child('defaultConstraints');
  for (const [i, constraint] of defaultConstraints.entries()) {
    errors.push(...validateConstraint(constraint, list.index(i)));
    const { topologyKey, whenUnsatisfiable } = constraint;
    const repeated = defaultConstraints
      .slice(0, i)
      .some((c) => c.topologyKey === topologyKey && c.whenUnsatisfiable === whenUnsatisfiable);
    if (repeated) errors.push(duplicate(list.index(i), `{${topologyKey}, ${whenUnsatisfiable}}`));
  }
  return errors;
}

function validateConstraint(constraint: TopologySpreadConstraint, at: Path): FieldError[] {
  const { maxSkew = 0, topologyKey = '', whenUnsatisfiable = '', labelSelector } = constraint;
  const errors: FieldError[] = [];
  if (maxSkew <= 0)
    errors.push(invalid(at.child('maxSkew'), maxSkew, 'not in valid range (0, inf)'));
  if (topologyKey === '') errors.push(required(at.child('topologyKey'), 'can not be empty'));
  else errors.push(...validateLabelName(topologyKey, at.child('topologyKey')));
  const action = at.child('whenUnsatisfiable');
  if (whenUnsatisfiable === '') errors.push(required(action, 'can not be empty'));
  else if (!ACTIONS.includes(whenUnsatisfiable))
    errors.push(notSupported(action, whenUnsatisfiable, ACTIONS));
  if (labelSelector) {
    const text = 'constraint must not define a selector, as they deduced for each pod';
    errors.push(forbidden(at.child('labelSelector'), text));
  }
  return errors;
}

function dynamicResources(args: DynamicResourcesArgs, at: Path): FieldError[] {
  const { filterTimeout, bindingTimeout } = args;
  const errors: FieldError[] = [];
  const own = at.child('filterTimeout');
  try {
    if (parseDuration(filterTimeout) < 0)
      errors.push(invalid(own, filterTimeout, 'must be zero or positive'));
  } catch (err) {
    errors.push(invalid(own, filterTimeout, err instanceof Error ? err.message : String(err)));
  }
  if (bindingTimeout !== undefined) {
    const text =
      'DRADeviceBindingConditions or DRAResourceClaimDeviceStatus feature gate is disabled';
    errors.push(forbidden(at.child('bindingTimeout'), text));
  }
  return errors;
}

function volumeBinding({ bindTimeoutSeconds, shape }: VolumeBindingArgs, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (bindTimeoutSeconds < 0) {
    const text = 'invalid BindTimeoutSeconds, should not be a negative value';
    errors.push(invalid(at.child('bindTimeoutSeconds'), bindTimeoutSeconds, text));
  }
  if (shape) {
    const text =
      'unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring';
    errors.push(invalid(at.child('shape'), shape, text));
  }
  return errors;
}
