/** What one gives to oneself: roles, bindings, certificates in the name of others. */
import type { Test } from 'tap';
import { certificate, certificateRequest } from '../../support/credentials.js';
import type { RawRequest } from '../../support/raw-api.js';
import {
  type Attempt,
  CORE,
  CSRS,
  MERGE,
  NS,
  RBAC,
  RBAC_VERSION,
  role,
  type SecurityRig,
} from './rig.js';

export async function roles(t: Test, rig: SecurityRig): Promise<void> {
  const { mallory } = rig;
  const held = (what: string) =>
    `${what} is forbidden: user "mallory" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n`;
  const more = [{ apiGroups: [''], resources: ['secrets'], verbs: ['get'] }];
  const bind = (name: string, kind: string, role: string): RawRequest => ({
    method: 'POST',
    path: `${RBAC}/rolebindings`,
    body: {
      apiVersion: RBAC_VERSION,
      kind: 'RoleBinding',
      metadata: { name },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name: role },
      subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: 'mallory' }],
    },
  });
  const rows: readonly Attempt[] = [
    {
      name: 'a role with what one has',
      method: 'POST',
      path: `${RBAC}/roles`,
      body: role('small', [{ apiGroups: [''], resources: ['pods'], verbs: ['get'] }]),
      code: 201,
    },
    {
      name: 'a role that grows',
      method: 'PATCH',
      path: `${RBAC}/roles/small`,
      headers: MERGE,
      body: { rules: more },
      message: `${held('roles.rbac.authorization.k8s.io "small"')}{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`,
    },
    {
      name: 'the role that one has',
      method: 'PUT',
      path: `${RBAC}/roles/mallory`,
      body: role('mallory', more),
      message: `${held('roles.rbac.authorization.k8s.io "mallory"')}{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`,
    },
    {
      name: 'every right',
      method: 'POST',
      path: `${RBAC}/roles`,
      body: role('all', [{ apiGroups: ['*'], resources: ['*'], verbs: ['*'] }]),
      message: `${held('roles.rbac.authorization.k8s.io "all"')}{APIGroups:["*"], Resources:["*"], Verbs:["*"]}`,
    },
    { name: 'a role applied', ...applied('big', more) },
    { name: 'a binding of what one has', ...bind('mine', 'Role', 'mallory'), code: 201 },
    {
      name: 'a binding of another role',
      ...bind('more', 'Role', 'keeper'),
      message: `${held('rolebindings.rbac.authorization.k8s.io "more"')}{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`,
    },
    {
      name: 'a binding of a role that is not there yet',
      ...bind('later', 'Role', 'to-come'),
      message: 'roles.rbac.authorization.k8s.io "to-come" not found',
      code: 404,
    },
    {
      name: 'another role for a binding',
      method: 'PATCH',
      path: `${RBAC}/rolebindings/mine`,
      headers: MERGE,
      body: { roleRef: { name: 'small' } },
      message:
        'RoleBinding.rbac.authorization.k8s.io "mine" is invalid: roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"small"}: cannot change roleRef',
      code: 422,
    },
    {
      name: 'a token of an account',
      method: 'POST',
      path: `${CORE}/serviceaccounts/guard/token`,
      body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec: {} },
      message: `serviceaccounts "guard" is forbidden: User "mallory" cannot create resource "serviceaccounts/token" in API group "" in the namespace "${NS}"`,
    },
    {
      name: 'an ephemeral container',
      method: 'PATCH',
      path: `${CORE}/pods/on-2/ephemeralcontainers`,
      headers: MERGE,
      body: {},
      message: `pods "on-2" is forbidden: User "mallory" cannot patch resource "pods/ephemeralcontainers" in API group "" in the namespace "${NS}"`,
    },
    {
      name: 'a command in a pod',
      path: `${CORE}/pods/on-2/exec?command=sh`,
      message: `pods "on-2" is forbidden: User "mallory" cannot get resource "pods/exec" in API group "" in the namespace "${NS}"`,
    },
    {
      name: 'a path without a resource',
      path: '/metrics',
      message: 'forbidden: User "mallory" cannot get path "/metrics"',
    },
    {
      name: 'an API of another server',
      method: 'POST',
      path: '/apis/apiregistration.k8s.io/v1/apiservices',
      body: {},
      message:
        'apiservices.apiregistration.k8s.io is forbidden: User "mallory" cannot create resource "apiservices" in API group "apiregistration.k8s.io" at the cluster scope',
    },
    {
      name: 'the name of another resource in the body',
      method: 'PUT',
      path: `${RBAC}/roles/small`,
      body: role('keeper', more),
      message: 'the name of the object (keeper) does not match the name on the URL (small)',
      code: 400,
    },
  ];
  for (const row of rows) await rig.attempt(t, mallory, row);
}

