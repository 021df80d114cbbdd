/**
 * `pods/NAME/binding`: puts a pod on a node, once. The node, the annotations and labels that the binding
 * carries and the PodScheduled condition are one write, so that nobody sees half of it.
 */
import type { Binding, Pod } from '../../../pkg/api/types.js';
import {
  type FieldError,
  notSupported,
  path,
  required,
} from '../../../pkg/apimachinery/field-error.js';
import { formatTime, type KubeObject } from '../../../pkg/apimachinery/meta.js';
import { badRequest, conflict, invalid, type Status } from '../../../pkg/apimachinery/status.js';
import type { RequestContext } from '../../server/request-context.js';
import { UNSET_TIME } from '../defaults/unset-time.js';
import type { Strategy, Subresource } from '../resource.js';

/**
 * The write changes what a user's update may not, and nothing else: the checks are in `whyNot`. Where a pod
 * runs is no change of what it is: its generation stays.
 */
const strategy: Strategy<Pod> = {};

export const podBinding: Subresource<Pod> = {
  name: 'binding',
  kind: { group: '', version: 'v1', kind: 'Binding' },
  verbs: ['create'],
  strategy,
  create: (parent, body, ctx) => bindPod(parent, body, ctx),
};

export async function bindPod(
  parent: { namespace: string; name: string },
  body: KubeObject & Partial<Binding>,
  ctx: RequestContext,
): Promise<Status & KubeObject> {
  const { namespace, name } = parent;
  const named = body.metadata?.name;
  if (named && named !== name)
    throw badRequest('name in URL does not match name in Binding object');
  const errors = validateBinding(body);
  if (errors.length > 0) throw invalid({ group: '', kind: 'Binding' }, name, errors);
  const refuse = (why: string) => conflict({ group: '', resource: 'pods/binding' }, name, why);
  await ctx.server.store('', 'pods').rewrite(
    namespace,
    name,
    (current) => {
      const why = whyNot(current, body);
      if (why) throw refuse(why);
      return assign(current, body, formatTime(new Date(ctx.clock.now())));
    },
    ctx,
  );
  return { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };
}

function validateBinding(body: Partial<Binding>): FieldError[] {
  const errors: FieldError[] = [];
  const { kind, name } = body.target ?? {};
  if (kind && kind !== 'Node')
    errors.push(notSupported(path('target', 'kind'), kind, ['Node', '<empty>']));
  if (!name) errors.push(required(path('target', 'name')));
  return errors;
}

/** Why the pod can not be bound now; undefined when it can. */
function whyNot(pod: Pod, body: Partial<Binding>): string | undefined {
  const name = pod.metadata?.name ?? '';
  const { uid, resourceVersion } = body.metadata ?? {};
  if (uid && uid !== pod.metadata?.uid) {
    return `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata?.uid ?? ''}`;
  }
  if (resourceVersion && resourceVersion !== pod.metadata?.resourceVersion) {
    return `Precondition failed: ResourceVersion in precondition: ${resourceVersion}, ResourceVersion in object meta: ${pod.metadata?.resourceVersion ?? ''}`;
  }
  if (pod.metadata?.deletionTimestamp)
    return `pod ${name} is being deleted, cannot be assigned to a host`;
  if (pod.spec?.nodeName) {
    return `pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`;
  }
  if ((pod.spec?.schedulingGates ?? []).length > 0)
    return `pod ${name} has non-empty .spec.schedulingGates`;
  return undefined;
}

/** Binds the pod given. */
export function assign(bound: Pod, binding: Partial<Binding>, now: string): Pod {
  bound.spec ??= { containers: [] };
  bound.spec.nodeName = binding.target?.name ?? '';
  bound.metadata ??= {};
  const { annotations, labels } = binding.metadata ?? {};
  if (annotations) bound.metadata.annotations = { ...bound.metadata.annotations, ...annotations };
  if (labels) bound.metadata.labels = { ...bound.metadata.labels, ...labels };
  bound.status ??= {};
  // The pod is where it was to go; the nomination has served its purpose.
  delete bound.status.nominatedNodeName;
  const conditions = (bound.status.conditions ?? []).filter(
    (condition) => condition.type !== 'PodScheduled',
  );
  const generation = bound.metadata.generation;
  bound.status.conditions = [
    ...conditions,
    {
      ...(generation === undefined ? {} : { observedGeneration: generation }),
      type: 'PodScheduled',
      status: 'True',
      lastProbeTime: UNSET_TIME,
      lastTransitionTime: now,
    },
  ];
  return bound;
}
