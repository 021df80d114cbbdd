/** The Pod Security Standards: every check by itself, then namespaces of a whole server. */
import t from 'tap';
import type { Container, PodSpec } from '../../../pkg/api/types.js';
import { TestServer } from '../../testing/test-server.js';
import { evaluate } from './evaluate.js';
import { type Level, PRIVILEGED_POLICY, policyOf } from './policy.js';

const LATEST = Number.POSITIVE_INFINITY;

/** A container that `restricted` lets through. */
const GOOD: Container = {
  name: 'c',
  image: 'i',
  securityContext: {
    allowPrivilegeEscalation: false,
    runAsNonRoot: true,
    capabilities: { drop: ['ALL'] },
    seccompProfile: { type: 'RuntimeDefault' },
  },
};
const context = (over: NonNullable<Container['securityContext']>): Container => ({
  ...GOOD,
  securityContext: { ...GOOD.securityContext, ...over },
});
const of = (container: Container, over: Partial<PodSpec> = {}): PodSpec => ({
  containers: [container],
  ...over,
});

interface Row {
  readonly row: string;
  readonly spec: PodSpec;
  readonly annotations?: Record<string, string>;
  readonly level?: Level;
  readonly minor?: number;
  /** Absent: nothing to object to. */
  readonly details?: string;
}

