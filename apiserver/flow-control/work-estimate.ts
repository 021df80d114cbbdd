/**
 * How many seats a request takes: one, but for what sends many objects, which takes one for each 100 kB that it
 * may hold at once. Upstream: `list_work_estimator.go` with SizeBasedListCostEstimate.
 */
import type { LimitedRequest } from './limiter.js';

const BYTES_PER_SEAT = 100_000;
/** Lists are sent from the cache piece by piece, so there is never more of one in memory. */
const STREAMED_BYTES = 1_000_000;

/** Objects of a resource and the bytes of all of them; undefined where that is not known. */
export type Volume = (
  group: string,
  resource: string,
) => { readonly count: number; readonly bytes: number } | undefined;

export function seatsFor(request: LimitedRequest, widest: number, volume: Volume): number {
  const { requestInfo: info, query } = request;
  if (!info.isResourceRequest || info.name !== '') return 1;
  if (info.verb === 'watch') {
    const initial = query.get('sendInitialEvents');
    if (initial === null || initial === 'false' || initial === '0') return 1;
  } else if (info.verb !== 'list') return 1;
  const found = volume(info.group, info.resource);
  if (!found || found.count === 0) return 1;
  const limit = Number(query.get('limit') ?? 0);
  const count = limit > 0 ? Math.min(limit, found.count) : found.count;
  const bytes = Math.min((found.bytes / found.count) * count, STREAMED_BYTES);
  return Math.max(1, Math.min(widest, Math.ceil(bytes / BYTES_PER_SEAT)));
}
