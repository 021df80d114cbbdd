/** docker compose on a real engine: one container a component, healed by hand. */
import { cpSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { binaries } from '../support/binaries.js';
import { composeCommand, ensureBaseImage, noDocker } from '../support/docker.js';
import { eventually } from '../support/eventually.js';
import { run } from '../support/run.js';

const found = binaries();
const skip = typeof found === 'string' ? found : await noDocker();
const BUILD_TIMEOUT_MS = 300_000;
/** What a clone holds; the rest is made. */
const SOURCES = [
  'apiserver',
  'cli',
  'controller-manager',
  'etcd',
  'hack',
  'kubelet',
  'pkg',
  'scheduler',
  'test',
  'package.json',
  'package-lock.json',
  'tsconfig.json',
  '.npmrc',
  '.dockerignore',
  'Dockerfile',
  'docker-compose.yml',
];

t.test('docker compose', { skip: skip ?? false }, async (t) => {
  const [compose = '', ...words] = (await composeCommand()) ?? [];
  const folder = mkdtempSync(join(tmpdir(), 'drydock-compose-'));
  for (const name of SOURCES) cpSync(name, join(folder, name), { recursive: true });
  const docker = (...args: string[]) =>
    run(compose, [...words, ...args], { cwd: folder, timeoutMs: BUILD_TIMEOUT_MS });
  t.teardown(async () => {
    if (!t.passing()) t.comment((await docker('logs', '--tail=10')).stdout);
    await docker('down', '--volumes');
    rmSync(folder, { recursive: true, force: true });
  });
  const kubectl = (args: string) =>
    run(typeof found === 'string' ? '' : found.kubectl, args.split(' '), {
      env: { KUBECONFIG: join(folder, '.drydock/compose/kubeconfig'), HOME: folder },
    });
  const pods = async (phase: string) =>
    (await kubectl(`get pods --field-selector status.phase=${phase} -o name`)).stdout
      .split('\n')
      .filter((line) => line !== '').length;

  await ensureBaseImage();
  const built = await run('docker', ['build', '--network', 'host', '-t', 'drydock', folder], {
    timeoutMs: BUILD_TIMEOUT_MS,
  });
  t.equal(built.code, 0, `the image builds ${built.code === 0 ? '' : built.stderr}`);
  const up = await docker('up', '--detach', '--no-build');
  t.equal(up.code, 0, `all services start ${up.code === 0 ? '' : up.stderr}`);

  await eventually(
    'three nodes are Ready',
    async () => (await kubectl('get nodes --no-headers')).stdout.match(/ Ready /g)?.length === 3,
    60_000,
  );
  t.notMatch(
    (await kubectl('get nodes -o wide')).stdout,
    /127\.0\.0\.1/,
    'each node has an address of its own',
  );

  await kubectl('create deployment web --image=nginx --replicas=3');
  await eventually('three pods run', async () => (await pods('Running')) === 3);

  await docker('kill', 'scheduler');
  await kubectl('scale deployment web --replicas=4');
  await eventually('the fourth is Pending', async () => (await pods('Pending')) === 1);
  t.equal(await pods('Running'), 3, 'running pods are undisturbed without a scheduler');
  await docker('start', 'scheduler');
  await eventually('four pods run', async () => (await pods('Running')) === 4, 30_000);

  await kubectl('run greeter --image=busybox --restart=Never -- echo hello');
  await eventually('a log comes from another container', async () =>
    (await kubectl('logs greeter')).stdout.includes('hello'),
  );

  await eventually(
    'every service is healthy',
    async () => {
      const ids = (
        await run('docker', [
          'ps',
          '-q',
          '--filter',
          'health=healthy',
          '--filter',
          'ancestor=drydock',
        ])
      ).stdout;
      return ids.trim().split('\n').length >= 7;
    },
    60_000,
  );
});
