/**
 * PodSecurity: pods against the Pod Security Standards that their namespace asks for. `enforce` refuses
 * pods, `audit` notes, `warn` tells the client; what makes pods (Deployments, Jobs …) is noted and warned
 * of only. A namespace whose enforced level gets stricter is told which of its pods would be refused.
 */
import type { Container, Namespace, Pod, PodSpec } from '../../../pkg/api/types.js';
import type { KubeObject, ObjectMeta } from '../../../pkg/apimachinery/meta.js';
import { internalError, invalid } from '../../../pkg/apimachinery/status.js';
import type { RequestContext } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { evaluate } from '../pod-security/evaluate.js';
import {
  compareLevels,
  formatLevel,
  LABEL_PREFIX,
  type LevelVersion,
  type Policy,
  PRIVILEGED_POLICY,
  policyOf,
  sameLevel,
} from '../pod-security/policy.js';
import { refuse } from '../refuse.js';

export interface PodSecurityOptions {
  readonly defaults: Policy;
  readonly exemptions: {
    readonly usernames: readonly string[];
    readonly namespaces: readonly string[];
    readonly runtimeClasses: readonly string[];
  };
}

export const POD_SECURITY_DEFAULTS: PodSecurityOptions = {
  defaults: PRIVILEGED_POLICY,
  exemptions: { usernames: [], namespaces: [], runtimeClasses: [] },
};

/** A stricter namespace looks at no more of its pods than this. */
const MAX_PODS_TO_CHECK = 3000;
/** They do not change what a pod may do. */
const IGNORED_SUBRESOURCES = new Set([
  'attach',
  'binding',
  'eviction',
  'exec',
  'log',
  'portforward',
  'proxy',
  'status',
]);
const SECCOMP_POD = 'seccomp.security.alpha.kubernetes.io/pod';
const SECCOMP_CONTAINER = 'container.seccomp.security.alpha.kubernetes.io/';

interface Template {
  readonly metadata?: ObjectMeta;
  readonly spec?: PodSpec;
}
interface Templated extends KubeObject {
  readonly template?: Template;
  readonly spec?: {
    readonly template?: Template;
    readonly jobTemplate?: { readonly spec?: { readonly template?: Template } };
  };
}

const inSpec = (obj: Templated) => obj.spec?.template;
const TEMPLATES: Readonly<Record<string, (obj: Templated) => Template | undefined>> = {
  replicationcontrollers: inSpec,
  podtemplates: (obj) => obj.template,
  'replicasets.apps': inSpec,
  'deployments.apps': inSpec,
  'statefulsets.apps': inSpec,
  'daemonsets.apps': inSpec,
  'jobs.batch': inSpec,
  'cronjobs.batch': (obj) => obj.spec?.jobTemplate?.spec?.template,
};

export function podSecurity(options: PodSecurityOptions): AdmissionPluginFactory {
  return {
    name: 'PodSecurity',
    create: () => ({
      name: 'PodSecurity',
      handles(operation, group, resource, subresource) {
        if (operation !== 'CREATE' && operation !== 'UPDATE') return false;
        const id = idOf(group, resource);
        if (id === 'pods') return !IGNORED_SUBRESOURCES.has(subresource);
        return subresource === '' && (id === 'namespaces' || id in TEMPLATES);
      },
      async validate(attributes, ctx) {
        const id = idOf(attributes.group, attributes.resource);
        if (id === 'namespaces') await validateNamespace(options, attributes, ctx);
        else await validatePods(options, attributes, ctx, id === 'pods');
      },
    }),
  };
}

async function validateNamespace(
  options: PodSecurityOptions,
  attributes: AdmissionAttributes,
  ctx: RequestContext,
): Promise<void> {
  const namespace: Namespace = attributes.object ?? {};
  const name = namespace.metadata?.name ?? '';
  const next = policyOf(namespace.metadata?.labels, options.defaults);
  const refusal = () => invalid({ group: '', kind: 'Namespace' }, name, next.errors);
  const exempt = options.exemptions.namespaces.includes(name);
  if (attributes.operation === 'CREATE') {
    if (next.errors.length > 0) throw refusal();
    if (exempt) warnExempt(name, next.policy, options.defaults, ctx);
    return;
  }
  const before = policyOf(attributes.oldObject?.metadata?.labels, options.defaults);
  const told = (errors: typeof next.errors) => JSON.stringify(errors);
  if (next.errors.length > 0 && told(next.errors) !== told(before.errors)) throw refusal();
  const { enforce } = next.policy;
  const old = before.policy.enforce;
  if (sameLevel(enforce, old) || enforce.level === 'privileged') return;
  if (enforce.minor === old.minor && compareLevels(enforce.level, old.level) <= 0) return;
  if (exempt) {
    warnExempt(name, next.policy, options.defaults, ctx);
    return;
  }
  await warnOfPods(options, name, enforce, ctx);
}

function warnExempt(name: string, policy: Policy, defaults: Policy, ctx: RequestContext): void {
  const modes = ['enforce', 'audit', 'warn'] as const;
  if (modes.every((mode) => sameLevel(policy[mode], defaults[mode]))) return;
  const compact = modes.map((mode) => `${mode}=${formatLevel(policy[mode])}`).join(', ');
  ctx.warn(
    `namespace ${JSON.stringify(name)} is exempt from Pod Security, and the policy (${compact}) will be ignored`,
  );
}

