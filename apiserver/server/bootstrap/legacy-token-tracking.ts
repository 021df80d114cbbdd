/** Since when it is known which tokens in Secrets are used: the day on which a server first looked. */
import type { ConfigMap } from '../../../pkg/api/types.js';
import type { RequestContext } from '../request-context.js';
import { keep } from './ensure.js';

const NAME = 'kube-apiserver-legacy-service-account-token-tracking';

export async function ensureLegacyTokenTracking(ctx: RequestContext): Promise<void> {
  const today = new Date(ctx.clock.now()).toISOString().slice(0, 10);
  const wanted: ConfigMap = {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: NAME, namespace: 'kube-system' },
    data: { since: today },
  };
  // A day that is none, or has not come, would never let anything be cleaned up.
  await keep(ctx, '', 'configmaps', wanted, (current) => {
    const since = current.data?.['since'] ?? '';
    const good = /^\d{4}-\d{2}-\d{2}$/.test(since) && since <= today;
    return good ? undefined : { ...current, data: { since: today } };
  });
}
