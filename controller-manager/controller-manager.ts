/**
 * The process apart from its arguments, so that tests run it beside an apiserver. Resolves after an orderly
 * stop; throws when a controller fails or the lease is lost.
 */
import type { AddressInfo } from 'node:net';
import { EventRecorder } from '../pkg/client/event-recorder.js';
import { InformerFactory } from '../pkg/client/informer-factory.js';
import { LeaderElector } from '../pkg/client/leader-election.js';
import type { RestClient } from '../pkg/client/rest.js';
import type { Clock } from '../pkg/component/clock.js';
import { healthzApp, PING } from '../pkg/component/healthz.js';
import type { Logger } from '../pkg/component/logger.js';
import { TaskGroup } from '../pkg/component/task-group.js';
import type { ControllerContext, ControllerDescriptor } from './controller.js';
import { controllerClient } from './controller-client.js';
import { CONTROLLERS } from './controllers/index.js';
import { type ControllerManagerOptions, checkControllers, isEnabled } from './options.js';

export interface ControllerManagerRun {
  readonly options: ControllerManagerOptions;
  readonly client: RestClient;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly signal: AbortSignal;
  /** Told where health is served. */
  readonly onListening?: (address: AddressInfo) => void;
}

export async function runControllerManager(run: ControllerManagerRun): Promise<void> {
  const { options, client, clock, logger, signal } = run;
  checkControllers(options.controllers, CONTROLLERS);
  const recorder = new EventRecorder({
    client,
    component: 'kube-controller-manager',
    clock,
    logger,
  });
  const elector = options.leaderElect
    ? new LeaderElector({
        client,
        namespace: options.leaderElectResourceNamespace,
        name: options.leaderElectResourceName,
        identity: options.leaderElectIdentity,
        leaseDurationMs: options.leaderElectLeaseDurationMs,
        renewDeadlineMs: options.leaderElectRenewDeadlineMs,
        retryPeriodMs: options.leaderElectRetryPeriodMs,
        recorder,
        clock,
        logger,
      })
    : undefined;
  const health = await serveHealth(run, elector);
  try {
    const lead = (leading: AbortSignal) => runControllers(run, recorder, leading);
    if (elector) await elector.run(signal, lead);
    else await lead(signal);
  } finally {
    recorder.close();
    await health?.close();
    await client.close();
  }
}

async function runControllers(
  { options, client, clock, logger }: ControllerManagerRun,
  recorder: EventRecorder,
  signal: AbortSignal,
): Promise<void> {
  let failure: { err: unknown } | undefined;
  const tasks = new TaskGroup(signal, (task, err) => {
    logger.error({ task, err }, 'A part of the controller manager failed');
    failure ??= { err };
  });
  const informers = new InformerFactory({ client, clock, logger });
  const context = (descriptor: ControllerDescriptor): ControllerContext => ({
    client:
      options.useServiceAccountCredentials && descriptor.serviceAccount !== undefined
        ? controllerClient(client, descriptor.serviceAccount, clock)
        : client,
    informers,
    recorder,
    clock,
    logger: logger.child({ controller: descriptor.name }),
    options,
  });
  const enabled = CONTROLLERS.filter((c) => isEnabled(options.controllers, c));
  const controllers = enabled.map((c) => ({ name: c.name, controller: c.create(context(c)) }));
  tasks.spawn('informers', (stop) => informers.run(stop));
  for (const { name, controller } of controllers) tasks.spawn(name, (stop) => controller.run(stop));
  logger.info({ controllers: enabled.map((c) => c.name) }, 'Controllers started');
  await tasks.done();
  if (failure) throw failure.err;
}

async function serveHealth(
  { options, onListening }: ControllerManagerRun,
  elector: LeaderElector | undefined,
): Promise<{ close(): Promise<unknown> } | undefined> {
  if (options.securePort === 0 && !onListening) return undefined;
  const leaderElection = {
    name: 'leaderElection',
    check: () => {
      const err = elector?.check();
      if (err) throw err;
    },
  };
  const app = await healthzApp({
    component: 'kube-controller-manager',
    checks: [PING, leaderElection],
    ...(options.tlsCertFile ? { tlsCertFile: options.tlsCertFile } : {}),
    ...(options.tlsPrivateKeyFile ? { tlsPrivateKeyFile: options.tlsPrivateKeyFile } : {}),
  });
  await app.listen({ host: options.bindAddress, port: options.securePort });
  const address = app.server.address();
  if (address && typeof address === 'object') onListening?.(address);
  return app;
}
