/** HorizontalPodAutoscalers, as `pkg/apis/autoscaling/validation` checks them. */

import type {
  CrossVersionObjectReference,
  HorizontalPodAutoscaler,
  HPAScalingRules,
  MetricSpec,
  MetricTarget,
} from '../../../pkg/api/types.js';
import {
  type FieldError,
  forbidden,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { isValidPathSegmentName } from '../../../pkg/apimachinery/validation/names.js';
import { signOf } from './quantities.js';

const SOURCES = {
  ContainerResource: 'containerResource',
  External: 'external',
  Object: 'object',
  Pods: 'pods',
  Resource: 'resource',
} as const;
type Source = (typeof SOURCES)[keyof typeof SOURCES];
/** The order in which they are looked at. */
const CHECKED: readonly Source[] = ['object', 'external', 'pods', 'resource', 'containerResource'];
const MAX_PERIOD_SECONDS = 1800;
const MAX_WINDOW_SECONDS = 3600;

/** A reference that was there before keeps an API version that would be refused today. */
export function validateAutoscaler(
  { spec }: HorizontalPodAutoscaler,
  old?: HorizontalPodAutoscaler,
): FieldError[] {
  const at = path('spec');
  const errors: FieldError[] = [];
  if (!spec) return [required(at)];
  const { minReplicas, maxReplicas, scaleTargetRef: ref } = spec;
  if (minReplicas !== undefined && minReplicas < 1) {
    errors.push(
      invalid(at.child('minReplicas'), minReplicas, 'must be greater than or equal to 1'),
    );
  }
  if (!(maxReplicas >= 1))
    errors.push(invalid(at.child('maxReplicas'), maxReplicas, 'must be greater than 0'));
  if (minReplicas !== undefined && maxReplicas < minReplicas) {
    errors.push(
      invalid(
        at.child('maxReplicas'),
        maxReplicas,
        'must be greater than or equal to `minReplicas`',
      ),
    );
  }
  errors.push(...validateReference(ref, at.child('scaleTargetRef')));
  const before = old?.spec?.scaleTargetRef;
  if (ref && (before?.kind !== ref.kind || before.apiVersion !== ref.apiVersion)) {
    const core = ref.kind === 'ReplicationController';
    errors.push(...validateApiVersion(ref, core, at.child('scaleTargetRef')));
  }
  const lenient = (old?.spec?.metrics ?? []).some(
    ({ object }) => object && validateApiVersion(object.describedObject, true, at).length > 0,
  );
  (spec.metrics ?? []).forEach((metric, i) => {
    const here = at.child('metrics').index(i);
    errors.push(...validateMetric(metric, here));
    const described = metric.object?.describedObject;
    if (described && !lenient) {
      const where = here.child('object', 'describedObject');
      errors.push(...validateApiVersion(described, true, where));
    }
  });
  const behavior = at.child('behavior');
  errors.push(...validateRules(spec.behavior?.scaleUp, behavior.child('scaleUp')));
  errors.push(...validateRules(spec.behavior?.scaleDown, behavior.child('scaleDown')));
  return errors;
}

/** Only a ReplicationController scales and is in the core group, whose name is empty. */
function validateApiVersion(
  { apiVersion = '' }: CrossVersionObjectReference,
  core: boolean,
  at: Path,
): FieldError[] {
  const parts = apiVersion.split('/');
  const why =
    parts.length > 2
      ? `unexpected GroupVersion string: ${apiVersion}`
      : !core && (parts.length < 2 || parts[0] === '')
        ? 'apiVersion must specify API group'
        : undefined;
  return why === undefined ? [] : [invalid(at.child('apiVersion'), apiVersion, why)];
}

function validateMetric(metric: MetricSpec, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  const { type } = metric;
  const types = Object.keys(SOURCES).sort();
  if (!type) errors.push(required(at.child('type'), 'must specify a metric source type'));
  if (!types.includes(type)) errors.push(notSupported(at.child('type'), type ?? '', types));
  const set = CHECKED.filter((field) => metric[field] !== undefined);
  const [first] = set;
  // Who gives several is told so, and of the first what else is wrong with it.
  if (first) errors.push(...validateSource(metric, first, at.child(first)));
  const wanted = Object.entries(SOURCES).find(([known]) => known === type)?.[1];
  if (wanted && !set.includes(wanted)) {
    errors.push(
      required(at.child(wanted), 'must populate information for the given metric source'),
    );
  }
  if (set.length !== 1)
    for (const extra of set.filter((field) => field !== wanted))
      errors.push(forbidden(at.child(extra), 'must populate the given metric source only'));
  return errors;
}

function validateSource(metric: MetricSpec, field: Source, at: Path): FieldError[] {
  const { target } = metric[field] ?? {};
  const errors: FieldError[] = [];
  const here = at.child('target');
  if (field === 'object')
    errors.push(...validateReference(metric.object?.describedObject, at.child('describedObject')));
  if (field === 'resource' || field === 'containerResource') {
    if (!metric[field]?.name)
      errors.push(required(at.child('name'), 'must specify a resource name'));
    if (field === 'containerResource' && !metric.containerResource?.container)
      errors.push(required(at.child('container'), 'must specify a container'));
  } else
    errors.push(...validateMetricName(metric[field]?.metric?.name, at.child('metric', 'name')));
  errors.push(...validateTarget(target, here));
  const { averageUtilization, averageValue, value } = target ?? {};
  switch (field) {
    case 'resource':
    case 'containerResource':
      if (averageUtilization === undefined && averageValue === undefined)
        errors.push(
          required(
            here.child('averageUtilization'),
            'must set either a target raw value or a target utilization',
          ),
        );
      if (averageUtilization !== undefined && averageValue !== undefined)
        errors.push(
          forbidden(
            here.child('averageValue'),
            'may not set both a target raw value and a target utilization',
          ),
        );
      break;
    case 'pods':
      if (averageValue === undefined)
        errors.push(
          required(here.child('averageValue'), 'must specify a positive target averageValue'),
        );
      break;
    case 'object':
      if (value === undefined && averageValue === undefined)
        errors.push(
          required(here.child('averageValue'), 'must set either a target value or averageValue'),
        );
      break;
    case 'external':
      if (value === undefined && averageValue === undefined)
        errors.push(
          required(
            here.child('averageValue'),
            'must set either a target value for metric or a per-pod target',
          ),
        );
      if (value !== undefined && averageValue !== undefined)
        errors.push(
          forbidden(
            here.child('value'),
            'may not set both a target value for metric and a per-pod target',
          ),
        );
  }
  return errors;
}

function validateMetricName(name: string | undefined, at: Path): FieldError[] {
  if (!name) return [required(at, 'must specify a metric name')];
  return isValidPathSegmentName(name).map((why) => invalid(at, name, why));
}

function validateReference(ref: CrossVersionObjectReference | undefined, at: Path): FieldError[] {
  return (['kind', 'name'] as const).flatMap((field) => {
    const value = ref?.[field];
    if (!value) return [required(at.child(field))];
    return isValidPathSegmentName(value).map((why) => invalid(at.child(field), value, why));
  });
}

function validateTarget(target: MetricTarget | undefined, at: Path): FieldError[] {
  const { type = '' } = target ?? {};
  const errors: FieldError[] = [];
  if (type === '') errors.push(required(at.child('type'), 'must specify a metric target type'));
  if (!['Utilization', 'Value', 'AverageValue'].includes(type)) {
    errors.push(
      invalid(at.child('type'), type, 'must be either Utilization, Value, or AverageValue'),
    );
  }
  if (!target) return errors;
  for (const field of ['value', 'averageValue'] as const) {
    const value = target[field];
    if (value !== undefined && signOf(value) <= 0) {
      errors.push(invalid(at.child(field), value, 'must be positive'));
    }
  }
  const utilization = target.averageUtilization;
  if (utilization !== undefined && utilization < 1) {
    errors.push(invalid(at.child('averageUtilization'), utilization, 'must be greater than 0'));
  }
  return errors;
}

function validateRules(rules: HPAScalingRules | undefined, at: Path): FieldError[] {
  if (!rules) return [];
  const errors: FieldError[] = [];
  const window = rules.stabilizationWindowSeconds;
  if (window !== undefined && window < 0) {
    errors.push(
      invalid(
        at.child('stabilizationWindowSeconds'),
        window,
        'must be greater than or equal to zero',
      ),
    );
  }
  if (window !== undefined && window > MAX_WINDOW_SECONDS) {
    errors.push(
      invalid(
        at.child('stabilizationWindowSeconds'),
        window,
        `must be less than or equal to ${MAX_WINDOW_SECONDS}`,
      ),
    );
  }
  if (
    rules.selectPolicy !== undefined &&
    !['Disabled', 'Max', 'Min'].includes(rules.selectPolicy)
  ) {
    errors.push(
      notSupported(at.child('selectPolicy'), rules.selectPolicy, ['Disabled', 'Max', 'Min']),
    );
  }
  if (rules.tolerance !== undefined && signOf(rules.tolerance) < 0) {
    const why = 'must be greater than or equal to 0';
    errors.push(invalid(at.child('tolerance'), rules.tolerance, why));
  }
  if ((rules.policies ?? []).length === 0) {
    errors.push(required(at.child('policies'), 'must specify at least one Policy'));
  }
  (rules.policies ?? []).forEach(({ type, value, periodSeconds }, i) => {
    const here = at.child('policies').index(i);
    if (type !== 'Pods' && type !== 'Percent') {
      errors.push(notSupported(here.child('type'), type, ['Percent', 'Pods']));
    }
    if (value <= 0) errors.push(invalid(here.child('value'), value, 'must be greater than zero'));
    if (periodSeconds <= 0) {
      errors.push(invalid(here.child('periodSeconds'), periodSeconds, 'must be greater than zero'));
    }
    if (periodSeconds > MAX_PERIOD_SECONDS) {
      errors.push(
        invalid(
          here.child('periodSeconds'),
          periodSeconds,
          `must be less than or equal to ${MAX_PERIOD_SECONDS}`,
        ),
      );
    }
  });
  return errors;
}
