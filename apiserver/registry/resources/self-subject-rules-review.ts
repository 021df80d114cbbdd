/** SelfSubjectRulesReview: everything that I may do in a namespace (`kubectl auth can-i --list`). */
import type { PolicyRule, SelfSubjectRulesReview } from '../../../pkg/api/types.js';
import { badRequest } from '../../../pkg/apimachinery/status.js';
import type { UserInfo } from '../../server/request-context.js';
import type { ResourceDefinition } from '../resource.js';
import { withoutMetadata } from '../validation/review.js';

/** Every rule that holds for a user in a namespace, those of the whole cluster included. */
export type RulesOf = (user: UserInfo, namespace: string) => readonly PolicyRule[];

export function selfSubjectRulesReview(
  rulesOf: RulesOf,
): ResourceDefinition<SelfSubjectRulesReview> {
  return {
    group: 'authorization.k8s.io',
    version: 'v1',
    kind: 'SelfSubjectRulesReview',
    resource: 'selfsubjectrulesreviews',
    singular: 'selfsubjectrulesreview',
    namespaced: false,
    verbs: ['create'],
    definition: 'io.k8s.api.authorization.v1.SelfSubjectRulesReview',
    strategy: {},
    virtual: {
      async create(body, ctx) {
        withoutMetadata(body);
        const review = body as SelfSubjectRulesReview;
        const namespace = review.spec?.namespace ?? '';
        if (namespace === '') throw badRequest('no namespace on request');
        const rules = rulesOf(ctx.user, namespace);
        return {
          ...review,
          status: {
            resourceRules: rules
              .filter((rule) => rule.resources?.length)
              .map(({ verbs, apiGroups, resources, resourceNames }) => ({
                verbs,
                ...(apiGroups ? { apiGroups } : {}),
                ...(resources ? { resources } : {}),
                ...(resourceNames ? { resourceNames } : {}),
              })),
            nonResourceRules: rules
              .filter((rule) => rule.nonResourceURLs?.length)
              .map(({ verbs, nonResourceURLs }) => ({
                verbs,
                ...(nonResourceURLs ? { nonResourceURLs } : {}),
              })),
            // The Node authorizer's and system:masters' rights are no rules that could be listed.
            incomplete: false,
          },
        };
      },
    },
  };
}
