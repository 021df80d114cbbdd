import 'reflect-metadata';
import { createHmac, generateKeyPairSync, webcrypto, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';
import { decodeJwt } from 'jose';
import t from 'tap';
import type {
  CertificateSigningRequest,
  ConfigMap,
  EndpointSlice,
  Endpoints,
  Event,
  Node,
  Pod,
  Secret,
  Service,
  ServiceAccount,
  ServiceCIDR,
} from '../pkg/api/types.js';
import { isNotFound } from '../pkg/client/errors.js';
import {
  CERTIFICATE_SIGNING_REQUESTS,
  CONFIG_MAPS,
  CORE_EVENTS,
  ENDPOINT_SLICES,
  ENDPOINTS,
  NODES,
  SECRETS,
  SERVICE_ACCOUNTS,
  SERVICE_CIDRS,
  SERVICES,
} from '../pkg/client/resources.js';
import { readCertificateRequest } from '../pkg/component/certificate-request.js';
import { ensurePki } from '../pkg/component/pki.js';
import { eventually } from '../test/support/eventually.js';
import { signerProblem } from './certificates/request.js';
import { isOver } from './controllers/csr-cleaner.js';
import { ttlStep } from './controllers/node-ttl.js';
import { AddressPool } from './load-balancer/address-pool.js';
import { cleanUpOf, secretsOf } from './service-account/token-secret.js';
import { ControlPlane } from './testing/control-plane.js';

const NAMESPACE = 'default';
const HOUR_MS = 3600_000;
const ECDSA = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
x509.cryptoProvider.set(webcrypto);

const folder = mkdtempSync(join(tmpdir(), 'cluster-services-'));
await ensurePki(folder, { apiserverNames: [], nodes: [], now: Date.now() });
const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
writeFileSync(join(folder, 'tokens.key'), privateKey.export({ type: 'pkcs8', format: 'pem' }));
const plane = await ControlPlane.start({
  args: [
    `--cluster-signing-cert-file=${join(folder, 'ca.crt')}`,
    `--cluster-signing-key-file=${join(folder, 'ca.key')}`,
    `--root-ca-file=${join(folder, 'ca.crt')}`,
    `--service-account-private-key-file=${join(folder, 'tokens.key')}`,
    '--load-balancer-cidr=192.0.2.0/30',
    '--controllers=*,bootstrap-signer-controller,tokencleaner',
  ],
});
const { client } = plane;
t.teardown(async () => {
  await plane.stop();
  rmSync(folder, { recursive: true });
});

async function requestOf(name: x509.JsonName, names: x509.JsonGeneralName[] = []): Promise<string> {
  const keys = await webcrypto.subtle.generateKey(ECDSA, true, ['sign', 'verify']);
  const request = await x509.Pkcs10CertificateRequestGenerator.create({
    name,
    keys,
    signingAlgorithm: ECDSA,
    ...(names.length > 0 ? { extensions: [new x509.SubjectAlternativeNameExtension(names)] } : {}),
  });
  return request.toString('pem');
}

t.test('certificates', async (t) => {
  const requests = client.resource<CertificateSigningRequest>(CERTIFICATE_SIGNING_REQUESTS);
  const ask = (name: string, pem: string, spec: Partial<CertificateSigningRequest['spec']>) =>
    requests.create({
      metadata: { name },
      spec: {
        request: Buffer.from(pem).toString('base64'),
        signerName: 'kubernetes.io/kube-apiserver-client',
        usages: ['client auth', 'digital signature'],
        ...spec,
      },
    });
  const approve = async (name: string) => {
    const csr = await requests.get('', name);
    const conditions = [{ type: 'Approved', status: 'True', reason: 'Test', message: '' }];
    await requests.updateSubresource({ ...csr, status: { conditions } }, 'approval');
  };
  const answered = (name: string) =>
    eventually(`${name} answered`, async () => {
      const csr = await requests.get('', name);
      const failed = csr.status?.conditions?.some((c) => c.type === 'Failed');
      return (csr.status?.certificate !== undefined || failed === true) && csr;
    });

  t.test('an approved request is signed, for as long as it asks', async (t) => {
    const pem = await requestOf([{ O: ['devs'] }, { CN: ['jane'] }]);
    await ask('jane', pem, { expirationSeconds: 3600 });
    await approve('jane');
    const { status } = await answered('jane');
    const made = new X509Certificate(Buffer.from(status?.certificate ?? '', 'base64'));
    const ca = new X509Certificate(readFileSync(join(folder, 'ca.crt')));
    t.ok(made.verify(ca.publicKey));
    t.match(made.subject, /O=devs\nCN=jane/);
    t.same(made.keyUsage, ['1.3.6.1.5.5.7.3.2']);
    t.notOk(made.ca);
    const life = Date.parse(made.validTo) - Date.now();
    t.ok(Math.abs(life - HOUR_MS) < 60_000, 'a short life ends on time');
  });

  t.test('what its signer does not give fails', async (t) => {
    await ask('serving', await requestOf([{ CN: ['jane'] }]), {
      signerName: 'kubernetes.io/kubelet-serving',
      usages: ['server auth', 'digital signature'],
    });
    await approve('serving');
    const { status } = await answered('serving');
    t.equal(status?.certificate, undefined);
    t.match(
      status?.conditions?.find((c) => c.type === 'Failed'),
      {
        status: 'True',
        reason: 'SignerValidationFailure',
        message: 'subject organization is not system:nodes',
      },
    );
  });

  t.test('a kubelet that may is approved by itself', async (t) => {
    const pem = await requestOf([{ O: ['system:nodes'] }, { CN: ['system:node:n1'] }]);
    await ask('kubelet', pem, { signerName: 'kubernetes.io/kube-apiserver-client-kubelet' });
    const { status } = await answered('kubelet');
    t.ok(status?.certificate);
    t.match(status?.conditions, [
      {
        type: 'Approved',
        reason: 'AutoApproved',
        message: 'Auto approving kubelet client certificate after SubjectAccessReview.',
      },
    ]);
  });

  t.test('rules of the signers', async (t) => {
    const node: x509.JsonName = [{ O: ['system:nodes'] }, { CN: ['system:node:n1'] }];
    const serving = ['digital signature', 'key encipherment', 'server auth'];
    const rows: [
      string,
      string,
      x509.JsonName,
      x509.JsonGeneralName[],
      string[],
      string | undefined,
    ][] = [
      ['a client', 'kube-apiserver-client', [{ CN: ['x'] }], [], ['client auth'], undefined],
      [
        'a client that would serve',
        'kube-apiserver-client',
        [{ CN: ['x'] }],
        [],
        ['client auth', 'server auth'],
        'invalid usage for client certificate: server auth',
      ],
      [
        'a client that is none',
        'kube-apiserver-client',
        [{ CN: ['x'] }],
        [],
        ['digital signature'],
        'missing required usage for client certificate: client auth',
      ],
      [
        'a kubelet that serves',
        'kubelet-serving',
        node,
        [{ type: 'ip', value: '10.0.0.1' }],
        serving,
        undefined,
      ],
      [
        'without a name',
        'kubelet-serving',
        node,
        [],
        serving,
        'DNS or IP subjectAltName is required',
      ],
      [
        'with a wrong name',
        'kubelet-serving',
        node,
        [
          { type: 'dns', value: 'n1' },
          { type: 'email', value: 'a@b.c' },
        ],
        serving,
        'email subjectAltNames are not allowed',
      ],
      [
        'with wrong usages',
        'kubelet-serving',
        node,
        [{ type: 'dns', value: 'n1' }],
        ['client auth'],
        'usages did not match [digital signature key encipherment server auth]',
      ],
      [
        'a kubelet under another name',
        'kube-apiserver-client-kubelet',
        [{ O: ['system:nodes'] }, { CN: ['n1'] }],
        [],
        ['client auth', 'digital signature'],
        'subject common name does not begin with system:node:',
      ],
      ['anything', 'legacy-unknown', [{ CN: ['x'] }], [], ['code signing'], undefined],
    ];
    for (const [name, signer, subject, names, usages, wanted] of rows) {
      const request = readCertificateRequest(await requestOf(subject, names));
      t.equal(signerProblem(`kubernetes.io/${signer}`, request, usages), wanted, name);
    }
  });

  t.test('old requests go', async (t) => {
    const now = Date.UTC(2026, 0, 2);
    const ago = (hours: number) => new Date(now - hours * HOUR_MS).toISOString();
    const csr = (created: number, type?: string, at = 0, certificate?: string) => ({
      metadata: { creationTimestamp: ago(created) },
      spec: { request: '', signerName: '' },
      status: {
        ...(certificate ? { certificate } : {}),
        ...(type ? { conditions: [{ type, status: 'True', lastUpdateTime: ago(at) }] } : {}),
      },
    });
    const rows: [string, CertificateSigningRequest, boolean][] = [
      ['pending', csr(23), false],
      ['pending for a day', csr(25), true],
      ['just denied', csr(2, 'Denied', 0.5), false],
      ['denied', csr(2, 'Denied', 1.5), true],
      ['failed', csr(2, 'Failed', 1.5), true],
      ['approved, not issued', csr(9, 'Approved', 8), false],
      ['issued', csr(9, 'Approved', 8, 'eA=='), true],
    ];
    for (const [name, request, wanted] of rows) t.equal(isOver(request, now), wanted, name);
  });
});

t.test('a LoadBalancer Service gets an address, keeps it, and gives it back', async (t) => {
  const services = client.resource<Service>(SERVICES);
  const make = (name: string, spec: Partial<Service['spec']> = {}) =>
    services.create({
      metadata: { namespace: NAMESPACE, name },
      spec: { type: 'LoadBalancer', ports: [{ port: 80 }], ...spec },
    });
  const addressOf = (name: string) =>
    eventually(`address of ${name}`, async () => {
      const { status } = await services.get(NAMESPACE, name);
      return status?.loadBalancer?.ingress?.[0]?.ip;
    });
  await make('lb-1', { loadBalancerIP: '192.0.2.2' });
  t.equal(await addressOf('lb-1'), '192.0.2.2', 'the one it asks for');
  await make('lb-2');
  t.equal(await addressOf('lb-2'), '192.0.2.1', 'one that is free');
  const made = await services.get(NAMESPACE, 'lb-2');
  t.same(made.metadata?.finalizers, ['service.kubernetes.io/load-balancer-cleanup']);
  t.same(made.status?.loadBalancer, { ingress: [{ ip: '192.0.2.1', ipMode: 'VIP' }] });
  await make('lb-3');
  await make('lb-other', { loadBalancerClass: 'example.com/other' });
  const events = client.resource<Event>(CORE_EVENTS);
  const reasonsOf = async (name: string) =>
    (
      await events.list({ namespace: NAMESPACE, fieldSelector: `involvedObject.name=${name}` })
    ).items.map((e) => `${e.type} ${e.reason}`);
  await eventually('none is left', async () =>
    (await reasonsOf('lb-3')).includes('Warning SyncLoadBalancerFailed'),
  );
  await plane.stopControllers();
  plane.startControllers();
  await services.patch(NAMESPACE, 'lb-2', 'merge', { spec: { type: 'ClusterIP' } });
  await eventually('given back', async () => {
    const { metadata, status } = await services.get(NAMESPACE, 'lb-2');
    return !metadata?.finalizers?.length && !status?.loadBalancer?.ingress;
  });
  t.equal(await addressOf('lb-3'), '192.0.2.1', 'who waits gets it');
  t.equal(await addressOf('lb-1'), '192.0.2.2');
  await services.delete(NAMESPACE, 'lb-1');
  await eventually('gone', () => services.get(NAMESPACE, 'lb-1').then(() => false, isNotFound));
  t.same((await services.get(NAMESPACE, 'lb-other')).status?.loadBalancer, {});
  const reasons = await eventually('events', async () => {
    const now = await reasonsOf('lb-2');
    return now.includes('Normal DeletedLoadBalancer') && now;
  });
  t.ok(reasons.includes('Normal EnsuredLoadBalancer'));
  const pool = new AddressPool(['2001:db8::/126']);
  t.equal(pool.takeNext('IPv6', 'a'), '2001:db8::1');
  t.equal(pool.takeNext('IPv4', 'a'), undefined);
  t.equal(pool.take('2001:db8:0::1', 'b'), false, 'another spelling is the same address');
});

t.test('token Secrets are filled, and go with their account', async (t) => {
  const secrets = client.resource<Secret>(SECRETS);
  const accounts = client.resource<ServiceAccount>(SERVICE_ACCOUNTS);
  const account = await accounts.create({ metadata: { namespace: NAMESPACE, name: 'robot' } });
  await secrets.create({
    metadata: {
      namespace: NAMESPACE,
      name: 'robot-token',
      annotations: { 'kubernetes.io/service-account.name': 'robot' },
    },
    type: 'kubernetes.io/service-account-token',
  });
  const { data, metadata } = await eventually('filled', async () => {
    const now = await secrets.get(NAMESPACE, 'robot-token');
    return now.data?.['token'] !== undefined && now;
  });
  const text = (key: string) => Buffer.from(data?.[key] ?? '', 'base64').toString();
  t.equal(text('namespace'), NAMESPACE);
  t.equal(text('ca.crt'), readFileSync(join(folder, 'ca.crt'), 'utf8'));
  t.same(decodeJwt(text('token')), {
    iss: 'kubernetes/serviceaccount',
    sub: 'system:serviceaccount:default:robot',
    'kubernetes.io/serviceaccount/namespace': NAMESPACE,
    'kubernetes.io/serviceaccount/secret.name': 'robot-token',
    'kubernetes.io/serviceaccount/service-account.name': 'robot',
    'kubernetes.io/serviceaccount/service-account.uid': account.metadata?.uid,
  });
  t.equal(metadata?.annotations?.['kubernetes.io/service-account.uid'], account.metadata?.uid);
  await accounts.delete(NAMESPACE, 'robot');
  await eventually('gone', () =>
    secrets.get(NAMESPACE, 'robot-token').then(() => false, isNotFound),
  );
});

t.test('unused tokens are marked, then deleted', async (t) => {
  const now = Date.UTC(2026, 5, 1);
  const secret = (
    labels: Record<string, string> = {},
    created = '2024-01-01T00:00:00Z',
  ): Secret => ({
    metadata: { name: 's', creationTimestamp: created, labels },
    type: 'kubernetes.io/service-account-token',
  });
  const account: ServiceAccount = { secrets: [{ name: 's' }] };
  const used = 'kubernetes.io/legacy-token-last-used';
  const invalid = 'kubernetes.io/legacy-token-invalid-since';
  const rows: [string, Secret, ServiceAccount | undefined, string[], string][] = [
    ['never used', secret(), account, [], 'mark'],
    ['made a month ago', secret({}, '2026-05-01T00:00:00Z'), account, [], 'keep'],
    ['used this year', secret({ [used]: '2026-01-01' }), account, [], 'keep'],
    ['used long ago', secret({ [used]: '2024-05-01' }), account, [], 'mark'],
    ['used no one knows when', secret({ [used]: 'x' }), account, [], 'keep'],
    ['made by hand', secret(), {}, [], 'keep'],
    ['used by a pod', secret(), account, ['s'], 'keep'],
    ['marked not long ago', secret({ [invalid]: '2026-01-01' }), account, [], 'keep'],
    ['marked a year ago', secret({ [invalid]: '2025-01-01' }), account, [], 'delete'],
    ['marked with what is no date', secret({ [invalid]: 'soon' }), account, [], 'mark'],
  ];
  const periodMs = 365 * 24 * HOUR_MS;
  for (const [name, each, owner, inUse, wanted] of rows) {
    const cleanUp = { secret: each, account: owner, used: new Set(inUse), periodMs, now };
    t.equal(cleanUpOf(cleanUp), wanted, name);
  }
  const pod: Pod = {
    spec: {
      imagePullSecrets: [{ name: 'pull' }],
      containers: [{ name: 'c', envFrom: [{ secretRef: { name: 'env' } }] }],
      volumes: [{ name: 'v', secret: { secretName: 'vol' } }],
    },
  };
  t.same(secretsOf(pod), ['pull', 'env', 'vol']);
});

t.test('Endpoints written by hand are mirrored', async (t) => {
  const slices = client.resource<EndpointSlice>(ENDPOINT_SLICES);
  const endpoints = client.resource<Endpoints>(ENDPOINTS);
  await client.resource<Service>(SERVICES).create({
    metadata: { namespace: NAMESPACE, name: 'outside' },
    spec: { ports: [{ name: 'db', port: 5432 }] },
  });
  const subsets = [
    {
      addresses: [{ ip: '198.51.100.1' }, { ip: '198.51.100.2' }],
      notReadyAddresses: [{ ip: '198.51.100.3' }],
      ports: [{ name: 'db', port: 5432 }],
    },
  ];
  const made = await endpoints.create({
    metadata: { namespace: NAMESPACE, name: 'outside', labels: { tier: 'db' } },
    subsets,
  });
  const list = async () =>
    (
      await slices.list({
        namespace: NAMESPACE,
        labelSelector:
          'endpointslice.kubernetes.io/managed-by=endpointslicemirroring-controller.k8s.io',
      })
    ).items;
  const mirrored = (addresses: string[]) =>
    eventually(`mirrored ${addresses}`, async () => {
      const [slice, ...more] = await list();
      const found = slice?.endpoints?.flatMap((e) => e.addresses).sort();
      return more.length === 0 && JSON.stringify(found) === JSON.stringify(addresses) && slice;
    });
  const slice = await mirrored(['198.51.100.1', '198.51.100.2', '198.51.100.3']);
  t.match(slice, {
    addressType: 'IPv4',
    ports: [{ name: 'db', port: 5432, protocol: 'TCP' }],
    metadata: {
      labels: { tier: 'db', 'kubernetes.io/service-name': 'outside' },
      ownerReferences: [{ kind: 'Endpoints', name: 'outside', uid: made.metadata?.uid }],
    },
  });
  t.same(
    slice.endpoints?.map((e) => e.conditions?.ready),
    [true, true, false],
  );
  await endpoints.patch(NAMESPACE, 'outside', 'merge', {
    subsets: [{ addresses: [{ ip: '198.51.100.9' }], ports: [{ name: 'db', port: 5432 }] }],
  });
  const after = await mirrored(['198.51.100.9']);
  t.equal(after.metadata?.name, slice.metadata?.name, 'the same slice, changed');
  await endpoints.patch(NAMESPACE, 'outside', 'merge', {
    metadata: { labels: { 'endpointslice.kubernetes.io/skip-mirror': 'true' } },
  });
  await eventually('not mirrored any more', async () => (await list()).length === 0);
});

t.test('Services get addresses of further ServiceCIDRs', async (t) => {
  const cidrs = client.resource<ServiceCIDR>(SERVICE_CIDRS);
  const services = client.resource<Service>(SERVICES);
  const serviceOf = (name: string) => ({
    metadata: { namespace: 'default', name },
    spec: { clusterIP: '10.200.0.9', ports: [{ port: 80 }] },
  });
  await t.rejects(services.create(serviceOf('early')), {
    message: /10.200.0.9: the provided network does not match the current range/,
  });
  await cidrs.create({ metadata: { name: 'more' }, spec: { cidrs: ['10.200.0.0/24'] } });
  const made = await eventually('an address of the new range', () =>
    services.create(serviceOf('late')).catch(() => undefined),
  );
  t.equal(made.spec?.clusterIP, '10.200.0.9');
  await services.delete('default', 'late');
  await cidrs.delete('', 'more');
  await t.rejects(services.create(serviceOf('too-late')), /does not match the current range/);
});

t.test('bootstrap tokens sign cluster-info, until they expire', async (t) => {
  const secrets = client.resource<Secret>(SECRETS);
  const maps = client.resource<ConfigMap>(CONFIG_MAPS);
  const base64 = (text: string) => Buffer.from(text).toString('base64');
  const tokenOf = (id: string, expiration: string) => ({
    metadata: { namespace: 'kube-system', name: `bootstrap-token-${id}` },
    type: 'bootstrap.kubernetes.io/token',
    data: {
      'token-id': base64(id),
      'token-secret': base64('0123456789abcdef'),
      'usage-bootstrap-signing': base64('true'),
      expiration: base64(expiration),
    },
  });
  await secrets.create(tokenOf('abcdef', '2126-01-01T00:00:00Z'));
  await secrets.create(tokenOf('expire', '2020-01-01T00:00:00Z'));
  await maps.create({
    metadata: { namespace: 'kube-public', name: 'cluster-info' },
    data: { kubeconfig: 'x: y\n', 'jws-kubeconfig-gonego': 'old' },
  });
  const { data } = await eventually('signed', async () => {
    const map = await maps.get('kube-public', 'cluster-info');
    return map.data?.['jws-kubeconfig-abcdef'] ? map : undefined;
  });
  t.same(Object.keys(data ?? {}).sort(), ['jws-kubeconfig-abcdef', 'kubeconfig']);
  const [header = '', content, signature] = (data?.['jws-kubeconfig-abcdef'] ?? '').split('.');
  t.same(JSON.parse(Buffer.from(header, 'base64url').toString()), { alg: 'HS256', kid: 'abcdef' });
  t.equal(content, '', 'what is signed is not repeated');
  const text = `${header}.${Buffer.from('x: y\n').toString('base64url')}`;
  const expected = createHmac('sha256', '0123456789abcdef').update(text).digest('base64url');
  t.equal(signature, expected);
  await eventually('the expired one is gone', () =>
    secrets.get('kube-system', 'bootstrap-token-expire').then(() => false, isNotFound),
  );
});

t.test('ServiceCIDRs are guarded', async (t) => {
  const cidrs = client.resource<ServiceCIDR>(SERVICE_CIDRS);
  const condition = (name: string, status: string) =>
    eventually(`${name} ${status}`, async () => {
      const now = await cidrs.get('', name);
      return now.status?.conditions?.find((c) => c.type === 'Ready' && c.status === status);
    });
  t.match(await condition('kubernetes', 'True'), { message: 'Kubernetes Service CIDR is ready' });
  t.same((await cidrs.get('', 'kubernetes')).metadata?.finalizers, [
    'networking.k8s.io/service-cidr-finalizer',
  ]);
  await cidrs.delete('', 'kubernetes');
  t.match(await condition('kubernetes', 'False'), {
    reason: 'Terminating',
    message:
      'There are still IPAddresses referencing the ServiceCIDR, please remove them or create a new ServiceCIDR',
  });
});

t.test('nodes are told how long to believe what they read', async (t) => {
  const nodes = client.resource<Node>(NODES);
  await nodes.create({ metadata: { name: 'n1' } });
  await eventually('annotated', async () => {
    const { metadata } = await nodes.get('', 'n1');
    return metadata?.annotations?.['node.alpha.kubernetes.io/ttl'] === '0';
  });
  const rows: [string, number, number, number][] = [
    ['small', 50, 0, 0],
    ['grown', 101, 0, 1],
    ['a little less again', 95, 1, 1],
    ['small again', 89, 1, 0],
    ['all at once', 5000, 0, 4],
    ['all gone', 3, 4, 0],
  ];
  for (const [name, count, from, to] of rows) t.equal(ttlStep(count, from), to, name);
});
