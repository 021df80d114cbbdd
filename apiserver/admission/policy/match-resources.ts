/** Which writes a policy or a binding is for (`policy/matching`). */
import type { MatchResources, NamedRuleWithOperations } from '../../../pkg/api/types.js';
import { selectorFromObject } from '../../../pkg/apimachinery/labels.js';
import type { RequestContext } from '../../server/request-context.js';
import { type Asked, ruledVersion, versionFor } from '../webhook/match.js';
import type { ServedVersion } from '../webhook/served-versions.js';

/** The version in which the policy sees the object; undefined where it is not for this write. */
export async function matchResources(
  match: MatchResources,
  asked: Asked,
  ctx: RequestContext,
): Promise<ServedVersion | undefined> {
  const equivalent = match.matchPolicy !== 'Exact';
  const named = (rules: readonly NamedRuleWithOperations[] | undefined) =>
    (rules ?? []).filter(
      ({ resourceNames }) => !resourceNames?.length || resourceNames.includes(asked.name),
    );
  const excluded = ruledVersion({ rules: named(match.excludeResourceRules), equivalent }, asked);
  if (excluded) return undefined;
  // Selectors alone are for every resource.
  const rules = match.resourceRules?.length ? named(match.resourceRules) : EVERYTHING;
  return versionFor(
    {
      rules,
      equivalent,
      namespaceSelector: selectorFromObject(match.namespaceSelector ?? {}),
      objectSelector: selectorFromObject(match.objectSelector ?? {}),
    },
    asked,
    ctx,
  );
}

const EVERYTHING: readonly NamedRuleWithOperations[] = [
  { operations: ['*'], apiGroups: ['*'], apiVersions: ['*'], resources: ['*/*', '*'] },
];
