/**
 * What a pod asks for as a whole, where its author said only a part of it: requests are what the containers
 * ask for together, else the limits; limits that are missing altogether are what the containers have, if
 * every one of them has one. A pod that says nothing about itself as a whole gets nothing.
 */
import type { Pod, PodSpec } from '../../../pkg/api/types.js';
import { aggregate } from '../validation/pod-resources.js';
import { isHugePage, isOvercommitAllowed } from '../validation/resources.js';

export function setPodResourceDefaults(pod: Pod): void {
  const spec = pod.spec;
  const resources = spec?.resources;
  if (!spec || !resources) return;
  const said =
    Object.keys(resources.limits ?? {}).length + Object.keys(resources.requests ?? {}).length;
  if (said === 0) return;
  const hadLimits = Object.keys(resources.limits ?? {}).length > 0;
  setHugePageLimits(spec, resources);
  if (Object.keys(resources.limits ?? {}).length > 0) setRequests(spec, resources);
  if (!hadLimits) setLimits(spec, resources);
}

type PodResources = NonNullable<PodSpec['resources']>;

function setHugePageLimits(spec: PodSpec, resources: PodResources): void {
  for (const [name, amount] of aggregate(spec, 'limits')) {
    if (!isHugePage(name) || resources.requests?.[name] !== undefined) continue;
    resources.limits = { [name]: amount.toString(), ...resources.limits };
  }
}

function setRequests(spec: PodSpec, resources: PodResources): void {
  const requests: Record<string, string> = { ...resources.requests };
  for (const [name, amount] of aggregate(spec, 'requests')) {
    if (isPodResource(name) && isOvercommitAllowed(name)) requests[name] ??= amount.toString();
  }
  for (const [name, limit] of Object.entries(resources.limits ?? {})) {
    if (isPodResource(name)) requests[name] ??= limit;
  }
  if (Object.keys(requests).length > 0) resources.requests = requests;
}

function setLimits(spec: PodSpec, resources: PodResources): void {
  const limits: Record<string, string> = { ...resources.limits };
  for (const [name, amount] of aggregate(spec, 'limits')) {
    const all = (spec.containers ?? []).every(
      (container) => container.resources?.limits?.[name] !== undefined,
    );
    if (all && isPodResource(name) && isOvercommitAllowed(name)) limits[name] ??= amount.toString();
  }
  if (Object.keys(limits).length > 0) resources.limits = limits;
}

function isPodResource(name: string): boolean {
  return name === 'cpu' || name === 'memory' || isHugePage(name);
}
