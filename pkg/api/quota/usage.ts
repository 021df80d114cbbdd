/**
 * What an object uses of a ResourceQuota: the apiserver charges by it, and the quota controller recounts by
 * it, so the two can not disagree (`pkg/quota/v1/evaluator/core`). Every stored object counts as
 * `count/RESOURCE.GROUP`; some kinds of the core group have older names besides, and pods, Services and
 * claims use up more than their number.
 */

import type { KubeObject } from '../../apimachinery/meta.js';
import { parseQuantity, Quantity } from '../../apimachinery/quantity.js';
import type { PersistentVolumeClaim, Pod, Service } from '../types.js';
import { type Amounts, amountsOf, podTotalWithOverhead } from './pod-resources.js';

export interface CountedResource {
  readonly group: string;
  readonly resource: string;
}

const ONE = Quantity.of(1);
const COMPUTE = ['cpu', 'memory', 'ephemeral-storage'] as const;
/** Core resources that may also be counted by their plain name. */
const PLAIN_COUNTS = new Set([
  'configmaps',
  'resourcequotas',
  'replicationcontrollers',
  'secrets',
  'services',
  'persistentvolumeclaims',
  'pods',
]);
const POD_AMOUNTS = new Set<string>([
  ...COMPUTE,
  ...COMPUTE.flatMap((name) => [`requests.${name}`, `limits.${name}`]),
]);
const SERVICE_AMOUNTS = new Set(['services.nodeports', 'services.loadbalancers']);
const CLASS_SUFFIX = '.storageclass.storage.k8s.io/';
const CLASS_ANNOTATION = 'volume.beta.kubernetes.io/storage-class';

export function countName({ group, resource }: CountedResource): string {
  return group === '' ? `count/${resource}` : `count/${resource}.${group}`;
}

/** Whether objects of a resource can use something of what a quota limits under `name`. */
export function tracks(of: CountedResource, name: string): boolean {
  if (name === countName(of)) return true;
  if (of.group !== '') return false;
  if (PLAIN_COUNTS.has(of.resource) && name === of.resource) return true;
  switch (of.resource) {
    case 'pods':
      return (
        POD_AMOUNTS.has(name) ||
        name.startsWith('hugepages-') ||
        name.startsWith('requests.hugepages-') ||
        isExtendedRequest(name)
      );
    case 'services':
      return SERVICE_AMOUNTS.has(name);
    case 'persistentvolumeclaims':
      return name === 'requests.storage' || name.includes(CLASS_SUFFIX);
    default:
      return false;
  }
}

/** `nowMs`: a pod that is long overdue no longer counts. */
export function usageOf(of: CountedResource, obj: KubeObject, nowMs: number): Amounts {
  const usage: Amounts = new Map([[countName(of), ONE]]);
  if (of.group !== '') return usage;
  if (of.resource === 'pods') {
    addPod(usage, obj, nowMs);
    return usage;
  }
  if (PLAIN_COUNTS.has(of.resource)) usage.set(of.resource, ONE);
  if (of.resource === 'services') addService(usage, obj);
  if (of.resource === 'persistentvolumeclaims') addClaim(usage, obj);
  return usage;
}

/** What one container, or a pod, uses by what it asks for and is limited to. */
export function computeUsage(requests: Amounts, limits: Amounts): Amounts {
  const usage: Amounts = new Map();
  for (const [name, amount] of requests) {
    if (COMPUTE.some((known) => known === name) || name.startsWith('hugepages-')) {
      usage.set(name, amount);
      usage.set(`requests.${name}`, amount);
    } else if (isExtendedRequest(`requests.${name}`)) usage.set(`requests.${name}`, amount);
  }
  for (const name of COMPUTE) {
    const limit = limits.get(name);
    if (limit) usage.set(`limits.${name}`, limit);
  }
  return usage;
}

/** A pod whose work is done, or that should be gone by now, uses nothing but its place in the store. */
export function isQuotaPod({ metadata = {}, status }: Pod, nowMs: number): boolean {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return false;
  const { deletionTimestamp, deletionGracePeriodSeconds } = metadata;
  if (deletionTimestamp === undefined || deletionGracePeriodSeconds === undefined) return true;
  return nowMs <= Date.parse(deletionTimestamp) + deletionGracePeriodSeconds * 1000;
}

function addPod(usage: Amounts, pod: Pod, nowMs: number): void {
  if (!isQuotaPod(pod, nowMs)) return;
  usage.set('pods', ONE);
  const compute = computeUsage(
    podTotalWithOverhead(pod, 'requests'),
    podTotalWithOverhead(pod, 'limits'),
  );
  for (const [name, amount] of compute) usage.set(name, amount);
}

function addService(usage: Amounts, { spec }: Service): void {
  const ports = spec?.ports ?? [];
  let nodePorts = 0;
  if (spec?.type === 'NodePort') nodePorts = ports.length;
  if (spec?.type === 'LoadBalancer') {
    usage.set('services.loadbalancers', ONE);
    nodePorts =
      spec.allocateLoadBalancerNodePorts === false
        ? ports.filter((port) => port.nodePort).length
        : ports.length;
  }
  usage.set('services.nodeports', Quantity.of(nodePorts));
  if (!usage.has('services.loadbalancers')) usage.set('services.loadbalancers', Quantity.zero);
}

function addClaim(usage: Amounts, claim: PersistentVolumeClaim): void {
  const { metadata, spec, status } = claim;
  const className = metadata?.annotations?.[CLASS_ANNOTATION] ?? spec?.storageClassName;
  if (className) usage.set(`${className}${CLASS_SUFFIX}persistentvolumeclaims`, ONE);
  const asked = spec?.resources?.requests?.['storage'];
  if (asked === undefined) return;
  let storage = parseQuantity(asked);
  // While it grows, and if it was shrunk back, what was allocated counts.
  const allocated = amountsOf(status?.allocatedResources).get('storage');
  if (allocated && allocated.compare(storage) > 0) storage = allocated;
  usage.set('requests.storage', storage);
  if (className) usage.set(`${className}${CLASS_SUFFIX}requests.storage`, storage);
}

/** `requests.example.com/gpu`: a resource of somebody's domain. */
function isExtendedRequest(name: string): boolean {
  return name.startsWith('requests.') && name.includes('/') && !name.includes('kubernetes.io/');
}
