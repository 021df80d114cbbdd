/**
 * ValidatingAdmissionPolicy: policies in CEL, put into force by bindings. A policy is compiled once for each
 * state of it; what it decides, the binding's `validationActions` say what becomes of it.
 */
import type {
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from '../../../pkg/api/types.js';
import { forbidden, StatusError, type StatusReason } from '../../../pkg/apimachinery/status.js';
import type { RequestContext, ServerAccess } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { AskedDecisions } from '../policy/activation.js';
import { boundPolicies, compiledOnce, isExempt, namespaceOf } from '../policy/bound-policies.js';
import { matchResources } from '../policy/match-resources.js';
import { ConfigurationError, collectParams, type ResourceOfKind } from '../policy/params.js';
import { CompiledPolicy, type Decision } from '../policy/validating-policy.js';
import { type Asked, askedOf } from '../webhook/match.js';
import { reviewRequest } from '../webhook/review.js';
import type { ServedVersion, VersionsOf } from '../webhook/served-versions.js';

const NAME = 'ValidatingAdmissionPolicy';
const RESOURCES = {
  policies: 'validatingadmissionpolicies',
  bindings: 'validatingadmissionpolicybindings',
};
const MAX_ANNOTATION = 10 * 1024;
const CODES: Readonly<Record<string, number>> = {
  Unauthorized: 401,
  Forbidden: 403,
  RequestEntityTooLarge: 413,
  Invalid: 422,
};

export interface PolicyOptions {
  readonly versionsOf: VersionsOf;
  readonly resourceOfKind: ResourceOfKind;
}

interface Denied {
  readonly policy: string;
  readonly binding: string | undefined;
  readonly message: string;
  readonly reason: string;
}

export function validatingAdmissionPolicies(options: PolicyOptions): AdmissionPluginFactory {
  return {
    name: NAME,
    create(server) {
      const compile = compiledOnce(
        (policy: ValidatingAdmissionPolicy) => new CompiledPolicy(policy),
      );
      return {
        name: NAME,
        handles: (_operation, group, resource) => !isExempt(group, resource),
        async validate(attributes, ctx) {
          const bound = await boundPolicies<
            ValidatingAdmissionPolicy,
            ValidatingAdmissionPolicyBinding
          >(server, RESOURCES);
          if (bound.length === 0) return;
          const asked = askedOf(attributes, ctx, options.versionsOf);
          if (!asked) return;
          const judge = new Judge(asked, ctx, server, options);
          for (const { policy, bindings } of bound) await judge.hear(policy, bindings, compile);
          const [first] = judge.denied;
          if (first) throw refusal(attributes, first);
        },
      };
    },
  };
}

/** Hears all policies about one write. */
class Judge {
  readonly denied: Denied[] = [];
  private readonly decisions: AskedDecisions;

  constructor(
    private readonly asked: Asked,
    private readonly ctx: RequestContext,
    private readonly server: ServerAccess,
    private readonly options: PolicyOptions,
  ) {
    this.decisions = new AskedDecisions(ctx.user, server);
  }

  async hear(
    policy: ValidatingAdmissionPolicy,
    bindings: readonly ValidatingAdmissionPolicyBinding[],
    compile: (policy: ValidatingAdmissionPolicy) => CompiledPolicy,
  ): Promise<void> {
    const constraints = policy.spec?.matchConstraints;
    const version = constraints && (await matchResources(constraints, this.asked, this.ctx));
    if (!version) return;
    const annotations = new Map<string, Set<string>>();
    for (const binding of bindings) {
      const match = binding.spec?.matchResources;
      if (match && !(await matchResources(match, this.asked, this.ctx))) continue;
      try {
        await this.judge(policy, binding, compile(policy), version, annotations);
      } catch (err) {
        if (!(err instanceof ConfigurationError)) throw err;
        if (policy.spec?.failurePolicy === 'Ignore') continue;
        this.deny(policy, binding, `failed to configure binding: ${err.message}`, '');
      }
    }
    for (const [key, values] of annotations) {
      this.ctx.annotate(`${policy.metadata?.name ?? ''}/${key}`, [...values].join(', '));
    }
  }

  private async judge(
    policy: ValidatingAdmissionPolicy,
    binding: ValidatingAdmissionPolicyBinding,
    compiled: CompiledPolicy,
    version: ServedVersion,
    annotations: Map<string, Set<string>>,
  ): Promise<void> {
    const { namespace } = this.asked.attributes;
    const params = await collectParams(
      policy.spec?.paramKind,
      binding.spec?.paramRef,
      namespace,
      this.server,
      this.options.resourceOfKind,
    );
    if (params.length === 0) return;
    const { object, oldObject, ...request } = await reviewRequest(
      this.asked,
      version,
      this.ctx.user,
    );
    const namespaceObject = await namespaceOf(this.asked, this.server);
    for (const param of params) {
      const input = { request, object, oldObject, namespaceObject, params: param };
      const decision = await compiled.decide(input, this.decisions);
      this.act(policy, binding, decision);
      for (const { key, value } of decision.annotations) {
        annotations.set(
          key,
          (annotations.get(key) ?? new Set()).add(value.slice(0, MAX_ANNOTATION)),
        );
      }
    }
  }

  private act(
    policy: ValidatingAdmissionPolicy,
    binding: ValidatingAdmissionPolicyBinding,
    decision: Decision,
  ): void {
    const names = { policy: policy.metadata?.name ?? '', binding: binding.metadata?.name ?? '' };
    const actions = binding.spec?.validationActions ?? [];
    for (const { index, message, reason } of decision.denials) {
      for (const action of actions) {
        if (action === 'Deny') this.deny(policy, binding, message, reason);
        else if (action === 'Warn') {
          this.ctx.warn(
            `Validation failed for ValidatingAdmissionPolicy '${names.policy}' with binding '${names.binding}': ${message}`,
          );
        } else if (action === 'Audit') {
          const failure = { message, ...names, expressionIndex: index, validationActions: actions };
          this.ctx.annotate(
            'validation.policy.admission.k8s.io/validation_failure',
            JSON.stringify([failure]),
          );
        }
      }
    }
    for (const error of decision.annotationErrors) this.deny(policy, binding, error, '');
  }

  private deny(
    policy: ValidatingAdmissionPolicy,
    binding: ValidatingAdmissionPolicyBinding,
    message: string,
    reason: string,
  ): void {
    this.denied.push({
      policy: policy.metadata?.name ?? '',
      binding: binding.metadata?.name,
      message,
      reason,
    });
  }
}

function refusal(
  attributes: AdmissionAttributes,
  { policy, binding, message, reason }: Denied,
): StatusError {
  const by = binding === undefined ? '' : ` with binding '${binding}'`;
  const text = `ValidatingAdmissionPolicy '${policy}'${by} denied request: ${message}`;
  const { group, resource, object, oldObject } = attributes;
  const meta = (object ?? oldObject)?.metadata;
  const name = attributes.name || meta?.name || meta?.generateName || '';
  const { status } = forbidden({ group, resource }, name, text);
  const why = reason === '' ? 'Invalid' : reason;
  return new StatusError({
    ...status,
    reason: why as StatusReason,
    code: CODES[why] ?? 422,
    details: { ...status.details, causes: [...(status.details?.causes ?? []), { message: text }] },
  });
}