export async function signingRequests(t: Test, rig: SecurityRig): Promise<void> {
  const { mallory } = rig;
  const ask = async (signer: string, subject: object[], more: object = {}) => ({
    method: 'POST',
    path: CSRS,
    body: {
      apiVersion: 'certificates.k8s.io/v1',
      kind: 'CertificateSigningRequest',
      metadata: { name: 'mine' },
      spec: {
        signerName: `kubernetes.io/${signer}`,
        usages: ['client auth'],
        request: await certificateRequest(subject as never),
        ...more,
      },
    },
  });
  const masters = [{ O: ['system:masters'] }, { CN: ['mallory'] }];
  await rig.attempt(t, mallory, {
    name: 'for the masters of the system',
    ...(await ask('kube-apiserver-client', masters)),
    message:
      'certificatesigningrequests.certificates.k8s.io "mine" is forbidden: use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed',
  });
  const forged = await ask('kube-apiserver-client', [{ CN: ['admin'] }], {
    username: 'admin',
    groups: ['system:masters'],
  });
  const made = await mallory.ask(forged);
  t.equal(made.code, 201, made.text);
  t.match(
    JSON.parse(made.text).spec,
    { username: 'mallory', groups: ['system:authenticated'] },
    'who asks is who sent the request',
  );
  const { cert } = await certificate(rig.pki, { authority: 'ca', commonName: 'admin' });
  const approve = (type: string) => {
    const condition = { type, status: 'True', reason: 'x', message: 'x' };
    const { spec, metadata } = JSON.parse(made.text);
    return { ...JSON.parse(made.text), metadata, spec, status: { conditions: [condition] } };
  };
  await rig.attempt(t, mallory, {
    name: 'approved by oneself',
    method: 'PUT',
    path: `${CSRS}/mine/approval`,
    body: approve('Approved'),
    message:
      'certificatesigningrequests.certificates.k8s.io "mine" is forbidden: user not permitted to approve requests with signerName "kubernetes.io/kube-apiserver-client"',
  });
  await rig.attempt(t, mallory, {
    name: 'signed by oneself',
    method: 'PATCH',
    path: `${CSRS}/mine/status`,
    headers: MERGE,
    body: { status: { certificate: Buffer.from(cert).toString('base64') } },
    message:
      'certificatesigningrequests.certificates.k8s.io "mine" is forbidden: user not permitted to sign requests with signerName "kubernetes.io/kube-apiserver-client"',
  });
  const moved = await mallory.ask({
    method: 'PATCH',
    path: `${CSRS}/mine`,
    headers: MERGE,
    body: { spec: { signerName: 'example.com/mine', username: 'admin' } },
  });
  t.match(
    JSON.parse(moved.text).spec,
    { signerName: 'kubernetes.io/kube-apiserver-client', username: 'mallory' },
    'what was asked for stays',
  );
}

function applied(name: string, rules: readonly object[]): Omit<Attempt, 'name'> {
  return {
    method: 'PATCH',
    path: `${RBAC}/roles/${name}?fieldManager=m`,
    headers: { 'content-type': 'application/apply-patch+yaml' },
    body: role(name, rules),
    message: `roles.rbac.authorization.k8s.io "${name}" is forbidden: user "mallory" (groups=["system:authenticated"]) is attempting to grant RBAC permissions not currently held:\n{APIGroups:[""], Resources:["secrets"], Verbs:["get"]}`,
  };
}
