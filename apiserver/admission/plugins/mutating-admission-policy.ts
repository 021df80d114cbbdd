/**
 * MutatingAdmissionPolicy: policies in CEL that change what is written, put into force by bindings. All that
 * match are found first; then they are invoked one after the other, each on what the one before left.
 *
 * When one has changed the object, all mutating plugins run a second time, in which only those policies are
 * invoked that ask to be (`reinvocationPolicy: IfNeeded`), were invoked before, and whose object has changed
 * since, by themselves or others (`policy/mutating/dispatcher.go`).
 */
import type {
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
} from '../../../pkg/api/types.js';
import { deepEqual } from '../../../pkg/apimachinery/equality.js';
import type { KubeObject } from '../../../pkg/apimachinery/meta.js';
import {
  forbidden,
  internalError,
  StatusError,
  serviceUnavailable,
} from '../../../pkg/apimachinery/status.js';
import type { RequestContext, ServerAccess } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPlugin, AdmissionPluginFactory } from '../admission.js';
import { AskedDecisions } from '../policy/activation.js';
import { boundPolicies, compiledOnce, isExempt, namespaceOf } from '../policy/bound-policies.js';
import { matchResources } from '../policy/match-resources.js';
import {
  CompiledMutatingPolicy,
  type CompiledMutation,
  MutationError,
} from '../policy/mutating-policy.js';
import { ConfigurationError, collectParams, type ResourceOfKind } from '../policy/params.js';
import { type Asked, askedOf } from '../webhook/match.js';
import { reviewRequest } from '../webhook/review.js';
import type { ServedVersion, VersionsOf } from '../webhook/served-versions.js';

const NAME = 'MutatingAdmissionPolicy';
const RESOURCES = {
  policies: 'mutatingadmissionpolicies',
  bindings: 'mutatingadmissionpolicybindings',
};

export interface MutatingPolicyOptions {
  readonly versionsOf: VersionsOf;
  readonly resourceOfKind: ResourceOfKind;
}

/** A policy for this write, with one of its bindings and one of the parameters. */
interface Invocation {
  readonly policy: MutatingAdmissionPolicy;
  readonly binding: MutatingAdmissionPolicyBinding;
  readonly version: ServedVersion;
  readonly param: KubeObject | undefined;
  readonly compiled: CompiledMutatingPolicy;
  /** The same in both rounds. */
  readonly key: string;
}

interface PolicyFault {
  readonly message: string;
  readonly reason: 'Invalid' | 'Forbidden';
}

/** What the rounds of one write have to remember of each other. */
interface Rounds {
  /** Invoked, and may be again. */
  readonly invoked: Set<string>;
  /** Those among them whose object was changed since. */
  readonly again: Set<string>;
  /** As the last policy left it. */
  last?: KubeObject | undefined;
}

type Compile = (policy: MutatingAdmissionPolicy) => CompiledMutatingPolicy;

/** Only where its resources are served. */
export function mutatingAdmissionPolicies(options: MutatingPolicyOptions): AdmissionPluginFactory {
  return {
    name: NAME,
    create(server): AdmissionPlugin {
      const compile = compiledOnce(
        (policy: MutatingAdmissionPolicy) => new CompiledMutatingPolicy(policy),
      );
      const rounds = new WeakMap<AdmissionAttributes, Rounds>();
      return {
        name: NAME,
        handles: (operation, group, resource) =>
          operation !== 'DELETE' && !isExempt(group, resource),
        async admit(attributes, ctx) {
          const bound = await boundPolicies<
            MutatingAdmissionPolicy,
            MutatingAdmissionPolicyBinding
          >(server, RESOURCES);
          if (bound.length === 0 || !attributes.object) return;
          const asked = askedOf(attributes, ctx, options.versionsOf);
          if (!asked) return;
          const round = rounds.get(attributes) ?? { invoked: new Set(), again: new Set() };
          rounds.set(attributes, round);
          const change = new Change(asked, ctx, server, options, round);
          for (const { policy, bindings } of bound) await change.find(policy, bindings, compile);
          await change.invokeAll();
          const [first] = change.faults;
          if (first) throw refusal(attributes, first, change.faults);
        },
      };
    },
  };
}

/** All policies' changes to one write. */
class Change {
  readonly faults: PolicyFault[] = [];
  private readonly invocations: Invocation[] = [];
  private readonly decisions: AskedDecisions;
  private mutated = false;

  constructor(
    private readonly asked: Asked,
    private readonly ctx: RequestContext,
    private readonly server: ServerAccess,
    private readonly options: MutatingPolicyOptions,
    private readonly round: Rounds,
  ) {
    this.decisions = new AskedDecisions(ctx.user, server);
  }

  async find(
    policy: MutatingAdmissionPolicy,
    bindings: readonly MutatingAdmissionPolicyBinding[],
    compile: Compile,
  ): Promise<void> {
    const constraints = policy.spec?.matchConstraints;
    const version = constraints && (await matchResources(constraints, this.asked, this.ctx));
    if (!version) return;
    for (const binding of bindings) {
      const match = binding.spec?.matchResources;
      if (match && !(await matchResources(match, this.asked, this.ctx))) continue;
      try {
        for (const param of await this.params(policy, binding)) {
          const { namespace = '', name = '' } = param?.metadata ?? {};
          const parts = [policy.metadata?.name, binding.metadata?.name, namespace, name];
          const key = JSON.stringify(parts);
          const compiled = compile(policy);
          this.invocations.push({ policy, binding, version, param, compiled, key });
        }
      } catch (err) {
        if (!(err instanceof ConfigurationError)) throw err;
        this.fault(policy, binding, `failed to configure binding: ${err.message}`, 'Forbidden');
      }
    }
  }

