/** kube-scheduler: flags, health, leader election, and the scheduler while it leads. */
import { readFile } from 'node:fs/promises';
import { hostname } from 'node:os';
import { parseDuration } from '../pkg/apimachinery/duration.js';
import { loadKubeconfig } from '../pkg/client/config.js';
import { EventRecorder } from '../pkg/client/event-recorder.js';
import { LeaderElector } from '../pkg/client/leader-election.js';
import { RestClient } from '../pkg/client/rest.js';
import { RealClock } from '../pkg/component/clock.js';
import { Flags } from '../pkg/component/flags.js';
import { healthzApp, PING } from '../pkg/component/healthz.js';
import { createLogger } from '../pkg/component/logger.js';
import { stopSignal } from '../pkg/component/signals.js';
import { TaskGroup } from '../pkg/component/task-group.js';
import { DEFAULT_SCHEDULER_NAME, withDefaults } from './config/defaults.js';
import { ConfigurationError, loadConfiguration } from './config/load.js';
import type { SchedulerConfiguration } from './config/types.js';
import { Extender } from './extender.js';
import { ProfileError } from './framework/profile.js';
import { Scheduler } from './scheduler.js';

const flags = new Flags('kube-scheduler', 'Assigns pods to nodes.')
  .text('config', 'a KubeSchedulerConfiguration; what it says goes before the flags it replaces')
  .text('kubeconfig', 'the API server and who we are')
  .text('bind-address', 'address of /healthz and /metrics', '0.0.0.0')
  .integer('secure-port', 'port of /healthz and /metrics; 0 for none', 10259)
  .text('tls-cert-file', 'certificate of that port; absent: one for this run')
  .text('tls-private-key-file', 'its key')
  .boolean('leader-elect', 'only one of several schedulers works', true)
  .text('leader-elect-identity', 'who we are among the candidates', `${hostname()}_${process.pid}`)
  .text('leader-elect-resource-namespace', 'namespace of the Lease', 'kube-system')
  .text('leader-elect-resource-name', 'name of the Lease', 'kube-scheduler')
  .duration(
    'leader-elect-lease-duration',
    'how long others wait for a leader that is silent',
    '15s',
  )
  .duration('leader-elect-renew-deadline', 'how long a leader tries to renew', '10s')
  .duration('leader-elect-retry-period', 'between tries', '2s')
  .integer(
    'percentage-of-nodes-to-score',
    'of the nodes, how many to find feasible; 0: adaptive',
    0,
  )
  .text('scheduler-name', 'the pods to serve, by their spec.schedulerName', DEFAULT_SCHEDULER_NAME)
  .integer('v', 'log verbosity', 0)
  .parse(process.argv.slice(2));

const logger = createLogger('scheduler', flags.number('v'));
const configuration = await configured();
const { leaderElection, profiles } = configuration;
const clock = new RealClock();
const stop = stopSignal();
const client = new RestClient({
  config: await loadKubeconfig(
    flags.text('kubeconfig') || configuration.clientConnection.kubeconfig,
  ),
  userAgent: 'kube-scheduler',
  clock,
});
const extenders = await Promise.all(
  configuration.extenders.map((extender) => Extender.open(extender)),
);
const scheduler = made(() => new Scheduler({ client, clock, logger, configuration, extenders }));

const tasks = new TaskGroup(stop, (task, err) => {
  logger.error({ task, err }, 'A task failed, the scheduler ends');
  process.exitCode = 1;
});
const leaderElects = flags.isGiven('leader-elect')
  ? flags.boolean('leader-elect')
  : leaderElection.leaderElect;
const elector = leaderElects
  ? new LeaderElector({
      client,
      namespace: textOf('leader-elect-resource-namespace', leaderElection.resourceNamespace),
      name: textOf('leader-elect-resource-name', leaderElection.resourceName),
      identity: flags.text('leader-elect-identity'),
      leaseDurationMs: msOf('leader-elect-lease-duration', leaderElection.leaseDuration),
      renewDeadlineMs: msOf('leader-elect-renew-deadline', leaderElection.renewDeadline),
      retryPeriodMs: msOf('leader-elect-retry-period', leaderElection.retryPeriod),
      recorder: new EventRecorder({
        client,
        component: profiles[0]?.schedulerName ?? DEFAULT_SCHEDULER_NAME,
        clock,
        logger,
      }),
      clock,
      logger,
    })
  : undefined;

if (flags.number('secure-port') !== 0) {
  const app = await healthzApp({
    component: 'kube-scheduler',
    checks: [
      PING,
      {
        name: 'leaderElection',
        check: () => {
          const failed = elector?.check();
          if (failed) throw failed;
        },
      },
    ],
    metrics: () => scheduler.metrics.registry.metrics(),
    ...(flags.text('tls-cert-file')
      ? {
          tlsCertFile: flags.text('tls-cert-file'),
          tlsPrivateKeyFile: flags.text('tls-private-key-file'),
        }
      : {}),
  });
  const address = await app.listen({
    host: flags.text('bind-address'),
    port: flags.number('secure-port'),
  });
  logger.info({ address }, 'Serving health and metrics');
  tasks.spawn('close server', async (signal) => {
    await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
    await app.close();
  });
}
tasks.spawn('observe', (signal) => scheduler.observe(signal));
tasks.spawn('schedule', (signal) =>
  elector ? elector.run(signal, (leading) => scheduler.run(leading)) : scheduler.run(signal),
);
await tasks.done();
await Promise.all(extenders.map((extender) => extender.close()));
await client.close();
process.exit(process.exitCode ?? 0);

/** From the file, or from the flags where there is none. */
async function configured(): Promise<SchedulerConfiguration> {
  const file = flags.text('config');
  if (file === '') {
    return withDefaults({
      percentageOfNodesToScore: flags.number('percentage-of-nodes-to-score'),
      profiles: [{ schedulerName: flags.text('scheduler-name') }],
    });
  }
  try {
    return await loadConfiguration(await readFile(file));
  } catch (err) {
    return refuse(err, `the configuration ${file} cannot be used`);
  }
}

function made(make: () => Scheduler): Scheduler {
  try {
    return make();
  } catch (err) {
    return refuse(err, 'a profile of the configuration cannot be used');
  }
}

/** A user's fault ends the process with its sentence, anything else as the crash that it is. */
function refuse(err: unknown, what: string): never {
  const users =
    err instanceof ConfigurationError ||
    err instanceof ProfileError ||
    (err instanceof Error && 'code' in err && 'path' in err);
  if (!users) throw err;
  logger.fatal({ reason: err.message }, what);
  process.stderr.write(`kube-scheduler: ${what}: ${err.message}\n`);
  process.exit(1);
}

/** What a flag says, if it was given, else what the configuration does. */
function textOf(flag: string, configuredText: string): string {
  return flags.isGiven(flag) ? flags.text(flag) : configuredText;
}

function msOf(flag: string, configuredDuration: string): number {
  return flags.isGiven(flag) ? flags.number(flag) : parseDuration(configuredDuration);
}
