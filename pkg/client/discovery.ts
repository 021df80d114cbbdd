/**
 * Which resources the server has, at their preferred version: what the garbage collector, the namespace
 * controller and the quota controller work on. A group that cannot be read just now (an aggregated server
 * that is down) is reported beside the others, never silently missing.
 */
import { parseApiVersion } from '../apimachinery/meta.js';
import { isReason } from '../apimachinery/status.js';
import type { ResourceRef } from './resources.js';
import type { CallOptions, RestClient } from './rest.js';

export interface DiscoveredResource extends ResourceRef {
  readonly verbs: readonly string[];
}

export interface Discovered {
  /** Without subresources. */
  readonly resources: readonly DiscoveredResource[];
  /** Group-versions that could not be read, with why. */
  readonly failed: ReadonlyMap<string, unknown>;
}

const ACCEPT_AGGREGATED =
  'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList,application/json';

interface AggregatedResource {
  resource: string;
  scope: 'Namespaced' | 'Cluster';
  verbs: string[];
  responseKind?: { group?: string; version?: string; kind: string };
}
interface AggregatedList {
  kind: string;
  items?: {
    metadata?: { name?: string };
    versions?: { version: string; resources?: AggregatedResource[]; freshness?: string }[];
  }[];
}
interface ApiGroup {
  name: string;
  versions: { version: string }[];
  preferredVersion?: { version: string };
}
interface ApiResourceList {
  resources?: { name: string; namespaced: boolean; kind: string; verbs: string[] }[];
}

/**
 * Every resource once, at the version its group prefers (or the first that has it). Two requests where the
 * server aggregates discovery, else one a group-version.
 */
export async function discoverPreferred(
  client: RestClient,
  call: CallOptions = {},
): Promise<Discovered> {
  const found = new Map<string, DiscoveredResource>();
  const failed = new Map<string, unknown>();
  const add = (resource: DiscoveredResource) => {
    const key = `${resource.group}/${resource.resource}`;
    if (!found.has(key)) found.set(key, resource);
  };
  for (const path of ['/api', '/apis']) {
    const response = await client.request({ path, accept: ACCEPT_AGGREGATED, ...call });
    const body: AggregatedList & { versions?: string[]; groups?: ApiGroup[] } = JSON.parse(
      response.text,
    );
    if (body.kind === 'APIGroupDiscoveryList') readAggregated(body, add, failed);
    else for (const gv of groupVersions(body)) await readLegacy(client, gv, add, failed, call);
  }
  return { resources: [...found.values()], failed };
}

function readAggregated(
  list: AggregatedList,
  add: (resource: DiscoveredResource) => void,
  failed: Map<string, unknown>,
): void {
  for (const item of list.items ?? []) {
    const group = item.metadata?.name ?? '';
    for (const { version, resources = [], freshness } of item.versions ?? []) {
      if (freshness === 'Stale') failed.set(`${group}/${version}`, new Error('stale discovery'));
      for (const { resource, scope, verbs, responseKind } of resources) {
        const kind = responseKind?.kind ?? '';
        add({ group, version, resource, kind, namespaced: scope === 'Namespaced', verbs });
      }
    }
  }
}

function groupVersions(body: { versions?: string[]; groups?: ApiGroup[] }): string[] {
  if (body.groups === undefined) return body.versions ?? [];
  return body.groups.flatMap((group) => {
    const preferred = group.preferredVersion?.version;
    const versions = group.versions.map((v) => v.version);
    const ordered = [...versions].sort((a, b) => Number(b === preferred) - Number(a === preferred));
    return ordered.map((version) => `${group.name}/${version}`);
  });
}

async function readLegacy(
  client: RestClient,
  groupVersion: string,
  add: (resource: DiscoveredResource) => void,
  failed: Map<string, unknown>,
  call: CallOptions,
): Promise<void> {
  const { group, version } = parseApiVersion(groupVersion);
  const path = group === '' ? `/api/${version}` : `/apis/${group}/${version}`;
  try {
    const list: ApiResourceList = JSON.parse((await client.request({ path, ...call })).text);
    for (const { name, namespaced, kind, verbs } of list.resources ?? []) {
      if (!name.includes('/')) add({ group, version, resource: name, kind, namespaced, verbs });
    }
  } catch (err) {
    if (call.signal?.aborted) throw err;
    // A group that was removed between the two requests is not a failure.
    if (!isReason(err, 'NotFound')) failed.set(groupVersion, err);
  }
}
