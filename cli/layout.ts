/**
 * Where a cluster keeps what on disk. One data folder is one cluster; every command finds the rest from it.
 *
 *   kubeconfig          cluster-admin, context `drydock`, mode 0600
 *   pki/                CA, certificates, one kubeconfig a component
 *   etcd/               the store
 *   kubelet/NODE/       what a node's kubelet keeps over a restart
 *   logs/NAME.log       one JSON object a line
 *   run/cluster.json    what `up` was asked for, and the ports that were chosen
 *   run/NAME.json       pid and restarts of a process
 *   run/supervisor.sock the supervisor's control socket
 */
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';

/** sockaddr_un holds 104 bytes on macOS and 108 on Linux, the final zero included. */
const LONGEST_SOCKET_PATH = 100;

export class Layout {
  readonly root: string;
  constructor(dataDir: string) {
    this.root = resolve(dataDir);
  }
  get kubeconfig(): string {
    return join(this.root, 'kubeconfig');
  }
  get pki(): string {
    return join(this.root, 'pki');
  }
  get etcd(): string {
    return join(this.root, 'etcd');
  }
  get run(): string {
    return join(this.root, 'run');
  }
  get cluster(): string {
    return join(this.run, 'cluster.json');
  }
  /** In the system's temporary folder where the data folder's path is too long for a socket. */
  get socket(): string {
    const path = join(this.run, 'supervisor.sock');
    if (path.length <= LONGEST_SOCKET_PATH) return path;
    const digest = createHash('sha256').update(this.root).digest('hex').slice(0, 16);
    return join(tmpdir(), `drydock-${digest}.sock`);
  }
  log(process: string): string {
    return join(this.root, 'logs', `${process}.log`);
  }
  record(process: string): string {
    return join(this.run, `${process}.json`);
  }
  kubelet(node: string): string {
    return join(this.root, 'kubelet', node);
  }
  componentKubeconfig(component: string): string {
    return join(this.pki, `${component}.kubeconfig`);
  }
  exists(): boolean {
    return existsSync(this.cluster);
  }
  /** Makes the folders; only the owner may read them, since keys are in there. */
  create(): void {
    for (const dir of [this.root, this.pki, this.run, join(this.root, 'logs')]) makeFolder(dir);
  }
}

/** One level at a time: Node's own `recursive` never returns below a folder that takes none, such as /proc. */
function makeFolder(path: string): void {
  if (existsSync(path)) return;
  makeFolder(dirname(path));
  mkdirSync(path, { mode: 0o700 });
}
