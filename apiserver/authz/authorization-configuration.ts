/**
 * `--authorization-config` (AuthorizationConfiguration, `apiserver.config.k8s.io/v1`, v1beta1): which
 * authorizers there are and in which order, with as many webhooks as wanted.
 */
import { statSync } from 'node:fs';
import { isAbsolute } from 'node:path';
import { parseDuration } from '../../pkg/apimachinery/duration.js';
import {
  duplicate,
  type FieldError,
  invalid,
  notSupported,
  type Path,
  path,
  required,
  tooMany,
} from '../../pkg/apimachinery/field-error.js';
import { isDNS1123Subdomain } from '../../pkg/apimachinery/validation/names.js';
import { ACCESS_ENVIRONMENT } from '../../pkg/cel/access-review.js';
import { compileExpression } from '../../pkg/cel/admission.js';
import { BOOL } from '../../pkg/cel/types.js';
import { readAccessConfig } from '../server/access-config.js';
import type { ConfigFields } from '../server/config-fields.js';
import type { AccessCondition } from './webhook-conditions.js';

export interface ConfiguredWebhook {
  readonly kubeconfigFile: string;
  /** 0: answers of this kind are not kept. */
  readonly authorizedTtlMs: number;
  readonly unauthorizedTtlMs: number;
  readonly timeoutMs: number;
  readonly failurePolicy: 'NoOpinion' | 'Deny';
  readonly conditions: readonly AccessCondition[];
}

export interface ConfiguredAuthorizer {
  readonly type: string;
  readonly webhook?: ConfiguredWebhook;
}

const VERSIONS = ['v1', 'v1beta1'];
const TYPES = ['ABAC', 'AlwaysAllow', 'AlwaysDeny', 'Node', 'RBAC', 'Webhook'];
const WEBHOOK = 'Webhook';
const MAX_TIMEOUT_MS = 30_000;
const MAX_CONDITIONS = 64;

/** Throws, naming every field that is wrong. */
export function parseAuthorizationConfiguration(text: string): readonly ConfiguredAuthorizer[] {
  return readAccessConfig(text, 'AuthorizationConfiguration', VERSIONS, (config, errors) => {
    const entries = config.objects('authorizers');
    const at = path('authorizers');
    if (entries.length === 0)
      errors.push(required(at, 'at least one authorization mode must be defined'));
    const types = new Set<string>();
    const names = new Set<string>();
    return entries.map((entry) => {
      const type = entry.text('type');
      const name = entry.text('name');
      const webhook = entry.has('webhook') ? entry.object('webhook') : undefined;
      const read = webhook && webhookOf(webhook, entry.at, errors, type === WEBHOOK);
      if (type === '') errors.push(required(entry.path('type')));
      else if (!TYPES.includes(type)) errors.push(notSupported(entry.path('type'), type, TYPES));
      else if (type !== WEBHOOK && types.has(type))
        errors.push(duplicate(entry.path('type'), type));
      else errors.push(...nameErrors(name, entry.path('name'), names));
      if (type === WEBHOOK && !webhook)
        errors.push(required(entry.path('webhook'), 'required when type=Webhook'));
      if (type !== WEBHOOK && webhook) {
        const why = 'may only be specified when type=Webhook';
        errors.push(invalid(entry.path('webhook'), 'non-null', why));
      }
      types.add(type);
      names.add(name);
      return { type, ...(read ? { webhook: read } : {}) };
    });
  });
}

function nameErrors(name: string, at: Path, names: ReadonlySet<string>): FieldError[] {
  if (name === '') return [required(at)];
  if (names.has(name)) return [duplicate(at, name)];
  const faults = isDNS1123Subdomain(name);
  return faults.length === 0
    ? []
    : [invalid(at, name, `authorizer name is invalid: ${faults.join(', ')}`)];
}

