/**
 * Kinds whose clauses ask for the API's own operations: found in discovery, then made, read, listed, watched,
 * patched, replaced and deleted, one and by label; where there is a status, that too. One row is one clause.
 */
import 'reflect-metadata';
import { webcrypto } from 'node:crypto';
import type { KubernetesObject } from '@kubernetes/client-node';
import * as x509 from '@peculiar/x509';
import type { Clause, World } from '../../support/clause.js';
import { failureOf, nameOf } from '../../support/kube.js';
import type { Resource } from '../../support/objects.js';

export interface Kind {
  readonly title: string;
  readonly apiVersion: string;
  readonly plural: string;
  readonly subresources?: readonly string[];
  /** Without metadata. */
  readonly body: object | ((w: World) => object | Promise<object>);
  readonly names?: readonly [string, string];
  /** A merge patch besides a label, and fields to replace besides an annotation: both must be found again. */
  readonly patch?: object;
  readonly update?: object;
  /** Written by PATCH and by PUT of the status. */
  readonly status?: object;
  /** The same of the subresource that approves; what it has said stays. */
  readonly approval?: object;
}

interface ResourceList {
  readonly resources: readonly { name: string; namespaced: boolean; verbs: string[] }[];
}

const VERBS = ['create', 'get', 'list', 'watch', 'update', 'patch', 'delete', 'deletecollection'];

/** The resource and its subresources are in the discovery documents, with all verbs. */
async function discover({ t, objects }: World, kind: Kind): Promise<boolean> {
  const { apiVersion, plural, subresources = [] } = kind;
  if (apiVersion.includes('/')) {
    const [name] = apiVersion.split('/');
    type Group = { name: string; versions: { groupVersion: string }[] };
    const { groups } = await objects.get<{ groups: Group[] }>('/apis');
    t.ok(groups.some((group) => group.name === name));
    const group = await objects.get<Group>(`/apis/${name}`);
    t.ok(group.versions.some(({ groupVersion }) => groupVersion === apiVersion));
  }
  const root = apiVersion.includes('/') ? '/apis' : '/api';
  const { resources } = await objects.get<ResourceList>(`${root}/${apiVersion}`);
  const found = resources.find(({ name }) => name === plural);
  t.same(
    VERBS.filter((verb) => !found?.verbs.includes(verb)),
    [],
  );
  for (const each of subresources) {
    t.ok(
      resources.some(({ name }) => name === `${plural}/${each}`),
      each,
    );
  }
  return found?.namespaced ?? false;
}

async function operations(w: World, kind: Kind): Promise<void> {
  const { t } = w;
  const isNamespaced = await discover(w, kind);
  const { apiVersion, plural } = kind;
  const [a, b] = kind.names ?? [`${w.namespace}-a`, `${w.namespace}-b`];
  const everywhere = w.all<KubernetesObject>(apiVersion, plural);
  const resource = isNamespaced ? w.at<KubernetesObject>(apiVersion, plural) : everywhere;
  const body = typeof kind.body === 'function' ? await kind.body(w) : kind.body;
  const labels = { of: w.namespace };
  const selector = `of=${w.namespace}`;
  const make = (name: string) => resource.create({ ...body, metadata: { name, labels } });

  const seen = await w.record(resource, selector);
  const { metadata } = await make(a);
  t.ok(metadata?.uid);
  t.equal((await resource.get(a)).metadata?.uid, metadata?.uid);
  t.same((await resource.list(selector)).map(nameOf), [a]);
  t.same((await everywhere.list(selector)).map(nameOf), [a]);

  const patch = { metadata: { labels: { patched: 'true' } }, ...kind.patch };
  t.match(wire(await resource.patch(a, patch)), patch);
  t.match(wire(await resource.get(a)), patch);
  await w.change(resource, a, (object) => {
    Object.assign(object, kind.update);
    object.metadata = { ...object.metadata, annotations: { updated: 'true' } };
  });
  t.match(wire(await resource.get(a)), {
    metadata: { annotations: { updated: 'true' } },
    ...kind.update,
  });
  if (kind.status !== undefined) await statusOperations(w, resource, a, kind.status, 'status');
  if (kind.approval !== undefined) {
    await statusOperations(w, resource, a, kind.approval, 'approval');
  }

  await resource.delete(a);
  await w.gone(resource, a);
  t.equal((await failureOf(resource.get(a))).code, 404);
  await w.until('its deletion is told', async () => seen.changes.at(-1)?.type === 'DELETED');
  t.same([...new Set(seen.changes.map(({ type }) => type))], ['ADDED', 'MODIFIED', 'DELETED']);

  await make(a);
  await make(b);
  const bystander = `${w.namespace}-other`;
  if (isNamespaced) await resource.create({ ...body, metadata: { name: bystander } });
  t.same((await resource.list(selector)).map(nameOf).sort(), [a, b].sort());
  await resource.deleteCollection(selector);
  await w.until('none is left', async () => (await resource.list(selector)).length === 0);
  if (isNamespaced) t.equal(nameOf(await resource.get(bystander)), bystander, 'the rest is left');
}

