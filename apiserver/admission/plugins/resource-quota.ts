/**
 * ResourceQuota: what is created, or grows, is charged to the quotas of its namespace before it is stored.
 *
 * A charge is a write of the quota's status over exactly the state that it was checked against, so that no
 * two requests, of however many servers, spend the same rest. Requests of this server that come while a
 * charge is under way wait and are charged together. What was charged and then not stored (the name was
 * taken), the quota controller gives back when it recounts (`plugin/resourcequota`).
 */

import { type Amounts, amountsOf } from '../../../pkg/api/quota/pod-resources.js';
import { quotaMatches } from '../../../pkg/api/quota/scopes.js';
import { computeUsage, tracks, usageOf } from '../../../pkg/api/quota/usage.js';
import type { Container, Pod, ResourceQuota } from '../../../pkg/api/types.js';
import { conflict, isReason } from '../../../pkg/apimachinery/status.js';
import { serverContext } from '../../server/bootstrap/server-context.js';
import type { RequestContext, ServerAccess } from '../../server/request-context.js';
import type { AdmissionAttributes, AdmissionPluginFactory } from '../admission.js';
import { refuse } from '../refuse.js';

/** Other servers charge the same quota; each round somebody gets ahead. */
const MAX_ROUNDS = 50;
const QUOTAS = { group: '', resource: 'resourcequotas' };
/** Containers have to say these where a quota limits them. */
const REQUIRED = new Set([
  'cpu',
  'memory',
  'requests.cpu',
  'requests.memory',
  'limits.cpu',
  'limits.memory',
]);

export const resourceQuota: AdmissionPluginFactory = {
  name: 'ResourceQuota',
  create: (server) => {
    const accounts = new Map<string, Account>();
    return {
      name: 'ResourceQuota',
      handles: (operation, group, resource, subresource) => {
        if (resource === 'events') return false;
        if (operation === 'CREATE') return subresource === '';
        if (operation !== 'UPDATE' || group !== '') return false;
        if (resource === 'pods') return subresource === 'resize';
        return (
          subresource === '' && (resource === 'services' || resource === 'persistentvolumeclaims')
        );
      },
      async validate(attributes, ctx) {
        const { namespace } = attributes;
        if (namespace === '') return;
        // A quota limits nothing before the controller has seen it: nobody has to wait for a new one.
        const store = server.store('', 'resourcequotas');
        const quotas = store.peekAll(namespace) ?? (await store.list(namespace));
        if (quotas.length === 0) return;
        let account = accounts.get(namespace);
        if (!account) {
          account = new Account(server, namespace, () => accounts.delete(namespace));
          accounts.set(namespace, account);
        }
        await account.charge(attributes, ctx);
      },
    };
  },
};

interface Charge {
  readonly attributes: AdmissionAttributes;
  readonly ctx: RequestContext;
  settle(err?: unknown): void;
}

/** The quotas of one namespace, while something is being charged to them. */
class Account {
  private waiting: Charge[] = [];
  private running = false;

  constructor(
    private readonly server: ServerAccess,
    private readonly namespace: string,
    private readonly idle: () => void,
  ) {}

  charge(attributes: AdmissionAttributes, ctx: RequestContext): Promise<void> {
    return new Promise((resolve, reject) => {
      const settle = (err?: unknown) => (err === undefined ? resolve() : reject(err));
      this.waiting.push({ attributes, ctx, settle });
      if (!this.running) void this.run();
    });
  }

  /** Never rejects: whoever waits gets the error. */
  private async run(): Promise<void> {
    this.running = true;
    while (this.waiting.length > 0) {
      const batch = this.waiting;
      this.waiting = [];
      try {
        const store = this.server.store('', 'resourcequotas');
        await this.settle(batch, await store.list(this.namespace));
      } catch (err) {
        for (const charge of batch) charge.settle(err);
      }
    }
    this.running = false;
    this.idle();
  }

  /** Checks and writes until every quota is written, or every charge refused. */
  private async settle(batch: readonly Charge[], quotas: readonly ResourceQuota[]): Promise<void> {
    let open = batch;
    let unwritten = quotas;
    for (let round = 1; unwritten.length > 0 && open.length > 0; round++) {
      const used = new Map(unwritten.map((quota) => [quota, amountsOf(quota.status?.used)]));
      const changed = new Set<ResourceQuota>();
      open = open.filter((charge) => {
        try {
          const added = check(charge, used);
          for (const [quota, usage] of added) {
            used.set(quota, usage);
            changed.add(quota);
          }
          return true;
        } catch (err) {
          charge.settle(err);
          return false;
        }
      });
      const behind: ResourceQuota[] = [];
      for (const quota of changed) {
        const newer = await this.write(quota, used.get(quota) ?? new Map(), batch);
        if (newer) behind.push(newer);
      }
      if (behind.length > 0 && round === MAX_ROUNDS) {
        const name = behind[0]?.metadata?.name ?? '';
        throw conflict(QUOTAS, name, 'the quota is being charged by too many others');
      }
      unwritten = behind;
    }
    for (const charge of open) charge.settle();
  }

