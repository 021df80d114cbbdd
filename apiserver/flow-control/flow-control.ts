/**
 * API priority and fairness: every request is classified by FlowSchemas, in order of their precedence, into a
 * priority level and, within it, a flow. The level runs it, lets it wait its turn, or refuses it.
 *
 *   request ─▶ FlowSchema ─▶ PriorityLevel (seats) ─▶ flow (queues) ─▶ runs
 *
 * Most requests find a seat at once and pass without any wait. What a user's requests may match is worked out
 * once and kept until the configuration changes. Called by the handler chain; `configure` by what follows the
 * API objects. Upstream: `k8s.io/apiserver/pkg/util/flowcontrol`, KEP-1040.
 */
import type { FlowSchema, PriorityLevelConfiguration } from '../../pkg/api/types.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { UserInfo } from '../server/request-context.js';
import { MANDATORY_LEVELS, MANDATORY_SCHEMAS } from './bootstrap-objects.js';
import { ADJUSTMENT_MS, adjust } from './borrowing.js';
import type { LimitedRequest, Limiter, Seat } from './limiter.js';
import { TooManyRequests } from './limiter.js';
import { CATCH_ALL, isSound, PriorityLevel } from './priority-level.js';
import { type Refusal, Ticket } from './queue-set.js';
import { matches, type Rule, rulesFor } from './rule.js';
import { type NamedFlow, ServedSchema } from './served-schema.js';
import { seatsFor, type Volume } from './work-estimate.js';

/** Users whose rules are kept; beyond it all are worked out anew. */
const MAX_USERS = 4_096;
/** Of what a request has in all, this part may be spent waiting; and never more than a minute. */
const WAIT_PART = 1 / 4;
const MAX_WAIT_MS = 60_000;
const DEFAULT_PRECEDENCE = 1_000;

interface KnownUser {
  readonly groups: readonly string[];
  readonly candidates: readonly {
    readonly schema: ServedSchema;
    readonly rules: readonly Rule[];
  }[];
}

export interface FlowControlOptions {
  /** `--max-requests-inflight` and `--max-mutating-requests-inflight` together. */
  readonly totalSeats: number;
  readonly volume: Volume;
  readonly clock: Clock;
}

export class FlowControl implements Limiter {
  readonly levels = new Map<string, PriorityLevel>();
  /** In the order in which they are tried. */
  schemas: readonly ServedSchema[] = [];
  /** Of the last adjustment: what part of their targets levels got. */
  fairFraction = 0;
  private readonly users = new Map<string, KnownUser>();
  private adjustAt: number;

  constructor(private readonly options: FlowControlOptions) {
    this.adjustAt = options.clock.monotonic() + ADJUSTMENT_MS;
    this.configure([], []);
  }

  enter(request: LimitedRequest, timeoutMs: number): Seat | Promise<Seat> {
    const schema = this.classify(request);
    const { level } = schema;
    const { res } = request.exchange;
    res.setHeader('X-Kubernetes-PF-FlowSchema-UID', schema.uid);
    res.setHeader('X-Kubernetes-PF-PriorityLevel-UID', level.uid);
    const now = this.options.clock.monotonic();
    this.rebalance(now);
    const seats = level.exempt ? 1 : seatsFor(request, level.widest, this.options.volume);
    const flow = schema.flowOf(request.user.name, request.requestInfo.namespace);
    const admission = new Admission(this.options.clock, schema, flow, seats);
    const outcome = level.set.admit(admission, now);
    if (outcome === true) {
      schema.started(seats, 0);
      return admission;
    }
    schema.queueLengths.observe(admission.queue?.waiting.length ?? 0);
    if (outcome !== false) throw this.refused(schema, outcome, now);
    return this.wait(request, admission, Math.min(timeoutMs * WAIT_PART, MAX_WAIT_MS));
  }

  /** Which schema a request belongs to; catch-all takes what no other does. */
  classify({ user, requestInfo }: LimitedRequest): ServedSchema {
    for (const { schema, rules } of this.knownUser(user).candidates)
      if (matches(rules, requestInfo)) return schema;
    const last = this.schemas.find(({ name }) => name === CATCH_ALL);
    if (!last) throw new Error('there is no FlowSchema for what matches no other');
    return last;
  }

