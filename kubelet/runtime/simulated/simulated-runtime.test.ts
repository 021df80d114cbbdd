import { appendFileSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t from 'tap';
import { FakeClock } from '../../../pkg/component/clock.js';
import { parseImageName } from '../../images/image-name.js';
import { parseLogOptions, readLogs } from '../../server/container-logs.js';
import { createRuntimes } from '../index.js';
import type { ContainerConfig, Mount } from '../interface.js';
import { LogWriter } from '../log-file.js';
import { containerConfig, type Fixture, sandboxConfig, testRuntime } from '../suite.js';
import { FileTree } from './file-tree.js';
import { ContainerFiles } from './files.js';
import { IpAllocator } from './ip-allocator.js';
import { givenFiles, resolveName } from './names.js';
import { type Effect, runProcess } from './shell.js';
import { usageOf } from './usage.js';

const folders: string[] = [];
t.teardown(() => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

function folder(): string {
  const made = mkdtempSync(join(tmpdir(), 'drydock-kubelet-'));
  folders.push(made);
  return made;
}

async function make(clock = new FakeClock(), rootDir = folder()): Promise<Fixture> {
  const factory = createRuntimes({ endpoint: 'simulated://', rootDir, clock });
  const runtime = factory.forNode('node-1');
  runtime.configureNetwork('10.244.3.0/24');
  return {
    runtime,
    folder: rootDir,
    elapse: (ms) => clock.advance(ms),
    async restart() {
      // As a kill: nothing is closed, only what was written by the end of this turn is left.
      await new Promise((resolve) => setImmediate(resolve));
      return (await make(clock, rootDir)).runtime;
    },
  };
}

t.test('the runtime suite', async (t) => testRuntime(t, make));

/** One Service with an address, one without, in namespaces of their own. */
const SERVICES = new Map([
  ['shop/db', ['10.96.0.7']],
  ['ops/logs', []],
]);
const services = (namespace: string, name: string) => SERVICES.get(`${namespace}/${name}`);

const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const account = new FileTree();
account.replace({ namespace: 'shop' });

function outcome(
  argv: string[],
  env: Record<string, string> = {},
  unknown: 'forever' | 'ends' = 'forever',
) {
  let at = Date.UTC(2026, 0, 1);
  const context = {
    env: new Map(Object.entries(env)),
    hostname: 'web-0',
    messagePath: '/dev/termination-log',
    now: () => at,
    unknown,
    files: new ContainerFiles(givenFiles('web-0', 'shop'), [
      { path: ACCOUNT, tree: account, at: '/', readOnly: true },
    ]),
    resolve: (name: string) => resolveName(name, 'shop', services),
  };
  const run = runProcess(argv, context);
  let text = '';
  let ms = 0;
  for (let n = 0; n < 500; n++) {
    const step = run.next();
    if (step.done) return { code: step.value, text, ms };
    const effect: Effect = step.value;
    if (effect.type === 'print')
      text += effect.stream === 'stderr' ? `!${effect.text}` : effect.text;
    else if (effect.type === 'message') text += `[${effect.text}]`;
    else if (effect.type === 'forever') return { code: undefined, text, ms };
    else {
      ms += effect.ms;
      at += effect.ms;
    }
  }
  return { code: undefined, text, ms };
}

t.test('what a command prints, how long it takes and how it ends', async (t) => {
  const sh = (script: string) => ['sh', '-c', script];
  const rows: [string, string[], { code: number | undefined; text?: string; ms?: number }][] = [
    ['true', ['true'], { code: 0 }],
    ['false by its path', ['/bin/false'], { code: 1 }],
    ['echo', ['echo', 'a', 'b'], { code: 0, text: 'a b\n' }],
    ['echo -n', ['echo', '-n', 'a'], { code: 0, text: 'a' }],
    ['printf', ['printf', '%s-%d\\n', 'x', '3'], { code: 0, text: 'x-3\n' }],
    ['sleep', ['sleep', '90'], { code: 0, ms: 90_000 }],
    ['sleep with a unit', ['sleep', '2m'], { code: 0, ms: 120_000 }],
    ['sleep infinity', ['sleep', 'infinity'], { code: undefined }],
    ['date', ['date'], { code: 0, text: 'Thu Jan  1 00:00:00 UTC 2026\n' }],
    ['cat of nothing', ['cat'], { code: 0 }],
    ['tail -f', ['tail', '-f', '/dev/null'], { code: undefined }],
    ['exit', sh('exit 7'), { code: 7 }],
    ['a sequence', sh('echo a; echo b && false; echo c'), { code: 0, text: 'a\nb\nc\n' }],
    ['and', sh('false && echo no'), { code: 1, text: '' }],
    ['or', sh('false || echo yes'), { code: 0, text: 'yes\n' }],
    ['lines', sh('echo a\nsleep 1\nexit 2\n'), { code: 2, text: 'a\n', ms: 1000 }],
    ['quotes', sh(`echo 'a;  b' "c && d"`), { code: 0, text: 'a;  b c && d\n' }],
    [
      'variables',
      // biome-ignore lint/suspicious/noTemplateCurlyInString: it is the shell that reads it
      sh('echo $WHO "${WHO}!" \'$WHO\' ${NOPE:-none}'),
      { code: 0, text: 'you you! $WHO none\n' },
    ],
    ['assignment and arithmetic', sh('i=2; i=$((i+3*2)); echo $i'), { code: 0, text: '8\n' }],
    ['command substitution', sh('echo "on $(hostname)"'), { code: 0, text: 'on web-0\n' }],
    [
      'for',
      sh('for i in 1 2 3; do echo $i; sleep 1; done'),
      { code: 0, text: '1\n2\n3\n', ms: 3000 },
    ],
    [
      'while with a test',
      sh('i=0; while [ $i -lt 3 ]; do i=$((i+1)); echo $i; done'),
      { code: 0, text: '1\n2\n3\n' },
    ],
    ['if', sh('if false; then echo a; else echo b; fi; echo c'), { code: 0, text: 'b\nc\n' }],
    [
      'redirection',
      sh('echo a > /tmp/x; echo b >&2; echo c > /dev/termination-log'),
      { code: 0, text: '!b\n[c\n]' },
    ],
    ['a pipe', sh('echo a | grep a; echo b | cat'), { code: 0, text: 'b\n' }],
    ['background', sh('sleep 100 & echo a'), { code: 0, text: 'a\n', ms: 0 }],
    ['a comment', sh('# nothing\necho a # b'), { code: 0, text: 'a\n' }],
    ['exec', sh('exec sleep 5; echo never'), { code: 0, text: '', ms: 5000 }],
    ['a server', ['nginx', '-g', 'daemon off;'], { code: undefined }],
    [
      'files are as they were written',
      sh('echo a > /tmp/x; echo b >> /tmp/x; cat /tmp/x; rm /tmp/x; cat /tmp/x'),
      { code: 1, text: "a\nb\n!cat: can't open '/tmp/x': No such file or directory\n" },
    ],
    ['nobody can tell what an image holds', sh('cat /etc/nginx.conf && ls /app'), { code: 0 }],
    [
      'tests of files',
      sh('touch /tmp/a; [ -f /tmp/a ] && [ ! -e /tmp/b ] && test -d /tmp && echo yes'),
      { code: 0, text: 'yes\n' },
    ],
    [
      'files are moved and copied',
      sh('echo a > /tmp/a; cp /tmp/a /tmp/b; mv /tmp/b /tmp/c; cat /tmp/c; ls /tmp/b'),
      { code: 1, text: 'a\n!ls: /tmp/b: No such file or directory\n' },
    ],
    [
      'errors are sent elsewhere',
      sh('cat /tmp/a 2>/dev/null; cat /tmp/a > /tmp/log 2>&1; cat /tmp/log'),
      { code: 0, text: "cat: can't open '/tmp/a': No such file or directory\n" },
    ],
    [
      'a Service that is there',
      sh('nslookup db.shop.svc.cluster.local >/dev/null && wget -qO- http://db:80/ && echo up'),
      { code: 0, text: 'up\n' },
    ],
    [
      'waits for a Service that is not there',
      sh(
        'until nslookup myservice.$(cat /var/run/secrets/kubernetes.io/serviceaccount/namespace).svc.cluster.local >/dev/null; do echo waiting; sleep 2; exit 3; done',
      ),
      {
        code: 3,
        text: "!nslookup: can't resolve 'myservice.shop.svc.cluster.local'\nwaiting\n",
        ms: 2000,
      },
    ],
    [
      'the Job of every course',
      ['perl', '-Mbignum=bpi', '-wle', 'print bpi(20)'],
      { code: 0, text: '3.1415926535897932385\n', ms: 1000 },
    ],
    ['another script of perl', ['perl', 'app.pl'], { code: undefined, text: '' }],
    ["an account's folder", ['ls', ACCOUNT], { code: 0, text: 'namespace\n' }],
    [
      'secrets that are not mounted',
      ['ls', '/var/run/secrets/more'],
      { code: 1, text: '!ls: /var/run/secrets/more: No such file or directory\n' },
    ],
    ['a headless Service elsewhere', ['nslookup', 'logs.ops'], { code: 0, text: '' }],
    ['a name outside of the cluster', ['wget', '-q', 'https://example.com'], { code: 0, text: '' }],
    [
      'a host that cannot be found',
      ['curl', '-s', 'http://nowhere/x'],
      { code: 6, text: '!curl: (6) Could not resolve host: nowhere\n' },
    ],
    [
      'read finds nothing that comes in',
      sh('while IFS== read -r key value; do echo $key; done < /tmp/x; echo end'),
      { code: 0, text: 'end\n', ms: 0 },
    ],
    ['set -e and mkdir pass', sh('set -e; mkdir -p /x && echo ok'), { code: 0, text: 'ok\n' }],
  ];
  for (const [name, argv, expected] of rows) t.match(outcome(argv, { WHO: 'you' }), expected, name);
  const endless = outcome(sh('while true; do date; sleep 2; done'));
  t.equal(endless.code, undefined);
  t.match(endless.text, /00:00:00 UTC 2026\n.*00:00:02 UTC 2026\n/);
  const busy = outcome(sh('while :; do :; done'));
  t.match(busy, { code: undefined, text: '' }, 'a loop of nothing lets the kubelet go on');
  t.ok(busy.ms > 0, 'and takes time');
  t.match(
    outcome(['pi', '2000'], {}, 'ends'),
    { code: 0, ms: 1000 },
    'an unknown command that must end',
  );
});

t.test('annotations say how a container behaves', async (t) => {
  const rows: [string, Record<string, string>, object][] = [
    ['it runs until stopped', {}, { state: 'running' }],
    [
      'runs-for',
      { 'drydock.dev/runs-for': '3s' },
      { state: 'exited', exitCode: 0, reason: 'Completed' },
    ],
    [
      'exit-code alone ends it',
      { 'drydock.dev/exit-code': '4' },
      { state: 'exited', exitCode: 4, reason: 'Error' },
    ],
    ['another container is meant', { 'drydock.dev/other.runs-for': '3s' }, { state: 'running' }],
    [
      'this container is meant',
      {
        'drydock.dev/main.runs-for': '1s',
        'drydock.dev/runs-for': '1h',
        'drydock.dev/exit-reason': 'OOMKilled',
      },
      { state: 'exited', reason: 'OOMKilled' },
    ],
  ];
  for (const [name, annotations, expected] of rows) {
    const { runtime, folder, elapse } = await make();
    const sandbox = await runtime.runSandbox(sandboxConfig('a', { annotations }));
    const config = containerConfig(folder, { command: [] });
    await runtime.startContainer(await runtime.createContainer(sandbox, config));
    await elapse(5000);
    t.match((await runtime.podStatus('a')).containers[0], expected, name);
    await runtime.close();
  }
});

t.test('images and limits that courses are made of', async (t) => {
  const stress = (memoryLimitBytes: number) => ({
    image: 'polinux/stress',
    command: ['stress'],
    args: ['--vm', '1', '--vm-bytes', '150M', '--vm-hang', '1'],
    memoryLimitBytes,
  });
  const rows: [string, Partial<ContainerConfig>, object][] = [
    ['a shell ends without input', { image: 'busybox' }, { state: 'exited', exitCode: 0 }],
    ['so does a prompt', { image: 'python:3.12' }, { state: 'exited', exitCode: 0 }],
    ['with stdin it waits', { image: 'ubuntu', stdin: true }, { state: 'running' }],
    ['the same name of others is another image', { image: 'acme/busybox' }, { state: 'running' }],
    [
      'more memory than the limit',
      stress(100 << 20),
      { state: 'exited', exitCode: 137, reason: 'OOMKilled' },
    ],
    ['less memory than the limit', stress(200 << 20), { state: 'running' }],
  ];
  for (const [name, over, expected] of rows) {
    const { runtime, folder, elapse } = await make();
    const sandbox = await runtime.runSandbox(sandboxConfig('a'));
    const config = containerConfig(folder, { command: [], ...over });
    await runtime.startContainer(await runtime.createContainer(sandbox, config));
    await elapse(5000);
    t.match((await runtime.podStatus('a')).containers[0], expected, name);
    await runtime.close();
  }

  const { runtime, folder } = await make();
  const sandbox = await runtime.runSandbox(sandboxConfig('a'));
  const config = containerConfig(folder, { image: 'busybox', command: ['nosuchcommand'] });
  const id = await runtime.createContainer(sandbox, config);
  await t.rejects(runtime.startContainer(id), {
    message: /exec: "nosuchcommand": executable file not found in \$PATH$/,
  });
  const [failed] = (await runtime.podStatus('a')).containers;
  t.match(failed, { state: 'exited', exitCode: 128, reason: 'StartError', message: /\$PATH$/ });
  await runtime.close();
});

t.test('a probe sees the files that the container wrote and removed', async (t) => {
  const { runtime, folder, elapse } = await make();
  const sandbox = await runtime.runSandbox(sandboxConfig('a'));
  const script = 'touch /tmp/healthy; sleep 30; rm -f /tmp/healthy; sleep 600';
  const config = containerConfig(folder, { image: 'busybox', command: ['sh', '-c', script] });
  const id = await runtime.createContainer(sandbox, config);
  await runtime.startContainer(id);
  const check = () => runtime.exec(id, ['cat', '/tmp/healthy'], 1000);
  await elapse(1000);
  t.match(await check(), { exitCode: 0 });
  await elapse(30_000);
  t.match(await check(), {
    exitCode: 1,
    stderr: "cat: can't open '/tmp/healthy': No such file or directory\n",
  });
  await runtime.close();
});

t.test('containers share the files of volumes, for as long as a volume lasts', async (t) => {
  const { runtime, folder, elapse } = await make();
  type Sources = Readonly<Record<string, Mount['source'] & { readonly subPath?: string }>>;
  const start = async (pod: string, name: string, script: string, sources: Sources) => {
    const { sandboxes } = await runtime.podStatus(pod);
    const sandbox = sandboxes[0]?.id ?? (await runtime.runSandbox(sandboxConfig(pod)));
    const mounts = Object.entries(sources).map(([path, { subPath = '', ...source }]) => ({
      path,
      subPath,
      readOnly: path === '/ro',
      source,
    }));
    const command = ['sh', '-c', `${script}; sleep 600`];
    const config = containerConfig(folder, { name, image: 'busybox', command, mounts });
    const id = await runtime.createContainer(sandbox, config);
    await runtime.startContainer(id);
    await elapse(10);
    return (...argv: string[]) => runtime.exec(id, argv, 1000);
  };
  const shared = { kind: 'pod', volume: 'shared' } as const;
  const host = { kind: 'host', path: '/mnt/data' } as const;
  const disk = { kind: 'cluster', persistentVolume: 'pv1' } as const;
  await start('a', 'writer', 'echo hello > /w/x; echo kept > /h/k; echo far > /d/f', {
    '/w': shared,
    '/h': host,
    '/d': disk,
  });
  const reader = await start('a', 'reader', 'echo no > /ro/x', {
    '/ro': shared,
    '/one': { ...shared, subPath: 'x' },
  });
  t.equal((await reader('cat', '/ro/x')).stdout, 'hello\n', 'and what is read-only stays');
  t.equal((await reader('cat', '/one')).stdout, 'hello\n', 'a file of it');
  t.equal((await reader('ls', '/ro')).stdout, 'x\n');
  t.equal((await reader('test', '-d', '/ro')).exitCode, 0);

  runtime.fillVolume?.('a', 'config', { 'app.conf': 'v1', 'sub/deep': 'd' });
  const config = await start('a', 'config', 'true', {
    '/etc/app': { kind: 'pod', volume: 'config' },
  });
  t.equal((await config('cat', '/etc/app/app.conf')).stdout, 'v1');
  t.match(await config('cat', '/etc/app/none'), { exitCode: 1, stderr: /No such file/ });
  runtime.fillVolume?.('a', 'config', { 'app.conf': 'v2' });
  t.equal((await config('cat', '/etc/app/app.conf')).stdout, 'v2', 'brought up to date');
  t.equal((await config('ls', '/etc/app')).stdout, 'app.conf\n');

  for (const { id } of (await runtime.podStatus('a')).sandboxes) await runtime.removeSandbox(id);
  const later = await start('b', 'later', 'true', { '/s': shared, '/h': host, '/d': disk });
  t.equal(
    (await later('cat', '/h/k', '/d/f')).stdout,
    'kept\nfar\n',
    'of the node, of the cluster',
  );
  t.equal((await later('ls', '/s')).stdout, '', 'what was the other pod’s went with it');
  await runtime.close();
});

t.test('the files of a tree are bounded', async (t) => {
  const tree = new FileTree();
  for (let i = 0; i < 40; i++) tree.write('/log', `${i}`.padEnd(10_000, '.'), true);
  t.equal(tree.read('/log')?.length, 256 * 1024, 'the last part is kept');
  for (let i = 0; i < 2000; i++) tree.write(`/f${i}`, 'x', false);
  t.equal(tree.read('/f500'), 'x');
  t.equal(tree.read('/f1999'), undefined);
  tree.remove('/f500');
  t.equal(tree.presence('/f500'), 'absent');
});

t.test('a container that needs long to stop is killed when its grace is over', async (t) => {
  const { runtime, folder, elapse } = await make();
  const annotations = { 'drydock.dev/stop-after': '20s' };
  const sandbox = await runtime.runSandbox(sandboxConfig('a', { annotations }));
  const id = await runtime.createContainer(sandbox, containerConfig(folder));
  await runtime.startContainer(id);
  const stopped = runtime.stopContainer(id, 5000);
  await elapse(4999);
  t.equal((await runtime.podStatus('a')).containers[0]?.state, 'running');
  await elapse(1);
  await stopped;
  t.match((await runtime.podStatus('a')).containers[0], { state: 'exited', exitCode: 137 });
  await runtime.close();
});

t.test('what would have happened while the kubelet was away has happened', async (t) => {
  const clock = new FakeClock();
  const { runtime, folder, restart } = await make(clock);
  const sandbox = await runtime.runSandbox(sandboxConfig('a'));
  for (const [name, seconds] of [
    ['short', 10],
    ['long', 100],
  ] as const) {
    const config = containerConfig(folder, { name, command: ['sleep', String(seconds)] });
    await runtime.startContainer(await runtime.createContainer(sandbox, config));
  }
  const began = clock.now();
  await restart?.();
  const away = new FakeClock(began + 60_000);
  const again = (await make(away, folder)).runtime;
  t.match((await again.podStatus('a')).containers, [
    { name: 'long', state: 'running', startedAt: began },
    { name: 'short', state: 'exited', exitCode: 0, finishedAt: began + 10_000 },
  ]);
  await away.advance(40_000);
  t.equal((await again.podStatus('a')).containers[0]?.state, 'exited');
  await again.close();
});

t.test('a torn last line of the journal is passed over', async (t) => {
  const clock = new FakeClock();
  const { runtime, folder, restart } = await make(clock);
  await runtime.runSandbox(sandboxConfig('a'));
  await new Promise((resolve) => setImmediate(resolve));
  appendFileSync(join(folder, 'runtime', 'state.jsonl'), '{"node":"node-1","kind":"sand');
  const again = await restart?.();
  t.same(await again?.podUids(), ['a']);
  await again?.close();
});

t.test('images that cannot be pulled say why', async (t) => {
  const rows: [string, string, Record<string, string>, RegExp][] = [
    ['no such registry', 'reg.invalid/app:v1', {}, /dial tcp: lookup reg\.invalid: no such host$/],
    [
      'no such image',
      'nginx:does-not-exist',
      {},
      /docker\.io\/library\/nginx:does-not-exist: not found$/,
    ],
    [
      'a private repository',
      'acme/private-app',
      {},
      /pull access denied, repository does not exist/,
    ],
    ['a tag that was never published', 'nginx:1.161', {}, /nginx:1\.161: not found$/],
    ['by annotation', 'nginx', { 'drydock.dev/pull-error': 'denied' }, /^denied$/],
  ];
  for (const [name, image, annotations, message] of rows) {
    const { runtime, elapse } = await make();
    const pulling = t.rejects(
      runtime.pullImage(image, { annotations }),
      { name: 'RuntimeError', message },
      name,
    );
    await elapse(1000);
    await pulling;
  }
  t.throws(
    () =>
      createRuntimes({
        endpoint: 'unix:///run/containerd.sock',
        rootDir: '/',
        clock: new FakeClock(),
      }),
    /container runtime endpoint "unix:\/\/\/run\/containerd\.sock" is not supported/,
  );
});

t.test('image names', async (t) => {
  const rows: [string, string | RegExp][] = [
    ['nginx', 'docker.io/library/nginx:latest'],
    ['nginx:1.25', 'docker.io/library/nginx:1.25'],
    ['user/app', 'docker.io/user/app:latest'],
    ['registry.k8s.io/pause:3.9', 'registry.k8s.io/pause:3.9'],
    [
      'localhost:5000/a/b@sha256:'.concat('a'.repeat(64)),
      `localhost:5000/a/b@sha256:${'a'.repeat(64)}`,
    ],
    ['Nginx', /repository name \(library\/Nginx\) must be lowercase/],
    ['nginx:', /invalid reference format/],
    ['a b', /invalid reference format/],
    ['', /invalid reference format/],
  ];
  for (const [image, expected] of rows) {
    if (typeof expected === 'string') t.equal(parseImageName(image).canonical, expected, image);
    else t.throws(() => parseImageName(image), expected, image);
  }
});

t.test('addresses come from the range, are unique and are not used again at once', async (t) => {
  const ips = new IpAllocator('10.0.0.0/29');
  t.same([ips.allocate(), ips.allocate()], ['10.0.0.2', '10.0.0.3']);
  ips.release('10.0.0.2');
  t.equal(ips.allocate(), '10.0.0.4');
  ips.restore('10.0.0.5');
  t.same([ips.allocate(), ips.allocate(), ips.allocate()], ['10.0.0.6', '10.0.0.2', undefined]);
  t.throws(() => new IpAllocator('fd00::/64'), /not an IPv4 pod range/);
});

t.test('logs', async (t) => {
  const clock = new FakeClock();
  const path = join(folder(), 'pods', 'a', '0.log');
  const log = new LogWriter(path);
  const start = clock.now();
  for (let i = 1; i <= 5; i++) log.write(start + i * 1000, 'stdout', `line ${i}\n`);
  log.flush();
  const source = { path, running: async () => false };
  const read = async (query: string) => {
    let text = '';
    const options = parseLogOptions(new URLSearchParams(query), start + 5000);
    for await (const part of readLogs(source, options, clock, new AbortController().signal))
      text += part;
    return text;
  };
  const rows: [string, string, string][] = [
    ['all', '', 'line 1\nline 2\nline 3\nline 4\nline 5\n'],
    ['tail', 'tailLines=2', 'line 4\nline 5\n'],
    ['more than there is', 'tailLines=99', 'line 1\nline 2\nline 3\nline 4\nline 5\n'],
    ['nothing', 'tailLines=0', ''],
    ['since seconds', 'sinceSeconds=1', 'line 4\nline 5\n'],
    ['since a time', 'sinceTime=2026-01-01T00:00:05Z', 'line 5\n'],
    ['limited', 'limitBytes=9', 'line 1\nli'],
    ['timestamps', 'timestamps=true&tailLines=1', '2026-01-01T00:00:05.000000000Z line 5\n'],
  ];
  for (const [name, query, expected] of rows) t.equal(await read(query), expected, name);
  t.throws(() => parseLogOptions(new URLSearchParams('tailLines=x'), 0), /tailLines/);
  t.throws(() => parseLogOptions(new URLSearchParams('sinceTime=x'), 0), /sinceTime/);

  log.write(start, 'stdout', 'x'.repeat(11 * 1024 * 1024));
  log.flush();
  log.write(start, 'stdout', 'after\n');
  log.flush();
  t.match(readFileSync(path, 'utf8'), /^\S+ stdout F after\n$/, 'a full file is rotated away');
  t.ok(readFileSync(`${path}.1`, 'utf8').startsWith('2026-01-01T00:00:01'));
});

t.test('a follower reads on until the container ends', async (t) => {
  const clock = new FakeClock();
  const path = join(folder(), '0.log');
  const log = new LogWriter(path);
  let running = true;
  let text = '';
  const options = parseLogOptions(new URLSearchParams('follow=true'), 0);
  const source = { path, running: async () => running };
  const reading = (async () => {
    for await (const part of readLogs(source, options, clock, new AbortController().signal))
      text += part;
  })();
  log.write(0, 'stdout', 'one\n');
  log.flush();
  while (text === '') await clock.advance(100);
  log.write(0, 'stdout', 'two\n');
  log.flush();
  running = false;
  // Files are read in real time: the clock goes on until the reader is through.
  let done = false;
  const ended = reading.then(() => {
    done = true;
  });
  while (!done) await clock.advance(100);
  await ended;
  t.equal(text, 'one\ntwo\n');
});

t.test(
  'a container uses what its annotations say at the moment, no more CPU than its limit',
  async (t) => {
    const idle = { cpuNanoCores: 1e6, memoryBytes: 8 << 20 };
    const rows: [string, Record<string, string>, number | undefined, object][] = [
      ['nothing said', {}, undefined, idle],
      [
        'said of the pod',
        { 'drydock.dev/cpu': '250m', 'drydock.dev/memory': '64Mi' },
        undefined,
        { cpuNanoCores: 250e6, memoryBytes: 64 << 20 },
      ],
      [
        'said of the container',
        { 'drydock.dev/cpu': '250m', 'drydock.dev/main.cpu': '2' },
        undefined,
        { ...idle, cpuNanoCores: 2e9 },
      ],
      ['throttled', { 'drydock.dev/cpu': '2' }, 500e6, { ...idle, cpuNanoCores: 500e6 }],
      [
        'not a quantity',
        { 'drydock.dev/cpu': 'much', 'drydock.dev/memory': '-1' },
        undefined,
        idle,
      ],
    ];
    for (const [row, annotations, cpuLimitNanoCores, wanted] of rows) {
      const limit = cpuLimitNanoCores === undefined ? {} : { cpuLimitNanoCores };
      t.same(usageOf(annotations, containerConfig('', limit)), wanted, row);
    }

    const { runtime, elapse, folder } = await make();
    const uid = 'measured';
    const sandbox = await runtime.runSandbox(sandboxConfig(uid));
    const config = containerConfig(folder, { command: ['sleep', 'infinity'] });
    await runtime.startContainer(await runtime.createContainer(sandbox, config));
    await elapse(2000);
    t.match(await runtime.stats(uid), [{ ...idle, cpuNanoSeconds: 2e6 }], 'since its start');
    await elapse(1000);
    const changed = await runtime.stats(uid, { 'drydock.dev/cpu': '1' });
    t.match(changed, [{ cpuNanoCores: 1e9, cpuNanoSeconds: 1.002e9 }], 'a change takes effect');
  },
);
