/**
 * Discovery: which groups, versions, resources, verbs and subresources there are. Both forms are made from
 * the resource definitions alone, once, and kept as bytes:
 *
 *   /api, /apis, /api/v1, /apis/G/V, /apis/G     the documents that every client knows
 *   /api and /apis with as=APIGroupDiscoveryList  all of it in two answers, with an ETag (v2)
 */
import { createHash } from 'node:crypto';
import type { ResourceDefinition, Subresource } from '../../registry/resource.js';
import type { RequestContext } from '../../server/request-context.js';
import { contentTypeOf, negotiate } from '../media-type.js';
import { encodeValue, send, wantsPretty } from '../respond.js';
import {
  type AggregatedDocument,
  type AggregatedForm,
  aggregatedDocument,
  aggregatedForm,
  sendAggregated,
} from './aggregated.js';
import { type ServedGroup, servedGroups } from './groups.js';

const ALL_VERBS = [
  'create',
  'delete',
  'deletecollection',
  'get',
  'list',
  'patch',
  'update',
  'watch',
];
const STATUS_VERBS = ['get', 'patch', 'update'];
interface GroupVersionKind {
  readonly group: string;
  readonly version: string;
  readonly kind: string;
}

interface ListedSubresource {
  readonly name: string;
  readonly kind: GroupVersionKind;
  readonly verbs: readonly string[];
}

export class Discovery {
  private readonly groups: readonly ServedGroup[];
  private readonly documents = new Map<string, object>();
  private readonly aggregated = new Map<string, AggregatedDocument>();

  constructor(definitions: readonly ResourceDefinition[], serverAddress: string) {
    this.groups = servedGroups(definitions);
    this.documents.set('/api', {
      kind: 'APIVersions',
      versions: ['v1'],
      serverAddressByClientCIDRs: [{ clientCIDR: '0.0.0.0/0', serverAddress }],
    });
    this.documents.set('/apis', {
      kind: 'APIGroupList',
      apiVersion: 'v1',
      groups: this.groups.filter(({ group }) => group !== '').map(groupDocument),
    });
    for (const served of this.groups) {
      if (served.group !== '') {
        this.documents.set(`/apis/${served.group}`, {
          kind: 'APIGroup',
          apiVersion: 'v1',
          ...groupDocument(served),
        });
      }
      for (const { version, resources } of served.versions) {
        const groupVersion = served.group === '' ? version : `${served.group}/${version}`;
        this.documents.set(served.group === '' ? `/api/${version}` : `/apis/${groupVersion}`, {
          kind: 'APIResourceList',
          ...(served.group === '' ? {} : { apiVersion: 'v1' }),
          groupVersion,
          resources: resources.flatMap(resourceDocuments),
        });
      }
    }
  }

  /** Every path that answers, for the list at `/`. */
  get paths(): string[] {
    return [...this.documents.keys()];
  }

  isKnownVersion(group: string, version: string): boolean {
    return this.documents.has(group === '' ? `/api/${version}` : `/apis/${group}/${version}`);
  }

  has(path: string): boolean {
    return this.documents.has(path);
  }

  /** False where the path is none of discovery. */
  serve(ctx: RequestContext): boolean {
    const path = ctx.requestInfo.path.replace(/\/$/, '');
    const document = this.documents.get(path);
    if (!document || !ctx.exchange) return false;
    const { req, res } = ctx.exchange;
    const accept = req.headers.accept ?? '';
    if (path === '/api' || path === '/apis') {
      res.setHeader('Vary', 'Accept');
      const form = aggregatedForm(accept);
      if (form) {
        this.serveAggregated(path, form, ctx);
        return true;
      }
    }
    const accepted = negotiate(accept, { shapes: false });
    const { encoding } = accepted;
    const body = encodeValue(document, encoding, wantsPretty(ctx, accepted));
    send(ctx, 200, contentTypeOf(encoding), body);
    return true;
  }

  /** The groups of `/apis`, in order. */
  groupDocuments(): { readonly name: string; readonly document: object }[] {
    return this.named().map((served) => ({ name: served.group, document: groupDocument(served) }));
  }

  /** The same in the aggregated form. */
  aggregatedGroups(): { readonly name: string; readonly document: object }[] {
    return this.named().map((served) => ({
      name: served.group,
      document: aggregatedGroup(served),
    }));
  }

