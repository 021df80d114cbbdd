/**
 * One endpoint as the client uses it. A transport does not retry and does not fail over; it rejects with
 * `UnavailableError` (or a subclass) when the endpoint can not be reached, is cut off or does not answer
 * in time, with `RpcError` or `CompactedError` when it answered.
 */
import {
  type Compare,
  type EtcdClient,
  type Op,
  UnavailableError,
  type WatchOptions,
} from './interface.js';

/** The call provably did not reach the store, so that it may be repeated elsewhere. */
export class NotSentError extends UnavailableError {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = 'NotSentError';
  }
}

export interface Transport extends Omit<EtcdClient, 'watch' | 'requestProgress'> {
  readonly endpoint: string;
  /** As `EtcdClient.watch`, but rejects when the connection is lost. */
  watch(key: string, options: WatchOptions): Promise<void>;
  requestProgress(): Promise<void>;
  /** Aborts with the reason when the transport can not be used any more. */
  readonly closed: AbortSignal;
}

export type { Compare, Op };
