/**
 * Certificates and kubeconfigs of a cluster: who each component is, and where it finds the API. Made at
 * the first start and kept; adding a node or an apiserver only adds what is missing.
 */
import { chownSync, readdirSync, statSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { ensurePki, writeKubeconfig } from '../pkg/component/pki.js';
import type { ClusterConfig } from './cluster-config.js';
import { launchOf } from './launch/index.js';
import type { Layout } from './layout.js';

interface Identity {
  /** Names the kubeconfig. */
  readonly component: string;
  /** Names the certificate under pki/. */
  readonly certificate: string;
  readonly user: string;
  readonly server: string;
}

export async function ensureClusterCredentials(
  layout: Layout,
  config: ClusterConfig,
  now: number,
): Promise<void> {
  await ensurePki(layout.pki, {
    apiserverNames: [hostname(), ...(config.bindAddress === '0.0.0.0' ? [] : [config.bindAddress])],
    nodes: config.nodes.map((name) => ({ name, addresses: [] })),
    hollow: config.hollowNodes > 0,
    now,
  });
  const servers = Array.from(
    { length: config.apiservers },
    (_, i) => launchOf(i === 0 ? 'apiserver' : `apiserver-${i + 1}`, { layout, config }).address,
  );
  const first = servers[0] as string;
  // With several apiservers each has its own clients, so that none of them is needed by all.
  const leaderElected = ['scheduler', 'controller-manager'].flatMap((component) =>
    servers.map((server, i) => ({
      component: i === 0 ? component : `${component}-${i + 1}`,
      certificate: component,
      user: `system:kube-${component}`,
      server,
    })),
  );
  const kubelets = config.nodes.map((node, i) => ({
    component: `kubelet-${node}`,
    certificate: `kubelet-${node}`,
    user: `system:node:${node}`,
    server: servers[i % servers.length] as string,
  }));
  const hollow =
    config.hollowNodes > 0 ? [identity('kubelet-hollow', 'drydock:hollow-nodes', first)] : [];
  for (const each of [...leaderElected, ...kubelets, ...hollow]) write(layout, each);
  writeAdmin(layout, first);
}

export interface ComposeCredentials {
  /** What components in their own containers call the API. */
  readonly server: string;
  /** What the user's machine calls it. */
  readonly adminServer: string;
  readonly names: readonly string[];
  readonly nodes: readonly string[];
  /** All that is made is given to the owner of this folder: the container runs as somebody else. */
  readonly ownerOf?: string;
}

/** For components that are started by somebody else, docker compose above all. */
export async function makeCredentials(
  layout: Layout,
  wanted: ComposeCredentials,
  now: number,
): Promise<void> {
  layout.create();
  await ensurePki(layout.pki, {
    apiserverNames: wanted.names,
    nodes: wanted.nodes.map((name) => ({ name, addresses: [] })),
    now,
  });
  write(layout, identity('scheduler', 'system:kube-scheduler', wanted.server));
  write(layout, identity('controller-manager', 'system:kube-controller-manager', wanted.server));
  for (const node of wanted.nodes) {
    write(layout, identity(`kubelet-${node}`, `system:node:${node}`, wanted.server));
  }
  writeAdmin(layout, wanted.adminServer);
  if (wanted.ownerOf) giveTo(layout.root, statSync(wanted.ownerOf));
}

function identity(component: string, user: string, server: string): Identity {
  return { component, certificate: component, user, server };
}

function write(layout: Layout, { component, certificate, user, server }: Identity): void {
  writeKubeconfig(layout.componentKubeconfig(component), entry(layout, certificate, user, server));
}

function writeAdmin(layout: Layout, server: string): void {
  writeKubeconfig(layout.kubeconfig, entry(layout, 'admin', 'kubernetes-admin', server));
}

function entry(layout: Layout, certificate: string, user: string, server: string) {
  const pki = (file: string) => join(layout.pki, file);
  return {
    server,
    ca: pki('ca.crt'),
    cert: pki(`${certificate}.crt`),
    key: pki(`${certificate}.key`),
    user,
  };
}

function giveTo(path: string, owner: { uid: number; gid: number }): void {
  chownSync(path, owner.uid, owner.gid);
  if (!statSync(path).isDirectory()) return;
  for (const name of readdirSync(path)) giveTo(join(path, name), owner);
}
