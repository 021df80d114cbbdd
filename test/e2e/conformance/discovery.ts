/** What the API says of itself: its version, groups, resources and schemas; lists in pieces; what it cannot say. */
import type {
  V1APIGroup,
  V1APIResourceList,
  V1ConfigMap,
  V1PodTemplate,
} from '@kubernetes/client-node';
import { type Clause, podSpec, type World } from '../../support/clause.js';
import { nameOf } from '../../support/kube.js';
import type { Page, Query, Resource } from '../../support/objects.js';
import { RawApi } from '../../support/raw-api.js';
import { define, definition } from './custom.js';

interface Discovered {
  readonly kind: string;
  readonly items: readonly {
    readonly metadata: { readonly name?: string };
    readonly versions: readonly {
      readonly version: string;
      readonly resources: readonly { readonly resource: string }[];
    }[];
  }[];
}

const AGGREGATED = 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList';

/** One resource at least of every group that Kubernetes is made of, and its group and version. */
export const BUILT_IN = [
  ['v1', 'namespaces'],
  ['admissionregistration.k8s.io/v1', 'validatingwebhookconfigurations'],
  ['apiextensions.k8s.io/v1', 'customresourcedefinitions'],
  ['apiregistration.k8s.io/v1', 'apiservices'],
  ['apps/v1', 'deployments'],
  ['authentication.k8s.io/v1', 'tokenreviews'],
  ['authorization.k8s.io/v1', 'selfsubjectaccessreviews'],
  ['autoscaling/v1', 'horizontalpodautoscalers'],
  ['autoscaling/v2', 'horizontalpodautoscalers'],
  ['batch/v1', 'jobs'],
  ['certificates.k8s.io/v1', 'certificatesigningrequests'],
  ['coordination.k8s.io/v1', 'leases'],
  ['discovery.k8s.io/v1', 'endpointslices'],
  ['events.k8s.io/v1', 'events'],
  ['flowcontrol.apiserver.k8s.io/v1', 'flowschemas'],
  ['networking.k8s.io/v1', 'ingresses'],
  ['node.k8s.io/v1', 'runtimeclasses'],
  ['policy/v1', 'poddisruptionbudgets'],
  ['rbac.authorization.k8s.io/v1', 'clusterroles'],
  ['resource.k8s.io/v1', 'resourceclaims'],
  ['scheduling.k8s.io/v1', 'priorityclasses'],
  ['storage.k8s.io/v1', 'csinodes'],
] as const;

/** Asks as no client library would, and closes the connection with the clause. */
export async function rawApi(w: World): Promise<RawApi> {
  const api = await RawApi.asAdmin(w.cluster, 1);
  w.t.teardown(() => api.close());
  return api;
}

async function discover(api: RawApi, path: string): Promise<Discovered> {
  const { text } = await api.ask({ path, headers: { accept: AGGREGATED } });
  return JSON.parse(text);
}

function isIn({ items }: Discovered, groupVersion: string, resource: string): boolean {
  const [version = '', group = ''] = groupVersion.split('/').reverse();
  return items
    .filter(({ metadata }) => (metadata.name ?? '') === group)
    .flatMap(({ versions }) => versions)
    .filter((each) => each.version === version)
    .some(({ resources }) => resources.some((each) => each.resource === resource));
}

/** Those that no clause beside this one makes and removes. */
async function groups(w: World): Promise<V1APIGroup[]> {
  const all = await w.objects.get<{ groups: V1APIGroup[] }>('/apis');
  return all.groups.filter(({ name }) => !name.endsWith('example.com'));
}

const TEMPLATES = 100;
const LIMIT = 17;

async function templates(w: World): Promise<Resource<V1PodTemplate>> {
  const resource = w.at<V1PodTemplate>('v1', 'podtemplates');
  const names = Array.from({ length: TEMPLATES }, (_, i) => `t-${String(i).padStart(4, '0')}`);
  await Promise.all(
    names.map((name) => resource.create({ metadata: { name }, template: { spec: podSpec() } })),
  );
  return resource;
}

/** The rest of a list, page by page; each says how much is left, and is of the same moment. */
async function rest(
  { t }: World,
  resource: Resource<V1PodTemplate>,
  first: Page<V1PodTemplate>,
): Promise<string[]> {
  const names = first.items.map(nameOf);
  const { resourceVersion } = first.metadata;
  for (let page = first; page.metadata._continue; ) {
    const query: Query = { limit: LIMIT, continue: page.metadata._continue };
    page = await resource.page(query);
    t.ok(page.items.length <= LIMIT, `${page.items.length} at once`);
    names.push(...page.items.map(nameOf));
    const left = TEMPLATES - names.length;
    t.equal(page.metadata.remainingItemCount ?? 0, left);
    t.equal(page.metadata._continue !== undefined, left > 0);
    t.equal(page.metadata.resourceVersion, resourceVersion);
  }
  return names;
}

