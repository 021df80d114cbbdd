/**
 * A real cluster whose doors are guarded from outside: webhooks over TLS (by URL and by Service), the Pod
 * Security Standards, an OpenID Connect issuer, an audit log; and a table of attempts that all must fail.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import t from 'tap';
import { ownAddress } from '../../pkg/component/own-address.js';
import { ensurePki } from '../../pkg/component/pki.js';
import { Cluster } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';

interface AdmissionRequest {
  readonly uid: string;
  readonly name?: string;
  readonly object: { readonly metadata: { readonly labels?: object; readonly name?: string } };
}

t.setTimeout(300_000);

t.test('admission, authentication and audit', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'drydock-guards-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const pki = join(folder, 'pki');
  await ensurePki(pki, {
    apiserverNames: ['127.0.0.1', 'hooks.guarded.svc'],
    nodes: [],
    now: Date.now(),
  });
  const pem = (file: string) => readFileSync(join(pki, file), 'utf8');
  const caBundle = Buffer.from(pem('ca.crt')).toString('base64');
  const keys = await generateKeyPair('RS256');
  const stranger = await generateKeyPair('RS256');
  let origin = '';

  const answers: Readonly<Record<string, (request: AdmissionRequest) => object>> = {
    '/mutate': ({ object }) => {
      const labels = object.metadata.labels
        ? []
        : [{ op: 'add', path: '/metadata/labels', value: {} }];
      const patch = [...labels, { op: 'add', path: '/metadata/labels/touched', value: 'yes' }];
      return {
        allowed: true,
        patchType: 'JSONPatch',
        patch: Buffer.from(JSON.stringify(patch)).toString('base64'),
        warnings: ['this pod was touched'],
      };
    },
    '/validate': ({ name }) =>
      name === 'bad'
        ? { allowed: false, status: { code: 403, reason: 'Forbidden', message: 'bad by name' } }
        : { allowed: true, auditAnnotations: { seen: 'yes' } },
  };
  const remote = createServer(
    { cert: pem('apiserver.crt'), key: pem('apiserver.key') },
    (req, res) => {
      const path = (req.url ?? '').split('?')[0] ?? '';
      let body = '';
      req.on('data', (chunk) => {
        body += String(chunk);
      });
      req.on('end', () => {
        const reply = async (): Promise<object> => {
          if (path === '/.well-known/openid-configuration')
            return { issuer: origin, jwks_uri: `${origin}/keys` };
          if (path === '/keys')
            return { keys: [{ ...(await exportJWK(keys.publicKey)), kid: 'k', alg: 'RS256' }] };
          const { request, ...review } = JSON.parse(body) as { request: AdmissionRequest };
          return { ...review, response: { uid: request.uid, ...answers[path]?.(request) } };
        };
        reply().then(
          (value) => res.end(JSON.stringify(value)),
          (err: unknown) => res.writeHead(500).end(String(err)),
        );
      });
    },
  );
  await new Promise<void>((resolve) => remote.listen(0, '0.0.0.0', resolve));
  t.teardown(() => {
    remote.closeAllConnections();
    remote.close();
  });
  const { port } = remote.address() as AddressInfo;
  origin = `https://127.0.0.1:${port}`;

  const policyFile = join(folder, 'policy.yaml');
  const auditLog = join(folder, 'audit.log');
  writeFileSync(
    policyFile,
    `apiVersion: audit.k8s.io/v1
kind: Policy
omitStages: [RequestReceived]
rules:
- level: Request
  namespaces: [guarded, strict]
  verbs: [create, delete]
- level: None
`,
  );
  const encryption = join(folder, 'encryption.yaml');
  writeFileSync(
    encryption,
    `apiVersion: apiserver.config.k8s.io/v1
kind: EncryptionConfiguration
resources:
- resources: [secrets]
  providers:
  - aesgcm: {keys: [{name: k, secret: ${Buffer.alloc(32, 7).toString('base64')}}]}
`,
  );
  const flags = [
    `audit-policy-file=${policyFile}`,
    `audit-log-path=${auditLog}`,
    `encryption-provider-config=${encryption}`,
    'enable-bootstrap-token-auth=true',
    `oidc-issuer-url=${origin}`,
    'oidc-client-id=kube',
    `oidc-ca-file=${join(pki, 'ca.crt')}`,
    'oidc-username-prefix=oidc:',
    'oidc-groups-claim=groups',
  ];
  const cluster = await Cluster.start(t, [
    '--nodes=2',
    ...flags.flatMap((flag) => ['--apiserver-arg', flag]),
  ]);
  const apply = async (...objects: object[]) => {
    const input = JSON.stringify({ kind: 'List', apiVersion: 'v1', items: objects });
    const { code, stderr } = await cluster.kubectl('apply -f -', { input });
    if (code !== 0) throw new Error(stderr);
  };
  const namespace = (name: string, labels: Record<string, string> = {}) => ({
    apiVersion: 'v1',
    kind: 'Namespace',
    metadata: { name, labels },
  });
  const configuration = (kind: string, name: string, clientConfig: object) => ({
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind,
    metadata: { name },
    webhooks: [
      {
        name: `${name}.example.com`,
        clientConfig: { ...clientConfig, caBundle },
        rules: [
          { apiGroups: [''], apiVersions: ['v1'], operations: ['CREATE'], resources: ['pods'] },
        ],
        namespaceSelector: { matchLabels: { guarded: 'yes' } },
        admissionReviewVersions: ['v1'],
        sideEffects: 'None',
      },
    ],
  });

  await t.test('webhooks over TLS', async (t) => {
    await apply(
      namespace('guarded', { guarded: 'yes' }),
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: { name: 'hooks', namespace: 'guarded' },
        spec: { ports: [{ name: 'https', port: 443, targetPort: port }] },
      },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: {
          name: 'hooks',
          namespace: 'guarded',
          labels: { 'kubernetes.io/service-name': 'hooks' },
        },
        addressType: 'IPv4',
        endpoints: [{ addresses: [ownAddress()] }],
        ports: [{ name: 'https', port }],
      },
    );
    await apply(
      configuration('MutatingWebhookConfiguration', 'touch', { url: `${origin}/mutate` }),
      configuration('ValidatingWebhookConfiguration', 'judge', {
        service: { namespace: 'guarded', name: 'hooks', path: '/validate' },
      }),
    );
    const made = await eventually('the webhooks are called', async () => {
      await cluster.kubectl('delete pod good -n guarded --ignore-not-found --now');
      const result = await cluster.kubectl('run good --image=nginx -n guarded');
      return result.stderr.includes('touched') ? result : undefined;
    });
    t.equal(made.code, 0, made.stderr);
    t.equal(made.stderr, 'Warning: this pod was touched\n');
    const pod = await cluster.get<{ metadata: { labels: object } }>('pod good -n guarded');
    t.match(pod.metadata.labels, { run: 'good', touched: 'yes' });
    const refused = await cluster.kubectl('run bad --image=nginx -n guarded');
    t.equal(refused.code, 1);
    t.match(
      refused.stderr,
      'Error from server (Forbidden): admission webhook "judge.example.com" denied the request: bad by name',
    );
    t.equal((await cluster.kubectl('run bad --image=nginx')).code, 0, 'elsewhere nobody asks');
  });

  await t.test('Pod Security', async (t) => {
    await apply(namespace('strict'));
    t.equal((await cluster.kubectl('run early --image=nginx -n strict')).code, 0);
    const labelled = await cluster.kubectl(
      'label ns strict pod-security.kubernetes.io/enforce=restricted',
    );
    t.match(
      labelled.stderr,
      'Warning: existing pods in namespace "strict" violate the new PodSecurity enforce level "restricted:latest"\nWarning: early: allowPrivilegeEscalation != false, unrestricted capabilities, runAsNonRoot != true, seccompProfile\n',
    );
    const refused = await cluster.kubectl('run late --image=nginx -n strict');
    t.equal(
      refused.stderr,
      'Error from server (Forbidden): pods "late" is forbidden: violates PodSecurity "restricted:latest": allowPrivilegeEscalation != false (container "late" must set securityContext.allowPrivilegeEscalation=false), unrestricted capabilities (container "late" must set securityContext.capabilities.drop=["ALL"]), runAsNonRoot != true (pod or container "late" must set securityContext.runAsNonRoot=true), seccompProfile (pod or container "late" must set securityContext.seccompProfile.type to "RuntimeDefault" or "Localhost")\n',
    );
    const deployed = await cluster.kubectl('create deployment web --image=nginx -n strict');
    t.equal(deployed.code, 0);
    t.match(deployed.stderr, /^Warning: would violate PodSecurity "restricted:latest": allowPriv/);
    const why = await eventually('the ReplicaSet says why it makes no pods', async () => {
      const { stdout } = await cluster.kubectl('get events -n strict');
      return stdout.includes('FailedCreate') ? stdout : undefined;
    });
    t.match(why, /Error creating: pods "web-\S+" is forbidden: violates PodSecurity/);
  });

  const url = await cluster.apiUrl();
  const own = (file: string) => join(cluster.dataDir, 'pki', file);
  const as = (credentials: readonly string[], args: readonly string[], input?: string) =>
    cluster.kubectl(
      [
        '--kubeconfig=/dev/null',
        `--server=${url}`,
        `--certificate-authority=${own('ca.crt')}`,
        ...credentials,
        ...args,
      ],
      input === undefined ? {} : { input },
    );
  const now = Math.floor(Date.now() / 1000);
  const jwt = (claims: object, key = keys.privateKey) =>
    new SignJWT({ iss: origin, aud: 'kube', sub: 'ann', exp: now + 600, ...claims })
      .setProtectedHeader({ alg: 'RS256', kid: 'k' })
      .sign(key);
  const ann = `--token=${await jwt({ groups: ['devs'] })}`;

  await t.test('an OpenID Connect user', async (t) => {
    const who = await as([ann], ['auth', 'whoami']);
    t.match(who.stdout, /Username +oidc:ann\nGroups +\[devs system:authenticated\]/, who.stderr);
    await cluster.kubectl('create rolebinding devs --clusterrole=edit --group=devs -n guarded');
    t.equal((await as([ann], ['get', 'pods', '-n', 'guarded'])).code, 0);
  });

  await t.test('attempts', async (t) => {
    await cluster.kubectl('create serviceaccount gone -n guarded');
    const token = (await cluster.kubectl('create token gone -n guarded')).stdout.trim();
    const elsewhere = (
      await cluster.kubectl('create token gone -n guarded --audience=elsewhere')
    ).stdout.trim();
    t.match(
      (await as([`--token=${token}`], ['auth', 'whoami'])).stdout,
      /serviceaccount:guarded:gone/,
    );
    await cluster.kubectl('delete serviceaccount gone -n guarded');
    const node = [
      `--client-certificate=${own('kubelet-node-1.crt')}`,
      `--client-key=${own('kubelet-node-1.key')}`,
    ];
    const foreign = [
      `--client-certificate=${join(pki, 'admin.crt')}`,
      `--client-key=${join(pki, 'admin.key')}`,
    ];
    const role = (verbs: string[], resources: string[]) =>
      JSON.stringify({
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'Role',
        metadata: { name: 'more', namespace: 'guarded' },
        rules: [{ apiGroups: [''], verbs, resources }],
      });
    await cluster.kubectl(
      'create rolebinding devs-admin --clusterrole=admin --group=devs -n guarded',
    );
    const unauthorized =
      /You must be logged in to the server|the server has asked for the client to provide credentials|Unauthorized/;
    const rows: readonly (readonly [
      string,
      readonly string[],
      readonly string[],
      RegExp,
      string?,
    ])[] = [
      ['a certificate of another authority', foreign, ['get', 'nodes'], unauthorized],
      [
        'a token signed by a stranger',
        [`--token=${await jwt({}, stranger.privateKey)}`],
        ['get', 'ns'],
        unauthorized,
      ],
      [
        'an expired token',
        [`--token=${await jwt({ exp: now - 600 })}`],
        ['get', 'ns'],
        unauthorized,
      ],
      [
        'a token for another audience',
        [`--token=${await jwt({ aud: 'x' })}`],
        ['get', 'ns'],
        unauthorized,
      ],
      ['an account that is gone', [`--token=${token}`], ['get', 'ns'], unauthorized],
      [
        'an account token for another audience',
        [`--token=${elsewhere}`],
        ['get', 'ns'],
        unauthorized,
      ],
      [
        'a bootstrap token that nobody made',
        ['--token=abcdef.0123456789abcdef'],
        ['get', 'ns'],
        unauthorized,
      ],
      [
        'a password',
        ['--username=admin', '--password=admin'],
        ['get', '--raw', '/api/v1/nodes'],
        /"system:anonymous" cannot list resource "nodes"/,
      ],
      [
        'another namespace',
        [ann],
        ['get', 'pods', '-n', 'strict'],
        /User "oidc:ann" cannot list resource "pods" in API group "" in the namespace "strict"/,
      ],
      [
        'the cluster',
        [ann],
        ['get', 'nodes'],
        /cannot list resource "nodes" in API group "" at the cluster scope/,
      ],
      [
        'impersonation',
        [ann, '--as=admin', '--as-group=system:masters'],
        ['get', 'nodes'],
        /cannot impersonate resource/,
      ],
      [
        'a role with more than one has',
        [ann],
        ['create', '-f', '-'],
        /attempting to grant RBAC permissions not currently held/,
        role(['*'], ['nodes']),
      ],
      [
        'a binding to cluster-admin',
        [ann],
        [
          'create',
          'rolebinding',
          'x',
          '--clusterrole=cluster-admin',
          '--user=oidc:ann',
          '-n',
          'guarded',
        ],
        /attempting to grant RBAC permissions not currently held/,
      ],
      [
        'a cluster-wide binding',
        [ann],
        ['create', 'clusterrolebinding', 'x', '--clusterrole=view', '--user=oidc:ann'],
        /cannot create resource "clusterrolebindings"/,
      ],
      [
        'a webhook of their own',
        [ann],
        ['create', '-f', '-'],
        /cannot create resource "mutatingwebhookconfigurations"/,
        JSON.stringify(configuration('MutatingWebhookConfiguration', 'mine', { url: origin })),
      ],
      [
        'a kubelet and a Secret of no pod of its',
        node,
        ['get', 'secret', 'x', '-n', 'kube-system'],
        /no relationship found between node 'node-1' and this object/,
      ],
      [
        'a kubelet and another node',
        node,
        ['label', 'node', 'node-2', 'a=b'],
        /node "node-1" is not allowed to modify node "node-2"|cannot read 'node-2'|cannot get resource "nodes"/,
      ],
      [
        'a kubelet and its own role',
        node,
        ['label', 'node', 'node-1', 'node-role.kubernetes.io/x='],
        /is not allowed to modify labels/,
      ],
    ];
    for (const [row, credentials, args, why, input] of rows) {
      const { code, stdout, stderr } = await as(credentials, args, input);
      t.not(code, 0, `${row}: ${stdout}`);
      t.match(stderr, why, row);
    }
  });

  await t.test('the audit log', async (t) => {
    const events = await eventually('the log has the refusal', () => {
      const lines = readFileSync(auditLog, 'utf8').trim().split('\n');
      const all = lines.map((line) => JSON.parse(line) as Record<string, unknown>);
      return all.some(({ requestURI }) => String(requestURI).includes('/strict/pods'))
        ? all
        : undefined;
    });
    const find = (name: string) =>
      events.find(
        ({ verb, objectRef }) =>
          verb === 'create' && (objectRef as { name?: string }).name === name,
      );
    t.match(find('good'), {
      level: 'Request',
      stage: 'ResponseComplete',
      verb: 'create',
      requestObject: { kind: 'Pod' },
      responseStatus: { code: 201 },
      annotations: { 'judge.example.com/seen': 'yes', 'authorization.k8s.io/decision': 'allow' },
    });
    t.match(find('late'), { responseStatus: { code: 403, reason: 'Forbidden' } });
    t.equal(
      events.find(({ verb }) => verb === 'get' || verb === 'watch'),
      undefined,
      'and nothing that the policy leaves out',
    );
  });

  await t.test('a Secret is readable to its reader and to nobody who has the disk', async (t) => {
    await cluster.kubectl('create secret generic s --from-literal=k=hidden-treasure');
    const secret = await cluster.get<{ data: { k: string } }>('secret s');
    t.equal(Buffer.from(secret.data.k, 'base64').toString(), 'hidden-treasure');
    await cluster.kill('apiserver');
    const again = await eventually('the apiserver is back', async () => {
      const { code, stdout } = await cluster.kubectl('get secret s -o jsonpath={.data.k}');
      return code === 0 ? stdout : undefined;
    });
    t.equal(Buffer.from(again, 'base64').toString(), 'hidden-treasure');
  });
});
