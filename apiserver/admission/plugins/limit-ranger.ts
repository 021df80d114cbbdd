/**
 * LimitRanger: the LimitRanges of a namespace. Containers that ask for nothing get the defaults; then
 * containers, pods and claims are held to minimum, maximum and ratio (`plugin/pkg/admission/limitranger`).
 */

import { podTotal } from '../../../pkg/api/quota/pod-resources.js';
import type {
  Container,
  LimitRange,
  LimitRangeItem,
  PersistentVolumeClaim,
  Pod,
} from '../../../pkg/api/types.js';
import { parseQuantity } from '../../../pkg/apimachinery/quantity.js';
import type { ServerAccess } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { refuse } from '../refuse.js';

const ANNOTATION = 'kubernetes.io/limit-ranger';

type Amounts = Readonly<Record<string, string>>;
type Constraint = (
  type: string,
  name: string,
  enforced: string,
  requests: Amounts,
  limits: Amounts,
) => string | undefined;

export const limitRanger: AdmissionPluginFactory = {
  name: 'LimitRanger',
  create: (server) => ({
    name: 'LimitRanger',
    handles: (operation, group, resource, subresource) => {
      if (group !== '' || (operation !== 'CREATE' && operation !== 'UPDATE')) return false;
      // A pod's resources change by its resize subresource alone.
      if (resource === 'pods')
        return operation === 'CREATE' ? subresource === '' : subresource === 'resize';
      return resource === 'persistentvolumeclaims' && subresource === '';
    },
    async admit(attributes) {
      const { resource, object } = attributes;
      if (resource !== 'pods' || attributes.operation !== 'CREATE' || !object) return;
      for (const range of await rangesOf(server, attributes)) setDefaults(object as Pod, range);
    },
    async validate(attributes) {
      const { resource, object } = attributes;
      if (!object || object.metadata?.deletionTimestamp) return;
      for (const range of await rangesOf(server, attributes)) {
        const errors =
          resource === 'pods'
            ? podErrors(object as Pod, range)
            : claimErrors(object as PersistentVolumeClaim, range);
        if (errors.length > 0) throw refuse(attributes, aggregate(errors));
      }
    },
  }),
};

async function rangesOf(
  server: ServerAccess,
  { namespace }: AdmissionAttributes,
): Promise<readonly LimitRange[]> {
  return await server.store('', 'limitranges').list(namespace);
}

function setDefaults(pod: Pod, range: LimitRange): void {
  const requests: Record<string, string> = {};
  const limits: Record<string, string> = {};
  for (const item of range.spec?.limits ?? []) {
    if (item.type !== 'Container') continue;
    Object.assign(requests, item.defaultRequest);
    Object.assign(limits, item.default);
  }
  const changes = [
    ...(pod.spec?.containers ?? []).flatMap((container) =>
      fill(container, 'container', requests, limits),
    ),
    ...(pod.spec?.initContainers ?? []).flatMap((container) =>
      fill(container, 'init container', requests, limits),
    ),
  ];
  if (changes.length === 0) return;
  pod.metadata ??= {};
  pod.metadata.annotations = {
    ...pod.metadata.annotations,
    [ANNOTATION]: `LimitRanger plugin set: ${changes.join('; ')}`,
  };
}

function fill(container: Container, what: string, requests: Amounts, limits: Amounts): string[] {
  const own = container.resources ?? {};
  const missing = (defaults: Amounts, given: Amounts | undefined) =>
    Object.keys(defaults)
      .filter((name) => given?.[name] === undefined)
      .sort();
  const lackLimits = missing(limits, own.limits);
  const lackRequests = missing(requests, own.requests);
  if (lackLimits.length === 0 && lackRequests.length === 0) return [];
  container.resources = {
    ...own,
    ...(lackLimits.length > 0 ? { limits: { ...limits, ...own.limits } } : {}),
    ...(lackRequests.length > 0 ? { requests: { ...requests, ...own.requests } } : {}),
  };
  return [
    ...(lackRequests.length > 0
      ? [`${lackRequests.join(', ')} request for ${what} ${container.name}`]
      : []),
    ...(lackLimits.length > 0
      ? [`${lackLimits.join(', ')} limit for ${what} ${container.name}`]
      : []),
  ];
}

