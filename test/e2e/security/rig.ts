/** The cluster that is attacked: who is there, what there is to get, and mallory, who may do a little. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { Cluster } from '../../support/cluster.js';
import { type CertificateOptions, certificate, type KeyPair } from '../../support/credentials.js';
import { eventually } from '../../support/eventually.js';
import { RawApi, type RawRequest, statusOf } from '../../support/raw-api.js';

export interface Attempt extends RawRequest {
  readonly name: string;
  /** Without one, it is an honest request and succeeds. */
  readonly message?: string;
  /** 403 where there is a message, else 200. */
  readonly code?: number;
}

export const NS = 'fort';
export const CORE = `/api/v1/namespaces/${NS}`;
export const RBAC = `/apis/rbac.authorization.k8s.io/v1/namespaces/${NS}`;
export const RBAC_VERSION = 'rbac.authorization.k8s.io/v1';
export const CSRS = '/apis/certificates.k8s.io/v1/certificatesigningrequests';
export const MERGE = { 'content-type': 'application/merge-patch+json' };
export const UNAUTHORIZED = 'Unauthorized';
export const DAY_S = 86_400;

export class SecurityRig {
  private constructor(
    readonly pki: string,
    readonly admin: RawApi,
    readonly nobody: RawApi,
    readonly mallory: RawApi,
    private readonly url: string,
    private readonly ca: Buffer,
    private readonly opened: RawApi[],
  ) {}

  static async start(t: Test): Promise<SecurityRig> {
    const cluster = await Cluster.start(t, ['--nodes=2']);
    const pki = join(cluster.dataDir, 'pki');
    const pair = await certificate(pki, { authority: 'ca', commonName: 'mallory' });
    const url = await cluster.apiUrl();
    const ca = readFileSync(join(pki, 'ca.crt'));
    const admin = await RawApi.asAdmin(cluster);
    const nobody = await RawApi.asNobody(cluster);
    const mallory = RawApi.withCertificate(url, ca, pair);
    const opened = [admin, nobody, mallory];
    t.teardown(() => Promise.all(opened.map((api) => api.close())));
    const rig = new SecurityRig(pki, admin, nobody, mallory, url, ca, opened);
    await setUp(rig.make, admin);
    return rig;
  }

  readonly withCertificate = async (options: CertificateOptions): Promise<RawApi> => {
    return this.open(await certificate(this.pki, options));
  };

  /** As one of the cluster's own processes. */
  readonly withFile = (name: string): RawApi => {
    const read = (suffix: string) => readFileSync(join(this.pki, `${name}.${suffix}`), 'utf8');
    return this.open({ cert: read('crt'), key: read('key') });
  };

  /** The exact answer. */
  async attempt(t: Test, api: RawApi, row: Attempt): Promise<void> {
    const answer = await api.ask(row);
    const { message } = statusOf(answer);
    const code = row.code ?? (row.message === undefined ? 200 : 403);
    t.equal(answer.code, code, `${row.name}: ${answer.text.slice(0, 300)}`);
    if (row.message !== undefined) t.equal(message, row.message, `${row.name}: message`);
  }

  readonly make = async (path: string, body: object) => {
    const answer = await this.admin.ask({ method: 'POST', path, body });
    if (answer.code !== 201) throw new Error(answer.text);
    return JSON.parse(answer.text);
  };

  readonly tokenOf = async (account: string, bound?: object): Promise<string> => {
    const made = await this.make(`${CORE}/serviceaccounts/${account}/token`, {
      apiVersion: 'authentication.k8s.io/v1',
      kind: 'TokenRequest',
      spec: { audiences: [], ...(bound ? { boundObjectRef: bound } : {}) },
    });
    return made.status.token;
  };

  private open(pair: KeyPair): RawApi {
    const api = RawApi.withCertificate(this.url, this.ca, pair);
    this.opened.push(api);
    return api;
  }
}

export function role(name: string, rules: readonly object[]) {
  return { apiVersion: RBAC_VERSION, kind: 'Role', metadata: { name }, rules };
}

export function podOn(nodeName: string, name: string, secret?: string, configMap?: string) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name },
    spec: {
      ...(nodeName ? { nodeName } : {}),
      containers: [{ name: 'c', image: 'nginx' }],
      volumes: [
        ...(secret ? [{ name: 's', secret: { secretName: secret } }] : []),
        ...(configMap ? [{ name: 'm', configMap: { name: configMap } }] : []),
      ],
    },
  };
}

/** A namespace with accounts, Secrets, a pod on each node; and mallory, who may do a little. */
async function setUp(
  make: (path: string, body: object) => Promise<unknown>,
  admin: RawApi,
): Promise<void> {
  await make('/api/v1/namespaces', { metadata: { name: NS } });
  await eventually('the namespace has its account', async () => {
    return (await admin.ask({ path: `${CORE}/serviceaccounts/default` })).code === 200;
  });
  for (const name of ['guard', 'brief']) {
    await make(`${CORE}/serviceaccounts`, { metadata: { name } });
  }
  for (const name of ['vault', 'mine']) await make(`${CORE}/secrets`, { metadata: { name } });
  await make(`${CORE}/configmaps`, { metadata: { name: 'plans' } });
  await make(`${CORE}/pods`, podOn('node-1', 'on-1', 'mine'));
  await make(`${CORE}/pods`, podOn('node-2', 'on-2', 'vault', 'plans'));
  const rbac = ['get', 'list', 'create', 'update', 'patch'];
  const group = ['rbac.authorization.k8s.io'];
  const small = [
    { apiGroups: [''], resources: ['pods'], verbs: ['get', 'list'] },
    { apiGroups: group, resources: ['roles', 'rolebindings'], verbs: rbac },
  ];
  await make(`${RBAC}/roles`, role('mallory', small));
  await make(
    `${RBAC}/roles`,
    role('keeper', [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }]),
  );
  const user = (name: string) => ({ apiGroup: group[0], kind: 'User', name });
  const guard = { kind: 'ServiceAccount', name: 'guard', namespace: NS };
  await make(`${RBAC}/rolebindings`, {
    metadata: { name: 'mallory' },
    roleRef: { apiGroup: group[0], kind: 'Role', name: 'mallory' },
    subjects: [user('mallory'), user('ann'), guard],
  });
  const csr = 'certificatesigningrequests';
  await make('/apis/rbac.authorization.k8s.io/v1/clusterroles', {
    metadata: { name: 'mallory' },
    rules: [
      { apiGroups: [''], resources: ['users'], verbs: ['impersonate'], resourceNames: ['ann'] },
      {
        apiGroups: ['certificates.k8s.io'],
        resources: [csr, `${csr}/approval`, `${csr}/status`],
        verbs: ['create', 'get', 'update', 'patch'],
      },
    ],
  });
  await make('/apis/rbac.authorization.k8s.io/v1/clusterrolebindings', {
    metadata: { name: 'mallory' },
    roleRef: { apiGroup: group[0], kind: 'ClusterRole', name: 'mallory' },
    subjects: [user('mallory')],
  });
}
