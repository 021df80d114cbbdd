/** The `drydock` command as a user types it: what it prints, what it refuses, and what it leaves behind. */
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { Cluster, QUICK } from '../support/cluster.js';
import { eventually } from '../support/eventually.js';
import { type RunResult, run } from '../support/run.js';

t.setTimeout(700_000);

function drydock(...args: string[]): Promise<RunResult> {
  return run(process.execPath, ['dist/bin/drydock.js', ...args], { timeoutMs: 60_000 });
}

t.test('what cannot be asked for is refused, with the reason, and leaves nothing', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'drydock-cli-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  const data = join(folder, 'data');
  const rows: { name: string; args: string[]; says: RegExp }[] = [
    { name: 'unknown command', args: ['foo'], says: /unknown command 'foo'/ },
    { name: 'unknown flag', args: ['up', '--nope'], says: /unknown option '--nope'/ },
    { name: 'no number', args: ['up', '--nodes', 'abc'], says: /'abc' is invalid.*whole number/ },
    { name: 'negative', args: ['up', '--nodes', '-1'], says: /'-1' is invalid.*whole number/ },
    { name: 'port too high', args: ['up', '--secure-port', '99999'], says: /at most 65535/ },
    {
      name: 'timing',
      args: ['up', '--timing', 'slow'],
      says: /Allowed choices are quick, upstream/,
    },
    { name: 'runtime', args: ['up', '--runtime', 'docker'], says: /Allowed choices are simulated/ },
    { name: 'kill without a name', args: ['kill'], says: /missing required argument 'name'/ },
    { name: 'ps of nothing', args: ['ps'], says: /no cluster is running on .*data/ },
    { name: 'kill in nothing', args: ['kill', 'etcd'], says: /no cluster is running on .*data/ },
    { name: 'logs of nothing', args: ['logs', 'etcd'], says: /there is no cluster in .*data/ },
    { name: 'node add to nothing', args: ['node', 'add'], says: /no cluster is running on .*data/ },
  ];
  for (const { name, args, says } of rows) {
    const words = args[0] === 'foo' ? args : [...args, '--data-dir', data];
    const { code, stderr } = await drydock(...words);
    t.not(code, 0, name);
    t.match(stderr, says, name);
    t.notOk(existsSync(data), `${name}: no data folder`);
  }
});

t.test('it says which version it is', async (t) => {
  t.match(await drydock('--version'), { code: 0, stdout: /^v1\.35\.\d+\+drydock\.\d+\n$/ });
});

t.test('a folder that cannot be made is an error at once', async (t) => {
  const { code, stderr } = await drydock('up', '--detach', '--data-dir', '/dev/null/data');
  t.equal(code, 1);
  t.match(stderr, /cannot use \/dev\/null\/data as the data folder/);
});

t.test('down and reset of nothing do nothing, and say so', async (t) => {
  const data = join(tmpdir(), `drydock-none-${process.pid}`);
  for (const verb of ['down', 'reset']) {
    const { code, stdout } = await drydock(verb, '--data-dir', data);
    t.equal(code, 0, verb);
    t.match(stdout, /there is no cluster in .*; nothing to do/, verb);
  }
});

t.test("a folder of somebody else's is not removed", async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'drydock-cli-'));
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  mkdirSync(join(folder, 'logs'));
  writeFileSync(join(folder, 'logs', 'diary.txt'), 'dear diary');
  const { code, stderr } = await drydock('reset', '--data-dir', folder);
  t.equal(code, 1);
  t.match(stderr, /holds no cluster of drydock; nothing was removed/);
  t.ok(existsSync(join(folder, 'logs', 'diary.txt')));
});

t.test('a port that is in use is an error that says so', async (t) => {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const folder = mkdtempSync(join(tmpdir(), 'drydock-cli-'));
  t.teardown(() => {
    server.close();
    rmSync(folder, { recursive: true, force: true });
  });
  const address = server.address();
  const port = typeof address === 'object' && address ? String(address.port) : '';
  const args = ['up', '--detach', '--secure-port', port, '--data-dir', folder];
  const { code, stderr } = await drydock(...args);
  t.equal(code, 1);
  t.match(stderr, new RegExp(`port ${port} on 127\\.0\\.0\\.1 is in use; choose another`));
});

