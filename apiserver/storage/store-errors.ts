/** Turns what the store's client throws into the Status that a client of the API sees. */

import {
  expired,
  failure,
  type StatusError,
  StatusError as StatusErrorClass,
} from '../../pkg/apimachinery/status.js';
import { CompactedError, UnavailableError } from '../../pkg/etcd-client/interface.js';

/** What a client may wait before it reads again while the store is away. */
const RETRY_AFTER_SECONDS = 1;

/** Upstream's text for a revision that was compacted while a list without limit was read. */
export const COMPACTED = 'The resourceVersion for the provided list is too old.';

/**
 * `err` as a StatusError where it is one of the store's; anything else unchanged. A failed read may be
 * repeated, and says so with Retry-After; a failed write may have been carried out, and does not.
 */
export function storeError(err: unknown, access: 'read' | 'write'): unknown {
  if (err instanceof StatusErrorClass) return err;
  if (err instanceof CompactedError) return expired(COMPACTED);
  if (err instanceof UnavailableError) return storeUnavailable(err, access);
  return err;
}

function storeUnavailable(err: UnavailableError, access: 'read' | 'write'): StatusError {
  const retry = access === 'read' ? { retryAfterSeconds: RETRY_AFTER_SECONDS } : {};
  return failure(
    503,
    'ServiceUnavailable',
    `etcdserver: the store is not available: ${err.message}`,
    retry,
  );
}
