/** Members of Debian's etcd as processes of their own, in temporary folders and on free ports. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';

/** The reason to skip, where there is no etcd. */
export const noRealEtcd = spawnSync('etcd', ['--version']).error ? 'etcd is not installed' : false;

export class EtcdMembers {
  private readonly folder = mkdtempSync(join(tmpdir(), 'etcd-members-'));
  private readonly children: (ChildProcess | undefined)[] = [];

  private constructor(
    private readonly peers: readonly string[],
    readonly endpoints: readonly string[],
  ) {}

  /** Gone when the test has ended. They find each other by themselves. */
  static async start(t: Test, count: number): Promise<EtcdMembers> {
    const urls: string[] = [];
    while (urls.length < 2 * count) {
      const url = `http://127.0.0.1:${await freePort()}`;
      if (!urls.includes(url)) urls.push(url);
    }
    const members = new EtcdMembers(urls.slice(0, count), urls.slice(count));
    t.teardown(async () => {
      for (let i = 0; i < count; i++) await members.kill(i);
      rmSync(members.folder, { recursive: true, force: true });
    });
    for (let i = 0; i < count; i++) members.startMember(i);
    return members;
  }

  startMember(index: number): void {
    const flags = {
      name: `m${index}`,
      'data-dir': join(this.folder, `m${index}`),
      'listen-client-urls': this.endpoints[index],
      'advertise-client-urls': this.endpoints[index],
      'listen-peer-urls': this.peers[index],
      'initial-advertise-peer-urls': this.peers[index],
      'initial-cluster': this.peers.map((peer, i) => `m${i}=${peer}`).join(','),
    };
    const args = Object.entries(flags).map(([name, value]) => `--${name}=${value}`);
    this.children[index] = spawn('etcd', args, { stdio: 'ignore' });
  }

  /** SIGKILL; resolves when it is gone. */
  async kill(index: number): Promise<void> {
    const child = this.children[index];
    this.children[index] = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, 'exit');
    child.kill('SIGKILL');
    await gone;
  }
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  return typeof address === 'object' && address ? address.port : 0;
}
