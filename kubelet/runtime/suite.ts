/**
 * The tests that every container runtime passes: what `interface.ts` promises. A runtime's own test file
 * calls `testRuntime` with a way to make one; what differs (how a container is made to end) is in `Fixture`.
 */
import type { Test } from 'tap';
import type {
  ContainerConfig,
  ContainerRuntime,
  RuntimeEvent,
  SandboxConfig,
} from './interface.js';

export interface Fixture {
  readonly runtime: ContainerRuntime;
  /** Lets time pass for it. */
  elapse(ms: number): Promise<void>;
  /** A folder for logs. */
  readonly folder: string;
  /** A new instance over the same state, as after a restart of the kubelet. Absent: it keeps none. */
  restart?(): Promise<ContainerRuntime>;
}

export function sandboxConfig(podUid: string, over: Partial<SandboxConfig> = {}): SandboxConfig {
  return {
    podUid,
    podName: `pod-${podUid}`,
    podNamespace: 'default',
    attempt: 0,
    hostname: `pod-${podUid}`,
    hostNetwork: false,
    annotations: {},
    labels: {},
    ...over,
  };
}

export function containerConfig(
  folder: string,
  over: Partial<ContainerConfig> = {},
): ContainerConfig {
  const name = over.name ?? 'main';
  return {
    name,
    attempt: 0,
    image: 'nginx',
    imageId: 'busybox',
    command: ['sleep', '3600'],
    args: [],
    env: [],
    tty: false,
    stdin: false,
    restartPolicy: 'Always',
    specHash: '1',
    logPath: `${folder}/${name}/0.log`,
    ...over,
  };
}

