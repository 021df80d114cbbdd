/**
 * Webhook authorization (`--authorization-webhook-config-file`): somebody else is asked, with a
 * SubjectAccessReview. Answers are kept for a while, allowed ones longer. A webhook that cannot be reached
 * has no opinion, or denies, as its failure policy says.
 */
import type {
  FieldSelectorRequirement,
  LabelSelectorRequirement,
  SubjectAccessReviewSpec,
} from '../../pkg/api/types.js';
import { FieldSelectorError, parseFieldSelector } from '../../pkg/apimachinery/fields.js';
import { parseSelector, SelectorError } from '../../pkg/apimachinery/labels.js';
import type { RestConfig } from '../../pkg/client/config.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import { remoteTarget } from '../authn/remote-target.js';
import { callRemote } from '../server/remote-call.js';
import type { AuthorizationAttributes, AuthorizationDecision } from '../server/request-context.js';
import { type Authorizer, NO_OPINION } from './attributes.js';
import { type AccessCondition, meetsConditions } from './webhook-conditions.js';

const TIMEOUT_MS = 30_000;
const MAX_KEPT = 1_024;
/** Longer questions are not remembered. */
const MAX_KEY_LENGTH = 10_000;

export interface WebhookAuthorizerOptions {
  readonly target: RestConfig;
  readonly authorizedTtlMs: number;
  readonly unauthorizedTtlMs: number;
  readonly failurePolicy: 'NoOpinion' | 'Deny';
  readonly timeoutMs?: number;
  /** Requests for which one is false are not for this webhook. */
  readonly conditions?: readonly AccessCondition[];
  readonly clock: Clock;
  readonly logger: Logger;
}

export class WebhookAuthorizer implements Authorizer {
  private readonly kept = new Map<string, { decision: AuthorizationDecision; until: number }>();

  constructor(private readonly options: WebhookAuthorizerOptions) {}

  async authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision> {
    const { clock, logger, authorizedTtlMs, unauthorizedTtlMs } = this.options;
    const review = specOf(attributes);
    try {
      if (!meetsConditions(this.options.conditions ?? [], review)) return NO_OPINION;
    } catch (err) {
      return this.failed(err);
    }
    const spec = JSON.stringify(review);
    const known = this.kept.get(spec);
    if (known && known.until > clock.now()) return known.decision;
    try {
      const decision = await this.ask(spec);
      const ttl = decision.allowed ? authorizedTtlMs : unauthorizedTtlMs;
      this.kept.delete(spec);
      if (ttl > 0 && spec.length <= MAX_KEY_LENGTH) {
        if (this.kept.size >= MAX_KEPT) {
          const oldest = this.kept.keys().next().value;
          if (oldest !== undefined) this.kept.delete(oldest);
        }
        this.kept.set(spec, { decision, until: clock.now() + ttl });
      }
      return decision;
    } catch (err) {
      logger.warn({ err }, 'The authorization webhook cannot be asked');
      return this.failed(err);
    }
  }

  private failed(err: unknown): AuthorizationDecision {
    return {
      allowed: false,
      ...(this.options.failurePolicy === 'Deny' ? { denied: true } : {}),
      evaluationError: err instanceof Error ? err.message : String(err),
    };
  }

  private async ask(spec: string): Promise<AuthorizationDecision> {
    const { target, clock, timeoutMs } = this.options;
    const { code, text } = await callRemote({
      ...remoteTarget(target),
      timeoutMs: timeoutMs ?? TIMEOUT_MS,
      clock,
      body: `{"kind":"SubjectAccessReview","apiVersion":"authorization.k8s.io/v1","metadata":{},"spec":${spec}}`,
    });
    if (code < 200 || code > 201)
      throw new Error(`the authorization webhook answered with status ${code}`);
    const review = JSON.parse(text) as { kind?: unknown; status?: ReviewStatus } | null;
    if (review?.kind !== 'SubjectAccessReview' || typeof review.status !== 'object')
      throw new Error('the authorization webhook did not answer with a SubjectAccessReview');
    const { allowed = false, denied = false, reason, evaluationError } = review.status;
    if (allowed && denied)
      throw new Error('webhook subject access review returned both allow and deny response');
    return {
      allowed,
      ...(denied ? { denied } : {}),
      ...(reason ? { reason } : {}),
      ...(evaluationError ? { evaluationError } : {}),
    };
  }
}

interface ReviewStatus {
  readonly allowed?: boolean;
  readonly denied?: boolean;
  readonly reason?: string;
  readonly evaluationError?: string;
}

function specOf(attributes: AuthorizationAttributes): SubjectAccessReviewSpec {
  const { user, verb, isResourceRequest, path, name, namespace } = attributes;
  const { group, version, resource, subresource } = attributes;
  const fields = fieldRequirements(attributes.fieldSelector);
  const labels = labelRequirements(attributes.labelSelector);
  const resourceAttributes = {
    namespace,
    verb,
    group,
    version,
    resource,
    subresource,
    name,
    ...(fields.length > 0 ? { fieldSelector: { requirements: fields } } : {}),
    ...(labels.length > 0 ? { labelSelector: { requirements: labels } } : {}),
  };
  return {
    ...(isResourceRequest ? { resourceAttributes } : { nonResourceAttributes: { path, verb } }),
    user: user.name,
    groups: [...user.groups],
    ...(user.uid ? { uid: user.uid } : {}),
    ...(user.extra
      ? { extra: Object.fromEntries(Object.entries(user.extra).map(([key, of]) => [key, [...of]])) }
      : {}),
  };
}

/** Selectors only narrow: what cannot be read is left out. */
function fieldRequirements(text: string | undefined): FieldSelectorRequirement[] {
  try {
    return parseFieldSelector(text ?? '').requirements.map(({ field, operator, value }) => ({
      key: field,
      operator: operator === '=' ? 'In' : 'NotIn',
      values: [value],
    }));
  } catch (err) {
    if (err instanceof FieldSelectorError) return [];
    throw err;
  }
}

function labelRequirements(text: string | undefined): LabelSelectorRequirement[] {
  try {
    return parseSelector(text ?? '').requirements.flatMap(({ key, operator, values }) => {
      const name = LABEL_OPERATORS[operator];
      if (!name) return [];
      return [{ key, operator: name, ...(values.length > 0 ? { values: [...values] } : {}) }];
    });
  } catch (err) {
    if (err instanceof SelectorError) return [];
    throw err;
  }
}

const LABEL_OPERATORS: Readonly<Record<string, string>> = {
  '=': 'In',
  '==': 'In',
  in: 'In',
  '!=': 'NotIn',
  notin: 'NotIn',
  exists: 'Exists',
  '!': 'DoesNotExist',
};