  /** What there is in its place, when the quota is no longer what the charges were checked against. */
  private async write(
    quota: ResourceQuota,
    used: Amounts,
    [first]: readonly Charge[],
  ): Promise<ResourceQuota | undefined> {
    if (!first) return undefined;
    const { name = '', resourceVersion } = quota.metadata ?? {};
    const { clock, logger } = first.ctx;
    const { signal } = new AbortController();
    const ctx = serverContext({ server: this.server, clock, logger, signal });
    let newer: ResourceQuota | undefined;
    try {
      await this.server.store('', 'resourcequotas').update(
        this.namespace,
        name,
        (current: ResourceQuota) => {
          if (current.metadata?.resourceVersion !== resourceVersion) {
            newer = current;
            throw conflict(QUOTAS, name, 'it was charged meanwhile');
          }
          newer = undefined;
          current.status = { ...current.status, used: written(used) };
          return current;
        },
        ctx,
        'status',
      );
    } catch (err) {
      // A quota that was deleted meanwhile limits nothing.
      if (isReason(err, 'NotFound')) return undefined;
      if (!newer) throw err;
    }
    return newer;
  }
}

/** The new usage of each quota that the object is charged to, or throws the refusal. Dry runs charge nothing. */
function check(
  { attributes, ctx }: Charge,
  state: ReadonlyMap<ResourceQuota, Amounts>,
): Map<ResourceQuota, Amounts> {
  const { object, oldObject, operation } = attributes;
  const charged = new Map<ResourceQuota, Amounts>();
  if (!object) return charged;
  const now = ctx.clock.now();
  const usage = usageOf(attributes, object, now);
  const negative = [...usage].filter(([, amount]) => amount.sign < 0).map(([name]) => name);
  const interesting = [...state].filter(([quota]) =>
    quotaMatches(quota, quota.status?.hard, attributes, object),
  );
  for (const [quota, used] of interesting) {
    const names = Object.keys(quota.status?.hard ?? {}).filter((name) => tracks(attributes, name));
    const missing = attributes.resource === 'pods' ? unspecified(object, names) : '';
    if (missing !== '')
      throw refuse(attributes, `failed quota: ${quota.metadata?.name}: must specify ${missing}`);
    if (names.some((name) => !used.has(name)))
      throw refuse(
        attributes,
        `status unknown for quota: ${quota.metadata?.name}, resources: ${names.sort().join(',')}`,
      );
  }
  if (interesting.length > 0 && negative.length > 0)
    throw refuse(
      attributes,
      `quota usage is negative for resource(s): ${negative.sort().join(',')}`,
    );
  const before = operation === 'UPDATE' && oldObject ? oldObject : undefined;
  for (const [quota, used] of interesting) {
    const counted =
      before && quotaMatches(quota, quota.status?.hard, attributes, before)
        ? increase(usage, usageOf(attributes, before, now))
        : usage;
    const hard = amountsOf(quota.status?.hard);
    const asked = new Map(
      [...counted].filter(([name, amount]) => hard.has(name) && !amount.isZero),
    );
    if (asked.size === 0) continue;
    const next = new Map(used);
    for (const [name, amount] of asked) next.set(name, used.get(name)?.add(amount) ?? amount);
    refuseExcess(attributes, quota, { asked, used, next, hard });
    charged.set(quota, next);
  }
  return attributes.dryRun ? new Map() : charged;
}

function refuseExcess(
  attributes: AdmissionAttributes,
  quota: ResourceQuota,
  { asked, used, next, hard }: Readonly<Record<'asked' | 'used' | 'next' | 'hard', Amounts>>,
): void {
  const exceeded = [...asked.keys()]
    .filter((name) => {
      const limit = hard.get(name);
      return limit !== undefined && (next.get(name)?.compare(limit) ?? 0) > 0;
    })
    .sort();
  if (exceeded.length === 0) return;
  const list = (amounts: Amounts) =>
    exceeded.map((name) => `${name}=${amounts.get(name) ?? '0'}`).join(',');
  throw refuse(
    attributes,
    `exceeded quota: ${quota.metadata?.name}, requested: ${list(asked)}, used: ${list(used)}, limited: ${list(hard)}`,
  );
}

/** An update is charged for what it adds; what it gives back is for the recount. */
function increase(now: Amounts, before: Amounts): Amounts {
  const more: Amounts = new Map();
  for (const [name, amount] of now) {
    const old = before.get(name);
    if (!old) more.set(name, amount);
    else if (amount.compare(old) > 0) more.set(name, amount.sub(old));
  }
  return more;
}

/** `limits.cpu for: a,b; requests.memory for: a` */
function unspecified(pod: Pod, limited: readonly string[]): string {
  const required = limited.filter((name) => REQUIRED.has(name)).sort();
  const whole = computeUsage(
    amountsOf(pod.spec?.resources?.requests),
    amountsOf(pod.spec?.resources?.limits),
  );
  const containers = [...(pod.spec?.containers ?? []), ...(pod.spec?.initContainers ?? [])];
  return required
    .filter((name) => !whole.has(name))
    .flatMap((name) => {
      const silent = containers.filter((container) => !specifies(container, name));
      if (silent.length === 0) return [];
      return [
        `${name} for: ${silent
          .map((container) => container.name)
          .sort()
          .join(',')}`,
      ];
    })
    .join('; ');
}

function specifies({ resources }: Container, name: string): boolean {
  return computeUsage(amountsOf(resources?.requests), amountsOf(resources?.limits)).has(name);
}

function written(amounts: Amounts): Record<string, string> {
  return Object.fromEntries([...amounts].map(([name, amount]) => [name, amount.toString()]));
}