const ROWS: readonly Row[] = [
  { row: 'a good pod', spec: of(GOOD), level: 'restricted' },
  {
    row: 'a plain pod is privileged enough',
    spec: of({ name: 'c', image: 'i' }),
    level: 'privileged',
  },
  { row: 'a plain pod is baseline', spec: of({ name: 'c', image: 'i' }) },
  {
    row: 'a plain pod is not restricted',
    spec: of({ name: 'c', image: 'i' }),
    level: 'restricted',
    details:
      'allowPrivilegeEscalation != false (container "c" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "c" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")',
  },
  {
    row: 'before 1.8 there is less to ask',
    spec: of({ name: 'c', image: 'i' }),
    level: 'restricted',
    minor: 7,
    details:
      'runAsNonRoot != true (pod or container "c" must set securityContext.runAsNonRoot=true)',
  },
  {
    row: 'AppArmor',
    spec: of(context({ appArmorProfile: { type: 'Unconfined' } })),
    annotations: { 'container.apparmor.security.beta.kubernetes.io/c': 'unconfined' },
    details:
      'forbidden AppArmor profiles (container "c" and annotation must not set AppArmor profile type to "Unconfined", "container.apparmor.security.beta.kubernetes.io/c=\\"unconfined\\"")',
  },
  {
    row: 'capabilities',
    spec: of(context({ capabilities: { add: ['NET_RAW', 'CHOWN', 'BPF'], drop: ['ALL'] } })),
    details:
      'non-default capabilities (container "c" must not include "BPF", "NET_RAW" in securityContext.capabilities.add)',
  },
  {
    row: 'capabilities, restricted, once',
    spec: of(context({ capabilities: { add: ['CHOWN', 'NET_BIND_SERVICE'] } })),
    level: 'restricted',
    details:
      'unrestricted capabilities (container "c" must set securityContext.capabilities.drop=["ALL"]; container "c" must not include "CHOWN" in securityContext.capabilities.add)',
  },
  {
    row: 'host namespaces',
    spec: of(GOOD, { hostIPC: true, hostNetwork: true, hostPID: true }),
    details: 'host namespaces (hostNetwork=true, hostPID=true, hostIPC=true)',
  },
  {
    row: 'host paths',
    spec: of(GOOD, {
      volumes: [
        { name: 'v', hostPath: { path: '/' } },
        { name: 'w', hostPath: { path: '/' } },
      ],
    }),
    details: 'hostPath volumes (volumes "v", "w")',
  },
  {
    row: 'volumes, restricted, once',
    spec: of(GOOD, {
      volumes: [
        { name: 'v', hostPath: { path: '/' } },
        { name: 'n', nfs: { path: '/', server: 's' } },
        { name: 'e', emptyDir: {} },
      ],
    }),
    level: 'restricted',
    details:
      'restricted volume types (volumes "v", "n" use restricted volume types "hostPath", "nfs")',
  },
  {
    row: 'host ports',
    spec: of({
      ...GOOD,
      ports: [
        { containerPort: 1, hostPort: 80 },
        { containerPort: 2, hostPort: 443 },
      ],
    }),
    details: 'hostPort (container "c" uses hostPorts 443, 80)',
  },
  {
    row: 'hosts of probes',
    spec: of({ ...GOOD, livenessProbe: { httpGet: { port: 1, host: 'h' } } }),
    details: 'probe or lifecycle host (container "c" uses probe or lifecycle host "h")',
  },
  {
    row: 'hosts of probes before 1.34',
    spec: of({ ...GOOD, livenessProbe: { httpGet: { port: 1, host: 'h' } } }),
    minor: 33,
  },
  {
    row: 'privileged, in every kind of container',
    spec: {
      containers: [context({ privileged: true })],
      initContainers: [{ ...context({ privileged: true }), name: 'i' }],
      ephemeralContainers: [{ ...context({ privileged: true }), name: 'e' }],
    },
    details: 'privileged (containers "i", "c", "e" must not set securityContext.privileged=true)',
  },
  {
    row: '/proc',
    spec: of(context({ procMount: 'Unmasked' })),
    details: 'procMount (container "c" must not set securityContext.procMount to "Unmasked")',
  },
  {
    row: '/proc in a user namespace',
    spec: of(context({ procMount: 'Unmasked' }), { hostUsers: false }),
  },
  {
    row: 'SELinux',
    spec: of(context({ seLinuxOptions: { type: 'spc_t', user: 'u' } }), {
      securityContext: { seLinuxOptions: { role: 'r' } },
    }),
    details:
      'seLinuxOptions (pod and container "c" set forbidden securityContext.seLinuxOptions: type "spc_t"; user may not be set; role may not be set)',
  },
  {
    row: 'SELinux of a nested engine',
    spec: of(context({ seLinuxOptions: { type: 'container_engine_t' } })),
  },
  {
    row: 'SELinux of a nested engine before 1.31',
    spec: of(context({ seLinuxOptions: { type: 'container_engine_t' } })),
    minor: 30,
    details:
      'seLinuxOptions (container "c" set forbidden securityContext.seLinuxOptions: type "container_engine_t")',
  },
  {
    row: 'seccomp',
    spec: of(GOOD, { securityContext: { seccompProfile: { type: 'Unconfined' } } }),
    details:
      'seccompProfile (pod must not set securityContext.seccompProfile.type to "Unconfined")',
  },
  {
    row: 'seccomp by annotation before 1.19',
    spec: of(GOOD),
    annotations: { 'seccomp.security.alpha.kubernetes.io/pod': 'unconfined' },
    minor: 18,
    details:
      'seccompProfile (forbidden annotation seccomp.security.alpha.kubernetes.io/pod="unconfined")',
  },
  {
    row: 'sysctls',
    spec: of(GOOD, {
      securityContext: {
        sysctls: [
          { name: 'net.ipv4.tcp_rmem', value: '1' },
          { name: 'kernel.msgmax', value: '1' },
        ],
      },
    }),
    details: 'forbidden sysctls (kernel.msgmax)',
  },
  {
    row: 'sysctls before 1.32',
    spec: of(GOOD, { securityContext: { sysctls: [{ name: 'net.ipv4.tcp_rmem', value: '1' }] } }),
    minor: 31,
    details: 'forbidden sysctls (net.ipv4.tcp_rmem)',
  },
  {
    row: 'processes of the host',
    spec: of(GOOD, { securityContext: { windowsOptions: { hostProcess: true } } }),
    details: 'hostProcess (pod must not set securityContext.windowsOptions.hostProcess=true)',
  },
  {
    row: 'root, said',
    spec: of(context({ runAsNonRoot: false, runAsUser: 0 })),
    level: 'restricted',
    details:
      'runAsNonRoot != true (container "c" must not set securityContext.runAsNonRoot=false), runAsUser=0 (container "c" must not set runAsUser=0)',
  },
  {
    row: 'root in a user namespace',
    spec: of(context({ runAsNonRoot: false, runAsUser: 0 }), { hostUsers: false }),
    level: 'restricted',
  },
  {
    row: 'what the pod says holds for its containers',
    spec: of(
      {
        name: 'c',
        image: 'i',
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
      {
        securityContext: {
          runAsNonRoot: true,
          seccompProfile: { type: 'Localhost', localhostProfile: 'p' },
        },
      },
    ),
    level: 'restricted',
  },
  {
    row: 'Windows has no capabilities',
    spec: of(
      { name: 'c', image: 'i' },
      { os: { name: 'windows' }, securityContext: { runAsNonRoot: true } },
    ),
    level: 'restricted',
  },
];

t.test('checks', async (t) => {
  for (const { row, spec, annotations = {}, level = 'baseline', minor = LATEST, details } of ROWS) {
    const found = evaluate({ level, minor }, { annotations }, spec);
    t.same(found.details, details ?? '', row);
    t.equal(found.allowed, details === undefined, row);
  }
});

t.test('labels', async (t) => {
  const label = (of: Record<string, string>) =>
    policyOf(
      Object.fromEntries(
        Object.entries(of).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]),
      ),
      PRIVILEGED_POLICY,
    );
  t.match(label({ enforce: 'baseline', 'enforce-version': 'v1.30' }).policy, {
    enforce: { level: 'baseline', minor: 30 },
    warn: { level: 'baseline', minor: 30 },
    audit: { level: 'privileged' },
  });
  t.match(label({ enforce: 'baseline', warn: 'restricted' }).policy.warn, { level: 'restricted' });
  const bad = label({ enforce: 'high', 'warn-version': '1.2' });
  t.match(bad.policy.enforce, { level: 'restricted', minor: LATEST });
  t.same(
    bad.errors.map(({ field, body }) => `${field}: ${body}`),
    [
      'metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "high": must be one of privileged, baseline, restricted',
      'metadata.labels[pod-security.kubernetes.io/warn-version]: Invalid value: "1.2": must be "latest" or "v1.x"',
    ],
  );
});