/** Errors are at the authorizer and not below its `webhook`, as upstream. */
function webhookOf(
  of: ConfigFields,
  at: Path,
  found: FieldError[],
  counts: boolean,
): ConfiguredWebhook {
  const errors: FieldError[] = [];
  const timeoutMs = duration(of, 'timeout', '', at, errors);
  if (timeoutMs > MAX_TIMEOUT_MS || timeoutMs < 0)
    errors.push(invalid(at.child('timeout'), of.text('timeout'), 'must be > 0s and <= 30s'));
  const ttl = (field: string, fallback: string, cached: string) => {
    const value = duration(of, field, fallback, at, errors);
    if (value < 0) errors.push(invalid(at.child(field), of.text(field), 'must be > 0s'));
    return of.flag(cached, true) ? value : 0;
  };
  const authorizedTtlMs = ttl('authorizedTTL', '5m', 'cacheAuthorizedRequests');
  const unauthorizedTtlMs = ttl('unauthorizedTTL', '30s', 'cacheUnauthorizedRequests');
  const conditions = of.objects('matchConditions').map((condition) => condition.text('expression'));
  versionErrors(of, at, conditions.length > 0, errors);
  const failurePolicy = of.text('failurePolicy');
  if (failurePolicy === '') errors.push(required(at.child('failurePolicy')));
  else if (failurePolicy !== 'NoOpinion' && failurePolicy !== 'Deny')
    errors.push(notSupported(at.child('failurePolicy'), failurePolicy, ['NoOpinion', 'Deny']));
  const kubeconfigFile = connectionOf(of.object('connectionInfo'), at, errors);
  const compiled = conditionsOf(conditions, at.child('matchConditions'), errors);
  if (counts) found.push(...errors);
  return {
    kubeconfigFile,
    authorizedTtlMs,
    unauthorizedTtlMs,
    timeoutMs,
    failurePolicy: failurePolicy === 'Deny' ? 'Deny' : 'NoOpinion',
    conditions: compiled,
  };
}

function duration(
  of: ConfigFields,
  field: string,
  fallback: string,
  at: Path,
  errors: FieldError[],
): number {
  const text = of.text(field) || fallback;
  if (text === '' || text === '0s') {
    errors.push(required(at.child(field)));
    return 0;
  }
  try {
    return parseDuration(text);
  } catch (err) {
    errors.push(invalid(at.child(field), text, err instanceof Error ? err.message : String(err)));
    return 0;
  }
}

function versionErrors(of: ConfigFields, at: Path, conditions: boolean, errors: FieldError[]) {
  const review = of.text('subjectAccessReviewVersion');
  const own = at.child('subjectAccessReviewVersion');
  if (review === '') errors.push(required(own));
  else if (review === 'v1beta1')
    errors.push(invalid(own, review, 'only v1 is supported by this server'));
  else if (review !== 'v1') errors.push(notSupported(own, review, ['v1', 'v1beta1']));
  const condition = of.text('matchConditionSubjectAccessReviewVersion');
  const other = at.child('matchConditionSubjectAccessReviewVersion');
  if (condition === '' && conditions)
    errors.push(required(other, 'required if match conditions are specified'));
  else if (condition !== '' && condition !== 'v1')
    errors.push(notSupported(other, condition, ['v1']));
}

function connectionOf(of: ConfigFields, at: Path, errors: FieldError[]): string {
  const type = of.text('type');
  const file = of.text('kubeConfigFile');
  const own = at.child('connectionInfo', 'kubeConfigFile');
  const where = at.child('connectionInfo', 'type');
  if (type === '') errors.push(required(where));
  else if (type === 'InClusterConfig')
    errors.push(invalid(where, type, 'only a KubeConfigFile is supported by this server'));
  else if (type !== 'KubeConfigFile')
    errors.push(notSupported(where, type, ['InClusterConfig', 'KubeConfigFile']));
  else if (file === '') errors.push(required(own));
  else if (!isAbsolute(file)) errors.push(invalid(own, file, 'must be an absolute path'));
  else {
    try {
      if (!statSync(file).isFile()) errors.push(invalid(own, file, 'must be a regular file'));
    } catch {
      const why = `error loading file: stat ${file}: no such file or directory`;
      errors.push(invalid(own, file, why));
    }
  }
  return file;
}

function conditionsOf(texts: readonly string[], at: Path, errors: FieldError[]): AccessCondition[] {
  if (texts.length > MAX_CONDITIONS) {
    errors.push(tooMany(at, texts.length, MAX_CONDITIONS));
    return [];
  }
  return texts.flatMap((text, i): AccessCondition[] => {
    const own = at.index(i).child('expression');
    if (text.trim() === '') errors.push(required(own));
    else if (texts.indexOf(text) < i) errors.push(duplicate(own, text));
    else {
      const compiled = compileExpression(text, ACCESS_ENVIRONMENT, [BOOL]);
      if ('program' in compiled) return [{ text, program: compiled.program }];
      errors.push(invalid(own, text, compiled.error));
    }
    return [];
  });
}
