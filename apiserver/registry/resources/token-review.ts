/** TokenReview: who does this token belong to? Write-only; the answer is the status. */
import type { TokenReview } from '../../../pkg/api/types.js';
import { badRequest } from '../../../pkg/apimachinery/status.js';
import {
  authenticated,
  authenticateToken,
  type TokenAuthenticator,
} from '../../authn/authenticator.js';
import type { ResourceDefinition } from '../resource.js';
import { withoutMetadata } from '../validation/review.js';

export function tokenReview(
  tokens: readonly TokenAuthenticator[],
): ResourceDefinition<TokenReview> {
  return {
    group: 'authentication.k8s.io',
    version: 'v1',
    kind: 'TokenReview',
    resource: 'tokenreviews',
    singular: 'tokenreview',
    namespaced: false,
    verbs: ['create'],
    definition: 'io.k8s.api.authentication.v1.TokenReview',
    strategy: {},
    virtual: {
      async create(body, ctx) {
        withoutMetadata(body);
        const review = body as TokenReview;
        const token = review.spec?.token ?? '';
        if (token === '') throw badRequest('token is required for TokenReview in authentication');
        const asked = review.spec?.audiences ?? [];
        try {
          const found = await authenticateToken(tokens, token, asked);
          const { name, uid, groups, extra } = authenticated(found.user);
          return {
            ...review,
            status: {
              authenticated: true,
              user: {
                username: name,
                ...(uid ? { uid } : {}),
                groups: [...groups],
                ...(extra && Object.keys(extra).length > 0 ? { extra } : {}),
              },
              ...(found.audiences?.length ? { audiences: [...found.audiences] } : {}),
            },
          };
        } catch (err) {
          ctx.logger.debug({ err }, 'A reviewed token is not good');
          const error = err instanceof Error ? err.message : String(err);
          return { ...review, status: { user: {}, error } };
        }
      },
    },
  };
}
