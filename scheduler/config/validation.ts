/** What is wrong with a configuration (`pkg/scheduler/apis/config/validation`): everything, changing nothing. */
import { parseDuration } from '../../pkg/apimachinery/duration.js';
import {
  duplicate,
  type FieldError,
  invalid,
  type Path,
  path,
  required,
} from '../../pkg/apimachinery/field-error.js';
import { isQualifiedName } from '../../pkg/apimachinery/validation/names.js';
import {
  EXTENSION_POINTS,
  type ExtenderConfiguration,
  type LeaderElectionConfiguration,
  type Profile,
  type SchedulerConfiguration,
} from './types.js';
import { validateArgs } from './validation-args.js';

const API_VERSION = 'kubescheduler.config.k8s.io/v1';
/** Plugins that are gone from this version of the configuration. */
const INVALID_PLUGINS = ['AzureDiskLimits', 'CinderLimits', 'EBSLimits', 'GCEPDLimits'];
const WAS_INVALID = `was invalid in version "${API_VERSION}" (KubeSchedulerConfiguration is version "${API_VERSION}")`;

export function validateConfiguration(configuration: SchedulerConfiguration): FieldError[] {
  const { clientConnection, parallelism, profiles, extenders } = configuration;
  const { podInitialBackoffSeconds: initial, podMaxBackoffSeconds: maximum } = configuration;
  const errors: FieldError[] = [];
  if (clientConnection.burst < 0) {
    errors.push(
      invalid(path('clientConnection', 'burst'), clientConnection.burst, 'must be non-negative'),
    );
  }
  errors.push(...validateLeaderElection(configuration.leaderElection, path('leaderElection')));
  if (parallelism <= 0) {
    const text = 'should be an integer value greater than zero';
    errors.push(invalid(path('parallelism'), parallelism, text));
  }
  errors.push(...validateProfiles(profiles, path('profiles')));
  errors.push(
    ...validatePercentage(configuration.percentageOfNodesToScore, path('percentageOfNodesToScore')),
  );
  if (initial <= 0) {
    errors.push(invalid(path('podInitialBackoffSeconds'), initial, 'must be greater than 0'));
  }
  if (maximum < initial) {
    const text = 'must be greater than or equal to PodInitialBackoffSeconds';
    errors.push(invalid(path('podMaxBackoffSeconds'), maximum, text));
  }
  return [...errors, ...validateExtenders(extenders, path('extenders'))];
}

function validateLeaderElection(config: LeaderElectionConfiguration, at: Path): FieldError[] {
  if (!config.leaderElect) return [];
  const errors: FieldError[] = [];
  const duration = (field: 'leaseDuration' | 'renewDeadline' | 'retryPeriod'): number => {
    try {
      const ms = parseDuration(config[field]);
      if (ms <= 0)
        errors.push(invalid(at.child(field), config[field], 'must be greater than zero'));
      return ms;
    } catch (err) {
      errors.push(
        invalid(at.child(field), config[field], err instanceof Error ? err.message : String(err)),
      );
      return Number.NaN;
    }
  };
  const lease = duration('leaseDuration');
  const renew = duration('renewDeadline');
  const retry = duration('retryPeriod');
  if (lease < renew) {
    const text = 'LeaseDuration must be greater than RenewDeadline';
    errors.push(invalid(at.child('leaseDuration'), config.renewDeadline, text));
  }
  if (renew < retry) {
    const text = 'RenewDeadline must be greater than RetryPeriod';
    errors.push(invalid(at.child('renewDeadline'), config.retryPeriod, text));
  }
  if (config.resourceLock !== 'leases') {
    const text = 'resourceLock value must be "leases"';
    errors.push(invalid(at.child('resourceLock'), config.resourceLock, text));
  }
  return errors;
}

function validatePercentage(percentage: number | undefined, at: Path): FieldError[] {
  if (percentage === undefined || (percentage >= 0 && percentage <= 100)) return [];
  return [invalid(at, percentage, 'not in valid range [0-100]')];
}