  /** From now on requests go by these. Mandatory ones that are missing are made up. */
  configure(levels: readonly PriorityLevelConfiguration[], schemas: readonly FlowSchema[]): void {
    const now = this.options.clock.monotonic();
    const wanted = new Map<string, PriorityLevelConfiguration>();
    for (const object of [...MANDATORY_LEVELS, ...levels])
      if (isSound(object)) wanted.set(object.metadata?.name ?? '', object);
    for (const [name, object] of wanted) {
      const level = this.levels.get(name);
      if (level) level.reconfigure(object);
      else this.levels.set(name, new PriorityLevel(object, now));
    }
    for (const [name, level] of this.levels) if (!wanted.has(name)) level.quiescing = true;
    this.dropUnused();
    this.share(now);
    const known = new Map(this.schemas.map((schema) => [schema.name, schema]));
    const served = new Map<string, ServedSchema>();
    for (const object of [...MANDATORY_SCHEMAS, ...schemas]) {
      const level = this.levels.get(object.spec?.priorityLevelConfiguration.name ?? '');
      if (!level || level.quiescing) continue;
      const schema = new ServedSchema(object, level);
      const before = known.get(schema.name);
      served.set(schema.name, before?.level === level ? before.renewed(object) : schema);
    }
    const precedence = ({ object }: ServedSchema) =>
      object.spec?.matchingPrecedence ?? DEFAULT_PRECEDENCE;
    this.schemas = [...served.values()].sort(
      (a, b) => precedence(a) - precedence(b) || (a.name < b.name ? -1 : 1),
    );
    this.users.clear();
  }

  /**
   * Levels that need more seats get some of those that need fewer: once a period, when a request comes or
   * somebody wants the figures, so that an idle server has nothing to do.
   */
  rebalance(now = this.options.clock.monotonic()): void {
    if (now < this.adjustAt) return;
    this.adjustAt = now + ADJUSTMENT_MS;
    this.dropUnused();
    this.fairFraction = adjust(this.levels.values(), now);
  }

  private share(now: number): void {
    const { totalSeats } = this.options;
    const all = [...this.levels.values()];
    const sum = all.reduce((total, { shares }) => total + shares, 0);
    for (const level of all) {
      level.setShare(totalSeats, sum);
      // What it has borrowed or lent so far stays until the next adjustment, as far as that is allowed.
      const current = level.current === 0 ? level.nominal : level.current;
      level.setCurrent(Math.min(level.upper, Math.max(level.lower, current)), now);
    }
  }

  private dropUnused(): void {
    for (const [name, level] of this.levels)
      if (level.quiescing && level.set.isIdle) this.levels.delete(name);
  }

  private knownUser(user: UserInfo): KnownUser {
    const known = this.users.get(user.name);
    if (known && (known.groups === user.groups || same(known.groups, user.groups))) return known;
    const candidates = this.schemas
      .map((schema) => ({ schema, rules: rulesFor(schema.object, user) }))
      .filter(({ rules }) => rules.length > 0);
    const found = { groups: user.groups, candidates };
    if (this.users.size >= MAX_USERS) this.users.clear();
    this.users.set(user.name, found);
    return found;
  }

  private wait(request: LimitedRequest, admission: Admission, limitMs: number): Promise<Seat> {
    const { clock } = this.options;
    const { schema } = admission;
    const { set } = schema.level;
    schema.waiting++;
    return new Promise((resolve, reject) => {
      const give = (why: 'time-out' | 'cancelled') =>
        set.abandon(admission, why, clock.monotonic());
      const left = () => give('cancelled');
      const timer = clock.after(limitMs, () => give('time-out'));
      admission.decide = (refused) => {
        timer.stop();
        request.signal.removeEventListener('abort', left);
        schema.waiting--;
        const now = clock.monotonic();
        if (refused === undefined) {
          schema.started(admission.seats, now - admission.arrived);
          resolve(admission);
          return;
        }
        schema.refusedWaits.observe((now - admission.arrived) / 1000);
        reject(this.refused(schema, refused, now));
      };
      request.signal.addEventListener('abort', left, { once: true });
      if (request.signal.aborted) left();
    });
  }

  private refused(schema: ServedSchema, why: Refusal, now: number): TooManyRequests {
    schema.refused[why]++;
    return new TooManyRequests(schema.level.retryAfter.dropped(now));
  }
}

/** A request that has a seat, or waits for one. */
export class Admission extends Ticket implements Seat {
  readonly distinguisher: string;

  constructor(
    private readonly clock: Clock,
    readonly schema: ServedSchema,
    flow: NamedFlow,
    seats: number,
  ) {
    super(flow, seats);
    this.distinguisher = flow.distinguisher;
  }

  leave(): void {
    if (this.state !== 'executing') return;
    const now = this.clock.monotonic();
    this.schema.ended(this.seats, now - this.started);
    this.schema.level.set.finish(this, now);
  }
}

function same(a: readonly string[], b: readonly string[]): boolean {
  return a.length === b.length && a.every((value, i) => value === b[i]);
}