  private named(): readonly ServedGroup[] {
    return this.groups.filter(({ group }) => group !== '');
  }

  private serveAggregated(path: string, form: AggregatedForm, ctx: RequestContext): void {
    const { version } = form;
    const key = `${path} ${version}`;
    let made = this.aggregated.get(key);
    if (!made) {
      const groups = this.groups.filter(({ group }) => (group === '') === (path === '/api'));
      made = aggregatedDocument(version, groups.map(aggregatedGroup));
      this.aggregated.set(key, made);
    }
    sendAggregated(ctx, form, made);
  }
}

function groupDocument({ group, versions }: ServedGroup): object {
  const entries = versions.map(({ version }) => ({ groupVersion: `${group}/${version}`, version }));
  return { name: group, versions: entries, preferredVersion: entries[0] };
}

function resourceDocuments(definition: ResourceDefinition): object[] {
  const { group, version, kind, resource, singular, namespaced } = definition;
  const own = {
    name: resource,
    singularName: singular,
    namespaced,
    kind,
    verbs: verbsOf(definition),
    ...(definition.shortNames?.length ? { shortNames: definition.shortNames } : {}),
    ...(definition.categories?.length ? { categories: definition.categories } : {}),
    ...(definition.virtual ? {} : { storageVersionHash: storageVersionHash(definition) }),
  };
  const subresources = subresourcesOf(definition).map((sub) => ({
    name: `${resource}/${sub.name}`,
    singularName: '',
    namespaced,
    ...(sub.kind.group === group && sub.kind.version === version
      ? {}
      : { group: sub.kind.group, version: sub.kind.version }),
    kind: sub.kind.kind,
    verbs: sub.verbs,
  }));
  return [own, ...subresources];
}

function aggregatedGroup({ group, versions }: ServedGroup): object {
  return {
    metadata: group === '' ? { creationTimestamp: null } : { name: group, creationTimestamp: null },
    versions: versions.map(({ version, resources }) => ({
      version,
      resources: resources.map((definition) => {
        const subresources = subresourcesOf(definition).map((sub) => ({
          subresource: sub.name,
          responseKind: sub.kind,
          verbs: sub.verbs,
        }));
        return {
          resource: definition.resource,
          responseKind: { group, version, kind: definition.kind },
          scope: definition.namespaced ? 'Namespaced' : 'Cluster',
          singularResource: definition.singular,
          verbs: verbsOf(definition),
          ...(definition.shortNames?.length ? { shortNames: definition.shortNames } : {}),
          ...(definition.categories?.length ? { categories: definition.categories } : {}),
          ...(subresources.length > 0 ? { subresources } : {}),
        };
      }),
      freshness: 'Current',
    })),
  };
}

function verbsOf(definition: ResourceDefinition): readonly string[] {
  const { virtual } = definition;
  if (virtual) {
    const verbs = [virtual.create && 'create', virtual.get && 'get', virtual.list && 'list'];
    return verbs.filter((verb): verb is 'create' | 'get' | 'list' => verb !== undefined);
  }
  return definition.verbs ? [...definition.verbs].sort() : ALL_VERBS;
}

function subresourcesOf(definition: ResourceDefinition): ListedSubresource[] {
  const { group, version, kind } = definition;
  const listed: ListedSubresource[] = (definition.subresources ?? []).map((sub: Subresource) => ({
    name: sub.name,
    kind: sub.kind,
    verbs: [...sub.verbs].sort(),
  }));
  if (definition.strategy.status) {
    listed.push({ name: 'status', kind: { group, version, kind }, verbs: STATUS_VERBS });
  }
  if (definition.scale) {
    const scale = { group: 'autoscaling', version: 'v1', kind: 'Scale' };
    listed.push({ name: 'scale', kind: scale, verbs: STATUS_VERBS });
  }
  return listed.sort((a, b) => (a.name < b.name ? -1 : 1));
}

/** Changes when the version that is stored changes; clients only compare it. */
function storageVersionHash(definition: ResourceDefinition): string {
  const { group, version, resource } =
    definition.storage && 'from' in definition.storage ? definition.storage.from : definition;
  const text = `${group}/${version}/${resource === definition.resource ? definition.kind : resource}`;
  return createHash('sha256').update(text).digest().subarray(0, 8).toString('base64');
}
