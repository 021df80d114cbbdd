/**
 * Follows the FlowSchemas and PriorityLevelConfigurations of the store: what changes holds from the next request
 * on. Says of each FlowSchema whether its level is there (condition Dangling).
 * A status that cannot be written is tried again; who writes against it (another release) is answered six times
 * a minute at most.
 */
import type { FlowSchema, PriorityLevelConfiguration } from '../../pkg/api/types.js';
import { formatTime, type KubeObject } from '../../pkg/apimachinery/meta.js';
import { isReason } from '../../pkg/apimachinery/status.js';
import type { Clock, Timer } from '../../pkg/component/clock.js';
import type { RequestContext } from '../server/request-context.js';
import { GROUP } from './bootstrap-objects.js';
import type { FlowControl } from './flow-control.js';

const RETRY_MS = 200;
const DANGLING = 'Dangling';
const MINUTE_MS = 60_000;
const MAX_WRITES_A_MINUTE = 6;
/** How long after a change mandatory and suggested objects are brought back. */
const UPKEEP_MS = 60_000;
const RESOURCES = ['flowschemas', 'prioritylevelconfigurations'] as const;

/** What is followed: a cache that says when it changes. */
export type Watch = (resource: (typeof RESOURCES)[number], changed: () => void) => () => void;

export interface ConfigConsumerOptions {
  readonly flowControl: FlowControl;
  readonly watch: Watch;
  /** Makes what every cluster has, and takes back what was changed of it. */
  readonly maintain: (ctx: RequestContext) => Promise<void>;
  readonly clock: Clock;
}

export class ConfigConsumer {
  /** Whether the configuration of the store was taken over at least once. */
  synced = false;
  private readonly writes = new Map<string, number[]>();
  private wake: (() => void) | undefined;
  private dirty = true;

  private upkeepDue = false;
  private upkeep: Timer | undefined;

  constructor(private readonly options: ConfigConsumerOptions) {}

  /** Until the context's signal aborts. */
  async run(ctx: RequestContext): Promise<void> {
    const ends = RESOURCES.map((resource) => this.options.watch(resource, () => this.changed()));
    const stop = () => this.wake?.();
    ctx.signal.addEventListener('abort', stop, { once: true });
    try {
      while (!ctx.signal.aborted) {
        if (this.dirty) await this.sync(ctx);
        else if (this.upkeepDue) await this.restore(ctx);
        else
          await new Promise<void>((resolve) => {
            this.wake = resolve;
          });
      }
    } finally {
      this.upkeep?.stop();
      ctx.signal.removeEventListener('abort', stop);
      for (const end of ends) end();
    }
  }

  private changed(): void {
    this.dirty = true;
    this.upkeep ??= this.options.clock.after(UPKEEP_MS, () => {
      this.upkeepDue = true;
      this.wake?.();
    });
    this.wake?.();
  }

  private async restore(ctx: RequestContext): Promise<void> {
    this.upkeepDue = false;
    this.upkeep = undefined;
    try {
      await this.options.maintain(ctx);
    } catch (err) {
      if (ctx.signal.aborted) return;
      ctx.logger.warn({ err }, 'could not keep FlowSchemas and PriorityLevelConfigurations');
      this.changed();
    }
  }

  private async sync(ctx: RequestContext): Promise<void> {
    const { server, signal, clock, logger } = ctx;
    this.dirty = false;
    try {
      const [schemas, levels] = await Promise.all(
        RESOURCES.map((resource) => server.store(GROUP, resource).list('')),
      );
      this.options.flowControl.configure(
        (levels ?? []) as PriorityLevelConfiguration[],
        (schemas ?? []) as FlowSchema[],
      );
      this.synced = true;
      for (const name of this.writes.keys())
        if (!schemas?.some(({ metadata }) => metadata?.name === name)) this.writes.delete(name);
      const names = new Set((levels ?? []).map(({ metadata }) => metadata?.name ?? ''));
      for (const schema of (schemas ?? []) as FlowSchema[]) await this.tell(schema, names, ctx);
    } catch (err) {
      if (signal.aborted) return;
      logger.debug({ err }, 'could not follow the configuration of flow control');
      this.dirty = true;
      await clock.sleep(RETRY_MS, signal).catch((stopped: unknown) => {
        if (!signal.aborted) throw stopped;
      });
    }
  }

  private async tell(
    schema: FlowSchema,
    levels: ReadonlySet<string>,
    ctx: RequestContext,
  ): Promise<void> {
    const wanted = dangling(schema, levels);
    const name = schema.metadata?.name ?? '';
    if (isSaid(schema, wanted) || this.tooOften(name)) return;
    const lastTransitionTime = formatTime(new Date(this.options.clock.now()));
    try {
      await ctx.server.store(GROUP, 'flowschemas').update(
        '',
        name,
        (current: KubeObject) => {
          const { status, ...rest } = current as FlowSchema;
          const others = (status?.conditions ?? []).filter(({ type }) => type !== DANGLING);
          const conditions = [...others, { ...wanted, lastTransitionTime }];
          return { ...rest, status: { ...status, conditions } };
        },
        ctx,
        'status',
      );
    } catch (err) {
      // Deleted in the meantime.
      if (!isReason(err, 'NotFound')) throw err;
    }
  }

  private tooOften(name: string): boolean {
    const now = this.options.clock.monotonic();
    const recent = (this.writes.get(name) ?? []).filter((at) => now - at < MINUTE_MS);
    const often = recent.length >= MAX_WRITES_A_MINUTE;
    if (!often) recent.push(now);
    this.writes.set(name, recent);
    return often;
  }
}

type Condition = NonNullable<NonNullable<FlowSchema['status']>['conditions']>[number];

function dangling({ spec }: FlowSchema, levels: ReadonlySet<string>): Condition {
  const level = spec?.priorityLevelConfiguration.name ?? '';
  const missing = !levels.has(level);
  const reference = `This FlowSchema references the PriorityLevelConfiguration object named ${JSON.stringify(level)}`;
  return {
    type: DANGLING,
    status: missing ? 'True' : 'False',
    reason: missing ? 'NotFound' : 'Found',
    message: missing ? `${reference} but there is no such object` : `${reference} and it exists`,
  };
}

function isSaid({ status }: FlowSchema, wanted: Condition): boolean {
  const said = status?.conditions?.find(({ type }) => type === DANGLING);
  return (
    said?.status === wanted.status &&
    said?.reason === wanted.reason &&
    said?.message === wanted.message
  );
}
