/**
 * Discovery of groups that extension servers serve, beside this server's own: in `/apis`, plain and
 * aggregated, and as `/apis/GROUP`. What stands below `/apis/GROUP/VERSION` is the extension server's own to
 * answer. One that is not there is listed too: without resources, and as stale.
 */

import {
  type AggregatedDocument,
  aggregatedDocument,
  aggregatedForm,
  sendAggregated,
} from '../endpoints/discovery/aggregated.js';
import type { Discovery } from '../endpoints/discovery/discovery.js';
import { type Accepted, negotiate } from '../endpoints/media-type.js';
import { exchangeOf, sendValue } from '../endpoints/respond.js';
import type { RequestContext } from '../server/request-context.js';
import { groupPriority } from './local-api-services.js';
import type { RemoteApi, RemoteResource } from './remote-api.js';

/** Groups of custom resources, and others that are none of the built-in ones. */
const OTHER_LOCAL_PRIORITY = 1000;

/** What is needed of this server's own. */
export type LocalDiscovery = Pick<
  Discovery,
  'has' | 'isKnownVersion' | 'groupDocuments' | 'aggregatedGroups'
>;

interface NamedGroup {
  readonly name: string;
  readonly document: object;
  readonly priority: number;
}

export class AggregatedDiscovery {
  constructor(
    private readonly local: LocalDiscovery,
    private readonly remotes: () => readonly RemoteApi[],
  ) {}

  /** False where this server's own discovery answers. */
  serve(ctx: RequestContext): boolean {
    const remotes = this.remotes();
    if (remotes.length === 0) return false;
    const path = ctx.requestInfo.path.replace(/\/$/, '');
    if (path === '/apis') {
      const form = aggregatedForm(exchangeOf(ctx).req.headers.accept ?? '');
      exchangeOf(ctx).res.setHeader('Vary', 'Accept');
      if (form) sendAggregated(ctx, form, this.aggregated(form.version, remotes));
      else sendValue(ctx, 200, this.groupList(remotes), accepted(ctx));
      return true;
    }
    const group = /^\/apis\/([^/]+)$/.exec(path)?.[1];
    const own = remotes.filter((remote) => remote.group === group);
    if (group === undefined || own.length === 0 || this.local.has(path)) return false;
    sendValue(
      ctx,
      200,
      { kind: 'APIGroup', apiVersion: 'v1', ...groupDocument(group, own) },
      accepted(ctx),
    );
    return true;
  }

  private groupList(remotes: readonly RemoteApi[]): object {
    const local = this.local.groupDocuments().map(({ name, document }) => named(name, document));
    const groups = merged(local, byGroup(remotes, groupDocument));
    return { kind: 'APIGroupList', apiVersion: 'v1', groups };
  }

  private aggregated(version: string, remotes: readonly RemoteApi[]): AggregatedDocument {
    const local = this.local.aggregatedGroups().map(({ name, document }) => named(name, document));
    return aggregatedDocument(version, merged(local, byGroup(remotes, aggregatedGroup)));
  }
}

function accepted(ctx: RequestContext): Accepted {
  return negotiate(exchangeOf(ctx).req.headers.accept, { shapes: false });
}

function named(name: string, document: object): NamedGroup {
  return { name, document, priority: groupPriority(name) ?? OTHER_LOCAL_PRIORITY };
}

/** A group that this server has too, in other versions, stays its own. */
function merged(local: readonly NamedGroup[], remote: readonly NamedGroup[]): object[] {
  const names = new Set(local.map(({ name }) => name));
  const all = [...local, ...remote.filter(({ name }) => !names.has(name))];
  // The sort is stable: of equals the built-in order stays.
  return all.sort((a, b) => b.priority - a.priority).map(({ document }) => document);
}

function byGroup(
  remotes: readonly RemoteApi[],
  write: (group: string, remotes: readonly RemoteApi[]) => object,
): NamedGroup[] {
  const groups = new Map<string, RemoteApi[]>();
  for (const remote of remotes) {
    groups.set(remote.group, [...(groups.get(remote.group) ?? []), remote]);
  }
  return [...groups].map(([name, own]) => ({
    name,
    document: write(name, own),
    priority: Math.max(...own.map(({ groupPriority: priority }) => priority)),
  }));
}

function groupDocument(group: string, remotes: readonly RemoteApi[]): object {
  const versions = remotes.map(({ version }) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions, preferredVersion: versions[0] };
}

function aggregatedGroup(group: string, remotes: readonly RemoteApi[]): object {
  return {
    metadata: { name: group, creationTimestamp: null },
    versions: remotes.map((remote) => ({
      version: remote.version,
      ...(remote.available ? { resources: aggregatedResources(remote) } : {}),
      freshness: remote.available ? 'Current' : 'Stale',
    })),
  };
}

/** From the plain list, which every extension server has. */
function aggregatedResources(remote: RemoteApi): object[] {
  const { group, version, resources = [] } = remote;
  const kindOf = (resource: RemoteResource) => ({
    group: resource.group ?? group,
    version: resource.version ?? version,
    kind: resource.kind ?? '',
  });
  return resources
    .filter(({ name }) => !name.includes('/'))
    .map((resource) => {
      const { name, namespaced, singularName, verbs = [], shortNames, categories } = resource;
      const subresources = resources
        .filter((sub) => sub.name.startsWith(`${name}/`))
        .map((sub) => ({
          subresource: sub.name.slice(name.length + 1),
          ...(sub.kind ? { responseKind: kindOf(sub) } : {}),
          verbs: sub.verbs ?? [],
        }));
      return {
        resource: name,
        responseKind: kindOf(resource),
        scope: namespaced ? 'Namespaced' : 'Cluster',
        singularResource: singularName ?? '',
        verbs,
        ...(shortNames?.length ? { shortNames } : {}),
        ...(categories?.length ? { categories } : {}),
        ...(subresources.length > 0 ? { subresources } : {}),
      };
    });
}
