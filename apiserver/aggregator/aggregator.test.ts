import t from 'tap';
import type { APIService, EndpointSlice, Pod, Service } from '../../pkg/api/types.js';
import type { KubeObject } from '../../pkg/apimachinery/meta.js';
import { eventually } from '../../test/support/eventually.js';
import { ExtensionServer } from '../../test/support/extension-server.js';
import { TestServer } from '../testing/test-server.js';
import { mergedV2 } from './openapi.js';
import { forwardable, identityHeaders } from './proxy-headers.js';

const SERVICES = '/apis/apiregistration.k8s.io/v1/apiservices';
const NS = '/api/v1/namespaces/default';
const SLICES = '/apis/discovery.k8s.io/v1/namespaces/default/endpointslices';

const server = await TestServer.start({ users: ['alice'] });
t.teardown(() => server.stop());
const admin = server.as('admin');

function apiService(group: string, spec: Partial<APIService['spec']> = {}): APIService {
  return {
    apiVersion: 'apiregistration.k8s.io/v1',
    kind: 'APIService',
    metadata: { name: `v1.${group}` },
    spec: {
      group,
      version: 'v1',
      groupPriorityMinimum: 100,
      versionPriority: 100,
      insecureSkipTLSVerify: true,
      service: { namespace: 'default', name: group.split('.')[0] ?? '', port: 443 },
      ...spec,
    },
  };
}

/** The condition Available, once its reason is this. */
function available(name: string, reason: string) {
  return eventually(`${name}: ${reason}`, async () => {
    const { body } = await admin.get(`${SERVICES}/${name}`);
    const { status }: APIService = body;
    const found = status?.conditions?.find(({ type }) => type === 'Available');
    if (found?.reason !== reason) throw new Error(JSON.stringify(body));
    return found;
  });
}

async function post(path: string, body: KubeObject): Promise<void> {
  const { code, text } = await admin.post(path, body);
  if (code !== 201) throw new Error(text);
}

const clusterIP = (name: string): Service => ({
  metadata: { name },
  spec: { ports: [{ name: 'https', port: 443, targetPort: 8443 }] },
});
const slice = (name: string, endpoints: EndpointSlice['endpoints']): EndpointSlice => ({
  metadata: { name, labels: { 'kubernetes.io/service-name': name } },
  addressType: 'IPv4',
  endpoints,
  ports: [{ name: 'https', port: 8443, protocol: 'TCP' }],
});

t.test('what this server serves is registered, and stays available', async (t) => {
  const { body } = await admin.get(SERVICES);
  const names = (body['items'] as APIService[]).map(({ metadata }) => metadata?.name);
  for (const name of ['v1.', 'v1.apps', 'v2.autoscaling', 'v1beta1.metrics.k8s.io']) {
    t.ok(names.includes(name), name);
    t.match(await available(name, 'Local'), { status: 'True' });
  }
  t.notOk(names.includes('v1.apiregistration.k8s.io'));
  const core = await admin.get(`${SERVICES}/v1.`);
  t.match(core.body, {
    metadata: { labels: { 'kube-aggregator.kubernetes.io/automanaged': 'onstart' } },
    spec: { version: 'v1', groupPriorityMinimum: 18000, versionPriority: 1 },
  });
  await admin.delete(`${SERVICES}/v1beta1.metrics.k8s.io`);
  t.match(await available('v1beta1.metrics.k8s.io', 'Local'), { status: 'True' }, 'it comes back');
});

t.test('why an APIService is not available', async (t) => {
  await post(SERVICES, apiService('gone.example.com'));
  t.match(await available('v1.gone.example.com', 'ServiceNotFound'), {
    status: 'False',
    message: 'service/gone in "default" is not present',
  });
  const down = await admin.get('/apis/gone.example.com/v1/things');
  t.match(down, { code: 503, text: 'service unavailable\n' });
  t.equal((await server.as('alice').get('/apis/gone.example.com/v1/things')).code, 403);

  await post(`${NS}/services`, clusterIP('gone'));
  t.match(await available('v1.gone.example.com', 'EndpointsNotFound'), {
    message: 'cannot find endpointslices for service/gone in "default"',
  });
  await post(SLICES, slice('gone', [{ addresses: ['10.9.9.9'], conditions: { ready: false } }]));
  t.match(await available('v1.gone.example.com', 'MissingEndpoints'), {
    message:
      'endpointslices for service/gone in "default" have no addresses with port name "https"',
  });
  await admin.patch(`${SERVICES}/v1.gone.example.com`, { spec: { service: { port: 444 } } });
  t.match(await available('v1.gone.example.com', 'ServicePortError'), {
    message: 'service/gone in "default" is not listening on port 444',
  });
  const { body } = await admin.get('/apis', {
    accept: 'application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList',
  });
  const groups = body['items'] as { metadata: { name: string }; versions: object[] }[];
  t.match(
    groups.find(({ metadata }) => metadata.name === 'gone.example.com'),
    { versions: [{ version: 'v1', freshness: 'Stale' }] },
    'discovery tells of it, as stale',
  );
  await admin.delete(`${SERVICES}/v1.gone.example.com`);
});

