/**
 * The certificates of a cluster, made once and kept: two authorities, and below them one identity for each
 * component, with the names and groups that Kubernetes' own roles are bound to (as `kubeadm init phase
 * certs` makes them). Keys are P-256, in files that only the owner may read. Idempotent: what is there, is
 * valid and has all the names that are wanted, stays.
 *
 *   ca                          signs everything that clients and servers show each other
 *   front-proxy-ca              signs the aggregator, which speaks for users to extension servers
 *   apiserver                   server; its names are options.apiserverNames
 *   apiserver-kubelet-client    apiserver → kubelets
 *   front-proxy-client          apiserver → extension servers
 *   admin, scheduler, controller-manager, kubelet-NODE (also the kubelet's server certificate)
 *   sa.key, sa.pub              sign service account tokens
 */
import 'reflect-metadata';
import { randomBytes, webcrypto } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { isIP } from 'node:net';
import { join } from 'node:path';
import * as x509 from '@peculiar/x509';

type CryptoKey = webcrypto.CryptoKey;

x509.cryptoProvider.set(webcrypto);

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' } as const;
const DAY_MS = 24 * 3600 * 1000;
const CA_DAYS = 3650;
const LEAF_DAYS = 365;
/** A certificate that ends sooner than this is made anew. */
const RENEW_BEFORE_DAYS = 30;
/** Clocks of the machines of a cluster may differ by this much. */
const BACKDATE_MS = 5 * 60_000;

