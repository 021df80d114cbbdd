/** A kubelet that reaches for what belongs to another node. */
import type { Test } from 'tap';
import { type Attempt, CORE, MERGE, NS, type SecurityRig } from './rig.js';

export async function nodes(t: Test, rig: SecurityRig): Promise<void> {
  const { admin, withCertificate, withFile } = rig;
  const node = withFile('kubelet-node-1');
  const user = 'User "system:node:node-1"';
  const mirror = (metadata: object, spec: object = {}) => ({
    method: 'POST',
    path: `${CORE}/pods`,
    body: {
      apiVersion: 'v1',
      kind: 'Pod',
      metadata: { name: 'm', ...metadata },
      spec: { nodeName: 'node-1', containers: [{ name: 'c', image: 'i' }], ...spec },
    },
  });
  const own = JSON.parse((await admin.ask({ path: '/api/v1/nodes/node-1' })).text);
  const owner = {
    ownerReferences: [
      { apiVersion: 'v1', kind: 'Node', name: 'node-1', uid: own.metadata.uid, controller: true },
    ],
  };
  const mirrored = { annotations: { 'kubernetes.io/config.mirror': 'x' } };
  const tokenFor = (spec: object) => ({
    method: 'POST',
    path: `${CORE}/serviceaccounts/default/token`,
    body: { apiVersion: 'authentication.k8s.io/v1', kind: 'TokenRequest', spec },
  });
  const on2 = JSON.parse((await admin.ask({ path: `${CORE}/pods/on-2` })).text);
  const merge = (path: string, body: object) => ({ method: 'PATCH', path, headers: MERGE, body });
  const noPath = (resource: string, name: string, verb: string) =>
    `${resource} "${name}" is forbidden: ${user} cannot ${verb} resource "${resource}" in API group "" in the namespace "${NS}": no relationship found between node 'node-1' and this object`;
  const rows: readonly Attempt[] = [
    { name: 'the Secret of its pod', path: `${CORE}/secrets/mine` },
    { name: 'its pods', path: '/api/v1/pods?fieldSelector=spec.nodeName%3Dnode-1' },
    {
      name: "another node's Secret",
      path: `${CORE}/secrets/vault`,
      message: noPath('secrets', 'vault', 'get'),
    },
    {
      name: "another node's ConfigMap",
      path: `${CORE}/configmaps/plans`,
      message: noPath('configmaps', 'plans', 'get'),
    },
    {
      name: "another node's pod",
      path: `${CORE}/pods/on-2`,
      message: noPath('pods', 'on-2', 'get'),
    },
    {
      name: 'all Secrets',
      path: '/api/v1/secrets',
      message: `secrets is forbidden: ${user} cannot list resource "secrets" in API group "" at the cluster scope: can only read namespaced object of this type`,
    },
    {
      name: 'the Secrets of a namespace',
      path: `${CORE}/secrets`,
      message: `secrets is forbidden: ${user} cannot list resource "secrets" in API group "" in the namespace "${NS}": No Object name found`,
    },
    {
      name: 'a Secret changed',
      ...merge(`${CORE}/secrets/mine`, {}),
      message: `secrets "mine" is forbidden: ${user} cannot patch resource "secrets" in API group "" in the namespace "${NS}": can only read resources of this type`,
    },
    {
      name: 'all pods',
      path: '/api/v1/pods',
      message: `pods is forbidden: ${user} cannot list resource "pods" in API group "" at the cluster scope: can only list/watch pods with spec.nodeName field selector`,
    },
    {
      name: "another node's status",
      ...merge('/api/v1/nodes/node-2/status', { status: {} }),
      message: 'nodes "node-2" is forbidden: node "node-1" is not allowed to modify node "node-2"',
    },
    {
      name: 'another node read',
      path: '/api/v1/nodes/node-2',
      message: `nodes "node-2" is forbidden: ${user} cannot get resource "nodes" in API group "" at the cluster scope: node 'node-1' cannot read 'node-2', only its own Node object`,
    },
    {
      name: 'its own taints',
      ...merge('/api/v1/nodes/node-1', { spec: { taints: [{ key: 'a', effect: 'NoExecute' }] } }),
      message: 'nodes "node-1" is forbidden: node "node-1" is not allowed to modify taints',
    },
    {
      name: 'its own labels',
      ...merge('/api/v1/nodes/node-1', {
        metadata: { labels: { 'node-restriction.kubernetes.io/x': 'y' } },
      }),
      message:
        'nodes "node-1" is forbidden: is not allowed to modify labels: node-restriction.kubernetes.io/x',
    },
    {
      name: "another node's lease",
      ...merge('/apis/coordination.k8s.io/v1/namespaces/kube-node-lease/leases/node-2', {}),
      message: `leases.coordination.k8s.io "node-2" is forbidden: ${user} cannot patch resource "leases" in API group "coordination.k8s.io" in the namespace "kube-node-lease": can only access node lease with the same name as the requesting node`,
    },
    {
      name: 'a Deployment',
      path: `/apis/apps/v1/namespaces/${NS}/deployments`,
      message: `deployments.apps is forbidden: ${user} cannot list resource "deployments" in API group "apps" in the namespace "${NS}"`,
    },
    {
      name: 'a pod of its own',
      ...mirror({}),
      message:
        'pods "m" is forbidden: pod does not have "kubernetes.io/config.mirror" annotation, node "node-1" can only create mirror pods',
    },
    {
      name: 'a mirror pod for another node',
      ...mirror(mirrored, { nodeName: 'node-2' }),
      message:
        'pods "m" is forbidden: node "node-1" can only create pods with spec.nodeName set to itself',
    },
    {
      name: 'a mirror pod without its owner',
      ...mirror(mirrored),
      message:
        'pods "m" is forbidden: node "node-1" can only create pods with an owner reference set to itself',
    },
    {
      name: 'a mirror pod with an account',
      ...mirror({ ...mirrored, ...owner }, { serviceAccountName: 'guard' }),
      message: 'pods "m" is forbidden: a mirror pod may not reference service accounts',
    },
    {
      name: 'a mirror pod with a Secret',
      ...mirror(
        { ...mirrored, ...owner },
        { volumes: [{ name: 'v', secret: { secretName: 'vault' } }] },
      ),
      message: 'pods "m" is forbidden: a mirror pod may not reference secrets',
    },
    {
      name: "another node's pod deleted",
      method: 'DELETE',
      path: `${CORE}/pods/on-2`,
      message:
        'pods "on-2" is forbidden: node "node-1" can only delete pods with spec.nodeName set to itself',
    },
    {
      name: "another node's pod evicted",
      method: 'POST',
      path: `${CORE}/pods/on-2/eviction`,
      body: { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name: 'on-2' } },
      message:
        'pods "on-2" is forbidden: node node-1 can only evict pods with spec.nodeName set to itself',
    },
    {
      name: "another node's pod reported",
      ...merge(`${CORE}/pods/on-2/status`, { status: { phase: 'Failed' } }),
      message:
        'pods "on-2" is forbidden: node "node-1" can only update pod status for pods with spec.nodeName set to itself',
    },
    {
      name: 'a token of no pod',
      ...tokenFor({}),
      message: 'serviceaccounts "default" is forbidden: node requested token not bound to a pod',
    },
    {
      name: "a token of another node's pod",
      ...tokenFor({
        boundObjectRef: { kind: 'Pod', apiVersion: 'v1', name: 'on-2', uid: on2.metadata.uid },
      }),
      message:
        'serviceaccounts "default" is forbidden: node requested token bound to a pod scheduled on a different node',
    },
    {
      name: 'another node removed',
      method: 'DELETE',
      path: '/api/v1/nodes/node-2',
      message: `nodes "node-2" is forbidden: ${user} cannot delete resource "nodes" in API group "" at the cluster scope`,
    },
  ];
  for (const row of rows) await rig.attempt(t, node, row);
  const unnamed = await withCertificate({
    authority: 'ca',
    organization: 'system:nodes',
    commonName: 'node-1',
  });
  await rig.attempt(t, unnamed, {
    name: 'a node by its group alone',
    path: `${CORE}/secrets/mine`,
    message: `secrets "mine" is forbidden: User "node-1" cannot get resource "secrets" in API group "" in the namespace "${NS}"`,
  });
}