function validateProfiles(profiles: readonly Profile[], at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Map<string, number>();
  for (const [i, profile] of profiles.entries()) {
    const own = at.index(i);
    errors.push(...validateProfile(profile, own));
    const first = seen.get(profile.schedulerName);
    if (first !== undefined) {
      errors.push(
        duplicate(own.child('schedulerName'), String(at.index(first).child('schedulerName'))),
      );
    }
    seen.set(profile.schedulerName, i);
  }
  const [canon, ...others] = profiles.map(({ plugins }) => plugins.queueSort);
  const length = canon?.enabled.length ?? 0;
  if (length > 1) {
    const where = at.index(0).child('plugins', 'queueSort', 'Enabled');
    errors.push(invalid(where, length, 'only one queue sort plugin can be enabled'));
  }
  for (const [i, set] of others.entries()) {
    if (JSON.stringify(set) === JSON.stringify(canon)) continue;
    const where = at.index(i + 1).child('plugins', 'queueSort');
    errors.push(invalid(where, set, 'must be the same for all profiles'));
  }
  return errors;
}

function validateProfile(profile: Profile, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  if (profile.schedulerName === '') errors.push(required(at.child('schedulerName')));
  errors.push(
    ...validatePercentage(profile.percentageOfNodesToScore, at.child('percentageOfNodesToScore')),
  );
  for (const point of EXTENSION_POINTS) {
    for (const [i, { name }] of profile.plugins[point].enabled.entries()) {
      if (!INVALID_PLUGINS.includes(name)) continue;
      errors.push(invalid(at.child('plugins', point, 'enabled').index(i), name, WAS_INVALID));
    }
  }
  const seen = new Set<string>();
  for (const [i, config] of profile.pluginConfig.entries()) {
    const own = at.child('pluginConfig').index(i);
    if (seen.has(config.name)) errors.push(duplicate(own, config.name));
    seen.add(config.name);
    errors.push(...validateArgs(config, own.child('args')));
  }
  return errors;
}

function validateExtenders(extenders: readonly ExtenderConfiguration[], at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const managed = new Set<string>();
  for (const [i, extender] of extenders.entries()) {
    const own = at.index(i);
    if (extender.prioritizeVerb !== '' && extender.weight <= 0) {
      const text = 'must have a positive weight applied to it';
      errors.push(invalid(own.child('weight'), extender.weight, text));
    }
    for (const [j, { name }] of extender.managedResources.entries()) {
      const where = own.child('managedResources').index(j).child('name');
      errors.push(...validateExtendedResource(name, where));
      if (managed.has(name))
        errors.push(invalid(where, name, 'duplicate extender managed resource name'));
      managed.add(name);
    }
    if (extender.httpTimeout !== '') errors.push(...validateTimeout(extender.httpTimeout, own));
  }
  const binders = extenders.filter(({ bindVerb }) => bindVerb !== '').length;
  if (binders > 1) {
    const found = `found ${binders} extenders implementing bind`;
    errors.push(invalid(at, found, 'only one extender can implement bind'));
  }
  return errors;
}

function validateTimeout(text: string, at: Path): FieldError[] {
  try {
    parseDuration(text);
    return [];
  } catch (err) {
    return [
      invalid(at.child('httpTimeout'), text, err instanceof Error ? err.message : String(err)),
    ];
  }
}

/** A resource of somebody's own: with a domain, outside kubernetes.io, and no quota's name. */
function validateExtendedResource(name: string, at: Path): FieldError[] {
  const faults = isQualifiedName(name);
  if (faults.length > 0) return faults.map((text) => invalid(at, name, text));
  const native = !name.includes('/') || name.includes('kubernetes.io/');
  if (!native && !name.startsWith('requests.') && isQualifiedName(`requests.${name}`).length === 0)
    return [];
  return [invalid(at, name, 'is an invalid extended resource name')];
}