export interface PkiOptions {
  /** Host names and addresses under which the API is reached, besides those that every cluster has. */
  readonly apiserverNames: readonly string[];
  readonly nodes: readonly { readonly name: string; readonly addresses: readonly string[] }[];
  /** One identity for a process that stands for many simulated nodes. */
  readonly hollow?: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

interface Leaf {
  readonly file: string;
  readonly commonName: string;
  readonly organization?: string;
  readonly server?: boolean;
  readonly client?: boolean;
  readonly names?: readonly string[];
}

interface Authority {
  readonly certificate: x509.X509Certificate;
  readonly key: CryptoKey;
}

const STANDARD_NAMES = [
  'kubernetes',
  'kubernetes.default',
  'kubernetes.default.svc',
  'kubernetes.default.svc.cluster.local',
  'localhost',
  '127.0.0.1',
  '::1',
  '10.96.0.1',
];

/** Makes what is missing in `dir`. */
export async function ensurePki(dir: string, options: PkiOptions): Promise<void> {
  mkdirSync(dir, { recursive: true, mode: 0o700 });
  const [ca, frontProxy] = await Promise.all([
    ensureAuthority(dir, 'ca', 'kubernetes', options.now),
    ensureAuthority(dir, 'front-proxy-ca', 'front-proxy-ca', options.now),
    ensureServiceAccountKey(dir),
  ]);
  const leaves: Leaf[] = [
    {
      file: 'apiserver',
      commonName: 'kube-apiserver',
      server: true,
      names: [...new Set([...STANDARD_NAMES, ...options.apiserverNames])],
    },
    {
      file: 'apiserver-kubelet-client',
      commonName: 'kube-apiserver-kubelet-client',
      organization: 'kubeadm:cluster-admins',
      client: true,
    },
    { file: 'admin', commonName: 'kubernetes-admin', organization: 'system:masters', client: true },
    {
      file: 'scheduler',
      commonName: 'system:kube-scheduler',
      client: true,
      server: true,
      names: ['localhost', '127.0.0.1'],
    },
    {
      file: 'controller-manager',
      commonName: 'system:kube-controller-manager',
      client: true,
      server: true,
      names: ['localhost', '127.0.0.1'],
    },
    ...options.nodes.map((node) => ({
      file: `kubelet-${node.name}`,
      commonName: `system:node:${node.name}`,
      organization: 'system:nodes',
      client: true,
      server: true,
      names: [node.name, 'localhost', '127.0.0.1', ...node.addresses],
    })),
    // It writes the status of many nodes, which the node authoriser would not let one node do.
    ...(options.hollow
      ? [
          {
            file: 'kubelet-hollow',
            commonName: 'drydock:hollow-nodes',
            organization: 'system:masters',
            client: true,
            server: true,
            names: ['localhost', '127.0.0.1'],
          },
        ]
      : []),
  ];
  await Promise.all([
    ...leaves.map((leaf) => ensureLeaf(dir, leaf, ca, options.now)),
    ensureLeaf(
      dir,
      { file: 'front-proxy-client', commonName: 'front-proxy-client', client: true },
      frontProxy,
      options.now,
    ),
  ]);
}

export interface KubeconfigEntry {
  readonly server: string;
  /** PEM files. */
  readonly ca: string;
  readonly cert: string;
  readonly key: string;
  readonly user: string;
}

/** A kubeconfig with one context, `drydock`, and everything embedded; mode 0600. Kept when it is the same. */
export function writeKubeconfig(path: string, entry: KubeconfigEntry): void {
  const data = (file: string) => readFileSync(file).toString('base64');
  const text = `apiVersion: v1
kind: Config
clusters:
- name: drydock
  cluster:
    server: ${entry.server}
    certificate-authority-data: ${data(entry.ca)}
contexts:
- name: drydock
  context:
    cluster: drydock
    user: ${entry.user}
current-context: drydock
users:
- name: ${entry.user}
  user:
    client-certificate-data: ${data(entry.cert)}
    client-key-data: ${data(entry.key)}
`;
  if (existsSync(path) && readFileSync(path, 'utf8') === text) return;
  replaceFile(path, text, 0o600);
}

async function ensureAuthority(
  dir: string,
  file: string,
  name: string,
  now: number,
): Promise<Authority> {
  const crt = join(dir, `${file}.crt`);
  const key = join(dir, `${file}.key`);
  if (existsSync(crt) && existsSync(key)) {
    return {
      certificate: new x509.X509Certificate(readFileSync(crt, 'utf8')),
      key: await importKey(readFileSync(key, 'utf8')),
    };
  }
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=${name}`,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + CA_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature |
          x509.KeyUsageFlags.keyEncipherment |
          x509.KeyUsageFlags.keyCertSign,
        true,
      ),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey),
      new x509.SubjectAlternativeNameExtension([{ type: 'dns', value: name }]),
    ],
  });
  replaceFile(key, await exportKey(keys.privateKey), 0o600);
  replaceFile(crt, `${certificate.toString('pem')}\n`, 0o644);
  return { certificate, key: keys.privateKey };
}

async function ensureLeaf(
  dir: string,
  leaf: Leaf,
  authority: Authority,
  now: number,
): Promise<void> {
  const crt = join(dir, `${leaf.file}.crt`);
  const key = join(dir, `${leaf.file}.key`);
  if (existsSync(crt) && existsSync(key) && isGood(readFileSync(crt, 'utf8'), leaf, now)) return;
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const usages = [
    ...(leaf.server ? [x509.ExtendedKeyUsage.serverAuth] : []),
    ...(leaf.client ? [x509.ExtendedKeyUsage.clientAuth] : []),
  ];
  const subject: x509.JsonName = [
    ...(leaf.organization ? [{ O: [leaf.organization] }] : []),
    { CN: [leaf.commonName] },
  ];
  const certificate = await x509.X509CertificateGenerator.create({
    serialNumber: serial(),
    subject,
    issuer: authority.certificate.subjectName.toJSON(),
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + LEAF_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    publicKey: keys.publicKey,
    signingKey: authority.key,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(
        x509.KeyUsageFlags.digitalSignature | x509.KeyUsageFlags.keyEncipherment,
        true,
      ),
      new x509.ExtendedKeyUsageExtension(usages),
      await x509.AuthorityKeyIdentifierExtension.create(authority.certificate),
      ...(leaf.names?.length
        ? [
            new x509.SubjectAlternativeNameExtension(
              leaf.names.map((value) => ({ type: isIP(value) ? 'ip' : 'dns', value })),
            ),
          ]
        : []),
    ],
  });
  replaceFile(key, await exportKey(keys.privateKey), 0o600);
  replaceFile(crt, `${certificate.toString('pem')}\n`, 0o644);
}

/** Still valid for long enough, and in all the names that are wanted. */
function isGood(pem: string, leaf: Leaf, now: number): boolean {
  const certificate = new x509.X509Certificate(pem);
  if (certificate.notAfter.getTime() - now < RENEW_BEFORE_DAYS * DAY_MS) return false;
  const present = new Set(
    certificate
      .getExtension(x509.SubjectAlternativeNameExtension)
      ?.names.toJSON()
      .map((name) => String(name.value)),
  );
  return (leaf.names ?? []).every((name) => present.has(name));
}

async function ensureServiceAccountKey(dir: string): Promise<void> {
  if (existsSync(join(dir, 'sa.key')) && existsSync(join(dir, 'sa.pub'))) return;
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const spki = Buffer.from(await webcrypto.subtle.exportKey('spki', keys.publicKey));
  replaceFile(join(dir, 'sa.key'), await exportKey(keys.privateKey), 0o600);
  replaceFile(join(dir, 'sa.pub'), pemOf('PUBLIC KEY', spki), 0o644);
}

async function exportKey(key: CryptoKey): Promise<string> {
  return pemOf('PRIVATE KEY', Buffer.from(await webcrypto.subtle.exportKey('pkcs8', key)));
}

function importKey(pem: string): Promise<CryptoKey> {
  const der = Buffer.from(pem.replace(/-----[^-]+-----/g, ''), 'base64');
  return webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, true, ['sign']);
}

function pemOf(label: string, der: Buffer): string {
  const lines = der.toString('base64').match(/.{1,64}/g) ?? [];
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`;
}

/** Positive, as X.509 demands. */
function serial(): string {
  const bytes = randomBytes(16);
  bytes[0] = ((bytes[0] ?? 0) & 0x7f) | 0x01;
  return bytes.toString('hex');
}

/** Whole or not at all, whoever reads meanwhile. */
function replaceFile(path: string, text: string, mode: number): void {
  writeFileSync(`${path}.new`, text, { mode });
  renameSync(`${path}.new`, path);
}

/** A certificate for one run, for servers whose clients do not verify it (health checks). */
export async function generateSelfSigned(
  name: string,
  now: number,
): Promise<{ cert: string; key: string }> {
  const keys = await webcrypto.subtle.generateKey(ALGORITHM, true, ['sign', 'verify']);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serial(),
    name: `CN=${name}`,
    notBefore: new Date(now - BACKDATE_MS),
    notAfter: new Date(now + LEAF_DAYS * DAY_MS),
    signingAlgorithm: ALGORITHM,
    keys,
    extensions: [
      new x509.SubjectAlternativeNameExtension([
        { type: 'dns', value: 'localhost' },
        { type: 'ip', value: '127.0.0.1' },
      ]),
    ],
  });
  return { cert: certificate.toString('pem'), key: await exportKey(keys.privateKey) };
}
