/**
 * May this user do this? Authorisers are asked in the order of `--authorization-mode`; the first that
 * allows, or denies for good, decides; where all abstain, the answer is no.
 */
import type { AuthorizationAttributes, AuthorizationDecision } from '../server/request-context.js';

export interface Authorizer {
  authorize(
    attributes: AuthorizationAttributes,
  ): AuthorizationDecision | Promise<AuthorizationDecision>;
}

export const NO_OPINION: AuthorizationDecision = { allowed: false };
export const ALLOWED: AuthorizationDecision = { allowed: true };

/** Members of system:masters may do everything, whatever the state of the store. */
export const privilegedGroup: Authorizer = {
  authorize: ({ user }) => (user.groups.includes('system:masters') ? ALLOWED : NO_OPINION),
};

export const alwaysAllow: Authorizer = { authorize: () => ALLOWED };

export const alwaysDeny: Authorizer = {
  authorize: () => ({ allowed: false, reason: 'Everything is forbidden.' }),
};

export function unionOf(authorizers: readonly Authorizer[]): Authorizer {
  return {
    async authorize(attributes) {
      const reasons: string[] = [];
      const errors: string[] = [];
      for (const authorizer of authorizers) {
        const decision = await authorizer.authorize(attributes);
        if (decision.allowed || decision.denied) return decision;
        if (decision.reason) reasons.push(decision.reason);
        if (decision.evaluationError) errors.push(decision.evaluationError);
      }
      return {
        allowed: false,
        ...(reasons.length > 0 ? { reason: reasons.join('\n') } : {}),
        ...(errors.length > 0 ? { evaluationError: errors.join('\n') } : {}),
      };
    },
  };
}