/** Times as they are sent: the client has its own types for them. */
function wire(object: KubernetesObject): unknown {
  return JSON.parse(JSON.stringify(object));
}

async function statusOperations(
  { t, change }: World,
  resource: Resource<KubernetesObject>,
  name: string,
  status: object,
  subresource: 'status' | 'approval',
): Promise<void> {
  t.equal(nameOf(await resource.get(name, subresource)), name);
  await resource.patch(name, { status }, { subresource });
  t.match(await resource.get(name, subresource), { status });
  if (subresource === 'status') {
    await change(resource, name, (object) => Object.assign(object, { status: {} }), subresource);
    t.notMatch(await resource.get(name), { status });
  }
  await change(resource, name, (object) => Object.assign(object, { status }), subresource);
  t.match(await resource.get(name), { status });
}

const conditions = (type: string) => [
  {
    type,
    status: 'True',
    reason: 'E2E',
    message: 'set by a client',
    lastTransitionTime: '2026-01-01T00:00:00Z',
  },
];

async function certificateRequest(): Promise<object> {
  const algorithm = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' };
  x509.cryptoProvider.set(webcrypto);
  const keys = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name: 'CN=e2e-test',
    keys,
    signingAlgorithm: algorithm,
  });
  return {
    spec: {
      request: Buffer.from(request.toString('pem')).toString('base64'),
      signerName: 'example.com/e2e',
      usages: ['digital signature', 'key encipherment', 'server auth'],
    },
  };
}

const podTemplate = {
  template: { spec: { containers: [{ name: 'main', image: 'nginx:1' }] } },
};
const involved = (w: World) => ({ kind: 'Pod', name: 'web', namespace: w.namespace });
const coreEvent = (w: World) => ({
  involvedObject: involved(w),
  reason: 'Tested',
  message: 'an Event',
  type: 'Normal',
});
const newEvent = (w: World) => ({
  regarding: involved(w),
  eventTime: '2026-01-01T00:00:00.000000Z',
  reason: 'Tested',
  action: 'Test',
  reportingController: 'example.com/tester',
  reportingInstance: 'tester-1',
  note: 'an Event',
  type: 'Normal',
});
const SERIES = { series: { count: 100, lastObservedTime: '2026-01-02T00:00:00.000000Z' } };

const policyMatch = {
  resourceRules: [
    {
      apiGroups: ['apps'],
      apiVersions: ['v1'],
      operations: ['CREATE'],
      resources: ['deployments'],
    },
  ],
};

