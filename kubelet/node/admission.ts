/**
 * The kubelet's own look at a pod that was bound to it (`pkg/kubelet/lifecycle/predicate.go`): the scheduler
 * may have decided on an older picture, and a pod may be bound by hand. Pure.
 */
import { RequiredNodeAffinity } from '../../pkg/api/scheduling/node-affinity.js';
import { untolerated } from '../../pkg/api/scheduling/taints.js';
import type { Pod, Taint } from '../../pkg/api/types.js';
import { Quantity } from '../../pkg/apimachinery/quantity.js';
import { isSidecar } from '../pod/pod.js';
import type { ResizeRefusal } from '../pod/pod-resize.js';

export interface NodeFacts {
  readonly name: string;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly Taint[];
  readonly allocatable: Readonly<Record<string, string>>;
}

export interface Rejection {
  readonly reason: string;
  readonly message: string;
}

/** Undefined: the pod may run beside `others`. */
export function admit(pod: Pod, others: readonly Pod[], node: NodeFacts): Rejection | undefined {
  if (pod.spec?.os && pod.spec.os.name !== 'linux') {
    return {
      reason: 'PodOSNotSupported',
      message: "Failed to admit pod as the OS field doesn't match node OS",
    };
  }
  return (
    fitsResources(pod, others, node) ??
    matchesNode(pod, node) ??
    fitsPorts(pod, others) ??
    toleratesTaints(pod, node)
  );
}

/** Why the pod, which runs here, cannot have the resources that it asks for now. */
export function refuseResize(
  pod: Pod,
  others: readonly Pod[],
  allocatable: Readonly<Record<string, string>>,
): ResizeRefusal | undefined {
  const requests = requestsOf(pod);
  for (const resource of ['memory', 'cpu']) {
    const [requested = 0, capacity] = [requests[resource], allocatable[resource]];
    if (capacity === undefined || requested <= amount(resource, capacity)) continue;
    const what = `${resource}, requested: ${requested}, capacity: ${amount(resource, capacity)}`;
    return { reason: 'Infeasible', message: `Node didn't have enough capacity: ${what}` };
  }
  const lack = fitsResources(pod, others, { name: '', labels: {}, taints: [], allocatable });
  return lack && { reason: 'Deferred', message: lack.message };
}

function fitsResources(pod: Pod, others: readonly Pod[], node: NodeFacts): Rejection | undefined {
  const pods = Number(node.allocatable['pods'] ?? 110);
  if (others.length + 1 > pods) return outOf('pods', 1, others.length, pods);
  for (const [resource, requested] of Object.entries(requestsOf(pod))) {
    if (requested === 0) continue;
    const text = node.allocatable[resource];
    // What a node does not know may be known cluster-wide.
    if (text === undefined) continue;
    const capacity = amount(resource, text);
    const used = others.reduce((sum, other) => sum + (requestsOf(other)[resource] ?? 0), 0);
    if (requested > capacity - used) return outOf(resource, requested, used, capacity);
  }
  return undefined;
}

function outOf(resource: string, requested: number, used: number, capacity: number): Rejection {
  const message = `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`;
  return { reason: `OutOf${resource}`, message };
}

/** Every pod of a node is asked for each that comes; a pod that changes is another object. */
const known = new WeakMap<Pod, Readonly<Record<string, number>>>();

/** What a pod asks for: cpu in millicores, the rest in units. */
function requestsOf(pod: Pod): Readonly<Record<string, number>> {
  const before = known.get(pod);
  if (before) return before;
  const requests = sumOfRequests(pod);
  known.set(pod, requests);
  return requests;
}

function sumOfRequests(pod: Pod): Record<string, number> {
  const sum: Record<string, number> = {};
  const add = (into: Record<string, number>, requests: Record<string, string> = {}) => {
    for (const [name, text] of Object.entries(requests))
      into[name] = (into[name] ?? 0) + amount(name, text);
  };
  for (const container of pod.spec?.containers ?? []) add(sum, container.resources?.requests);
  const sidecars: Record<string, number> = {};
  const peak: Record<string, number> = {};
  for (const container of pod.spec?.initContainers ?? []) {
    const now = { ...sidecars };
    add(now, container.resources?.requests);
    if (isSidecar(container)) add(sidecars, container.resources?.requests);
    for (const [name, value] of Object.entries(now)) peak[name] = Math.max(peak[name] ?? 0, value);
  }
  for (const [name, value] of Object.entries(sidecars)) sum[name] = (sum[name] ?? 0) + value;
  for (const [name, value] of Object.entries(peak)) sum[name] = Math.max(sum[name] ?? 0, value);
  for (const [name, text] of Object.entries(pod.spec?.resources?.requests ?? {}))
    sum[name] = amount(name, text);
  add(sum, pod.spec?.overhead);
  return sum;
}

function amount(resource: string, text: string): number {
  const quantity = Quantity.parse(text);
  return resource === 'cpu' ? quantity.milliValue() : quantity.value();
}

function matchesNode(pod: Pod, node: NodeFacts): Rejection | undefined {
  const refused = {
    reason: 'NodeAffinity',
    message: "Predicate NodeAffinity failed: node(s) didn't match Pod's node affinity/selector",
  };
  if (!new RequiredNodeAffinity(pod).matches(node)) return refused;
  if (pod.spec?.nodeName && pod.spec.nodeName !== node.name) {
    const message = "Predicate NodeName failed: node(s) didn't match the requested node name";
    return { reason: 'NodeName', message };
  }
  return undefined;
}

function fitsPorts(pod: Pod, others: readonly Pod[]): Rejection | undefined {
  const taken = others.flatMap(hostPorts);
  const clash = hostPorts(pod).some((p) =>
    taken.some(
      (t) =>
        t.port === p.port &&
        t.protocol === p.protocol &&
        (t.ip === p.ip || t.ip === '0.0.0.0' || p.ip === '0.0.0.0'),
    ),
  );
  if (!clash) return undefined;
  const message =
    "Predicate NodePorts failed: node(s) didn't have free ports for the requested pod ports";
  return { reason: 'NodePorts', message };
}

function hostPorts(pod: Pod): { port: number; protocol: string; ip: string }[] {
  return (pod.spec?.containers ?? []).flatMap((c) =>
    (c.ports ?? []).flatMap(({ hostPort, protocol = 'TCP', hostIP = '0.0.0.0' }) =>
      hostPort ? [{ port: hostPort, protocol, ip: hostIP }] : [],
    ),
  );
}

/** Static pods are exempt from NoExecute upstream; of the taints only NoExecute concerns a bound pod. */
function toleratesTaints(pod: Pod, node: NodeFacts): Rejection | undefined {
  if (!untolerated(node.taints, pod.spec?.tolerations ?? [], ['NoExecute'])) return undefined;
  const message =
    "Predicate TaintToleration failed: node(s) had taints that the pod didn't tolerate";
  return { reason: 'TaintToleration', message };
}
