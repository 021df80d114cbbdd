/** `--authorization-mode`: the authorizers of a server, in the order of the flag. */
import type { RestConfig } from '../../pkg/client/config.js';
import type { Clock } from '../../pkg/component/clock.js';
import type { Logger } from '../../pkg/component/logger.js';
import type { Stores } from '../registry/stores.js';
import type { ServerAccess } from '../server/request-context.js';
import { AbacAuthorizer } from './abac-authorizer.js';
import type { Authorizer } from './attributes.js';
import { AlwaysAllow, AlwaysDeny, UnionAuthorizer } from './authorizers.js';
import { NodeAuthorizer } from './node-authorizer.js';
import { podsOfNode } from './pods-of-node.js';
import { policySources } from './policy-sources.js';
import { RbacAuthorizer } from './rbac-authorizer.js';
import { WebhookAuthorizer } from './webhook-authorizer.js';
import type { AccessCondition } from './webhook-conditions.js';

export interface AuthorizerOptions {
  /** Node, RBAC, ABAC, Webhook, AlwaysAllow, AlwaysDeny. A webhook more than once: the next of `webhooks`. */
  readonly modes: readonly string[];
  /** Contents of `--authorization-policy-file`. */
  readonly abacPolicy?: string;
  readonly webhooks?: readonly WebhookMode[];
  readonly stores: Stores;
  readonly server: ServerAccess;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface WebhookMode {
  readonly target: RestConfig;
  readonly authorizedTtlMs: number;
  readonly unauthorizedTtlMs: number;
  readonly failurePolicy: 'NoOpinion' | 'Deny';
  readonly timeoutMs?: number;
  readonly conditions?: readonly AccessCondition[];
}

/** What `--authorization-config` says, anew. */
export type Reconfiguration = Pick<AuthorizerOptions, 'modes' | 'webhooks'>;

export interface ServerAuthorizer extends Authorizer {
  /** Present in every mode: escalation checks and rule reviews ask it. */
  readonly rbac: RbacAuthorizer;
  /** Other authorizers, or another order, from now on. Throws for what was not there at the start. */
  reconfigure(options: Reconfiguration): void;
}

/** Throws for a mode that is not known, or whose file is missing. */
export function authorizerOf(options: AuthorizerOptions): ServerAuthorizer {
  const { abacPolicy, stores, server, clock, logger } = options;
  const rbac = new RbacAuthorizer(policySources(stores));
  const fixed = new Map<string, Authorizer>([['RBAC', rbac]]);
  /** Made once: they follow the store, and their policies are read at the start. */
  const once = (mode: string, make: () => Authorizer): Authorizer => {
    const found = fixed.get(mode) ?? make();
    fixed.set(mode, found);
    return found;
  };
  const union = ({ modes, webhooks = [] }: Reconfiguration) => {
    const left = [...webhooks];
    return new UnionAuthorizer(
      modes.map((mode): Authorizer => {
        switch (mode) {
          case 'RBAC':
            return rbac;
          case 'Node':
            return once(mode, () => {
              const pods = podsOfNode(stores.get('', 'pods').storage.cache);
              return new NodeAuthorizer(server, pods);
            });
          case 'ABAC':
            if (abacPolicy === undefined)
              throw new Error("authorization-mode ABAC's authorization policy file not passed");
            return once(mode, () => new AbacAuthorizer(abacPolicy));
          case 'Webhook': {
            const webhook = left.shift();
            if (!webhook)
              throw new Error("authorization-mode Webhook's authorization config file not passed");
            return new WebhookAuthorizer({ ...webhook, clock, logger });
          }
          case 'AlwaysAllow':
            return new AlwaysAllow();
          case 'AlwaysDeny':
            return new AlwaysDeny();
          default:
            throw new Error(`authorization mode ${JSON.stringify(mode)} is not supported`);
        }
      }),
    );
  };
  let current = union(options);
  return {
    rbac,
    authorize: (attributes) => current.authorize(attributes),
    reconfigure(changed) {
      for (const mode of ['Node', 'ABAC', 'RBAC']) {
        if (changed.modes.includes(mode) && !options.modes.includes(mode))
          throw new Error(
            `authorizer type ${mode} is not allowed if it was not enabled at initial server startup`,
          );
      }
      current = union(changed);
    },
  };
}

export { policyReady } from './policy-sources.js';
