/** `--authorization-mode`: the authorizers of a server, in the order of the flag. */
import type { Stores } from '../registry/stores.js';
import type { ServerAccess } from '../server/request-context.js';
import type { Authorizer } from './attributes.js';
import { AlwaysAllow, AlwaysDeny, UnionAuthorizer } from './authorizers.js';
import { NodeAuthorizer } from './node-authorizer.js';
import { podsOfNode } from './pods-of-node.js';
import { policySources } from './policy-sources.js';
import { RbacAuthorizer } from './rbac-authorizer.js';

export interface AuthorizerOptions {
  /** Node, RBAC, AlwaysAllow, AlwaysDeny. */
  readonly modes: readonly string[];
  readonly stores: Stores;
  readonly server: ServerAccess;
}

export interface ServerAuthorizer extends Authorizer {
  /** Present in every mode: escalation checks and rule reviews ask it. */
  readonly rbac: RbacAuthorizer;
}

/** Throws for a mode that is not known. */
export function authorizerOf({ modes, stores, server }: AuthorizerOptions): ServerAuthorizer {
  const rbac = new RbacAuthorizer(policySources(stores));
  const union = new UnionAuthorizer(
    modes.map((mode): Authorizer => {
      switch (mode) {
        case 'RBAC':
          return rbac;
        case 'Node':
          return new NodeAuthorizer(server, podsOfNode(stores.get('', 'pods').storage.cache));
        case 'AlwaysAllow':
          return new AlwaysAllow();
        case 'AlwaysDeny':
          return new AlwaysDeny();
        default:
          throw new Error(`authorization mode ${JSON.stringify(mode)} is not supported`);
      }
    }),
  );
  return { rbac, authorize: (attributes) => union.authorize(attributes) };
}

export { policyReady } from './policy-sources.js';