t.test('two clusters side by side, through their whole life', { timeout: 600_000 }, async (t) => {
  const one = await Cluster.start(t, [QUICK, '--nodes', '1']);
  const other = await Cluster.start(t, [QUICK, '--nodes', '0']);

  await t.test('ps lists each process with what it is', async (t) => {
    const rows = await one.ps();
    t.same(
      rows.map(({ name }) => name),
      ['etcd', 'apiserver', 'scheduler', 'controller-manager', 'kubelet-node-1'],
    );
    for (const row of rows) {
      t.match(row, { state: 'running', restarts: 0, address: /^https?:/ }, row.name);
      t.ok(row.pid !== null && row.rssBytes > 0, `${row.name} runs`);
    }
    const { stdout } = await one.drydock('ps');
    t.match(stdout, /^NAME +PID +STATE +RESTARTS +SINCE +MEMORY +ADDRESS\netcd +\d+ +running +0 /);
    t.match((await one.drydock('ps', '-o', 'xml')).stderr, /unknown output "xml"/);
    const ports = [...rows, ...(await other.ps())].map(({ address }) => address);
    t.equal(new Set(ports).size, ports.length, 'no two processes share an address');
  });

  await t.test('up again says that it runs', async (t) => {
    const { code, stdout } = await one.drydock('up', '--detach');
    t.equal(code, 0);
    t.match(stdout, /A cluster is running on .* already/);
  });

  await t.test('killed it comes back, stopped it stays down', async (t) => {
    const { pid } = await one.process('scheduler');
    t.match((await one.drydock('kill', 'scheduler')).stdout, 'scheduler signalled');
    await eventually('another scheduler', async () => {
      const now = await one.process('scheduler');
      return now.pid !== null && now.pid !== pid && now.restarts === 1;
    });
    t.match((await one.drydock('stop', 'scheduler')).stdout, 'scheduler stopped');
    t.match(await one.process('scheduler'), { state: 'stopped', pid: null });
    const refused = await one.drydock('kill', 'scheduler');
    t.match(refused, { code: 1, stderr: /scheduler is not running/ });
    t.match((await one.drydock('start', 'scheduler')).stdout, 'scheduler started');
    const before = (await one.process('scheduler')).pid;
    t.match((await one.drydock('restart', 'scheduler')).stdout, 'scheduler restarted');
    t.not((await one.process('scheduler')).pid, before);
    t.match(
      (await one.drydock('kill', 'nobody')).stderr,
      /no process is called "nobody"; there are/,
    );
    const bad = await one.drydock('kill', 'scheduler', '--signal', 'WAVE');
    t.match(bad.stderr, /"WAVE" is no signal/);
    t.match(
      (await one.drydock('logs', 'nobody')).stderr,
      /no process is called "nobody"; there are/,
    );
    for (const line of (await one.drydock('logs', 'scheduler')).stdout.trim().split('\n'))
      t.match(JSON.parse(line), { component: 'scheduler', msg: String });
  });

  await t.test('nodes come and go, and a bad name does no harm', async (t) => {
    t.match((await one.drydock('node add', 'edge')).stdout, 'node edge is Ready');
    t.match((await one.drydock('node add', 'edge')).stderr, /there is a node "edge" already/);
    t.match(await one.drydock('node add', 'BAD_Name'), {
      code: 1,
      stderr: /"BAD_Name" is no name of a node: a lowercase RFC 1123 subdomain/,
    });
    t.match((await one.drydock('node remove', 'nope')).stderr, /there is no node "nope"/);
    t.match((await one.drydock('node remove', 'edge')).stdout, 'node edge removed');
    t.same(
      (await one.ps()).map(({ name }) => name).filter((name) => name.startsWith('kubelet')),
      ['kubelet-node-1'],
    );
  });

  await t.test('a supervisor that is killed leaves its processes to the next one', async (t) => {
    const before = await one.ps();
    process.kill(await one.supervisorPid(), 'SIGKILL');
    await eventually('no supervisor', async () =>
      (await one.drydock('restart', 'scheduler')).stderr.includes(
        'is gone, 5 of its processes run',
      ),
    );
    t.match(await one.drydock('kill', 'scheduler'), {
      code: 0,
      stdout: /scheduler signalled; the supervisor of .* is gone/,
    });
    await eventually('no scheduler', async () => (await one.process('scheduler')).pid === null);
    t.match((await one.drydock('kill', 'scheduler')).stderr, /scheduler is not running; the super/);
    t.equal((await one.drydock('up', '--detach')).code, 0);
    for (const { name, pid } of await one.ps()) {
      const had = before.find((row) => row.name === name)?.pid;
      if (name === 'scheduler') t.not(pid, had, 'the scheduler is a new one');
      else t.equal(pid, had, `${name} was taken over`);
    }
  });

  await t.test('down keeps the data, up goes on from it, the other has not noticed', async (t) => {
    const objects = async (cluster: Cluster, path: string) => {
      const { metadata } = await cluster.get<{ metadata: { uid: string } }>(path);
      return metadata.uid;
    };
    const uid = await objects(one, 'namespace default');
    const address = await one.apiUrl();
    t.match((await one.drydock('down')).stdout, /stopped; the data stays in/);
    t.ok((await one.ps()).every(({ state, pid }) => state === 'stopped' && pid === null));
    t.ok((await other.ps()).every(({ state, restarts }) => state === 'running' && restarts === 0));
    const { code } = await one.drydock('up', '--detach');
    t.equal(code, 0);
    t.equal(await one.apiUrl(), address, 'at the address it had');
    t.equal(await objects(one, 'namespace default'), uid);
  });

  await t.test('reset leaves nothing, neither files nor processes', async (t) => {
    const pids = (await one.ps()).map(({ pid }) => pid);
    t.equal((await one.drydock('reset')).code, 0);
    for (const part of ['kubeconfig', 'pki', 'etcd', 'kubelet', 'logs', 'run'])
      t.notOk(existsSync(join(one.dataDir, part)), part);
    for (const pid of pids) t.throws(() => process.kill(pid ?? 0, 0), { code: 'ESRCH' });
  });
});
