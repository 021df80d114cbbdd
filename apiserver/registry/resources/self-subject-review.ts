/** SelfSubjectReview: who am I? (`kubectl auth whoami`) */
import type { SelfSubjectReview } from '../../../pkg/api/types.js';
import { formatTime } from '../../../pkg/apimachinery/meta.js';
import type { ResourceDefinition } from '../resource.js';
import { withoutMetadata } from '../validation/review.js';

export const selfSubjectReview: ResourceDefinition<SelfSubjectReview> = {
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectReview',
  resource: 'selfsubjectreviews',
  singular: 'selfsubjectreview',
  namespaced: false,
  verbs: ['create'],
  definition: 'io.k8s.api.authentication.v1.SelfSubjectReview',
  strategy: {},
  virtual: {
    async create(body, ctx) {
      withoutMetadata(body);
      const { name, uid, groups, extra } = ctx.user;
      return {
        ...body,
        metadata: { creationTimestamp: formatTime(new Date(ctx.clock.now())) },
        status: {
          userInfo: {
            username: name,
            ...(uid ? { uid } : {}),
            groups: [...groups],
            ...(extra && Object.keys(extra).length > 0 ? { extra } : {}),
          },
        },
      };
    },
  },
};
