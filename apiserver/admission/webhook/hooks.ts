/**
 * The webhooks that are configured now, in the order in which they are called: configurations by name, the
 * webhooks of one as they stand in it. Compiled once for each state of the configurations, as the watch
 * cache has them: a change counts as soon as it has come in.
 */
import type {
  MatchCondition,
  MutatingWebhook,
  MutatingWebhookConfiguration,
  RuleWithOperations,
  ValidatingWebhook,
  WebhookClientConfig,
} from '../../../pkg/api/types.js';
import { type Selector, selectorFromObject } from '../../../pkg/apimachinery/labels.js';
import type { RequestContext, ServerAccess } from '../../server/request-context.js';

const GROUP = 'admissionregistration.k8s.io';
const DEFAULT_TIMEOUT_SECONDS = 10;

export interface Hook {
  readonly name: string;
  readonly configuration: string;
  /** Stays the same while the configurations do. */
  readonly id: string;
  readonly clientConfig: WebhookClientConfig;
  readonly rules: readonly RuleWithOperations[];
  readonly ignoresFailure: boolean;
  readonly equivalent: boolean;
  readonly namespaceSelector: Selector;
  readonly objectSelector: Selector;
  readonly matchConditions: readonly MatchCondition[];
  readonly conditions: ConditionMatcher | undefined;
  readonly sideEffects: string;
  readonly timeoutMs: number;
  readonly reviewVersions: readonly string[];
  readonly reinvokes: boolean;
}

/** What CEL conditions are asked with; the review's request, and its objects. */
export interface ConditionInput {
  readonly request: Readonly<Record<string, unknown>>;
  readonly object: unknown;
  readonly oldObject: unknown;
}

/** Throws, with the reason that the client sees, where the conditions cannot be evaluated and failure counts. */
export interface ConditionMatcher {
  matches(input: ConditionInput, ctx: ConditionContext): Promise<boolean> | boolean;
}

/** Who asks, for the authorizer that conditions may use. */
export type ConditionContext = Pick<RequestContext, 'user' | 'server' | 'requestInfo'>;

export type CompileMatchConditions = (
  conditions: readonly MatchCondition[],
  failurePolicy: 'Fail' | 'Ignore',
) => ConditionMatcher;

export class HookSource {
  private state = '';
  private compiled: readonly Hook[] = [];

  constructor(
    private readonly server: ServerAccess,
    private readonly resource: 'mutatingwebhookconfigurations' | 'validatingwebhookconfigurations',
    private readonly compile: CompileMatchConditions,
  ) {}

  async hooks(): Promise<readonly Hook[]> {
    const store = this.server.store(GROUP, this.resource);
    const configurations: readonly MutatingWebhookConfiguration[] =
      store.peekAll('') ?? (await store.list(''));
    if (configurations.length === 0) return NO_HOOKS;
    const state = configurations
      .map(({ metadata }) => `${metadata?.uid}@${metadata?.resourceVersion}`)
      .join();
    if (state !== this.state) {
      this.compiled = [...configurations]
        .sort((a, b) => ((a.metadata?.name ?? '') < (b.metadata?.name ?? '') ? -1 : 1))
        .flatMap((configuration) => this.hooksOf(configuration));
      this.state = state;
    }
    return this.compiled;
  }

  private hooksOf({ metadata, webhooks }: MutatingWebhookConfiguration): Hook[] {
    const seen = new Map<string, number>();
    return (webhooks ?? []).map((webhook: ValidatingWebhook & MutatingWebhook) => {
      const nth = seen.get(webhook.name) ?? 0;
      seen.set(webhook.name, nth + 1);
      const conditions = webhook.matchConditions ?? [];
      const policy = webhook.failurePolicy === 'Ignore' ? 'Ignore' : 'Fail';
      return {
        name: webhook.name,
        configuration: metadata?.name ?? '',
        id: `${metadata?.name}/${webhook.name}/${nth}`,
        clientConfig: webhook.clientConfig,
        rules: webhook.rules ?? [],
        ignoresFailure: policy === 'Ignore',
        equivalent: webhook.matchPolicy !== 'Exact',
        namespaceSelector: selectorFromObject(webhook.namespaceSelector ?? {}),
        objectSelector: selectorFromObject(webhook.objectSelector ?? {}),
        matchConditions: conditions,
        conditions: conditions.length > 0 ? this.compile(conditions, policy) : undefined,
        sideEffects: webhook.sideEffects,
        timeoutMs: (webhook.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS) * 1000,
        reviewVersions: webhook.admissionReviewVersions,
        reinvokes: webhook.reinvocationPolicy === 'IfNeeded',
      };
    });
  }
}

const NO_HOOKS: readonly Hook[] = [];
