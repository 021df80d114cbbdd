/**
 * EventRateLimit: Events of the core group come in no faster than the configured limits allow, by server,
 * namespace, user, or source and object. Every limit is asked, and spends a token, for every Event.
 */
import type { Event } from '../../../pkg/api/types.js';
import { failure } from '../../../pkg/apimachinery/status.js';
import { LruMap } from '../../../pkg/component/lru-map.js';
import type { RequestContext } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import {
  type EventLimit,
  eventLimitsOf,
  type LimitType,
} from '../configurations/event-rate-limit.js';

const KEYS: Readonly<
  Record<LimitType, (attributes: AdmissionAttributes, ctx: RequestContext) => string>
> = {
  Server: () => '',
  Namespace: ({ namespace }) => namespace,
  User: (_attributes, { user }) => user.name,
  SourceAndObject: ({ object }) => {
    const { source, involvedObject: of } = (object ?? {}) as Event;
    return [
      source?.component,
      source?.host,
      of?.kind,
      of?.namespace,
      of?.name,
      of?.uid,
      of?.apiVersion,
    ].join('');
  },
};

/** Throws where there are no limits: somebody asked for a guard that would guard nothing. */
export function eventRateLimit(limits: readonly EventLimit[] | undefined): AdmissionPluginFactory {
  return {
    name: 'EventRateLimit',
    create: () => {
      const enforcers = (limits ?? eventLimitsOf(undefined)).map((limit) => new Enforcer(limit));
      return {
        name: 'EventRateLimit',
        handles: (operation, group, resource) =>
          (operation === 'CREATE' || operation === 'UPDATE') &&
          group === '' &&
          resource === 'events',
        validate(attributes, ctx) {
          // A dry run writes nothing that would have to be slowed down; the newer group's Events are stored
          // as these are, and have no limits.
          if (attributes.dryRun || ctx.requestInfo.group !== '') return;
          const refused = enforcers.map((one) => one.accept(attributes, ctx)).filter((why) => why);
          const last = refused.at(-1);
          if (last) throw failure(429, 'TooManyRequests', `Too many requests: ${last}`);
        },
      };
    },
  };
}

/** A bucket of tokens for each key; `burst` tokens at most, `qps` new ones a second. */
class Enforcer {
  private readonly buckets: LruMap<{ tokens: number; at: number }>;

  constructor(private readonly limit: EventLimit) {
    this.buckets = new LruMap(limit.type === 'Server' ? 1 : limit.cacheSize);
  }

  /** Why not; nothing when the Event may come in. */
  accept(attributes: AdmissionAttributes, ctx: RequestContext): string | undefined {
    const { type, qps, burst } = this.limit;
    const now = ctx.clock.monotonic();
    const key = KEYS[type](attributes, ctx);
    const bucket = this.buckets.get(key) ?? { tokens: burst, at: now };
    this.buckets.set(key, bucket);
    bucket.tokens = Math.min(burst, bucket.tokens + ((now - bucket.at) / 1000) * qps);
    bucket.at = now;
    if (bucket.tokens < 1) return `limit reached on type ${type} for key ${key}`;
    bucket.tokens -= 1;
    return undefined;
  }
}
