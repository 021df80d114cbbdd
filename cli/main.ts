/** The `drydock` command: its words and flags. What they do stands in commands/. */
import { resolve } from 'node:path';
import { Command, InvalidArgumentError, Option } from 'commander';
import { GIT_VERSION } from '../pkg/component/version.js';
import { down, reset } from './commands/down.js';
import { logs } from './commands/logs.js';
import { addNode, removeNode } from './commands/node.js';
import { probe } from './commands/probe.js';
import { act, ps } from './commands/processes.js';
import { supervise, type UpOptions, up } from './commands/up.js';
import { makeCredentials } from './credentials.js';
import { Layout } from './layout.js';

const COMPONENTS = ['etcd', 'apiserver', 'scheduler', 'controller-manager', 'kubelet'] as const;

const program = new Command('drydock')
  .description('A Kubernetes control plane that you can take apart.')
  .version(GIT_VERSION)
  .showHelpAfterError()
  .enablePositionalOptions();

const exit = (code: number) => {
  process.exitCode = code;
};

/** A command of this name on the data folder. */
function command(nameAndArgs: string, description: string): Command {
  return program
    .command(nameAndArgs)
    .description(description)
    .option('--data-dir <dir>', 'the data folder of the cluster', '.drydock');
}

const upCommand = command(
  'up',
  'start what is not running, wait until it is ready, and keep it running',
)
  .option('--nodes <n>', 'nodes, a kubelet process each (default 3)', count)
  .option('--hollow-nodes <n>', 'further nodes, all in one process', count)
  .option('--secure-port <port>', 'port of the API; 0 takes a free one (default 6443)', port)
  .option('--bind-address <address>', 'address of the API (default 127.0.0.1)')
  .addOption(
    new Option('--runtime <name>', 'what runs the containers (default simulated)').choices([
      'simulated',
    ]),
  )
  .option('--etcd-servers <urls>', "use these etcd members instead of drydock's own")
  .addOption(
    new Option('--timing <name>', 'how soon failures are noticed (default quick)').choices([
      'quick',
      'upstream',
    ]),
  )
  .option('--apiservers <n>', 'apiserver processes (default 1)', count)
  .option('--schedulers <n>', 'scheduler processes, of which one leads (default 1)', count)
  .option(
    '--controller-managers <n>',
    'controller-manager processes, of which one leads (default 1)',
    count,
  )
  .option('--scheduler-config <file>', 'a KubeSchedulerConfiguration for every scheduler')
  .option('--detach', 'return when ready and leave a supervisor behind');
for (const component of COMPONENTS) {
  upCommand.option(
    `--${component}-arg <flag=value>`,
    `a further flag for every ${component}`,
    collect,
    [],
  );
}
upCommand.action(async (given: Record<string, unknown>) => {
  const extraArgs: Record<string, string[]> = {};
  for (const component of COMPONENTS) {
    const args = given[`${camel(component)}Arg`] as string[];
    if (args.length > 0) extraArgs[component] = args;
  }
  const { schedulerConfig } = given;
  if (typeof schedulerConfig === 'string') {
    // The processes need not run in the folder in which the command was given.
    const config = `config=${resolve(schedulerConfig)}`;
    extraArgs['scheduler'] = [...(extraArgs['scheduler'] ?? []), config];
  }
  exit(await up({ ...given, extraArgs } as unknown as UpOptions));
});

command('down', 'stop every process; the data stays').action(async ({ dataDir }) =>
  exit(await down(dataDir)),
);

command('ps', 'list the processes')
  .option('-o, --output <format>', 'json')
  .action(async ({ dataDir, output }) => exit(await ps(dataDir, output)));

command('kill <name>', 'send a process a signal; the supervisor brings it back')
  .option('--signal <signal>', 'the signal', 'KILL')
  .action(async (name, { dataDir, signal }) => exit(await act(dataDir, 'kill', name, signal)));

command('stop <name>', 'stop a process and keep it down').action(async (name, { dataDir }) =>
  exit(await act(dataDir, 'stop', name)),
);

command('start <name>', 'start a process that was stopped').action(async (name, { dataDir }) =>
  exit(await act(dataDir, 'start', name)),
);

command('restart <name>', 'stop a process and start it again').action(async (name, { dataDir }) =>
  exit(await act(dataDir, 'restart', name)),
);

command('logs <name>', 'print the log of a process')
  .option('-f, --follow', 'go on as it grows', false)
  .action(async (name, { dataDir, follow }) => {
    const interrupted = new AbortController();
    process.once('SIGINT', () => interrupted.abort());
    exit(await logs(dataDir, name, follow, interrupted.signal));
  });

command('reset', 'stop every process and remove the data').action(async ({ dataDir }) =>
  exit(await reset(dataDir)),
);

const node = program.command('node').description('add or remove a node while the cluster runs');
node
  .command('add [name]')
  .description('start one more kubelet')
  .option('--data-dir <dir>', 'the data folder of the cluster', '.drydock')
  .action(async (name, { dataDir }) => exit(await addNode(dataDir, name)));
node
  .command('remove [name]')
  .description('stop a kubelet for good and delete its Node')
  .option('--data-dir <dir>', 'the data folder of the cluster', '.drydock')
  .action(async (name, { dataDir }) => exit(await removeNode(dataDir, name)));

program
  .command('supervise', { hidden: true })
  .requiredOption('--data-dir <dir>', 'the data folder of the cluster')
  .action(async ({ dataDir }) => exit(await supervise(dataDir)));

program
  .command('pki')
  .description('make certificates and kubeconfigs for components that something else starts')
  .requiredOption('--data-dir <dir>', 'where to; pki/ and kubeconfig are made in it')
  .requiredOption('--server <url>', 'the API as the components reach it')
  .option('--admin-server <url>', 'the API as the user reaches it (default: --server)')
  .option('--san <name>', 'a further name or address of the API', collect, [])
  .option('--node <name>', 'a node', collect, [])
  .option('--owner-of <path>', 'give the files to the owner of this path')
  .action(async ({ dataDir, server, adminServer, san, node: nodes, ownerOf }) => {
    const wanted = { server, adminServer: adminServer ?? server, names: san, nodes, ownerOf };
    await makeCredentials(new Layout(dataDir), wanted, Date.now());
  });

program
  .command('probe <url>')
  .description('exit 0 if the URL answers 200')
  .action(async (url) => exit(await probe(url)));

function port(value: string): number {
  const number = count(value);
  if (number > 65_535) throw new InvalidArgumentError('a port is at most 65535');
  return number;
}

function count(text: string): number {
  if (!/^\d{1,5}$/.test(text)) throw new InvalidArgumentError('it must be a whole number');
  return Number(text);
}

function collect(value: string, before: string[]): string[] {
  return [...before, value];
}

function camel(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

try {
  await program.parseAsync();
} catch (err) {
  process.stderr.write(`drydock: ${err instanceof Error ? err.message : String(err)}\n`);
  process.exitCode = 1;
}