const KINDS: readonly Kind[] = [
  {
    title: 'Priority and Fairness FlowSchema API',
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    plural: 'flowschemas',
    subresources: ['status'],
    body: {
      spec: { matchingPrecedence: 10_000, priorityLevelConfiguration: { name: 'global-default' } },
    },
    patch: { spec: { matchingPrecedence: 9999 } },
  },
  {
    title: 'Priority and Fairness PriorityLevelConfiguration API',
    apiVersion: 'flowcontrol.apiserver.k8s.io/v1',
    plural: 'prioritylevelconfigurations',
    subresources: ['status'],
    body: {
      spec: {
        type: 'Limited',
        limited: { nominalConcurrencyShares: 2, limitResponse: { type: 'Reject' } },
      },
    },
    patch: { spec: { limited: { nominalConcurrencyShares: 4 } } },
  },
  {
    title: 'ValidatingAdmissionPolicy API',
    apiVersion: 'admissionregistration.k8s.io/v1',
    plural: 'validatingadmissionpolicies',
    subresources: ['status'],
    body: {
      spec: {
        matchConstraints: policyMatch,
        validations: [{ expression: "object.metadata.name != 'never'" }],
      },
    },
  },
  {
    title: 'ValidatingadmissionPolicyBinding API',
    apiVersion: 'admissionregistration.k8s.io/v1',
    plural: 'validatingadmissionpolicybindings',
    body: { spec: { policyName: 'nobody-s', validationActions: ['Deny'] } },
  },
  {
    title: 'EndpointSlice API',
    apiVersion: 'discovery.k8s.io/v1',
    plural: 'endpointslices',
    body: { addressType: 'IPv4', endpoints: [{ addresses: ['10.0.0.1'] }] },
  },
  {
    title: 'Ingress API',
    apiVersion: 'networking.k8s.io/v1',
    plural: 'ingresses',
    subresources: ['status'],
    body: {
      spec: { defaultBackend: { service: { name: 'web', port: { number: 80 } } } },
    },
    status: { loadBalancer: { ingress: [{ ip: '169.1.1.1' }] } },
  },
  {
    title: 'IngressClass API',
    apiVersion: 'networking.k8s.io/v1',
    plural: 'ingressclasses',
    body: { spec: { controller: 'example.com/controller' } },
  },
  {
    title: 'IPAddress API',
    apiVersion: 'networking.k8s.io/v1',
    plural: 'ipaddresses',
    names: ['192.168.7.11', '192.168.7.12'],
    body: ({ namespace }) => ({
      spec: { parentRef: { group: '', resource: 'services', namespace, name: 'web' } },
    }),
  },
  {
    title: 'ServiceCIDR API',
    apiVersion: 'networking.k8s.io/v1',
    plural: 'servicecidrs',
    subresources: ['status'],
    body: { spec: { cidrs: ['192.168.200.0/24'] } },
    status: { conditions: conditions('ExampleCondition') },
  },
  {
    title: 'RuntimeClass API',
    apiVersion: 'node.k8s.io/v1',
    plural: 'runtimeclasses',
    body: { handler: 'simulated' },
  },
  {
    title: 'CertificateSigningRequest API',
    apiVersion: 'certificates.k8s.io/v1',
    plural: 'certificatesigningrequests',
    subresources: ['approval', 'status'],
    body: certificateRequest,
    status: { conditions: conditions('ExampleCondition') },
    approval: { conditions: conditions('Approved') },
  },
  {
    title: 'CSIDriver, lifecycle',
    apiVersion: 'storage.k8s.io/v1',
    plural: 'csidrivers',
    body: { spec: { attachRequired: false } },
  },
  {
    title: 'CSINode, lifecycle',
    apiVersion: 'storage.k8s.io/v1',
    plural: 'csinodes',
    body: { spec: { drivers: [] } },
  },
  {
    title: 'CSIStorageCapacity API',
    apiVersion: 'storage.k8s.io/v1',
    plural: 'csistoragecapacities',
    body: { storageClassName: 'standard', capacity: '1Gi' },
  },
  {
    title: 'StorageClass, lifecycle',
    apiVersion: 'storage.k8s.io/v1',
    plural: 'storageclasses',
    body: { provisioner: 'example.com/none' },
  },
  {
    title: 'PodTemplate lifecycle',
    apiVersion: 'v1',
    plural: 'podtemplates',
    body: podTemplate,
    patch: { template: { metadata: { labels: { patched: 'true' } } } },
  },
  { title: 'PodTemplate, replace', apiVersion: 'v1', plural: 'podtemplates', body: podTemplate },
  {
    title: 'PodTemplate, delete a collection',
    apiVersion: 'v1',
    plural: 'podtemplates',
    body: podTemplate,
  },
  {
    title: 'ServiceAccount lifecycle test',
    apiVersion: 'v1',
    plural: 'serviceaccounts',
    body: {},
    patch: { automountServiceAccountToken: false },
  },
  {
    title: 'ServiceAccount, update a ServiceAccount',
    apiVersion: 'v1',
    plural: 'serviceaccounts',
    body: {},
    update: { automountServiceAccountToken: true },
  },
  {
    title: 'Event, manage lifecycle of an Event',
    apiVersion: 'v1',
    plural: 'events',
    body: coreEvent,
    patch: { message: 'a new message' },
    update: SERIES,
  },
  { title: 'Event, delete a collection', apiVersion: 'v1', plural: 'events', body: coreEvent },
  {
    title: 'New Event resource lifecycle, testing a single event',
    apiVersion: 'events.k8s.io/v1',
    plural: 'events',
    body: newEvent,
    // A note stays as it was written.
    patch: { series: { ...SERIES.series, count: 2 } },
    update: SERIES,
  },
  {
    title: 'New Event resource lifecycle, testing a list of events',
    apiVersion: 'events.k8s.io/v1',
    plural: 'events',
    body: newEvent,
  },
  {
    title: 'lease API should be available',
    apiVersion: 'coordination.k8s.io/v1',
    plural: 'leases',
    body: { spec: { holderIdentity: 'one', leaseDurationSeconds: 30, leaseTransitions: 0 } },
    patch: { spec: { leaseDurationSeconds: 80 } },
    update: { spec: { holderIdentity: 'two', leaseDurationSeconds: 50, leaseTransitions: 1 } },
  },
];

export const apiOperations: readonly Clause[] = operationsOf(KINDS);

export function operationsOf(kinds: readonly Kind[]): Clause[] {
  return kinds.map((kind) => ({ title: kind.title, run: (w) => operations(w, kind) }));
}