async function warnOfPods(
  { exemptions }: PodSecurityOptions,
  namespace: string,
  enforce: LevelVersion,
  ctx: RequestContext,
): Promise<void> {
  const all: readonly Pod[] = await ctx.server.store('', 'pods').list(namespace);
  const found = new Map<string, { name: string; count: number }>();
  for (const { metadata = {}, spec } of all.slice(0, MAX_PODS_TO_CHECK)) {
    if (!spec || exemptions.runtimeClasses.includes(spec.runtimeClassName ?? '')) continue;
    const { allowed, reasons } = evaluate(enforce, metadata, spec);
    if (allowed) continue;
    const name = metadata.name ?? '';
    const seen = found.get(reasons);
    if (!seen) found.set(reasons, { name, count: 1 });
    else {
      seen.count++;
      if (name < seen.name) seen.name = name;
    }
  }
  if (all.length > MAX_PODS_TO_CHECK)
    ctx.warn(
      `new PodSecurity enforce level only checked against the first ${MAX_PODS_TO_CHECK} of ${all.length} existing pods`,
    );
  if (found.size === 0) return;
  ctx.warn(
    `existing pods in namespace ${JSON.stringify(namespace)} violate the new PodSecurity enforce level ${JSON.stringify(formatLevel(enforce))}`,
  );
  const lines = [...found].map(([reasons, { name, count }]) => {
    const others = count === 2 ? ' (and 1 other pod)' : ` (and ${count - 1} other pods)`;
    return `${name}${count === 1 ? '' : others}: ${reasons}`;
  });
  for (const line of lines.sort()) ctx.warn(line);
}

async function validatePods(
  options: PodSecurityOptions,
  attributes: AdmissionAttributes,
  ctx: RequestContext,
  enforces: boolean,
): Promise<void> {
  const { exemptions, defaults } = options;
  const exempt = (why: string) => ctx.annotate(`${LABEL_PREFIX}exempt`, why);
  if (exemptions.namespaces.includes(attributes.namespace)) return exempt('namespace');
  if (exemptions.usernames.includes(ctx.user.name)) return exempt('user');
  const { policy, errors } = policyOf(await labelsOf(attributes.namespace, ctx), defaults);
  const modes = enforces ? (['enforce', 'audit', 'warn'] as const) : (['audit', 'warn'] as const);
  if (errors.length === 0 && modes.every((mode) => policy[mode].level === 'privileged')) {
    if (enforces) ctx.annotate(`${LABEL_PREFIX}enforce-policy`, formatLevel(policy.enforce));
    return;
  }
  const subject = enforces
    ? (attributes.object as Pod)
    : TEMPLATES[idOf(attributes.group, attributes.resource)]?.(attributes.object as Templated);
  if (!subject?.spec) return;
  if (enforces && attributes.operation === 'UPDATE') {
    if (!isSignificant(subject as Pod, attributes.oldObject ?? {})) return;
  }
  if (exemptions.runtimeClasses.includes(subject.spec.runtimeClassName ?? ''))
    return exempt('runtimeClass');
  if (errors.length > 0)
    ctx.annotate(
      `${LABEL_PREFIX}error`,
      `Failed to parse policy: ${errors.map(({ field, body }) => `${field}: ${body}`).join(', ')}`,
    );
  judge(policy, subject, attributes, ctx, enforces);
}

function judge(
  policy: Policy,
  { metadata = {}, spec = { containers: [] } }: Template,
  attributes: AdmissionAttributes,
  ctx: RequestContext,
  enforces: boolean,
): void {
  const sentence = (mode: 'enforce' | 'audit' | 'warn') => {
    const { allowed, details } = evaluate(policy[mode], metadata, spec);
    return allowed
      ? undefined
      : `violate${mode === 'enforce' ? 's' : ''} PodSecurity ${JSON.stringify(formatLevel(policy[mode]))}: ${details}`;
  };
  if (enforces) ctx.annotate(`${LABEL_PREFIX}enforce-policy`, formatLevel(policy.enforce));
  const audit = sentence('audit');
  if (audit) ctx.annotate(`${LABEL_PREFIX}audit-violations`, `would ${audit}`);
  const enforced = enforces ? sentence('enforce') : undefined;
  if (enforced) throw refuse(attributes, enforced);
  const warning = sentence('warn');
  if (warning) ctx.warn(`would ${warning}`);
}

async function labelsOf(namespace: string, ctx: RequestContext) {
  const store = ctx.server.store('', 'namespaces');
  try {
    const found = store.peek('', namespace) ?? (await store.get('', namespace));
    return found.metadata?.labels;
  } catch (err) {
    ctx.signal.throwIfAborted();
    ctx.logger.warn({ err, namespace }, 'The namespace of a pod cannot be looked up');
    throw internalError(`failed to lookup namespace ${JSON.stringify(namespace)}`);
  }
}

/** Of what a pod may change later, only this can make it worse. */
function isSignificant(pod: Pod, old: Pod): boolean {
  const annotation = (of: Pod, key: string) => of.metadata?.annotations?.[key];
  if (annotation(pod, SECCOMP_POD) !== annotation(old, SECCOMP_POD)) return true;
  const changed = (now: readonly Named[] = [], before: readonly Named[] = []) =>
    now.length !== before.length ||
    now.some(({ name, image }) => {
      const same = before.find((candidate) => candidate.name === name);
      const key = SECCOMP_CONTAINER + name;
      return same?.image !== image || annotation(pod, key) !== annotation(old, key);
    });
  return (
    changed(pod.spec?.containers, old.spec?.containers) ||
    changed(pod.spec?.initContainers, old.spec?.initContainers) ||
    changed(pod.spec?.ephemeralContainers, old.spec?.ephemeralContainers)
  );
}

type Named = Pick<Container, 'name' | 'image'>;

function idOf(group: string, resource: string): string {
  return group === '' ? resource : `${resource}.${group}`;
}