t.test('namespaces', async (t) => {
  const server = await TestServer.start();
  t.teardown(() => server.stop());
  const admin = server.as('admin');
  const CORE = '/api/v1/namespaces';
  const labels = (of: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(of).map(([key, value]) => [`pod-security.kubernetes.io/${key}`, value]),
    );
  const namespace = async (name: string, of: Record<string, string>) => {
    const answer = await admin.post(CORE, { metadata: { name, labels: labels(of) } });
    await admin.post(`${CORE}/${name}/serviceaccounts`, { metadata: { name: 'default' } });
    return answer;
  };
  const plain = (name: string) => ({
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'i' }] },
  });
  const host = (name: string) => ({
    metadata: { name },
    spec: { containers: [{ name: 'c', image: 'i' }], hostNetwork: true },
  });

  const wrong = await namespace('wrong', { enforce: 'high' });
  t.equal(wrong.code, 422);
  t.equal(
    wrong.body['message'],
    'Namespace "wrong" is invalid: metadata.labels[pod-security.kubernetes.io/enforce]: Invalid value: "high": must be one of privileged, baseline, restricted',
  );

  await namespace('strict', { enforce: 'baseline', warn: 'restricted', 'warn-version': 'v1.20' });
  const refused = await admin.post(`${CORE}/strict/pods`, host('p'));
  t.equal(refused.code, 403);
  t.equal(
    refused.body['message'],
    'pods "p" is forbidden: violates PodSecurity "baseline:latest": host namespaces (hostNetwork=true)',
  );
  t.equal(refused.headers['warning'], undefined, 'no warnings beside a refusal');
  const warned = await admin.post(`${CORE}/strict/pods`, plain('q'));
  t.equal(warned.code, 201);
  t.equal(
    warned.headers['warning'],
    '299 - "would violate PodSecurity \\"restricted:v1.20\\": allowPrivilegeEscalation != false (container \\"c\\" must set securityContext.allowPrivilegeEscalation=false), runAsNonRoot != true (pod or container \\"c\\" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container \\"c\\" must set securityContext.seccompProfile.type to \\"RuntimeDefault\\" or \\"Localhost\\")"',
  );
  const labelled = await admin.patch(`${CORE}/strict/pods/q`, { metadata: { labels: { a: 'b' } } });
  t.equal(labelled.headers['warning'], undefined, 'what changes nothing is not judged again');
  const template = { metadata: { labels: { a: 'b' } }, spec: host('x').spec };
  const deployed = await admin.post('/apis/apps/v1/namespaces/strict/deployments', {
    metadata: { name: 'd' },
    spec: { selector: { matchLabels: { a: 'b' } }, template },
  });
  t.equal(deployed.code, 201, 'what makes pods is only warned of');
  t.match(deployed.headers['warning'], /would violate PodSecurity .* host namespaces/);

  await namespace('loose', {});
  for (const name of ['b', 'a', 'c']) await admin.post(`${CORE}/loose/pods`, host(name));
  await admin.post(`${CORE}/loose/pods`, plain('fine'));
  const tightened = await admin.patch(`${CORE}/loose`, {
    metadata: { labels: labels({ enforce: 'baseline' }) },
  });
  t.equal(tightened.code, 200);
  t.same(tightened.headers['warning'], [
    '299 - "existing pods in namespace \\"loose\\" violate the new PodSecurity enforce level \\"baseline:latest\\""',
    '299 - "a (and 2 other pods): host namespaces"',
  ]);
  const loosened = await admin.patch(`${CORE}/loose`, {
    metadata: { labels: labels({ enforce: 'privileged' }) },
  });
  t.equal(loosened.headers['warning'], undefined);
});
