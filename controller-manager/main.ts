/**
 * The controller-manager: leads, then runs every enabled controller over one set of informers. A part that
 * fails for good, and a lost lease, end the process: its supervisor starts it anew and its state is in the
 * apiserver.
 */
import { setMaxListeners } from 'node:events';
import { hostname } from 'node:os';
import { loadKubeconfig } from '../pkg/client/config.js';
import { RestClient } from '../pkg/client/rest.js';
import { RealClock } from '../pkg/component/clock.js';
import { createLogger } from '../pkg/component/logger.js';
import { stopSignal } from '../pkg/component/signals.js';
import { runControllerManager } from './controller-manager.js';
import { parseOptions } from './options.js';

// One signal stops everything, so everything listens to it; that is no leak.
setMaxListeners(0);
const clock = new RealClock();
const identity = `${hostname()}_${Math.floor(clock.random() * 0xffff_ffff).toString(16)}`;
const options = parseOptions(process.argv.slice(2), identity);
const logger = createLogger('controller-manager', options.verbosity);
const signal = stopSignal();
try {
  const client = new RestClient({
    config: await loadKubeconfig(options.kubeconfig),
    userAgent: 'kube-controller-manager',
    clock,
  });
  await runControllerManager({ options, client, clock, logger, signal });
  process.exit(0);
} catch (err) {
  logger.fatal({ err }, 'Controller manager failed');
  process.exit(1);
}