t.test('pods that are only simulated are not dialled', async (t) => {
  const pod: Pod = {
    metadata: { name: 'sim' },
    spec: { containers: [{ name: 'main', image: 'main' }] },
  };
  await post(`${NS}/serviceaccounts`, { metadata: { name: 'default' } });
  await post(`${NS}/pods`, pod);
  const status = {
    containerStatuses: [
      {
        name: 'main',
        image: 'main',
        imageID: 'main',
        ready: true,
        restartCount: 0,
        containerID: 'simulated://1',
      },
    ],
  };
  const patched = await admin.patch(`${NS}/pods/sim/status`, { status });
  // Without it the endpoint below would be dialled.
  if (patched.code !== 200) throw new Error(patched.text);
  const endpoint = {
    addresses: ['10.9.9.9'],
    targetRef: { kind: 'Pod', namespace: 'default', name: 'sim' },
  };
  await post(`${NS}/services`, clusterIP('sim'));
  await post(SLICES, slice('sim', [endpoint]));
  await post(SERVICES, apiService('sim.example.com'));
  t.match(await available('v1.sim.example.com', 'FailedDiscoveryCheck'), {
    message: /connect: connection refused$/,
  });
  const service = { namespace: 'default', name: 'sim', port: 443 };
  const spec = { service, insecureSkipTLSVerify: true };
  await admin.patch(`${SERVICES}/v1beta1.metrics.k8s.io`, { spec });
  t.match(await available('v1beta1.metrics.k8s.io', 'Passed'), { message: 'all checks passed' });
  const answer = await admin.get('/apis/metrics.k8s.io/v1beta1/nodes');
  t.match(answer, { code: 200, body: { kind: 'NodeMetricsList' } }, 'what is built in answers');
});

t.test('who asks, and what they send, reaches the extension server', async (t) => {
  const extension = await ExtensionServer.start(server.pki, 'wardle.default.svc');
  t.teardown(() => extension.stop());
  await post(`${NS}/services`, {
    metadata: { name: 'wardle' },
    spec: { type: 'ExternalName', externalName: 'localhost' },
  } as Service);
  const service = { namespace: 'default', name: 'wardle', port: extension.port };
  const { caBundle } = extension;
  const spec = { service, caBundle, insecureSkipTLSVerify: false };
  await post(SERVICES, apiService('wardle.example.com', spec));
  await available('v1.wardle.example.com', 'Passed');
  const flunders = '/apis/wardle.example.com/v1/namespaces/default/flunders';
  const made = await admin.post(flunders, { kind: 'Flunder', metadata: { name: 'sent' } });
  t.match(made, { code: 201, body: { metadata: { name: 'sent' } } });
  const watch = await admin.watch(`${flunders}?watch=true`);
  t.match(await watch.next(), { type: 'ADDED', object: { metadata: { name: 'one' } } });
  t.equal(await watch.next(), undefined, 'its end is told');
  t.match(extension.asked, [
    { method: 'POST', user: 'admin', authorization: false },
    { method: 'GET', url: `${flunders}?watch=true` },
  ]);
  const group = await admin.get('/apis/wardle.example.com');
  t.match(group.body, { kind: 'APIGroup', preferredVersion: { version: 'v1' } });
  t.equal((await admin.get('/apis/wardle.example.com/v2')).code, 404, 'another version is nobody');
});

t.test('headers', async (t) => {
  const user = { name: 'ann', uid: '7', groups: ['a', 'b'], extra: { 'example.com/scope': ['x'] } };
  t.same(identityHeaders(user), {
    'X-Remote-User': 'ann',
    'X-Remote-Uid': '7',
    'X-Remote-Group': ['a', 'b'],
    'X-Remote-Extra-example.com%2Fscope': ['x'],
  });
  const sent = {
    accept: 'text/plain',
    authorization: 'Bearer x',
    'x-remote-user': 'root',
    'x-remote-extra-scope': 'y',
    'impersonate-user': 'root',
    connection: 'keep-alive',
  };
  t.same(forwardable(sent), { accept: 'text/plain' }, 'nothing that would speak for somebody');
});

t.test('of two documents the own definitions stay', async (t) => {
  const own = { swagger: '2.0', paths: { '/a': {} }, definitions: { A: { type: 'object' } } };
  const part = { paths: { '/b': {} }, definitions: { A: { type: 'string' }, B: {} } };
  t.same(mergedV2(own, [part]), {
    swagger: '2.0',
    paths: { '/a': {}, '/b': {} },
    definitions: { A: { type: 'object' }, B: {} },
  });
});
