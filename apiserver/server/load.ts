/** What the server does about load, from its flags: how much at a time, how long, and how it stops. */
import type { Clock } from '../../pkg/component/clock.js';
import { GROUP } from '../flow-control/bootstrap-objects.js';
import { ConfigConsumer } from '../flow-control/config-consumer.js';
import { FlowControl } from '../flow-control/flow-control.js';
import type { Stores } from '../registry/stores.js';
import { ensureFlowControl } from './bootstrap/flow-control.js';

export interface LoadOptions {
  readonly maxRequestsInFlight: number;
  readonly maxMutatingRequestsInFlight: number;
  /** `--enable-priority-and-fairness`: both limits together are seats of priority levels. */
  readonly priorityAndFairness: boolean;
  readonly requestTimeoutMs: number;
  readonly minRequestTimeoutSeconds: number;
  /** How long a server that is to stop serves on, while it says that it is not ready. */
  readonly shutdownDelayMs: number;
  /** Whether new requests are sent away (429) while the last ones are finished. */
  readonly shutdownSendRetryAfter: boolean;
}

export const DEFAULT_LOAD: LoadOptions = {
  maxRequestsInFlight: 400,
  maxMutatingRequestsInFlight: 200,
  priorityAndFairness: true,
  requestTimeoutMs: 60_000,
  minRequestTimeoutSeconds: 1_800,
  shutdownDelayMs: 0,
  shutdownSendRetryAfter: false,
};

/** Undefined where it is switched off. Throws where there would be no seat at all. */
export function flowControlOf(
  load: LoadOptions,
  stores: Stores,
  clock: Clock,
): FlowControl | undefined {
  if (!load.priorityAndFairness) return undefined;
  const { maxRequestsInFlight, maxMutatingRequestsInFlight } = load;
  const totalSeats = maxRequestsInFlight + maxMutatingRequestsInFlight;
  if (totalSeats <= 0) {
    throw new Error(
      `invalid configuration: MaxRequestsInFlight=${maxRequestsInFlight} and MaxMutatingRequestsInFlight=${maxMutatingRequestsInFlight}; they must add up to something positive`,
    );
  }
  const volume = (group: string, resource: string) => stores.volume(group, resource);
  return new FlowControl({ totalSeats, volume, clock });
}

export function configConsumer(
  flowControl: FlowControl,
  stores: Stores,
  clock: Clock,
): ConfigConsumer {
  const watch = (resource: string, changed: () => void) => {
    const { cache } = stores.get(GROUP, resource).storage;
    const subscriber = { interest: { namespace: '' }, onEvent: changed, onReset: changed };
    cache.subscribe(subscriber);
    return () => cache.unsubscribe(subscriber);
  };
  return new ConfigConsumer({ flowControl, watch, maintain: ensureFlowControl, clock });
}
