/** SubjectAccessReview and its two narrower forms: may they do this? Write-only; the answer is the status. */
import type {
  LocalSubjectAccessReview,
  SelfSubjectAccessReview,
  SubjectAccessReview,
} from '../../../pkg/api/types.js';
import { badRequest } from '../../../pkg/apimachinery/status.js';
import type { RequestContext, UserInfo } from '../../server/request-context.js';
import type { ResourceDefinition } from '../resource.js';
import { attributesAsked, checkReview } from '../validation/review.js';

const GROUP = { group: 'authorization.k8s.io', version: 'v1' } as const;

export const subjectAccessReview: ResourceDefinition<SubjectAccessReview> = {
  ...GROUP,
  kind: 'SubjectAccessReview',
  resource: 'subjectaccessreviews',
  singular: 'subjectaccessreview',
  namespaced: false,
  verbs: ['create'],
  definition: 'io.k8s.api.authorization.v1.SubjectAccessReview',
  strategy: {},
  virtual: {
    async create(body, ctx) {
      const review = body as SubjectAccessReview;
      checkReview('SubjectAccessReview', review, 'any');
      return { ...review, status: await decide(subjectOf(review), review.spec ?? {}, ctx) };
    },
  },
};

export const selfSubjectAccessReview: ResourceDefinition<SelfSubjectAccessReview> = {
  ...GROUP,
  kind: 'SelfSubjectAccessReview',
  resource: 'selfsubjectaccessreviews',
  singular: 'selfsubjectaccessreview',
  namespaced: false,
  verbs: ['create'],
  definition: 'io.k8s.api.authorization.v1.SelfSubjectAccessReview',
  strategy: {},
  virtual: {
    async create(body, ctx) {
      const review = body as SelfSubjectAccessReview;
      checkReview('SelfSubjectAccessReview', review, 'self');
      return { ...review, status: await decide(ctx.user, review.spec ?? {}, ctx) };
    },
  },
};

export const localSubjectAccessReview: ResourceDefinition<LocalSubjectAccessReview> = {
  ...GROUP,
  kind: 'LocalSubjectAccessReview',
  resource: 'localsubjectaccessreviews',
  singular: 'localsubjectaccessreview',
  namespaced: true,
  verbs: ['create'],
  definition: 'io.k8s.api.authorization.v1.LocalSubjectAccessReview',
  strategy: {},
  virtual: {
    async create(body, ctx) {
      const review = body as LocalSubjectAccessReview;
      checkReview('LocalSubjectAccessReview', review, 'local');
      const { namespace } = ctx.requestInfo;
      if (review.metadata?.namespace !== namespace) {
        throw badRequest(`spec.resourceAttributes.namespace must match namespace: ${namespace}`);
      }
      return { ...review, status: await decide(subjectOf(review), review.spec, ctx) };
    },
  },
};

function subjectOf({ spec }: SubjectAccessReview | LocalSubjectAccessReview): UserInfo {
  return {
    name: spec?.user ?? '',
    groups: spec?.groups ?? [],
    ...(spec?.uid ? { uid: spec.uid } : {}),
    ...(spec?.extra ? { extra: spec.extra } : {}),
  };
}

async function decide(
  user: UserInfo,
  spec: Parameters<typeof attributesAsked>[1],
  ctx: RequestContext,
): Promise<NonNullable<SubjectAccessReview['status']>> {
  const { allowed, denied, reason, evaluationError } = await ctx.server.authorize(
    attributesAsked(user, spec),
  );
  return {
    allowed,
    ...(denied ? { denied } : {}),
    ...(reason ? { reason } : {}),
    ...(evaluationError ? { evaluationError } : {}),
  };
}
