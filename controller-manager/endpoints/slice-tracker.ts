/**
 * Which EndpointSlices this controller has written, so that a sync knows whether its cache shows them yet. A sync on
 * an older cache would make a second slice for the endpoints that the first one has.
 *
 *   written, deleted ─ isStale ─▶ true until the cache has this generation, or has the slice no more
 *
 * A watch may never tell of a slice that somebody else removed meanwhile: after five seconds the cache is taken as it is.
 */
import type { EndpointSlice } from '../../pkg/api/types.js';
import type { Clock } from '../../pkg/component/clock.js';

const TIMEOUT_MS = 5000;

interface Writes {
  /** By uid: the generation, or that it is to go. */
  readonly slices: Map<string, number | 'deleted'>;
  at: number;
}

export class SliceTracker {
  private readonly byService = new Map<string, Writes>();

  constructor(private readonly clock: Clock) {}

  written(service: string, slice: EndpointSlice): void {
    this.writesOf(service).slices.set(uidOf(slice), generationOf(slice));
  }

  deleted(service: string, slice: EndpointSlice): void {
    this.writesOf(service).slices.set(uidOf(slice), 'deleted');
  }

  /** The cache has the slice no more. */
  gone(service: string, slice: EndpointSlice): void {
    const writes = this.byService.get(service);
    writes?.slices.delete(uidOf(slice));
    if (writes?.slices.size === 0) this.byService.delete(service);
  }

  /** Nobody else has changed the slice since it was written here. */
  isOwn(service: string, slice: EndpointSlice): boolean {
    const known = this.byService.get(service)?.slices.get(uidOf(slice));
    return known !== undefined && known !== 'deleted' && generationOf(slice) <= known;
  }

  isStale(service: string, cached: readonly EndpointSlice[]): boolean {
    const writes = this.byService.get(service);
    if (!writes) return false;
    const shown = new Map(cached.map((slice) => [uidOf(slice), generationOf(slice)]));
    let isStale = false;
    for (const [uid, wanted] of writes.slices) {
      const generation = shown.get(uid);
      if (wanted === 'deleted' ? generation !== undefined : (generation ?? -1) < wanted)
        isStale = true;
    }
    if (isStale && this.clock.monotonic() - writes.at < TIMEOUT_MS) return true;
    if (isStale) this.byService.delete(service);
    return false;
  }

  forget(service: string): void {
    this.byService.delete(service);
  }

  private writesOf(service: string): Writes {
    let writes = this.byService.get(service);
    if (!writes) {
      writes = { slices: new Map(), at: 0 };
      this.byService.set(service, writes);
    }
    writes.at = this.clock.monotonic();
    return writes;
  }
}

function uidOf(slice: EndpointSlice): string {
  return slice.metadata?.uid ?? '';
}

function generationOf(slice: EndpointSlice): number {
  return slice.metadata?.generation ?? 0;
}
