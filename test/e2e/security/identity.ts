/** Who one pretends to be: by certificates, by tokens, by headers. */
import type { Test } from 'tap';
import { type CertificateOptions, resigned, unsigned } from '../../support/credentials.js';
import type { RawApi } from '../../support/raw-api.js';
import { type Attempt, CORE, DAY_S, NS, podOn, type SecurityRig, UNAUTHORIZED } from './rig.js';

export async function certificates(t: Test, rig: SecurityRig): Promise<void> {
  const { withCertificate } = rig;
  const rows: readonly (CertificateOptions & {
    name: string;
    message?: string;
    code?: number;
  })[] = [
    { name: 'an honest one', authority: 'ca', organization: 'system:masters', commonName: 'a' },
    { name: 'of a stranger', commonName: 'admin', message: UNAUTHORIZED, code: 401 },
    {
      name: 'of the authority for front proxies',
      authority: 'front-proxy-ca',
      commonName: 'admin',
      organization: 'system:masters',
      message: UNAUTHORIZED,
      code: 401,
    },
    {
      name: 'that has expired',
      authority: 'ca',
      commonName: 'admin',
      organization: 'system:masters',
      from: -3,
      until: -1,
      message: UNAUTHORIZED,
      code: 401,
    },
    {
      name: 'that is not valid yet',
      authority: 'ca',
      commonName: 'admin',
      organization: 'system:masters',
      from: 1,
      until: 3,
      message: UNAUTHORIZED,
      code: 401,
    },
    {
      name: 'of a server',
      authority: 'ca',
      commonName: 'admin',
      organization: 'system:masters',
      usage: 'server',
      message: UNAUTHORIZED,
      code: 401,
    },
    {
      name: 'of somebody unknown',
      authority: 'ca',
      commonName: 'stranger',
      message:
        'nodes is forbidden: User "stranger" cannot list resource "nodes" in API group "" at the cluster scope',
    },
    {
      name: 'without a name',
      authority: 'ca',
      organization: 'system:masters',
      message:
        'nodes is forbidden: User "system:anonymous" cannot list resource "nodes" in API group "" at the cluster scope',
    },
  ];
  for (const { name, message, code, ...options } of rows) {
    const api = await withCertificate(options);
    await rig.attempt(t, api, {
      name,
      path: '/api/v1/nodes',
      ...(message === undefined ? {} : { message }),
      ...(code === undefined ? {} : { code }),
    });
  }
}

export async function tokens(t: Test, rig: SecurityRig): Promise<void> {
  const { admin, make, nobody, pki, tokenOf } = rig;
  const path = `${CORE}/pods`;
  const good = await tokenOf('guard');
  const now = Math.floor(Date.now() / 1000);
  const bearer = (token: string) => ({ authorization: `Bearer ${token}` });
  const refused = { path, message: UNAUTHORIZED, code: 401 };
  const boundSpec = { spec: { ...podOn('', 'bound').spec, serviceAccountName: 'guard' } };
  const pod = await make(`${CORE}/pods`, { ...podOn('', 'bound'), ...boundSpec });
  const inPod = await tokenOf('guard', {
    kind: 'Pod',
    apiVersion: 'v1',
    name: 'bound',
    uid: pod.metadata.uid,
  });
  const secret = await make(`${CORE}/secrets`, { metadata: { name: 'tie' } });
  const inSecret = await tokenOf('guard', {
    kind: 'Secret',
    apiVersion: 'v1',
    name: 'tie',
    uid: secret.metadata.uid,
  });
  const ofGone = await tokenOf('brief');
  const expired = { iat: now - DAY_S, nbf: now - DAY_S, exp: now - DAY_S / 2 };
  const rows: readonly Attempt[] = [
    { name: 'an honest one', path, headers: bearer(good) },
    { name: 'of a pod', path, headers: bearer(inPod) },
    { name: 'of a Secret', path, headers: bearer(inSecret) },
    {
      name: 'that has expired',
      headers: bearer(await resigned(good, expired, { pki })),
      ...refused,
    },
    {
      name: 'that is not valid yet',
      headers: bearer(await resigned(good, { nbf: now + DAY_S }, { pki })),
      ...refused,
    },
    {
      name: 'signed by a stranger',
      headers: bearer(await resigned(good, {}, 'stranger')),
      ...refused,
    },
    {
      name: 'of another issuer',
      headers: bearer(await resigned(good, { iss: 'https://elsewhere' }, { pki })),
      ...refused,
    },
    {
      name: 'for another audience',
      headers: bearer(await resigned(good, { aud: ['elsewhere'] }, { pki })),
      ...refused,
    },
    { name: 'that nobody signed', headers: bearer(unsigned(good)), ...refused },
    { name: 'with its signature cut off', headers: bearer(good.slice(0, -4)), ...refused },
    { name: 'that is no token', headers: bearer('admin'), ...refused },
    {
      name: 'whose subject is another account',
      headers: bearer(
        await resigned(good, { sub: 'system:serviceaccount:kube-system:default' }, { pki }),
      ),
      ...refused,
    },
    {
      name: 'none, but the word Bearer',
      path,
      headers: { authorization: 'Bearer ' },
      message: `pods is forbidden: User "system:anonymous" cannot list resource "pods" in API group "" in the namespace "${NS}"`,
    },
  ];
  for (const row of rows) await rig.attempt(t, nobody, row);

  const drop = (at: string) => admin.ask({ method: 'DELETE', path: `${at}?gracePeriodSeconds=0` });
  await drop(`${CORE}/pods/bound`);
  await drop(`${CORE}/secrets/tie`);
  await drop(`${CORE}/serviceaccounts/brief`);
  await make(`${CORE}/serviceaccounts`, { metadata: { name: 'brief' } });
  const late: readonly Attempt[] = [
    { name: 'of a pod that is gone', headers: bearer(inPod), ...refused },
    { name: 'of a Secret that is gone', headers: bearer(inSecret), ...refused },
    { name: 'of an account made anew under its name', headers: bearer(ofGone), ...refused },
    { name: 'an honest one, still', path, headers: bearer(good) },
  ];
  for (const row of late) await rig.attempt(t, nobody, row);
}

