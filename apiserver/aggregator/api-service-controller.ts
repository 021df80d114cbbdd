/**
 * Looks after all APIServices while the server runs: which groups and versions extension servers serve, and
 * whether they do. It looks at the caches when something in them changed (`wake`), and asks an extension
 * server when something about it did, when it is due, or sooner after a failure. While there are none it
 * does nothing at all.
 */
import type { APIService } from '../../pkg/api/types.js';
import { deepEqual } from '../../pkg/apimachinery/equality.js';
import { formatTime } from '../../pkg/apimachinery/meta.js';
import { isReason } from '../../pkg/apimachinery/status.js';
import type { RequestContext } from '../server/request-context.js';
import {
  type Availability,
  type AvailabilityCheck,
  availabilityOf,
  signatureOf,
  withAvailability,
} from './availability.js';
import { GROUP, type LocalApiServices, RESOURCE } from './local-api-services.js';
import { RemoteApi } from './remote-api.js';

/** Changes that come together are looked at together. */
const GATHER_MS = 50;
const RETRY_MS = 1000;
const RECHECK_MS = 10_000;
const FIRST_RETRY_MS = 500;

interface Entry {
  remote: RemoteApi;
  signature: string;
  dueAt: number;
  failures: number;
  checking: boolean;
}

export interface ApiServiceControllerOptions extends AvailabilityCheck {
  readonly local: LocalApiServices;
}

export class ApiServiceController {
  /** By name. */
  private readonly entries = new Map<string, Entry>();
  private readonly checks = new Set<Promise<void>>();
  /** `group/version` → who serves it, where that is not this server. */
  private awake: (() => void) | undefined;
  private byGroupVersion: ReadonlyMap<string, RemoteApi> = new Map();

  constructor(private readonly options: ApiServiceControllerOptions) {}

  /** Undefined: this server itself, or nobody. */
  find(group: string, version: string): RemoteApi | undefined {
    return this.byGroupVersion.get(`${group}/${version}`);
  }

  /** In order of group, then version priority. Without those that the built-in server stands in for. */
  get remotes(): readonly RemoteApi[] {
    return [...this.byGroupVersion.values()].filter(({ standIn }) => !standIn);
  }

  /** Something changed: an APIService or a CustomResourceDefinition (`own`), a Service or its endpoints. */
  wake(own: boolean): void {
    if (own || this.entries.size > 0) this.awake?.();
  }

  async run(ctx: RequestContext): Promise<void> {
    const { clock, signal, logger } = ctx;
    while (!signal.aborted) {
      const changed = new Promise<void>((resolve) => {
        this.awake = resolve;
      });
      let wait = Number.POSITIVE_INFINITY;
      try {
        await this.look(ctx);
        wait = this.untilDue(clock.monotonic());
      } catch (err) {
        if (!signal.aborted) logger.warn({ err }, 'APIServices could not be looked after');
        wait = RETRY_MS;
      }
      await waitFor(ctx, changed, wait);
    }
    await Promise.all(this.checks);
    for (const { remote } of this.entries.values()) remote.close();
  }

  /** Infinite while nothing is to be asked. */
  private untilDue(now: number): number {
    let wait = Number.POSITIVE_INFINITY;
    for (const { checking, dueAt } of this.entries.values()) {
      if (!checking) wait = Math.min(wait, Math.max(0, dueAt - now));
    }
    return wait;
  }

  private async look(ctx: RequestContext): Promise<void> {
    const all: readonly APIService[] | undefined = ctx.server.store(GROUP, RESOURCE).peekAll('');
    if (!all) return;
    await this.options.local.follow(ctx, all);
    const gone = new Set(this.entries.keys());
    let changed = false;
    for (const service of all) {
      const name = service.metadata?.name ?? '';
      if (!service.spec?.service) continue;
      gone.delete(name);
      const entry = this.entries.get(name);
      if (entry && deepEqual(entry.remote.source.spec, service.spec)) continue;
      entry?.remote.close();
      const remote = new RemoteApi(service, this.options.client);
      this.entries.set(name, { remote, signature: '', dueAt: 0, failures: 0, checking: false });
      changed = true;
    }
    for (const name of gone) {
      this.entries.get(name)?.remote.close();
      this.entries.delete(name);
      changed = true;
    }
    if (changed) this.publish();
    for (const entry of this.entries.values()) this.consider(entry, ctx);
  }

