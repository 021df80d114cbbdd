/**
 * MutatingAdmissionWebhook and ValidatingAdmissionWebhook. Mutating webhooks are called one after the
 * other, each with what the ones before made of the object; validating ones all at once.
 *
 * When a webhook has changed the object, the plugins run a second time, in which only webhooks are called
 * that ask to be (`reinvocationPolicy: IfNeeded`), were called before, and whose object has changed since.
 */
import { deepEqual } from '../../../pkg/apimachinery/equality.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import { applyJsonPatch, asJsonPatch } from '../../../pkg/apimachinery/patch/json-patch.js';
import { internalError, StatusError } from '../../../pkg/apimachinery/status.js';
import type { RequestContext } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPlugin, AdmissionPluginFactory } from '../admission.js';
import type { ResourceOfKind } from '../policy/params.js';
import { WebhookCallError, type WebhookCaller } from '../webhook/caller.js';
import { type CompileMatchConditions, type Hook, HookSource } from '../webhook/hooks.js';
import { type Asked, askedOf, meetsConditions, versionFor } from '../webhook/match.js';
import { type ReviewAnswer, reviewRequest } from '../webhook/review.js';
import type { ServedVersion, VersionsOf } from '../webhook/served-versions.js';

export interface WebhookOptions {
  readonly caller: WebhookCaller;
  readonly versionsOf: VersionsOf;
  readonly compileMatchConditions: CompileMatchConditions;
  /** What policies look their parameters up by. */
  readonly resourceOfKind: ResourceOfKind;
}

const REGISTRATION = 'admissionregistration.k8s.io';
/** They are never asked about what configures them: a bad one could not be taken away. */
const EXEMPT = new Set([
  'mutatingadmissionpolicies',
  'mutatingadmissionpolicybindings',
  'mutatingwebhookconfigurations',
  'validatingadmissionpolicies',
  'validatingadmissionpolicybindings',
  'validatingwebhookconfigurations',
]);

const handles: AdmissionPlugin['handles'] = (_operation, group, resource) =>
  group !== REGISTRATION || !EXEMPT.has(resource);

/** Which call it is, as the audit log names it. */
interface Place {
  readonly mutating: boolean;
  readonly key: string;
}

/** What the rounds of one write have to remember of each other. */
interface Rounds {
  /** Webhooks that were called and may be called again. */
  readonly called: Set<string>;
  /** Those among them whose object was changed since. */
  readonly again: Set<string>;
  /** As the last webhook left it. */
  last?: KubeObject | undefined;
}

export function mutatingWebhooks(options: WebhookOptions): AdmissionPluginFactory {
  const name = 'MutatingAdmissionWebhook';
  return {
    name,
    create(server) {
      const source = new HookSource(
        server,
        'mutatingwebhookconfigurations',
        options.compileMatchConditions,
      );
      const rounds = new WeakMap<AdmissionAttributes, Rounds>();
      return {
        name,
        handles,
        async admit(attributes, ctx) {
          const hooks = await source.hooks();
          if (hooks.length === 0) return;
          if (!askedOf(attributes, ctx, options.versionsOf)) return;
          const round = rounds.get(attributes) ?? { called: new Set(), again: new Set() };
          rounds.set(attributes, round);
          await mutate(hooks, attributes, round, options, ctx);
        },
      };
    },
  };
}

async function mutate(
  hooks: readonly Hook[],
  attributes: AdmissionAttributes,
  round: Rounds,
  options: WebhookOptions,
  ctx: RequestContext,
): Promise<void> {
  const second = attributes.reinvocation === 'running';
  if (second && !deepEqual(round.last, attributes.object))
    for (const id of round.called) round.again.add(id);
  for (const [index, hook] of hooks.entries()) {
    const place: Place = { mutating: true, key: `round_${second ? 1 : 0}_index_${index}` };
    if (second && !round.again.has(hook.id)) continue;
    const asked = askedOf(attributes, ctx, options.versionsOf);
    if (!asked) return;
    const version = await versionFor(hook, asked, ctx);
    if (!version) continue;
    const answer = await askOne(hook, asked, version, place, options, ctx);
    round.again.delete(hook.id);
    const mutated =
      answer?.patch !== undefined && (await change(hook, answer, attributes, version));
    ctx.annotate(
      `mutation.webhook.admission.k8s.io/${place.key}`,
      JSON.stringify({ configuration: hook.configuration, webhook: hook.name, mutated }),
    );
    if (mutated) {
      for (const id of round.called) round.again.add(id);
      if (!second) attributes.reinvocation = 'wanted';
    }
    if (answer && hook.reinvokes) round.called.add(hook.id);
  }
  round.last = structuredClone(attributes.object);
}

/** Whether the patch changed anything. */
async function change(
  hook: Hook,
  { patch = '', patchType }: ReviewAnswer,
  attributes: AdmissionAttributes,
  version: ServedVersion,
): Promise<boolean> {
  const { object, subresource } = attributes;
  if (patchType !== 'JSONPatch')
    throw internalError(
      new WebhookCallError(hook.name, `unsupported patch type ${JSON.stringify(patchType ?? '')}`),
    );
  try {
    const operations = asJsonPatch(JSON.parse(patch));
    if (operations.length === 0) return false;
    if (!object)
      throw new Error(
        `admission webhook ${JSON.stringify(hook.name)} attempted to modify the object, which is not supported for this operation`,
      );
    const before = await version.show(object, subresource);
    const after = applyJsonPatch(before, operations);
    const changed = await version.take(after, subresource, object);
    const differs = !deepEqual(changed, object);
    attributes.object = changed;
    return differs;
  } catch (err) {
    throw internalError(err);
  }
}

export function validatingWebhooks(options: WebhookOptions): AdmissionPluginFactory {
  const name = 'ValidatingAdmissionWebhook';
  return {
    name,
    create(server) {
      const source = new HookSource(
        server,
        'validatingwebhookconfigurations',
        options.compileMatchConditions,
      );
      return {
        name,
        handles,
        async validate(attributes, ctx) {
          const hooks = await source.hooks();
          if (hooks.length === 0) return;
          const asked = askedOf(attributes, ctx, options.versionsOf);
          if (!asked) return;
          const outcomes = await Promise.allSettled(
            hooks.map(async (hook, index) => {
              const version = await versionFor(hook, asked, ctx);
              const place: Place = { mutating: false, key: `round_0_index_${index}` };
              if (version) await askOne(hook, asked, version, place, options, ctx);
            }),
          );
          const refused = outcomes.find((outcome) => outcome.status === 'rejected');
          if (refused) throw refused.reason;
        },
      };
    },
  };
}

/** Undefined where the webhook was not called, or failed and its failure does not count. */
async function askOne(
  hook: Hook,
  asked: Asked,
  version: ServedVersion,
  { mutating, key }: Place,
  { caller }: WebhookOptions,
  ctx: RequestContext,
): Promise<ReviewAnswer | undefined> {
  const request = await reviewRequest(asked, version, ctx.user);
  const { object, oldObject } = request;
  if (!(await meetsConditions(hook, asked, { request, object, oldObject }, ctx))) return undefined;
  try {
    return await caller.call(hook, request, mutating, ctx);
  } catch (err) {
    if (err instanceof StatusError || !(err instanceof WebhookCallError)) throw err;
    if (!hook.ignoresFailure) throw internalError(err);
    const kind = mutating ? 'mutation' : 'validating';
    ctx.annotate(`failed-open.${kind}.webhook.admission.k8s.io/${key}`, hook.name);
    ctx.logger.warn({ err, webhook: hook.name }, 'A webhook failed and is ignored');
    return undefined;
  }
}