export async function impersonation(t: Test, rig: SecurityRig): Promise<void> {
  const { mallory } = rig;
  const cannot = (resource: string, name: string, group = '') =>
    `${resource} "${name}" is forbidden: User "mallory" cannot impersonate resource "${resource.split('.')[0]}" in API group "${group}" at the cluster scope`;
  const as = (headers: Record<string, string>) => ({ path: `${CORE}/pods`, headers });
  const rows: readonly Attempt[] = [
    { name: 'of whom one may', ...as({ 'impersonate-user': 'ann' }) },
    {
      name: 'of another',
      ...as({ 'impersonate-user': 'admin' }),
      message: cannot('users', 'admin'),
    },
    {
      name: 'of a group on top',
      ...as({ 'impersonate-user': 'ann', 'impersonate-group': 'system:masters' }),
      message: cannot('groups', 'system:masters'),
    },
    {
      name: 'of an account',
      ...as({ 'impersonate-user': 'system:serviceaccount:kube-system:default' }),
      message:
        'serviceaccounts "default" is forbidden: User "mallory" cannot impersonate resource "serviceaccounts" in API group "" in the namespace "kube-system"',
    },
    {
      name: 'of a node',
      ...as({ 'impersonate-user': 'system:node:node-1' }),
      message: cannot('users', 'system:node:node-1'),
    },
    {
      name: 'of a uid',
      ...as({ 'impersonate-user': 'ann', 'impersonate-uid': '1' }),
      message: cannot('uids.authentication.k8s.io', '1', 'authentication.k8s.io'),
    },
    {
      name: 'of further fields',
      ...as({ 'impersonate-user': 'ann', 'impersonate-extra-scopes': 'all' }),
      message:
        'userextras.authentication.k8s.io "all" is forbidden: User "mallory" cannot impersonate resource "userextras/scopes" in API group "authentication.k8s.io" at the cluster scope',
    },
  ];
  for (const row of rows) await rig.attempt(t, mallory, row);
}

export async function frontProxy(t: Test, rig: SecurityRig): Promise<void> {
  const { mallory, nobody, withCertificate, withFile } = rig;
  const headers = { 'x-remote-user': 'admin', 'x-remote-group': 'system:masters' };
  const path = '/api/v1/nodes';
  const cannot = (user: string) =>
    `nodes is forbidden: User "${user}" cannot list resource "nodes" in API group "" at the cluster scope`;
  const proxy = withFile('front-proxy-client');
  const other = await withCertificate({ authority: 'front-proxy-ca', commonName: 'other' });
  const rows: readonly (Attempt & { api: RawApi })[] = [
    { name: 'from the proxy', api: proxy, path, headers },
    { name: 'from nobody', api: nobody, path, headers, message: cannot('system:anonymous') },
    { name: 'from a user', api: mallory, path, headers, message: cannot('mallory') },
    {
      name: 'from a proxy of another name',
      api: other,
      path,
      headers,
      message: UNAUTHORIZED,
      code: 401,
    },
    {
      name: 'from the proxy, for somebody else',
      api: proxy,
      path,
      headers: { 'x-remote-user': 'jane' },
      message: cannot('jane'),
    },
    {
      name: 'from the proxy, without a user',
      api: proxy,
      path,
      message: UNAUTHORIZED,
      code: 401,
    },
  ];
  for (const { api, ...row } of rows) await rig.attempt(t, api, row);
}