export const discovery: readonly Clause[] = [
  {
    title: 'Confirm a server version',
    run: async (w) => {
      const { major, minor } = await w.objects.get<{ major: string; minor: string }>('/version');
      w.t.match(major, /^\d+$/);
      w.t.match(minor, /^\d+$/);
    },
  },
  {
    title: 'Discovery, confirm the PreferredVersion for each api group',
    run: async (w) => {
      const all = await groups(w);
      w.t.ok(all.length > 15, `${all.length} groups`);
      for (const { name } of all) {
        const group = await w.objects.get<V1APIGroup>(`/apis/${name}`);
        const preferred = group.preferredVersion?.groupVersion;
        w.t.ok(
          group.versions.some(({ groupVersion }) => groupVersion === preferred),
          `${preferred} of ${name}`,
        );
      }
    },
  },
  {
    title: 'Discovery, confirm the groupVerion and a resourcefrom each apiGroup',
    run: async (w) => {
      for (const { name, versions } of await groups(w)) {
        for (const { groupVersion } of versions) {
          w.t.ok(groupVersion.startsWith(`${name}/`), groupVersion);
          const list = await w.objects.get<V1APIResourceList>(`/apis/${groupVersion}`);
          w.t.equal(list.groupVersion, groupVersion);
          const valid = list.resources.filter(({ kind, verbs }) => kind && verbs.length > 0);
          w.t.ok(valid.length > 0, `${groupVersion} has a resource`);
        }
      }
      for (const [groupVersion, resource] of BUILT_IN) {
        const root = groupVersion.includes('/') ? '/apis' : '/api';
        const list = await w.objects.get<V1APIResourceList>(`${root}/${groupVersion}`);
        w.t.ok(
          list.resources.some(({ name }) => name === resource),
          `${resource} of ${groupVersion}`,
        );
      }
    },
  },
  {
    title: 'Aggregated Discovery Endpoint Accept Headers',
    run: async (w) => {
      const api = await rawApi(w);
      const [core, all] = [await discover(api, '/api'), await discover(api, '/apis')];
      for (const { kind } of [core, all]) w.t.equal(kind, 'APIGroupDiscoveryList');
      for (const [groupVersion, resource] of BUILT_IN) {
        const document = groupVersion.includes('/') ? all : core;
        w.t.ok(isIn(document, groupVersion, resource), `${resource} of ${groupVersion}`);
      }
    },
  },
  {
    title: 'Aggregated Discovery Endpoint Accept Headers CRDs',
    run: async (w) => {
      const api = await rawApi(w);
      const body = definition(w);
      await define(w, body);
      await w.until('its resource is in the document', async () => {
        return isIn(await discover(api, '/apis'), `${body.spec.group}/v1`, 'widgets');
      });
    },
  },
  {
    title: 'API metadata HTTP return',
    run: async (w) => {
      const api = await rawApi(w);
      const { code } = await api.ask({
        method: 'POST',
        path: '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews',
        headers: { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' },
        body: {
          apiVersion: 'authorization.k8s.io/v1',
          kind: 'SelfSubjectAccessReview',
          spec: { resourceAttributes: { verb: 'get', resource: 'pods' } },
        },
      });
      w.t.equal(code, 406);
    },
  },
  {
    title: 'API Chunking, server should return chunks of results for list calls',
    run: async (w) => {
      const resource = await templates(w);
      const first = await resource.page({ limit: LIMIT });
      w.t.equal(first.items.length, LIMIT);
      w.t.equal(first.metadata.remainingItemCount, TEMPLATES - LIMIT);
      const names = await rest(w, resource, first);
      const all = await resource.page();
      w.t.same(names, all.items.map(nameOf));
      w.t.equal(all.items.length, TEMPLATES);
      w.t.notOk(all.metadata._continue);
    },
  },
  {
    title:
      'API Chunking, server should support continue listing from the last key even if the original version has been compacted away',
    run: async (w) => {
      const resource = await templates(w);
      const first = await resource.page({ limit: LIMIT });
      w.t.equal(first.items.length, LIMIT);
      w.t.equal(first.metadata.remainingItemCount, TEMPLATES - LIMIT);
      const api = await rawApi(w);
      const token = encodeURIComponent(first.metadata._continue ?? '');
      const path = `${resource.path}?limit=${LIMIT}&continue=${token}`;
      const expired = await w.until('the token expires', async () => {
        const { code, text } = await api.ask({ path });
        return code === 410 && JSON.parse(text);
      });
      w.t.equal(expired.reason, 'Expired');
      const anew = expired.metadata.continue;
      w.t.ok(anew, 'there is another token');
      const second = await resource.page({ limit: LIMIT, continue: anew });
      w.t.ok(second.items.length <= LIMIT);
      w.t.equal(second.metadata.remainingItemCount, TEMPLATES - 2 * LIMIT);
      w.t.ok(second.metadata._continue);
      w.t.not(second.metadata.resourceVersion, first.metadata.resourceVersion);
      const both = { metadata: second.metadata, items: [...first.items, ...second.items] };
      const names = await rest(w, resource, both);
      w.t.same(names, (await resource.list()).map(nameOf));
    },
  },
  {
    title: 'watch-consistency',
    run: async (w) => {
      const first = await w.record(w.configMaps, 'w=same');
      const versions = (seen: readonly { object: V1ConfigMap }[]) =>
        seen.map(({ object }) => object.metadata?.resourceVersion);
      const WRITES = 45;
      const writes = (async () => {
        for (let n = 0; n < WRITES / 3; n++) {
          const name = `c-${n}`;
          await w.configMaps.create({ metadata: { name, labels: { w: 'same' } } });
          await w.configMaps.patch(name, { data: { n: '1' } });
          await w.configMaps.delete(name);
        }
      })();
      const others: { from: number; seen: typeof first }[] = [];
      for (let at = 0; at < WRITES; at++) {
        await w.until('one more event', async () => first.changes.length > at);
        const resourceVersion = versions(first.changes)[at];
        const seen = await w.configMaps.record({ labelSelector: 'w=same', resourceVersion });
        w.t.teardown(() => seen.stop());
        others.push({ from: at + 1, seen });
      }
      await writes;
      await w.until('each watch has told all that came after', async () =>
        others.every(({ from, seen }) => seen.changes.length >= WRITES - from),
      );
      const all = versions(first.changes);
      w.t.equal(all.length, WRITES);
      for (const { from, seen } of others) w.t.same(versions(seen.changes), all.slice(from));
    },
  },
];