function podErrors(pod: Pod, range: LimitRange): string[] {
  const errors: string[] = [];
  for (const item of range.spec?.limits ?? []) {
    if (item.type === 'Container') {
      for (const container of [
        ...(pod.spec?.containers ?? []),
        ...(pod.spec?.initContainers ?? []),
      ]) {
        const { requests = {}, limits = {} } = container.resources ?? {};
        errors.push(...held(item, requests, limits));
      }
    }
    if (item.type === 'Pod')
      errors.push(...held(item, totals(pod, 'requests'), totals(pod, 'limits')));
  }
  return errors;
}

function held(item: LimitRangeItem, requests: Amounts, limits: Amounts): string[] {
  const check = (amounts: Amounts | undefined, constraint: Constraint) =>
    Object.entries(amounts ?? {}).flatMap(
      ([name, enforced]) => constraint(item.type, name, enforced, requests, limits) ?? [],
    );
  return [
    ...check(item.min, atLeast),
    ...check(item.max, atMost),
    ...check(item.maxLimitRequestRatio, withinRatio),
  ];
}

const atLeast: Constraint = (type, name, enforced, requests, limits) => {
  const start = `minimum ${name} usage per ${type} is ${enforced}`;
  const request = requests[name];
  const limit = limits[name];
  if (request === undefined) return `${start}.  No request is specified`;
  if (order(request, enforced) < 0) return `${start}, but request is ${request}`;
  if (limit !== undefined && order(limit, enforced) < 0) return `${start}, but limit is ${limit}`;
  return undefined;
};

const atMost: Constraint = (type, name, enforced, requests, limits) => {
  const start = `maximum ${name} usage per ${type} is ${enforced}`;
  const request = requests[name];
  const limit = limits[name];
  if (limit === undefined) return `${start}.  No limit is specified`;
  if (order(limit, enforced) > 0) return `${start}, but limit is ${limit}`;
  if (request !== undefined && order(request, enforced) > 0)
    return `${start}, but request is ${request}`;
  return undefined;
};

const withinRatio: Constraint = (type, name, enforced, requests, limits) => {
  const start = `${name} max limit to request ratio per ${type} is ${enforced}`;
  const request = parseQuantity(requests[name] ?? '0');
  const limit = parseQuantity(limits[name] ?? '0');
  if (request.isZero) return `${start}, but no request is specified or request is 0`;
  if (limit.isZero) return `${start}, but no limit is specified or limit is 0`;
  const ratio = limit.toNumber() / request.toNumber();
  if (ratio <= parseQuantity(enforced).toNumber()) return undefined;
  return `${start}, but provided ratio is ${ratio.toFixed(6)}`;
};

function totals(pod: Pod, of: 'requests' | 'limits'): Amounts {
  return Object.fromEntries([...podTotal(pod, of)].map(([name, sum]) => [name, sum.toString()]));
}

function claimErrors(claim: PersistentVolumeClaim, range: LimitRange): string[] {
  const requests = claim.spec?.resources?.requests ?? {};
  return (range.spec?.limits ?? []).flatMap((item) => {
    if (item.type !== 'PersistentVolumeClaim') return [];
    const errors: string[] = [];
    for (const [name, enforced] of Object.entries(item.min ?? {})) {
      const start = `minimum ${name} usage per ${item.type} is ${enforced}`;
      const request = requests[name];
      if (request === undefined) errors.push(`${start}.  No request is specified`);
      else if (order(request, enforced) < 0) errors.push(`${start}, but request is ${request}`);
    }
    for (const [name, enforced] of Object.entries(item.max ?? {})) {
      const start = `maximum ${name} usage per ${item.type} is ${enforced}`;
      const request = requests[name];
      if (request === undefined) errors.push(`${start}.  No request is specified`);
      else if (order(request, enforced) > 0) errors.push(`${start}, but request is ${request}`);
    }
    return errors;
  });
}

function order(a: string, b: string): number {
  return parseQuantity(a).compare(parseQuantity(b));
}

/** As Go prints several errors at once. */
function aggregate(errors: readonly string[]): string {
  const texts = [...new Set(errors)];
  return texts.length === 1 ? (texts[0] ?? '') : `[${texts.join(', ')}]`;
}
