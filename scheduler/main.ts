/** kube-scheduler: flags, health, leader election, and the scheduler while it leads. */
import { hostname } from 'node:os';
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
import { DEFAULT_SCHEDULER_NAME, Scheduler } from './scheduler.js';

const flags = new Flags('kube-scheduler', 'Assigns pods to nodes.')
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
const clock = new RealClock();
const stop = stopSignal();
const client = new RestClient({
  config: await loadKubeconfig(flags.text('kubeconfig')),
  userAgent: 'kube-scheduler',
  clock,
});
const percentage = flags.number('percentage-of-nodes-to-score');
const scheduler = new Scheduler({
  client,
  clock,
  logger,
  schedulerName: flags.text('scheduler-name'),
  ...(percentage > 0 ? { percentageOfNodesToScore: percentage } : {}),
});

const tasks = new TaskGroup(stop, (task, err) => {
  logger.error({ task, err }, 'A task failed, the scheduler ends');
  process.exitCode = 1;
});
const elector = flags.boolean('leader-elect')
  ? new LeaderElector({
      client,
      namespace: flags.text('leader-elect-resource-namespace'),
      name: flags.text('leader-elect-resource-name'),
      identity: flags.text('leader-elect-identity'),
      leaseDurationMs: flags.number('leader-elect-lease-duration'),
      renewDeadlineMs: flags.number('leader-elect-renew-deadline'),
      retryPeriodMs: flags.number('leader-elect-retry-period'),
      recorder: new EventRecorder({
        client,
        component: flags.text('scheduler-name'),
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
await client.close();
process.exit(process.exitCode ?? 0);