  async invokeAll(): Promise<void> {
    const { attributes } = this.asked;
    if (this.invocations.length === 0) return;
    const round = this.round;
    const second = attributes.reinvocation === 'running';
    if (second && !deepEqual(round.last, attributes.object)) reinvokeAll(round);
    const namespaceObject = await namespaceOf(this.asked, this.server);
    for (const invocation of this.invocations) {
      const { policy, binding, key } = invocation;
      try {
        await this.invoke(invocation, namespaceObject, second && !round.again.has(key));
      } catch (err) {
        if (!(err instanceof MutationError)) throw err;
        this.fault(policy, binding, err.message, 'Invalid');
      }
    }
    if (this.mutated) {
      // Upstream counts a policy's own change, too.
      reinvokeAll(round);
      if (!second) attributes.reinvocation = 'wanted';
    }
    round.last = structuredClone(attributes.object);
  }

  private async invoke(
    invocation: Invocation,
    namespaceObject: KubeObject | undefined,
    skipped: boolean,
  ): Promise<void> {
    const { policy, binding, compiled, key } = invocation;
    const { attributes } = this.asked;
    const round = this.round;
    const input = await this.input(invocation, namespaceObject);
    if (!(await compiled.matches(input, this.decisions)) || skipped) return;
    const before = attributes.object;
    for (const mutation of compiled.mutations) {
      try {
        await this.mutate(invocation, mutation, namespaceObject);
      } catch (err) {
        // The mutations after it are still made.
        if (!(err instanceof MutationError)) throw err;
        this.fault(policy, binding, err.message, 'Invalid');
      }
    }
    if (!deepEqual(before, attributes.object)) reinvokeAll(round);
    if (policy.spec?.reinvocationPolicy === 'IfNeeded') round.invoked.add(key);
  }

  private async mutate(
    invocation: Invocation,
    mutation: CompiledMutation,
    namespaceObject: KubeObject | undefined,
  ): Promise<void> {
    const { attributes } = this.asked;
    const { version, compiled } = invocation;
    const { object, subresource } = attributes;
    if (!object) return;
    const type = version.fieldType(subresource);
    if (!type) throw kindUnknown(version, subresource);
    const input = await this.input(invocation, namespaceObject);
    const shown = input.object as KubeObject;
    const changed = await compiled.mutate(mutation, input, this.decisions, shown, type);
    if (changed === undefined) return;
    try {
      attributes.object = await version.take(changed, subresource, object, mutation.isJsonPatch);
      this.mutated = true;
    } catch (err) {
      if (mutation.isJsonPatch) throw internalError(err);
      throw new MutationError(err instanceof Error ? err.message : String(err));
    }
  }

  /** What expressions see: the object as it is now. */
  private async input({ version, param }: Invocation, namespaceObject: KubeObject | undefined) {
    const review = await reviewRequest(this.asked, version, this.ctx.user);
    const { object, oldObject, ...request } = review;
    return { request, object, oldObject, namespaceObject, params: param };
  }

  private params(policy: MutatingAdmissionPolicy, binding: MutatingAdmissionPolicyBinding) {
    return collectParams(
      policy.spec?.paramKind,
      binding.spec?.paramRef,
      this.asked.attributes.namespace,
      this.server,
      this.options.resourceOfKind,
    );
  }

  private fault(
    { metadata, spec }: MutatingAdmissionPolicy,
    binding: MutatingAdmissionPolicyBinding,
    message: string,
    reason: PolicyFault['reason'],
  ): void {
    if (spec?.failurePolicy === 'Ignore') return;
    const names = `policy '${metadata?.name}' with binding '${binding.metadata?.name}'`;
    this.faults.push({ message: `${names} denied request: ${message}`, reason });
  }
}

function reinvokeAll(round: Rounds): void {
  for (const key of round.invoked) round.again.add(key);
  round.invoked.clear();
}

function kindUnknown(version: ServedVersion, subresource: string): StatusError {
  const { group, version: v, kind } = version.kind(subresource);
  return serviceUnavailable(
    `Resource kind ${group}/${v}, Kind=${kind} not found. There can be a delay between when CustomResourceDefinitions are created and when they are available.`,
  );
}

/** The first fault's words and reason; the code stays that of what is forbidden. */
function refusal(
  { group, resource, name, object }: AdmissionAttributes,
  { message, reason }: PolicyFault,
  faults: readonly PolicyFault[],
): StatusError {
  const meta = object?.metadata;
  const called = name || meta?.name || meta?.generateName || '';
  const { status } = forbidden({ group, resource }, called, 'admission request denied by policy');
  const causes = faults.map((fault) => ({ message: fault.message }));
  return new StatusError({ ...status, message, reason, details: { ...status.details, causes } });
}
