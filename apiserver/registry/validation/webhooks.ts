/** Admission webhooks: defaults and checks that both kinds of them share. */

import type {
  MutatingWebhook,
  RuleWithOperations,
  ValidatingWebhook,
} from '../../../pkg/api/types.js';
import {
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  type Path,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { validateLabelSelector } from '../../../pkg/apimachinery/validation/label-selector.js';
import { isDNS1035Label, isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';
import { validateMatchConditions } from './admission-expressions.js';
import { validateWebhookClient } from './webhook-client.js';

type Webhook = ValidatingWebhook & Pick<MutatingWebhook, 'reinvocationPolicy'>;

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const DEFAULT_TIMEOUT_SECONDS = 10;
const MAX_TIMEOUT_SECONDS = 30;
const REVIEW_VERSIONS = ['v1', 'v1beta1'];
const SCOPES = ['*', 'Cluster', 'Namespaced'];
const SIDE_EFFECTS = ['None', 'NoneOnDryRun'];

export function setWebhookDefaults(webhook: Webhook): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= DEFAULT_TIMEOUT_SECONDS;
  for (const rule of webhook.rules ?? []) rule.scope ??= '*';
  if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= 443;
}

/** `old`: what a configuration already had may stay, though it could not be made so today. */
export function validateWebhooks(
  webhooks: readonly Webhook[] | undefined,
  old?: readonly Webhook[],
): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  const requireUnique = !old || new Set(old.map(({ name }) => name)).size === old.length;
  (webhooks ?? []).forEach((webhook, i) => {
    const at = path('webhooks').index(i);
    errors.push(...validateWebhook(webhook, at));
    errors.push(
      ...validateReviewVersions(
        webhook.admissionReviewVersions ?? [],
        old === undefined || old.every(isUnderstood),
        at.child('admissionReviewVersions'),
      ),
    );
    if (requireUnique && webhook.name) {
      if (seen.has(webhook.name)) errors.push(duplicate(at.child('name'), webhook.name));
      seen.add(webhook.name);
    }
  });
  return errors;
}

function isUnderstood({ admissionReviewVersions: versions }: Webhook): boolean {
  return versions.length === 0 || versions.some((version) => REVIEW_VERSIONS.includes(version));
}

function validateWebhook(webhook: Webhook, at: Path): FieldError[] {
  const errors = validateQualifiedName(webhook.name, at.child('name'));
  const among = (
    field: 'failurePolicy' | 'matchPolicy' | 'reinvocationPolicy',
    values: readonly string[],
  ) => {
    const value = webhook[field];
    if (value !== undefined && !values.includes(value)) {
      errors.push(notSupported(at.child(field), value, values));
    }
  };
  (webhook.rules ?? []).forEach((rule, i) => {
    errors.push(...validateRule(rule, at.child('rules').index(i)));
  });
  among('failurePolicy', ['Fail', 'Ignore']);
  among('matchPolicy', ['Equivalent', 'Exact']);
  if (webhook.sideEffects === undefined || webhook.sideEffects === '') {
    errors.push(
      required(at.child('sideEffects'), `must specify one of ${SIDE_EFFECTS.join(', ')}`),
    );
  } else if (!SIDE_EFFECTS.includes(webhook.sideEffects)) {
    errors.push(notSupported(at.child('sideEffects'), webhook.sideEffects, SIDE_EFFECTS));
  }
  const timeout = webhook.timeoutSeconds;
  if (timeout !== undefined && (timeout < 1 || timeout > MAX_TIMEOUT_SECONDS)) {
    errors.push(
      invalid(
        at.child('timeoutSeconds'),
        timeout,
        `the timeout value must be between 1 and ${MAX_TIMEOUT_SECONDS} seconds`,
      ),
    );
  }
  errors.push(...validateLabelSelector(webhook.namespaceSelector, at.child('namespaceSelector')));
  errors.push(...validateLabelSelector(webhook.objectSelector, at.child('objectSelector')));
  among('reinvocationPolicy', ['IfNeeded', 'Never']);
  errors.push(...validateWebhookClient(webhook.clientConfig, at.child('clientConfig')));
  errors.push(
    ...validateMatchConditions(webhook.matchConditions, at.child('matchConditions'), {
      authorizer: true,
    }),
  );
  return errors;
}

