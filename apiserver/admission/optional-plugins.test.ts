/** Plugins that are off by default, each on a server that has it on; and the names that the flags take. */
import t from 'tap';
import type { Pod, PodSpec } from '../../pkg/api/types.js';
import { TestServer } from '../testing/test-server.js';
import { parseAdmissionConfiguration } from './configuration.js';
import { pluginFaults } from './index.js';

const CORE = '/api/v1/namespaces';
const pod = (name: string, spec: Partial<PodSpec> = {}): Pod => ({
  metadata: { name },
  spec: { containers: [{ name: 'c', image: 'i:1' }], ...spec },
});

t.test('plugins that are asked for', async (t) => {
  const server = await TestServer.start({
    options: {
      enableAdmissionPlugins: [
        'AlwaysAdmit',
        'AlwaysPullImages',
        'DenyServiceExternalIPs',
        'ExtendedResourceToleration',
        'LimitPodHardAntiAffinityTopology',
        'NamespaceAutoProvision',
        'NamespaceExists',
        'PodNodeSelector',
      ],
      disableAdmissionPlugins: ['ServiceAccount', 'EventRateLimit'],
      admission: parseAdmissionConfiguration(
        JSON.stringify({
          apiVersion: 'apiserver.config.k8s.io/v1',
          kind: 'AdmissionConfiguration',
          plugins: [
            {
              name: 'PodSecurity',
              configuration: {
                apiVersion: 'pod-security.admission.config.k8s.io/v1',
                kind: 'PodSecurityConfiguration',
                defaults: { enforce: 'baseline' },
                exemptions: { namespaces: ['free'] },
              },
            },
          ],
        }),
        () => '',
      ),
    },
  });
  t.teardown(() => server.stop());
  const admin = server.as('admin');
  const pods = `${CORE}/fresh/pods`;
  const made = await admin.post(pods, pod('a'));
  t.equal(made.code, 201, 'its namespace is made for it');
  t.match(made.body['spec'], { containers: [{ imagePullPolicy: 'Always' }] });
  t.equal((await admin.get(`${CORE}/fresh`)).code, 200);

  const host = await admin.post(pods, pod('h', { hostNetwork: true }));
  t.match(host.body['message'], 'violates PodSecurity "baseline:latest": host namespaces');
  t.equal((await admin.post(`${CORE}/free/pods`, pod('h', { hostNetwork: true }))).code, 201);

  const gpu = {
    containers: [{ name: 'c', image: 'i', resources: { limits: { 'x.io/gpu': '1' } } }],
  };
  t.match((await admin.post(pods, pod('gpu', gpu))).body['spec'], {
    tolerations: [{}, {}, { key: 'x.io/gpu', operator: 'Exists', effect: 'NoSchedule' }],
  });

  const apart = (topologyKey: string) => ({
    affinity: {
      podAntiAffinity: {
        requiredDuringSchedulingIgnoredDuringExecution: [
          { topologyKey, labelSelector: { matchLabels: { a: 'b' } } },
        ],
      },
    },
  });
  t.equal((await admin.post(pods, pod('near', apart('kubernetes.io/hostname')))).code, 201);
  t.equal(
    (await admin.post(pods, pod('far', apart('zone')))).body['message'],
    'pods "far" is forbidden: affinity.PodAntiAffinity.RequiredDuringScheduling has TopologyKey zone but only key kubernetes.io/hostname is allowed',
  );

  const service = { spec: { ports: [{ port: 80 }], externalIPs: ['192.0.2.1'] } };
  t.equal(
    (await admin.post(`${CORE}/fresh/services`, { metadata: { name: 's' }, ...service })).body[
      'message'
    ],
    'services "s" is forbidden: Use of external IPs is denied by admission control',
  );

  await admin.patch(`${CORE}/fresh`, {
    metadata: { annotations: { 'scheduler.alpha.kubernetes.io/node-selector': 'disk=fast' } },
  });
  await server.settled();
  t.match((await admin.post(pods, pod('fast'))).body['spec'], { nodeSelector: { disk: 'fast' } });
  t.equal(
    (await admin.post(pods, pod('slow', { nodeSelector: { disk: 'slow' } }))).body['message'],
    'pods "slow" is forbidden: pod node label selector conflicts with its namespace node label selector',
  );

  await admin.post('/api/v1/nodes', {
    metadata: { name: 'n', labels: { 'topology.kubernetes.io/zone': 'z', other: 'x' } },
  });
  await server.settled();
  const bound = await admin.post(`${pods}/a/binding`, { target: { kind: 'Node', name: 'n' } });
  t.equal(bound.code, 201, bound.text);
  const { metadata } = (await admin.get(`${pods}/a`)).body as Pod;
  t.same(metadata?.labels, { 'topology.kubernetes.io/zone': 'z' });
});

t.test('AlwaysDeny', async (t) => {
  const server = await TestServer.start({ options: { enableAdmissionPlugins: ['AlwaysDeny'] } });
  t.teardown(() => server.stop());
  const { code, body } = await server.as('admin').post(CORE, { metadata: { name: 'n' } });
  t.equal(code, 403);
  t.equal(
    body['message'],
    'namespaces "n" is forbidden: admission control is denying all modifications',
  );
});

t.test('names that the flags do not take', async (t) => {
  for (const [enable, disable, why] of [
    [['Nonsense'], [], 'enable-admission-plugins plugin "Nonsense" is unknown'],
    [[], ['Nonsense'], 'disable-admission-plugins plugin "Nonsense" is unknown'],
    [
      ['LimitRanger'],
      ['LimitRanger'],
      '[LimitRanger] in enable-admission-plugins and disable-admission-plugins overlapped',
    ],
    [
      ['ImagePolicyWebhook'],
      [],
      'enable-admission-plugins plugin "ImagePolicyWebhook" is not part of this server',
    ],
  ] as const)
    t.same(pluginFaults({ enable, disable }, new Set(['LimitRanger'])), [why]);
  t.throws(
    () =>
      parseAdmissionConfiguration(
        'apiVersion: apiserver.config.k8s.io/v1\nkind: AdmissionConfiguration\nplugins: [{name: EventRateLimit}]',
        () => '',
      ),
    /plugin "EventRateLimit" takes no configuration/,
  );
});