export function testRuntime(t: Test, make: () => Promise<Fixture>): void {
  t.test('a sandbox is ready with an address, and notready once stopped', async (t) => {
    const { runtime } = await make();
    const id = await runtime.runSandbox(sandboxConfig('a'));
    const [sandbox] = (await runtime.podStatus('a')).sandboxes;
    t.equal(sandbox?.id, id);
    t.equal(sandbox?.state, 'ready');
    t.match(sandbox?.ips[0], /^\d+\.\d+\.\d+\.\d+$/);
    await runtime.stopSandbox(id);
    await runtime.stopSandbox(id);
    t.equal((await runtime.podStatus('a')).sandboxes[0]?.state, 'notready');
    await runtime.removeSandbox(id);
    await runtime.removeSandbox(id);
    t.same(await runtime.podUids(), []);
    await runtime.close();
  });

  t.test('no two sandboxes have the same address, and one on the host has none', async (t) => {
    const { runtime } = await make();
    for (const uid of ['a', 'b', 'c']) await runtime.runSandbox(sandboxConfig(uid));
    await runtime.runSandbox(sandboxConfig('host', { hostNetwork: true }));
    const ips = [];
    for (const uid of ['a', 'b', 'c'])
      ips.push((await runtime.podStatus(uid)).sandboxes[0]?.ips[0]);
    t.equal(new Set(ips).size, 3);
    t.same((await runtime.podStatus('host')).sandboxes[0]?.ips, []);
    await runtime.close();
  });

  t.test(
    'a container goes from created to running to exited, with an event for each',
    async (t) => {
      const { runtime, folder } = await make();
      const events: RuntimeEvent['type'][] = [];
      const sandbox = await runtime.runSandbox(sandboxConfig('a'));
      const unsubscribe = runtime.subscribe(({ type }) => events.push(type));
      const id = await runtime.createContainer(sandbox, containerConfig(folder));
      t.equal((await runtime.podStatus('a')).containers[0]?.state, 'created');
      await runtime.startContainer(id);
      const running = (await runtime.podStatus('a')).containers[0];
      t.equal(running?.state, 'running');
      t.type(running?.startedAt, 'number');
      await runtime.stopContainer(id, 1000);
      await runtime.stopContainer(id, 1000);
      const exited = (await runtime.podStatus('a')).containers[0];
      t.equal(exited?.state, 'exited');
      t.type(exited?.exitCode, 'number');
      t.type(exited?.finishedAt, 'number');
      await runtime.removeContainer(id);
      await runtime.removeContainer(id);
      t.same((await runtime.podStatus('a')).containers, []);
      t.same(events, ['started', 'exited', 'removed']);
      unsubscribe();
      await runtime.close();
    },
  );

  t.test('what two remove at once goes once, and nothing else with it', async (t) => {
    const { runtime, folder } = await make();
    const sandbox = await runtime.runSandbox(sandboxConfig('a'));
    const stays = await runtime.createContainer(sandbox, containerConfig(folder));
    const goes = await runtime.createContainer(sandbox, containerConfig(folder, { attempt: 1 }));
    const removed: string[] = [];
    const unsubscribe = runtime.subscribe(({ type, id }) => {
      if (type === 'removed') removed.push(id);
    });
    await Promise.all([runtime.removeContainer(goes), runtime.removeContainer(goes)]);
    t.same(
      (await runtime.podStatus('a')).containers.map(({ id }) => id),
      [stays],
    );
    await Promise.all([runtime.removeSandbox(sandbox), runtime.removeSandbox(sandbox)]);
    t.same(removed.sort(), [goes, stays, sandbox].sort());
    t.same(await runtime.podUids(), []);
    unsubscribe();
    await runtime.close();
  });

  t.test('containers and sandboxes are listed newest first', async (t) => {
    const { runtime, folder } = await make();
    const first = await runtime.runSandbox(sandboxConfig('a'));
    const one = await runtime.createContainer(first, containerConfig(folder));
    const two = await runtime.createContainer(first, containerConfig(folder, { attempt: 1 }));
    await runtime.stopSandbox(first);
    const second = await runtime.runSandbox(sandboxConfig('a', { attempt: 1 }));
    const status = await runtime.podStatus('a');
    t.same(
      status.containers.map((c) => c.id),
      [two, one],
    );
    t.same(
      status.sandboxes.map((s) => s.id),
      [second, first],
    );
    await runtime.close();
  });

  t.test('stopping a sandbox ends what runs in it', async (t) => {
    const { runtime, folder } = await make();
    const sandbox = await runtime.runSandbox(sandboxConfig('a'));
    await runtime.startContainer(await runtime.createContainer(sandbox, containerConfig(folder)));
    await runtime.stopSandbox(sandbox);
    t.equal((await runtime.podStatus('a')).containers[0]?.state, 'exited');
    await t.rejects(runtime.createContainer(sandbox, containerConfig(folder)), {
      name: 'RuntimeError',
    });
    await runtime.close();
  });

  t.test('a container is started once, and one that is not there cannot be', async (t) => {
    const { runtime, folder } = await make();
    const sandbox = await runtime.runSandbox(sandboxConfig('a'));
    const id = await runtime.createContainer(sandbox, containerConfig(folder));
    await runtime.startContainer(id);
    await t.rejects(runtime.startContainer(id), { name: 'RuntimeError', code: 'InvalidArgument' });
    await t.rejects(runtime.startContainer('nope'), { name: 'RuntimeError', code: 'NotFound' });
    await runtime.close();
  });

  t.test('a command that ends reports its exit code and reason', async (t) => {
    const { runtime, folder, elapse } = await make();
    const sandbox = await runtime.runSandbox(sandboxConfig('a'));
    for (const [name, code] of [
      ['good', 0],
      ['bad', 3],
    ] as const) {
      const command = ['sh', '-c', `sleep 1; exit ${code}`];
      await runtime.startContainer(
        await runtime.createContainer(sandbox, containerConfig(folder, { name, command })),
      );
    }
    await elapse(2000);
    const { containers } = await runtime.podStatus('a');
    t.match(containers, [
      { name: 'bad', state: 'exited', exitCode: 3, reason: 'Error' },
      { name: 'good', state: 'exited', exitCode: 0, reason: 'Completed' },
    ]);
    await runtime.close();
  });

  t.test('an image is there once pulled', async (t) => {
    const { runtime, elapse } = await make();
    t.equal(await runtime.imageStatus('busybox'), undefined);
    const pulling = runtime.pullImage('busybox', { annotations: {} });
    await elapse(1000);
    const image = await pulling;
    t.ok(image.sizeBytes > 0);
    t.same(await runtime.imageStatus('busybox'), image);
    t.same(await runtime.imageStatus('docker.io/library/busybox:latest'), image);
    t.equal((await runtime.images()).length, 1);
    await runtime.close();
  });

  t.test('a command run inside answers with its output', async (t) => {
    const { runtime, folder, elapse } = await make();
    const sandbox = await runtime.runSandbox(sandboxConfig('a'));
    const config = containerConfig(folder, { env: [{ name: 'WHO', value: 'you' }] });
    const id = await runtime.createContainer(sandbox, config);
    await runtime.startContainer(id);
    t.same(await runtime.exec(id, ['sh', '-c', 'echo hello $WHO'], 1000), {
      exitCode: 0,
      stdout: 'hello you\n',
      stderr: '',
    });
    t.equal((await runtime.exec(id, ['false'], 1000)).exitCode, 1);
    const slow = runtime.exec(id, ['sleep', '2'], 3000);
    const slower = runtime.exec(id, ['sleep', '5'], 3000);
    await elapse(4000);
    t.match(await slow, { exitCode: 0 });
    t.match(await slower, { timedOut: true }, 'for as long as it may take');
    await runtime.close();
  });

  t.test('after a restart the same containers run, with the same addresses', async (t) => {
    const { runtime, folder, restart } = await make();
    if (!restart) return;
    const sandbox = await runtime.runSandbox(sandboxConfig('a'));
    await runtime.startContainer(await runtime.createContainer(sandbox, containerConfig(folder)));
    const before = await runtime.podStatus('a');
    const again = await restart();
    t.same(await again.podStatus('a'), before);
    await again.runSandbox(sandboxConfig('b'));
    t.not((await again.podStatus('b')).sandboxes[0]?.ips[0], before.sandboxes[0]?.ips[0]);
    await again.stopContainer(before.containers[0]?.id ?? '', 0);
    t.equal((await again.podStatus('a')).containers[0]?.state, 'exited');
    await again.close();
  });
}