function validateReviewVersions(
  versions: readonly string[],
  requireUnderstood: boolean,
  at: Path,
): FieldError[] {
  if (versions.length === 0)
    return [required(at, `must specify one of ${REVIEW_VERSIONS.join(', ')}`)];
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  versions.forEach((version, i) => {
    if (seen.has(version)) {
      errors.push(invalid(at.index(i), version, 'duplicate version'));
      return;
    }
    seen.add(version);
    for (const why of isDNS1035Label(version)) errors.push(invalid(at.index(i), version, why));
  });
  if (requireUnderstood && !versions.some((version) => REVIEW_VERSIONS.includes(version)))
    errors.push(
      invalid(at, versions, `must include at least one of ${REVIEW_VERSIONS.join(', ')}`),
    );
  return errors;
}

/** At least three segments: `webhook.example.com`. */
function validateQualifiedName(name: string, at: Path): FieldError[] {
  if (!name) return [required(at)];
  const errors = isDNS1123Subdomain(name);
  if (errors.length > 0) return [invalid(at, name, errors.join(','))];
  return name.split('.').length < 3
    ? [invalid(at, name, 'should be a domain with at least three segments separated by dots')]
    : [];
}

export function validateRule(rule: RuleWithOperations, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['operations', 'apiGroups', 'apiVersions'] as const) {
    const values = rule[field] ?? [];
    const here = at.child(field);
    if (values.length === 0) errors.push(required(here));
    if (values.length > 1 && values.includes('*'))
      errors.push(
        invalid(here, values, `if '*' is present, must not specify other ${RULE_WORDS[field]}`),
      );
    values.forEach((value, i) => {
      if (field === 'operations' && !OPERATIONS.includes(value))
        errors.push(notSupported(here.index(i), value, OPERATIONS));
      if (field === 'apiVersions' && value === '') errors.push(required(here.index(i)));
    });
  }
  errors.push(...validateResources(rule.resources ?? [], at.child('resources')));
  if (rule.scope !== undefined && !SCOPES.includes(rule.scope)) {
    errors.push(notSupported(at.child('scope'), rule.scope, SCOPES));
  }
  return errors;
}

/** Plain resources, `pods/status`, and a wildcard for either part; none may be said twice by a wildcard. */
function validateResources(resources: readonly string[], at: Path): FieldError[] {
  const errors: FieldError[] = resources.length === 0 ? [required(at)] : [];
  const allSubresources = new Set<string>();
  const everyResource = new Set<string>();
  let plain = false;
  resources.forEach((text, i) => {
    if (text === '') {
      errors.push(required(at.index(i)));
      return;
    }
    const slash = text.indexOf('/');
    if (slash < 0) {
      plain = text !== '*';
      return;
    }
    const resource = text.slice(0, slash);
    const sub = text.slice(slash + 1);
    if (allSubresources.has(resource))
      errors.push(
        invalid(at.index(i), text, `if '${resource}/*' is present, must not specify ${text}`),
      );
    if (everyResource.has(sub))
      errors.push(invalid(at.index(i), text, `if '*/${sub}' is present, must not specify ${text}`));
    if (sub === '*') allSubresources.add(resource);
    if (resource === '*') everyResource.add(sub);
  });
  if (resources.length > 1 && resources.includes('*/*'))
    errors.push(invalid(at, resources, "if '*/*' is present, must not specify other resources"));
  if (plain && resources.includes('*'))
    errors.push(
      invalid(
        at,
        resources,
        "if '*' is present, must not specify other resources without subresources",
      ),
    );
  return errors;
}

const RULE_WORDS = {
  operations: 'operations',
  apiGroups: 'API groups',
  apiVersions: 'API versions',
} as const;
