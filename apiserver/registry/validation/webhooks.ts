/** Admission webhooks: defaults and checks that both kinds of them share. */

import type {
  MutatingWebhook,
  RuleWithOperations,
  ValidatingWebhook,
  WebhookClientConfig,
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
import { isDNS1123Subdomain } from '../../../pkg/apimachinery/validation/names.js';

type Webhook = ValidatingWebhook & Pick<MutatingWebhook, 'reinvocationPolicy'>;

const OPERATIONS = ['*', 'CONNECT', 'CREATE', 'DELETE', 'UPDATE'];
const DEFAULT_TIMEOUT_SECONDS = 10;
const MAX_TIMEOUT_SECONDS = 30;

export function setWebhookDefaults(webhook: Webhook): void {
  webhook.failurePolicy ??= 'Fail';
  webhook.matchPolicy ??= 'Equivalent';
  webhook.namespaceSelector ??= {};
  webhook.objectSelector ??= {};
  webhook.timeoutSeconds ??= DEFAULT_TIMEOUT_SECONDS;
  for (const rule of webhook.rules ?? []) rule.scope ??= '*';
  if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= 443;
}

export function validateWebhooks(webhooks: readonly Webhook[] | undefined): FieldError[] {
  const errors: FieldError[] = [];
  const seen = new Set<string>();
  (webhooks ?? []).forEach((webhook, i) => {
    const at = path('webhooks').index(i);
    errors.push(...validateWebhook(webhook, at));
    if (seen.has(webhook.name)) errors.push(duplicate(at.child('name'), webhook.name));
    seen.add(webhook.name);
  });
  return errors;
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
  if ((webhook.admissionReviewVersions ?? []).length === 0) {
    errors.push(required(at.child('admissionReviewVersions'), 'must specify one of v1, v1beta1'));
  } else if (!webhook.admissionReviewVersions.some((v) => v === 'v1' || v === 'v1beta1')) {
    errors.push(
      invalid(
        at.child('admissionReviewVersions'),
        webhook.admissionReviewVersions,
        'must include at least one of v1, v1beta1',
      ),
    );
  }
  (webhook.rules ?? []).forEach((rule, i) => {
    errors.push(...validateRule(rule, at.child('rules').index(i)));
  });
  among('failurePolicy', ['Fail', 'Ignore']);
  among('matchPolicy', ['Equivalent', 'Exact']);
  among('reinvocationPolicy', ['IfNeeded', 'Never']);
  if (webhook.sideEffects === undefined || webhook.sideEffects === '') {
    errors.push(required(at.child('sideEffects'), 'must specify one of None, NoneOnDryRun'));
  } else if (!['None', 'NoneOnDryRun'].includes(webhook.sideEffects)) {
    errors.push(
      notSupported(at.child('sideEffects'), webhook.sideEffects, ['None', 'NoneOnDryRun']),
    );
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
  errors.push(...validateClientConfig(webhook.clientConfig, at.child('clientConfig')));
  return errors;
}

/** At least three segments: `webhook.example.com`. */
function validateQualifiedName(name: string, at: Path): FieldError[] {
  if (!name) return [required(at)];
  const errors = isDNS1123Subdomain(name).map((why) => invalid(at, name, why));
  if (errors.length === 0 && name.split('.').length < 3) {
    errors.push(
      invalid(at, name, 'should be a domain with at least three segments separated by dots'),
    );
  }
  return errors;
}

export function validateRule(rule: RuleWithOperations, at: Path): FieldError[] {
  const errors: FieldError[] = [];
  for (const field of ['operations', 'apiGroups', 'apiVersions', 'resources'] as const) {
    const values = rule[field] ?? [];
    if (values.length === 0) errors.push(required(at.child(field)));
    if (values.length > 1 && values.includes('*') && field !== 'resources') {
      errors.push(
        invalid(
          at.child(field),
          values,
          `if '*' is present, must not specify other ${RULE_WORDS[field]}`,
        ),
      );
    }
  }
  (rule.operations ?? []).forEach((operation, i) => {
    if (!OPERATIONS.includes(operation)) {
      errors.push(notSupported(at.child('operations').index(i), operation, OPERATIONS));
    }
  });
  if (rule.scope !== undefined && !['*', 'Cluster', 'Namespaced'].includes(rule.scope)) {
    errors.push(notSupported(at.child('scope'), rule.scope, ['*', 'Cluster', 'Namespaced']));
  }
  return errors;
}

const RULE_WORDS = {
  operations: 'operations',
  apiGroups: 'API groups',
  apiVersions: 'API versions',
  resources: 'resources',
} as const;

function validateClientConfig(config: WebhookClientConfig | undefined, at: Path): FieldError[] {
  if ((config?.url === undefined) === (config?.service === undefined)) {
    return [required(at, 'exactly one of url or service is required')];
  }
  if (config?.url !== undefined) return validateURL(config.url, at.child('url'));
  const errors: FieldError[] = [];
  const here = at.child('service');
  for (const field of ['name', 'namespace'] as const) {
    if (!config?.service?.[field])
      errors.push(required(here.child(field), `service ${field} is required`));
  }
  const port = config?.service?.port;
  if (port !== undefined && (port < 1 || port > 65535)) {
    errors.push(
      invalid(
        here.child('port'),
        port,
        'port is not valid: must be between 1 and 65535, inclusive',
      ),
    );
  }
  const servicePath = config?.service?.path;
  if (servicePath !== undefined && !servicePath.startsWith('/')) {
    errors.push(invalid(here.child('path'), servicePath, "must start with a '/'"));
  }
  return errors;
}

function validateURL(text: string, at: Path): FieldError[] {
  if (!URL.canParse(text))
    return [
      required(at, `url must be a valid URL: parse "${text}"; desired format: https://host[/path]`),
    ];
  const url = new URL(text);
  const form = '; desired format: https://host[/path]';
  const errors: FieldError[] = [];
  if (url.protocol !== 'https:') {
    errors.push(
      invalid(at, url.protocol.slice(0, -1), `'https' is the only allowed URL scheme${form}`),
    );
  }
  if (url.host === '') errors.push(invalid(at, url.host, `host must be specified${form}`));
  if (url.username !== '')
    errors.push(invalid(at, url.username, 'user information is not permitted in the URL'));
  if (url.hash !== '')
    errors.push(invalid(at, url.hash.slice(1), 'fragments are not permitted in the URL'));
  if (url.search !== '')
    errors.push(invalid(at, url.search.slice(1), 'query parameters are not permitted in the URL'));
  return errors;
}
