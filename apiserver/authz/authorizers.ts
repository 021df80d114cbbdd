/** The authorizers of `--authorization-mode` in order. The first that allows or denies decides. */
import type { AuthorizationAttributes, AuthorizationDecision } from '../server/request-context.js';
import type { Authorizer } from './attributes.js';

/** Before all others and not to be switched off: nobody may lock the administrators out. */
export const MASTERS = 'system:masters';

export class AlwaysAllow implements Authorizer {
  authorize(): AuthorizationDecision {
    return { allowed: true };
  }
}

export class AlwaysDeny implements Authorizer {
  authorize(): AuthorizationDecision {
    return { allowed: false, reason: 'Everything is forbidden.' };
  }
}

export class UnionAuthorizer implements Authorizer {
  constructor(private readonly authorizers: readonly Authorizer[]) {}

  async authorize(attributes: AuthorizationAttributes): Promise<AuthorizationDecision> {
    if (attributes.user.groups.includes(MASTERS)) return { allowed: true };
    const reasons: string[] = [];
    for (const authorizer of this.authorizers) {
      const pending = authorizer.authorize(attributes);
      const decision = pending instanceof Promise ? await pending : pending;
      if (decision.allowed || decision.denied) return decision;
      if (decision.reason) reasons.push(decision.reason);
    }
    return { allowed: false, reason: reasons.join('\n') };
  }
}