  private consider(entry: Entry, ctx: RequestContext): void {
    if (entry.checking) return;
    const signature = signatureOf(entry.remote, ctx);
    if (signature === entry.signature && ctx.clock.monotonic() < entry.dueAt) return;
    entry.signature = signature;
    entry.checking = true;
    const check = this.check(entry, ctx)
      .catch((err: unknown) => {
        if (!ctx.signal.aborted) {
          ctx.logger.warn({ err, name: entry.remote.name }, 'An APIService could not be checked');
        }
      })
      .finally(() => {
        entry.checking = false;
        this.checks.delete(check);
        this.awake?.();
      });
    this.checks.add(check);
  }

  private async check(entry: Entry, ctx: RequestContext): Promise<void> {
    const { remote } = entry;
    const found = await availabilityOf(remote, this.options, ctx);
    const available = found.status === 'True';
    entry.failures = available ? 0 : entry.failures + 1;
    const retry = FIRST_RETRY_MS * 2 ** Math.min(entry.failures, 10);
    entry.dueAt = ctx.clock.monotonic() + (available ? RECHECK_MS : Math.min(RECHECK_MS, retry));
    // Replaced or gone meanwhile.
    if (this.entries.get(remote.name) !== entry) return;
    await this.write(remote, found, ctx);
    const before = [remote.available, remote.standIn, remote.resources];
    remote.available = available;
    remote.standIn = found.standIn === true;
    remote.resources = found.resources ?? remote.resources;
    if (!deepEqual(before, [remote.available, remote.standIn, remote.resources])) this.publish();
  }

  private async write(remote: RemoteApi, found: Availability, ctx: RequestContext): Promise<void> {
    const store = ctx.server.store(GROUP, RESOURCE);
    const now = formatTime(new Date(ctx.clock.now()));
    const current: APIService | undefined = store.peek('', remote.name);
    if (!current || deepEqual(current.status?.conditions, withAvailability(current, found, now))) {
      return;
    }
    const { status, reason, message } = found;
    ctx.logger.info({ name: remote.name, status, reason, message }, 'APIService availability');
    try {
      await store.update(
        '',
        remote.name,
        (latest: APIService) => ({
          ...latest,
          status: { ...latest.status, conditions: withAvailability(latest, found, now) },
        }),
        ctx,
        'status',
      );
    } catch (err) {
      if (!isReason(err, 'NotFound')) throw err;
    }
  }

  private publish(): void {
    const sorted = [...this.entries.values()]
      .map(({ remote }) => remote)
      .sort(
        (a, b) =>
          b.groupPriority - a.groupPriority ||
          (a.group < b.group ? -1 : a.group > b.group ? 1 : 0) ||
          b.versionPriority - a.versionPriority,
      );
    this.byGroupVersion = new Map(
      sorted.map((remote) => [`${remote.group}/${remote.version}`, remote]),
    );
  }
}

/** Until something changed, the time is over, or the server stops. */
async function waitFor(
  { clock, signal }: RequestContext,
  changed: Promise<void>,
  ms: number,
): Promise<void> {
  const ending = new AbortController();
  const either = AbortSignal.any([signal, ending.signal]);
  const over = ms === Number.POSITIVE_INFINITY ? aborted(either) : quietly(clock.sleep(ms, either));
  await Promise.race([changed.then(() => quietly(clock.sleep(GATHER_MS, either))), over]);
  ending.abort();
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener('abort', () => resolve(), { once: true });
  });
}

/** A sleep that is cut short has been long enough. */
function quietly(sleep: Promise<void>): Promise<void> {
  return sleep.then(
    () => undefined,
    () => undefined,
  );
}
